"""What a client hears of each of the simulator's switches, on the wire."""

import base64
import contextlib
import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from salesorder_m365.simulator.browser import SignInError
from salesorder_m365.simulator.tenant import headers
from salesorder_m365.simulator.tenant.scopes import MAIL_SCOPES

from .submitting import Submitter, blob, message

SALES, BUYER, ORDERS = "sales@contoso.test", "purchasing@contoso.test", "orders@contoso.test"
CUSTOMER, NOBODY = "office@fabrikam.example.com", "nobody@contoso.test"


class Ear:
    """A client of all servers; each method returns what the server said at last."""

    def __init__(self, sim):
        self.sim = sim
        self.context = ssl.create_default_context(cafile=str(sim.ca_file))
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    # SMTP

    def sender(self, user=SALES):
        client = Submitter("localhost", self.sim.smtp_port, local_hostname="erp", timeout=5)
        self.stack.callback(client.close)
        client.starttls(context=self.context)
        client.ehlo()
        return client, client.say(f"AUTH XOAUTH2 {_encoded(user, self.sim.new_token(user))}")

    def smtp_sign_in(self):
        client, said = self.sender()
        return client.say("") if said.startswith("334") else said

    def submit(self, sender=SALES, *to, client=None, times=1):
        client = client or self.sender()[0]
        for _ in range(times):
            said = client.envelope(sender, *(to or (CUSTOMER,)))
            refused = next((reply for reply in said if reply[0] in "45"), None)
            said = refused or client.dot(message(sender, *(to or (CUSTOMER,))))
            if refused:
                client.rset()
        return said

    def submit_on_the(self, number):
        clients = [self.sender()[0] for _ in range(number)]
        return self.submit(client=clients[-1])

    def silence(self):
        client, _ = self.sender()
        client.noop()
        client.sock.settimeout(0.5)
        try:
            return client.sock.recv(200).decode()
        except TimeoutError:
            return "nothing"

    def certificate(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("localhost", self.sim.imap_port), 5) as plain,
            context.wrap_socket(plain) as tls,
        ):
            return tls.getpeercert(binary_form=True).decode("latin-1")

    def report(self, *to):
        """Submit and return the last report, its subject decoded."""
        said = self.submit(SALES, *to)
        reports = self.sim.tenant.messages(SALES)[3:]
        if not reports:
            return said
        return f"{headers.text(reports[-1], 'Subject')} {reports[-1].decode()}"

    def copies(self):
        self.submit(ORDERS if (ORDERS, SALES) in self.sim.tenant.send_as else SALES)
        counts = [len(self.sim.tenant.messages(box, "Sent Items")) for box in (SALES, ORDERS)]
        return f"copies in Sent Items: {counts[0]} of the user, {counts[1]} of the mailbox"

    def copies_as_the_mailbox(self):
        self.sim.tenant.send_as.add((ORDERS, SALES))
        return self.copies()

    def arrivals(self, times=1):
        self.submit(times=times)
        return f"arrived: {len(self.sim.tenant.outside.mails())} of {times}"

    # IMAP

    def imap(self, *commands, user=SALES):
        """Sign in, say the commands; return all that was said."""
        plain = socket.create_connection(("localhost", self.sim.imap_port), 5)
        tls = self.context.wrap_socket(plain, server_hostname="localhost")
        self.stack.callback(tls.close)
        tls.settimeout(5)
        with tls.makefile("rb") as file:
            said = [file.readline().decode()]
            signing_in = f"AUTHENTICATE XOAUTH2 {_encoded(user, self.sim.new_token(SALES))}"
            for number, command in enumerate(("CAPABILITY", signing_in, *commands)):
                # The server may have sent its BYE and closed already.
                with contextlib.suppress(OSError):
                    tls.sendall(f"a{number} {command}\r\n".encode())
                said += self._answer(tls, file, f"a{number}")
        return "".join(said)

    @staticmethod
    def _answer(tls, file, tag):
        lines = []
        while not lines or not lines[-1].startswith(tag):
            with contextlib.suppress(OSError):
                lines.append(file.readline().decode())
            if not lines or not lines[-1]:
                break
            if lines[-1].startswith("+ "):
                tls.sendall(b"\r\n")
        return lines

    def imap_twice(self):
        with Ear(self.sim) as first:
            plain = socket.create_connection(("localhost", self.sim.imap_port), 5)
            tls = self.context.wrap_socket(plain, server_hostname="localhost")
            first.stack.callback(tls.close)
            file = first.stack.enter_context(tls.makefile("rwb"))
            file.readline()
            token = self.sim.new_token(SALES)
            file.write(f"a AUTHENTICATE XOAUTH2 {_encoded(SALES, token)}\r\n".encode())
            file.flush()
            file.readline()
            return self.imap()

    # Entra

    def _url(self, **change):
        query = {
            "client_id": self.sim.registration.client_id,
            "response_type": "code",
            "redirect_uri": next(iter(self.sim.registration.redirect_uris)),
            "scope": f"offline_access {' '.join(MAIL_SCOPES)}",
            **change,
        }
        return f"{self.sim.browser_url}/contoso.test/oauth2/v2.0/authorize?{urlencode(query)}"

    def sign_in(self):
        try:
            back = self.sim.sign_in(self._url(), SALES)
        except SignInError as err:
            return err.text
        return back.get("error_description", "") or self.token(
            grant_type="authorization_code",
            code=back["code"],
            redirect_uri=dict(parse_qsl(urlsplit(self._url()).query))["redirect_uri"],
        )

    def token(self, **form):
        values = {
            "client_id": self.sim.registration.client_id,
            "client_secret": self.sim.registration.client_secret,
            **form,
        }
        url = f"{self.sim.authority}/contoso.test/oauth2/v2.0/token"
        answer = requests.post(url, data=values, verify=str(self.sim.ca_file), timeout=5)
        return answer.text

    def lifetime(self):
        """Return how long the token is said to live; not the token."""
        return f"expires_in: {json.loads(self.sign_in())['expires_in']}"

    def refreshed_twice(self):
        self.sim.tenant.grant_consent(SALES)
        person = self.sim.tenant.people[SALES]
        scope = f"offline_access {' '.join(MAIL_SCOPES)}"
        held = self.sim._entra.issuer.refresh_token(person, scope, public=False)
        form = {"grant_type": "refresh_token", "refresh_token": held}
        self.token(**form)
        return self.token(**form)


def _encoded(user, token):
    return base64.b64encode(blob(user, token).encode()).decode()


@dataclass(frozen=True)
class Hearing:
    """How a switch is turned, what is then said, and what is turned for the comparison."""

    hear: Callable[[Ear], str]
    turned: dict = field(default_factory=dict)
    unturned: dict = field(default_factory=dict)


def _throttled(ear):
    return ear.submit(ORDERS, times=3)


FETCH = ("SELECT INBOX", "FETCH 1:* (UID)", "FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
OWN = "451 4.7.0 My own words"
HEARINGS = {
    "admin_consent_required": Hearing(Ear.sign_in, {"admin_consent_required": True}),
    "pkce_required": Hearing(Ear.sign_in, {"pkce_required": True}),
    "secret_expired": Hearing(Ear.sign_in, {"secret_expired": True}),
    "throttled": Hearing(Ear.sign_in, {"throttled": 7}),
    "token_lifetime": Hearing(Ear.lifetime, {"token_lifetime": 61}),
    "refresh_tokens_once": Hearing(Ear.refreshed_twice, {"refresh_tokens_once": True}),
    "imap_disabled_for": Hearing(Ear.imap, {"imap_disabled_for": [SALES]}),
    "authenticated_but_not_connected_for": Hearing(
        lambda ear: ear.imap('LIST "" *'), {"authenticated_but_not_connected_for": [SALES]}
    ),
    "special_use": Hearing(lambda ear: ear.imap('LIST "" *'), {}, {"special_use": False}),
    "imap_behind_proxy": Hearing(Ear.imap, {"imap_behind_proxy": True}),
    "imap4rev2": Hearing(lambda ear: ear.imap("CAPABILITY"), {"imap4rev2": True}),
    "imap_sessions": Hearing(Ear.imap_twice, {"imap_sessions": 1}),
    "imap_idle_seconds": Hearing(lambda ear: ear.imap("SELECT INBOX"), {"imap_idle_seconds": 0}),
    "imap_throttled": Hearing(lambda ear: ear.imap('LIST "" *'), {"imap_throttled": 900}),
    "imap_withheld": Hearing(lambda ear: ear.imap(*FETCH), {"imap_withheld": "Delivery note"}),
    "imap_auth_reply": Hearing(Ear.imap, {"imap_auth_reply": "NO My own words"}),
    "smtp_auth_disabled": Hearing(Ear.smtp_sign_in, {"smtp_auth_disabled": True}),
    "smtp_auth_disabled_for": Hearing(Ear.smtp_sign_in, {"smtp_auth_disabled_for": [SALES]}),
    "security_defaults": Hearing(Ear.smtp_sign_in, {"security_defaults": True}),
    "inspected": Hearing(Ear.certificate, {"inspected": True}),
    "send_as_checked_at": Hearing(
        lambda ear: ear.sender()[0].envelope(ORDERS)[0], {"send_as_checked_at": "mail_from"}
    ),
    "smtp_auth_reply": Hearing(Ear.smtp_sign_in, {"smtp_auth_reply": OWN}),
    "mail_from_reply": Hearing(Ear.submit, {"mail_from_reply": OWN}),
    "connections_per_mailbox": Hearing(
        lambda ear: ear.submit_on_the(2), {"connections_per_mailbox": 1}
    ),
    "connections_words": Hearing(lambda ear: ear.submit_on_the(4), {"connections_words": "thread"}),
    "messages_per_minute": Hearing(lambda ear: ear.arrivals(2), {"messages_per_minute": 1}),
    "above_minute": Hearing(
        lambda ear: ear.submit(times=2),
        {"messages_per_minute": 1, "above_minute": "rejected"},
        {"messages_per_minute": 1},
    ),
    "minute_seconds": Hearing(
        lambda ear: ear.arrivals(2),
        {"messages_per_minute": 1, "minute_seconds": 0},
        {"messages_per_minute": 1},
    ),
    "recipients_per_message": Hearing(
        lambda ear: ear.submit(SALES, CUSTOMER, BUYER), {"recipients_per_message": 1}
    ),
    "recipients_per_day": Hearing(Ear.submit, {"recipients_per_day": 0}),
    "external_recipients_per_day": Hearing(Ear.submit, {"external_recipients_per_day": 0}),
    "day_limit_told": Hearing(
        lambda ear: ear.report(CUSTOMER),
        {"recipients_per_day": 0, "day_limit_told": "report"},
        {"recipients_per_day": 0},
    ),
    "message_bytes": Hearing(Ear.submit, {"message_bytes": 100}),
    "mailbox_full_for": Hearing(Ear.submit, {"mailbox_full_for": [SALES]}),
    "sender_blocked_for": Hearing(Ear.submit, {"sender_blocked_for": [SALES]}),
    "senders_throttled": Hearing(Ear.submit, {"senders_throttled": "mailbox_full"}),
    "throttled_after_refusals": Hearing(_throttled, {"throttled_after_refusals": 2}),
    "throttled_seconds": Hearing(
        _throttled,
        {"throttled_after_refusals": 2, "throttled_seconds": 60},
        {"throttled_after_refusals": 2, "throttled_seconds": 0},
    ),
    "idle_seconds": Hearing(Ear.silence, {"idle_seconds": 1}),
    "sent_copy": Hearing(Ear.copies_as_the_mailbox, {"sent_copy": "sender"}),
    "sent_copy_seconds": Hearing(Ear.copies, {"sent_copy_seconds": 60}),
    "delivery_seconds": Hearing(Ear.arrivals, {"delivery_seconds": 60}),
    "refused_outside": Hearing(
        lambda ear: ear.report(CUSTOMER), {"refused_outside": ["fabrikam.example.com"]}
    ),
    "delayed_outside": Hearing(
        lambda ear: ear.report(CUSTOMER), {"delayed_outside": ["fabrikam.example.com"]}
    ),
    "automatic_replies_for": Hearing(
        lambda ear: ear.report(BUYER), {"automatic_replies_for": [BUYER]}
    ),
    "report_language": Hearing(
        lambda ear: ear.report(NOBODY), {"report_language": "mailbox"}, {"report_language": "ja"}
    ),
}


def heard(sim, name):
    """Return what is heard with the switch turned, and without."""
    hearing, found = HEARINGS[name], []
    for values in (hearing.turned, hearing.unturned):
        sim.reset()
        with Ear(sim) as ear:
            sim.tenant.policies.change({n: v for n, v in values.items() if n != "idle_seconds"})
            found.append(_heard(ear, hearing, values))
    return tuple(found)


def _heard(ear, hearing, values):
    if "idle_seconds" in values:
        client, _ = ear.sender()
        ear.sim.tenant.policies.change(values)
        client.noop()
        code, text = client.getreply()
        return f"{code} {text.decode()}"
    return hearing.hear(ear)
