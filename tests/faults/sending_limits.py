"""Faults of limits and pauses: S7 to S11. The account waits instead of its mails failing."""

from salesorder_m365.plugin.errors import BadRequestError
from salesorder_m365.plugin.store import limits
from salesorder_m365.plugin.store.engines import reading
from salesorder_m365.schemas.account import FormErrors
from salesorder_m365.schemas.outgoing import Address, OutgoingMail
from support.erp import WORKER
from support.outbox import open_paused

from .bench import SALES, Bench
from .registry import SQLITE, Facts, fault
from .sending_ground import BUYER, SENT_ONCE, Outbox, Stage

_CONTINUOUS = {
    "5.2.251": "550 5.2.251 Sender throttled due to continuous mailbox full errors",
    "5.2.252": "550 5.2.252 SendAsDenied; not allowed to send as sales@contoso.test",
    "5.2.253": "550 5.2.253 Sender throttled due to continuous invalid license errors",
    "5.2.254": "550 5.2.254 Sender throttled due to continuous too many recipients errors",
    "5.2.255": "550 5.2.255 Sender throttled due to continuous invalid recipients errors",
}


@fault(
    "S7",
    "{} for the first of two: both wait, then leave without a press",
    expected={"paused": 2, "attempts": 0, "first": SENT_ONCE, "second": SENT_ONCE},
    cases=_CONTINUOUS,
    on=(SQLITE,),
)
def continuous(bench: Bench, words: str) -> Facts:
    box = Outbox(bench)
    first, second = box.send("1"), box.send("2")
    box.script(Stage.END_OF_DATA, words)
    box.deliver()
    waiting = [box.now(each) for each in (first, second)]
    open_paused(bench.engine)
    box.deliver()
    return {
        "paused": sum(each.reason == "paused" for each in waiting),
        "attempts": sum(each.attempts for each in waiting),
        "first": box.told(first),
        "second": box.told(second),
    }


@fault(
    "S8",
    "paused for four days: nothing leaves unasked; a person presses Retry",
    expected={"unasked": {"state": "failed", "accepted": 0}, "asked": SENT_ONCE},
)
def paused_for_days(bench: Bench) -> Facts:
    box = Outbox(bench)
    mail = box.send()
    box.script(Stage.END_OF_DATA, "554 5.2.2 mailbox full")
    box.deliver()
    box.age(4 * 86400)
    open_paused(bench.engine)
    box.deliver()
    unasked = box.told(mail)
    box.use_cases.mail.decide(mail.id, "retry_now", WORKER)
    box.deliver()
    return {"unasked": unasked, "asked": box.told(mail)}


@fault(
    "S9",
    "more mail than the minute takes: {} of five leave",
    expected={"accepted": 3, "waiting": 2},
    cases={"three": 3},
)
def over_the_minute(bench: Bench, most: int) -> Facts:
    box = Outbox(bench)
    # A window of its own: what other rows have sent counts for the same submitter.
    with reading(bench.engine) as connection:
        known = limits.read_submitter(connection, SALES)
    used = 0 if known is None else len([at for at in known.handed if at > known.now - 60])
    box = Outbox(bench, messages_per_minute=used + most)
    mails = [box.send(f"{number}") for number in range(5)]
    box.deliver()
    accepted = sum(map(box.taken, mails))
    return {"accepted": accepted, "waiting": len(mails) - accepted}


@fault(
    "S10",
    "another program uses the mailbox's connections: half the rate for an hour",
    expected={"state": "queued", "accepted": 0, "halved": True, "later": SENT_ONCE},
)
def shared_mailbox(bench: Bench) -> Facts:
    box = Outbox(bench)
    mail = box.send()
    words = "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"
    box.script(Stage.END_OF_DATA, words)
    box.deliver()
    with reading(bench.engine) as connection:
        known = limits.read_submitter(connection, SALES)
    seen = box.told(mail)
    box.age(3600)
    box.deliver()
    halved = known is not None and known.halved_until > known.now
    return {**seen, "halved": halved, "later": box.told(mail)}


@fault(
    "S11",
    "a request is repeated: with the same content, and with another",
    expected={"same": "the same mail", "other": "BadRequestError", "rows": 1},
)
def repeated(bench: Bench) -> Facts:
    box = Outbox(bench)
    first, again = box.send("quote"), box.send("quote")
    try:
        box.send("quote", to=(Address("another@fabrikam.example.com"),))
    except BadRequestError as err:
        other = type(err).__name__
    else:
        other = "TAKEN"
    same = "the same mail" if first.id == again.id else "ANOTHER"
    return {"same": same, "other": other, "rows": len(box.rows())}


_EVIL = "a\r\nBcc: thief@example.com"
_INJECTED = {
    "subject": {"subject": _EVIL},
    "an encoded subject": {"subject": "=?utf-8?q?a=0D=0ABcc:_x?="},
    "a name": {"to": (Address(BUYER, _EVIL),)},
    "an address": {"to": (Address("a@b.example.com\r\nRCPT TO:<x@y.example.com>"),)},
    "a reply address": {"reply_to": (Address("a@b.example.com>\r\nBcc: x@y.example.com"),)},
    "a message id": {"in_reply_to": "<a@b>\r\nBcc: x"},
    "a reference": {"references": ("<a@b>\r\nBcc: x",)},
    "a header": {"headers": {"X-A": _EVIL}},
    "a header's name": {"headers": {"X-A: b\r\nBcc": "x"}},
    "the document": {"document": _EVIL},
}


@fault(
    "S12",
    "a line end in {}",
    expected={"answer": "an error at the field", "rows": 0},
    cases=_INJECTED,
    on=(SQLITE,),
)
def injected(bench: Bench, values: dict[str, object]) -> Facts:
    box = Outbox(bench)
    message = OutgoingMail(**({"to": (Address(BUYER),), "subject": "Q", "text": "…"} | values))
    answer = box.use_cases.mail.send(box.account, message, WORKER, "r", 0.0)
    field = isinstance(answer, FormErrors) and set(answer.errors) == set(values)
    return {"answer": "an error at the field" if field else "TAKEN", "rows": len(box.rows())}
