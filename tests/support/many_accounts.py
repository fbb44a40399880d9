"""Many accounts at a simulator, a tenth of them broken in different ways."""

from collections import Counter
from datetime import UTC, datetime

from salesorder_m365.plugin.entra.tokens import Tokens
from salesorder_m365.plugin.store import accounts, grants
from salesorder_m365.plugin.store.engines import engine_for, writing
from salesorder_m365.plugin.store.sealing import KeyRing
from salesorder_m365.plugin.store.tables import grant
from salesorder_m365.schemas.account import load_account
from support.erp import FORM

SALES, PURCHASING, ADMIN = "sales@contoso.test", "purchasing@contoso.test", "admin@contoso.test"
INVOICES, ARCHIVE = "invoices@contoso.test", "archive@contoso.test"
#: What is broken, and the findings that its test must come to.
FAULTS = {
    "nobody signed in": ("not_signed_in",),
    "grant revoked at Microsoft": ("grant_refused",),
    "SMTP off for the mailbox": ("smtp_auth_disabled_mailbox",),
    "IMAP off for the mailbox": ("imap_disabled",),
    "no Send As": ("send_as_denied",),
    "no Full Access": ("full_access_missing", "send_as_denied"),
    "stored grant damaged": ("store_unusable",),
}


def make_accounts(erp, sim, count, *, broken=0.1):
    """Make `count` accounts; return how many have each finding."""
    maker = _Maker(erp, sim)
    wrong = round(count * broken)
    for number in range(count - wrong):
        maker.account(f"Good {number:04}", (SALES, ADMIN)[number % 2])
    expected = Counter()
    for number in range(wrong):
        fault, codes = list(FAULTS.items())[number % len(FAULTS)]
        maker.broken(f"Broken {number:04}", fault)
        expected.update(codes)
    # What is revoked counts for tokens that were given before.
    sim.tenant.revoke_grants(PURCHASING)
    sim.tenant.policies.smtp_auth_disabled_for = {INVOICES}
    sim.tenant.policies.send_as_checked_at = "mail_from"
    sim.tenant.policies.imap_disabled_for = {ARCHIVE}
    return expected


class _Maker:
    """Puts accounts with grants into the database, as sign-ins would."""

    def __init__(self, erp, sim):
        self.erp, self.sim = erp, sim
        self.engine = engine_for(erp.name, erp.settings.database_url)
        self.ring = KeyRing(erp.settings.key_ring)
        self.tokens = {}

    def account(self, name, username, sender=None, *, signed_in=True):
        form = FORM | {"account_name": name, "sender_email": sender or username}
        account_id = f"m365:{name.replace(' ', '-').lower()}"
        tokens = self._signed_in(username) if signed_in else None
        with writing(self.engine) as connection:
            accounts.insert_account(
                connection,
                account_id,
                load_account(form | {"username": username}),
                request_id=name,
                at=datetime.now(UTC),
                by="many",
            )
            if signed_in:
                self._grant(connection, account_id, username, tokens)
        return account_id

    def _grant(self, connection, account_id, username, tokens):
        grants.put_grant(
            connection,
            self.ring,
            account_id,
            tokens,
            tenant_id=self.sim.tenant.id,
            object_id=self.sim.tenant.people[username].oid,
            username=username,
            granted_at=datetime.now(UTC),
        )

    def _signed_in(self, username):
        """Sign a user in once; the tokens serve all accounts of that user."""
        if username not in self.tokens:
            account_id = self.erp.connected(
                self.sim, account_name=username, sender_email=username, request_id=username
            )
            with writing(self.engine) as connection:
                row = grants.read_grant(connection, account_id)
                accounts.delete_account(connection, account_id)
            self.tokens[username] = Tokens(
                access_token=row.open_token(self.ring),
                lifetime=3600,
                scopes=tuple(row.scopes.split()),
                msal_cache=row.open_cache(self.ring),
            )
        return self.tokens[username]

    def broken(self, name, fault):
        match fault:
            case "nobody signed in":
                self.account(name, SALES, signed_in=False)
            case "grant revoked at Microsoft":
                self.erp.expire_token(self.account(name, PURCHASING))
            case "SMTP off for the mailbox":
                self.account(name, INVOICES)
            case "no Send As":
                self.account(name, SALES, "orders@contoso.test")
            case "no Full Access":
                self.account(name, ADMIN, "info@contoso.test")
            case "IMAP off for the mailbox":
                self.account(name, ARCHIVE)
            case "stored grant damaged":
                damaged = grant.c.account_id == self.account(name, SALES)
                with writing(self.engine) as connection:
                    spoilt = {"access_token": b"\x01" * 60, "msal_cache": b"\x01" * 60}
                    connection.execute(grant.update().where(damaged).values(**spoilt))
