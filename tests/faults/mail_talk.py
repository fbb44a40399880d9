"""Faults in what mail servers say, M8 to M13: drops, goodbyes, refusals, busy servers."""

from collections import Counter
from functools import partial
from typing import Any

from . import mail_scripts as scripts
from .bench import Bench
from .mail_ground import Meeting, Scripted, mail_fault, tested, told
from .proxy import FaultProxy, Weather
from .registry import Facts

_BYE = b"* BYE Session invalidated - AccessTokenExpired\r\n"
_AUTH_IS_OFF = (
    b"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."
    b" Visit https://aka.ms/smtp_auth_disabled for more information.\r\n"
)
_LOST = "connection_lost"

IMAP = [
    Scripted("M5", "PREAUTH: somebody is signed in already", "greeting",
             scripts.says(b"* PREAUTH welcome\r\n"), "imap_preauth", "sign_in"),
    Scripted("M8", "drops in mid-auth", "sign-in", scripts.drops, _LOST, "sign_in"),
    Scripted("M8", "resets in mid-auth", "sign-in", scripts.resets, _LOST, "sign_in"),
    Scripted("M8", "drops behind a challenge", "sign-in",
             lambda c: (c.send(b"+ \r\n"), c.line()), _LOST, "sign_in"),
    Scripted("M8", "breaks off in a line", "sign-in",
             lambda c: c.send(scripts.tag(c) + b" OK AUTHEN"), _LOST, "sign_in"),
    Scripted("M8", "drops in the list", "folders",
             lambda c: c.send(b'* LIST () "/" INBOX\r\n* LIST () "/'), _LOST, "mailbox"),
    Scripted("M9", "half-closes at the greeting", "greeting", scripts.half_closes,
             _LOST, "sign_in"),
    Scripted("M9", "half-closes in mid-auth", "sign-in", scripts.half_closes, _LOST, "sign_in"),
    Scripted("M10", "BYE as greeting", "greeting", scripts.says(b"* BYE Unavailable. 14\r\n"),
             "imap_closed", "sign_in"),
    Scripted("M10", "BYE in mid-auth", "sign-in", lambda c: c.send(b"* BYE Unavailable. 14\r\n"),
             "imap_closed", "sign_in"),
    Scripted("M10", "BYE in the list", "folders", lambda c: c.send(b"* BYE Unavailable. 14\r\n"),
             "imap_closed", "mailbox"),
]  # fmt: skip
SMTP = [
    Scripted("M8", "drops in mid-auth", "sign-in", scripts.drops, _LOST, "sign_in"),
    Scripted("M8", "resets in mid-auth", "sign-in", scripts.resets, _LOST, "sign_in"),
    Scripted("M8", "drops behind a challenge", "sign-in",
             lambda c: (c.send(b"334 \r\n"), c.line()), _LOST, "sign_in"),
    Scripted("M8", "breaks off in a line", "sign-in", lambda c: c.send(b"235 2.7.0 Authen"),
             _LOST, "sign_in"),
    Scripted("M8", "drops at the sender", "sender", scripts.drops, _LOST, "sender"),
    Scripted("M9", "half-closes at the greeting", "greeting", scripts.half_closes, _LOST, "tls"),
    Scripted("M9", "half-closes in mid-auth", "sign-in", scripts.half_closes, _LOST, "sign_in"),
    Scripted("M10", "421 as greeting", "greeting",
             scripts.says(b"421 4.3.2 Service not active\r\n"), "server_busy", "tls"),
    Scripted("M10", "421 in mid-auth", "sign-in",
             lambda c: c.send(b"421 4.3.2 Service not active\r\n"), "server_busy", "sign_in"),
    Scripted("M10", "421 at the sender", "sender",
             lambda c: c.send(b"421 4.3.2 Service not active\r\n"), "server_busy", "sender"),
]  # fmt: skip
for _row in IMAP:
    _row.register("imap")
for _row in SMTP:
    _row.register("smtp")


def _counted(
    bench: Bench, protocol: str, at: str, answer: bytes, *, fresh: bool = False
) -> dict[str, Any]:
    """Answer so, and count what the client makes of it."""
    meeting = Meeting(bench, protocol, fresh=fresh)
    port = meeting.serve_until(at, scripts.says(answer))
    before = bench.posts
    seen = meeting.tried(port)
    return {**seen, "sign-ins": meeting.sign_ins(), "POSTs": bench.posts - before}


#: number, protocol, what, at, answer, finding, stage, sign-ins, renewals of the token
_REFUSALS = [
    ("M10", "imap", "BYE, the token ran out", "folders", _BYE, "token_expired", "mailbox", 2, 1),
    ("M11", "imap", "the sign-in is refused", "sign-in", b"%s NO AUTHENTICATE failed.\r\n",
     "imap_disabled", "sign_in", 2, 1),
    ("M11", "smtp", "the sign-in is refused", "sign-in",
     b"535 5.7.3 Authentication unsuccessful\r\n", "smtp_refused", "sign_in", 2, 1),
    ("M11", "smtp", "SMTP AUTH is off: no other token helps", "sign-in",
     _AUTH_IS_OFF,
     "smtp_auth_disabled", "sign_in", 1, 0),
    ("M12", "imap", "authenticated but not connected", "folders",
     b"%s BAD User is authenticated but not connected.\r\n* BYE Connection closed. 14\r\n",
     "mailbox_not_connected", "mailbox", 2, 0),
    ("M12", "smtp", "signed in and yet not authenticated", "sender",
     b"530 5.7.57 Client not authenticated to send mail\r\n", "smtp_not_authenticated",
     "sender", 1, 0),
    ("M13", "imap", "throttled", "sign-in",
     b"%s NO Request is throttled. Suggested Backoff Time: 4500 milliseconds\r\n",
     "imap_throttled", "sign_in", 1, 0),
    ("M13", "smtp", "432, too many connections, at the sender", "sender",
     b"432 4.3.2 Concurrent connections limit exceeded\r\n", "too_many_connections",
     "sender", 1, 0),
    ("M13", "smtp", "432, too many connections, in mid-auth", "sign-in",
     b"432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded\r\n",
     "too_many_connections", "sign_in", 1, 0),
]  # fmt: skip


def _register_refusal(
    number: str, protocol: str, did: str, at: str, answer: bytes, finding: str, stage: str,
    sign_ins: int, posts: int,
) -> None:  # fmt: skip
    grant = {"grant": "renewed"} if posts else {}
    expected = told(finding, stage, **grant, **{"sign-ins": sign_ins, "POSTs": posts})

    @mail_fault(number, protocol, did, expected)
    def run(bench: Bench) -> Facts:
        # A renewal needs a grant that no bench before has revoked.
        return _counted(bench, protocol, at, answer, fresh=bool(posts))


for _refusal in _REFUSALS:
    _register_refusal(*_refusal)

#: Parts of a session; behind the last tenth all that matters may have been said.
_TENTHS = range(1, 9)


def _register_breaks(protocol: str) -> None:
    expected = {
        "findings": f"{len(_TENTHS)} of {_LOST}",
        "remedy": "told",
        "other protocol": "green",
        "late": "no",
        "left open": 0,
        "grant": "unchanged",
        "next call": "green",
    }

    def broken(bench: Bench, kind: str) -> Facts:
        meeting, found = Meeting(bench, protocol), []
        with FaultProxy(("127.0.0.1", getattr(bench.sim, f"{protocol}_port"))) as proxy:
            assert tested(bench.host(**meeting.settings(proxy.port)), bench).passed
            whole = proxy.passed
            for tenth in _TENTHS:
                proxy.turn(Weather(**{kind: whole * tenth // 10}))
                found.append(meeting.tried(proxy.port))
        return _summary(found, expected)

    for did, kind in (("cut", "cut_after"), ("reset", "reset_after")):
        mail_fault("M8", protocol, f"{did} at eight places, from TLS to the end", expected)(
            partial(broken, kind=kind)
        )


def _summary(found: list[dict[str, Any]], expected: Facts) -> dict[str, Any]:
    """Return the findings together, and what all have in common."""
    counted = Counter(seen["finding"] for seen in found)
    said = {"findings": " ".join(f"{count} of {code}" for code, count in counted.items())}
    for name in expected.keys() - said.keys():
        values = list(dict.fromkeys(seen[name] for seen in found))
        said[name] = values[0] if len(values) == 1 else values
    return said


for _protocol in ("imap", "smtp"):
    _register_breaks(_protocol)
