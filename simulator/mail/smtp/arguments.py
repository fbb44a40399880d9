"""The arguments of MAIL and RCPT: addresses and parameters (RFC 5321, 3461, 1870, 3030, 6531)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ... import replies
from ...tenant.submission import Notify, Recipient

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"
_LOCAL = rf'(?:{_ATOM}(?:\.{_ATOM})*|"(?:[^"\\\r\n]|\\[ -~])*")'
_LABEL = r"[A-Za-z0-9\x80-\U0010ffff](?:[A-Za-z0-9\x80-\U0010ffff-]*[A-Za-z0-9\x80-\U0010ffff])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Za-z.:]+\])"
_ADDRESS = re.compile(rf"({_LOCAL})@({_DOMAIN})")
_PATH = re.compile(r"\s*<(?:@[^:<>]+:)?((?:\"(?:[^\"\\]|\\.)*\"|[^<>\"])*)>\s*(.*)", re.DOTALL)
_XTEXT = re.compile(r"\+([0-9A-F]{2})")


class BadArgumentError(Exception):
    """The argument is refused with `reply`."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


@dataclass
class Sender:
    """What MAIL says."""

    address: str
    size: int = 0
    body: str = "7BIT"
    utf8: bool = False
    #: RET and ENVID (RFC 3461): how much of the message a report returns, and whose it is
    returned: str = "FULL"
    envelope_id: str | None = None
    others: dict[str, str] = field(default_factory=dict)


def read_sender(argument: str) -> Sender:
    """Return what MAIL says. Raises BadArgumentError."""
    path, parameters = _split(argument, "FROM:", replies.SMTP_BAD_SENDER)
    sender = Sender(path)
    for name, value in parameters.items():
        take = _SENDER_PARAMETERS.get(name)
        if take is None or not take(sender, value):
            raise BadArgumentError(replies.SMTP_BAD_ARGUMENTS)
    if path:
        _check(path, utf8=sender.utf8, reply=replies.SMTP_BAD_SENDER)
    return sender


def read_recipient(argument: str, *, utf8: bool) -> Recipient:
    """Return what RCPT says. Raises BadArgumentError."""
    path, parameters = _split(argument, "TO:", replies.SMTP_BAD_RECIPIENT)
    _check(path, utf8=utf8, reply=replies.SMTP_BAD_RECIPIENT)
    if not parameters.keys() <= {"NOTIFY", "ORCPT"}:
        raise BadArgumentError(replies.SMTP_BAD_ARGUMENTS)
    original = parameters.get("ORCPT")
    if original is not None and ";" not in original:
        raise BadArgumentError(replies.SMTP_BAD_ARGUMENTS)
    notify = _notify(parameters["NOTIFY"]) if "NOTIFY" in parameters else None
    return Recipient(path, notify, None if original is None else _from_xtext(original))


def _split(argument: str, keyword: str, reply: str) -> tuple[str, dict[str, str]]:
    if argument[: len(keyword)].upper() != keyword:
        raise BadArgumentError(replies.SMTP_BAD_ARGUMENTS)
    found = _PATH.fullmatch(argument[len(keyword) :])
    if found is None:
        raise BadArgumentError(reply)
    pairs = (word.partition("=") for word in found[2].split())
    return found[1], {name.upper(): value for name, _, value in pairs}


def _check(path: str, *, utf8: bool, reply: str) -> None:
    found = _ADDRESS.fullmatch(path)
    if found is None or len(found[1].encode()) > 64 or len(found[2].encode()) > 255:
        raise BadArgumentError(reply)
    if any(len(label) > 63 for label in found[2].split(".")):
        raise BadArgumentError(reply)
    if not (path.isascii() or utf8):
        raise BadArgumentError(replies.SMTP_NEEDS_UTF8)


def _notify(value: str) -> Notify:
    words = frozenset(value.upper().split(","))
    if words != {"NEVER"} and not words <= {"SUCCESS", "FAILURE", "DELAY"}:
        raise BadArgumentError(replies.SMTP_BAD_ARGUMENTS)
    return words


def _from_xtext(value: str) -> str:
    return _XTEXT.sub(lambda found: chr(int(found[1], 16)), value)


def _take_size(sender: Sender, value: str) -> bool:
    if not (value.isascii() and value.isdigit() and len(value) <= 20):
        return False
    sender.size = int(value)
    return True


def _take_body(sender: Sender, value: str) -> bool:
    sender.body = value.upper()
    return sender.body in ("7BIT", "8BITMIME", "BINARYMIME")


def _take_utf8(sender: Sender, value: str) -> bool:
    sender.utf8 = True
    return not value


def _take_returned(sender: Sender, value: str) -> bool:
    sender.returned = value.upper()
    return sender.returned in ("FULL", "HDRS")


def _take_envelope_id(sender: Sender, value: str) -> bool:
    sender.envelope_id = _from_xtext(value)
    return 0 < len(value) <= 100


def _take_auth(sender: Sender, value: str) -> bool:
    """Take RFC 4954's AUTH=, which a submission server may ignore."""
    sender.others["AUTH"] = value
    return bool(value)


_SENDER_PARAMETERS: Mapping[str, Callable[[Sender, str], bool]] = {
    "SIZE": _take_size,
    "BODY": _take_body,
    "SMTPUTF8": _take_utf8,
    "RET": _take_returned,
    "ENVID": _take_envelope_id,
    "AUTH": _take_auth,
}
