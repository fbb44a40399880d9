"""Many signed-in accounts at once: rows as the product writes them, caches as MSAL writes them.

One account signs in at the simulator; the others are its likeness with ids of their own.
"""

import hashlib
import json
import secrets
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from salesorder_m365.plugin.context import Context
from salesorder_m365.plugin.store.engines import reading, writing
from salesorder_m365.plugin.store.grants import read_grant
from salesorder_m365.plugin.store.sealing import Place
from salesorder_m365.plugin.store.tables import account, grant
from salesorder_m365.simulator.identity.tokens import TokenIssuer
from salesorder_m365.simulator.simulator import Simulator
from salesorder_m365.simulator.tenant.people import TENANT_ID, Person
from salesorder_m365.simulator.tenant.scopes import MAIL_SCOPES, OUTLOOK
from sqlalchemy import insert
from support.erp import Erp

from .world import World

_ROWS_AT_ONCE = 2_000
#: Characters of Microsoft's tokens for Exchange Online, as far as these vary about.
_SECRETS = {"AccessToken": 2_000, "RefreshToken": 1_700, "IdToken": 1_400}
#: Seconds; no token runs out while a benchmark runs.
_LIFE = 24 * 3600


@dataclass(frozen=True, slots=True)
class Signed:
    """What a sign-in leaves: the token, and MSAL's cache with the refresh token."""

    token: str
    cache: str


def account_id(number: int) -> str:
    """Return an id as the product draws them: no order in them, so that no index is at ease."""
    return f"m365:{hashlib.sha256(str(number).encode()).hexdigest()[:32]}"


def mailbox(number: int) -> str:
    """Return the address of an account."""
    return f"desk-{number}@contoso.test"


def signed_in(world: World, *, lengthened: bool = True) -> Signed:
    """Sign an account in as a worker does, and return what its grant holds.

    A refresh token that is `lengthened` to the size of Microsoft's cannot be used any more.
    """
    erp = world.erp("pattern")
    context = context_of(erp)
    with reading(context.engine) as connection:
        row = read_grant(connection, erp.connected(world.sim))
    assert row is not None
    cache = row.open_cache(context.ring)
    return (
        _as_long_as_microsofts(cache) if lengthened else Signed(row.open_token(context.ring), cache)
    )


def _as_long_as_microsofts(cache: str) -> Signed:
    """Lengthen the secrets: the simulator's claims are few, and so its tokens short."""
    sections = json.loads(cache)
    for section, length in _SECRETS.items():
        (entry,) = sections[section].values()
        entry["secret"] += secrets.token_urlsafe(length)[: max(0, length - len(entry["secret"]))]
    (token,) = sections["AccessToken"].values()
    return Signed(token["secret"], json.dumps(sections))


def context_of(erp: Erp) -> Context:
    """Return the host as use cases see it; its events go nowhere."""
    return Context(erp, lambda _event: None)


def new_token(sim: Simulator, address: str) -> str:
    """Return a token for somebody whom the simulator does not know; Dovecot need not either."""
    issuer = TokenIssuer(sim.signing_key, sim.authority, sim.registration.client_id)
    return issuer.access_token(Person(address, address), OUTLOOK, list(MAIL_SCOPES), _LIFE)


def fill(
    erp: Erp,
    count: int,
    signed: Signed,
    *,
    token: Callable[[int], str] | None = None,
    expired: bool = False,
) -> None:
    """Store accounts 0 to `count`, signed in; each with the pattern's token, or one of its own."""
    context = context_of(erp)
    scopes = " ".join(MAIL_SCOPES)
    expires = 1 if expired else int(time.time()) + _LIFE
    for first in range(0, count, _ROWS_AT_ONCE):
        numbers = range(first, min(count, first + _ROWS_AT_ONCE))
        with writing(context.engine) as connection:
            connection.execute(insert(account), [_account(number) for number in numbers])
            connection.execute(
                insert(grant),
                [
                    _grant(context, number, signed, token)
                    | {"scopes": scopes, "expires_at": expires}
                    for number in numbers
                ],
            )


def _account(number: int) -> dict[str, Any]:
    return {
        "id": account_id(number),
        "request_id": f"request-{number}",
        "name": f"Desk {number}",
        "name_key": f"desk {number}",
        "sender_name": "Sales Desk",
        "sender_email": mailbox(number),
        "username": mailbox(number),
        "created_at": datetime.now(UTC),
        "created_by": "worker-1",
    }


def _grant(
    context: Context, number: int, signed: Signed, token: Callable[[int], str] | None
) -> dict[str, Any]:
    own = account_id(number)

    def sealed(column: str, secret: str) -> bytes:
        return context.ring.seal(secret.encode(), Place("m365_grant", own, column))

    return {
        "account_id": own,
        "tenant_id": TENANT_ID,
        "object_id": f"object-{number}",
        "username": mailbox(number),
        "granted_at": datetime.now(UTC),
        "access_token": sealed("access_token", token(number) if token else signed.token),
        "msal_cache": sealed("msal_cache", signed.cache),
        "token_version": 1,
        "not_before": 0,
    }


def shared_cache(signed: Signed, count: int, *, expired: bool = False) -> str:
    """Return one MSAL cache with so many accounts, as one cache for a whole ERP would be."""
    whole: dict[str, dict[str, Any]] = defaultdict(dict)
    for number in range(count):
        for section, entries in json.loads(_likeness(signed.cache, number)).items():
            whole[section] |= entries
    for entry in whole["AccessToken"].values():
        entry["expires_on"] = str(1 if expired else int(time.time()) + _LIFE)
    return json.dumps(whole)


def _likeness(cache: str, number: int) -> str:
    (entry,) = json.loads(cache)["Account"].values()
    return cache.replace(entry["local_account_id"], _object_id(number)).replace(
        entry["username"], mailbox(number)
    )


def _object_id(number: int) -> str:
    return hashlib.sha256(f"object {number}".encode()).hexdigest()[:32]
