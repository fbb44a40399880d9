"""Faults of the conversation and of Sent Items: S1 to S6, S26. Accepted once, or not at all."""

from typing import Any
from unittest.mock import patch

from salesorder_m365.plugin.mail import looking, settling
from salesorder_m365.plugin.mail.settling import Settlement
from salesorder_m365.schemas.delivery import WaitReason
from salesorder_m365.schemas.outgoing import Address
from salesorder_m365.simulator import replies
from support.outbox import emptied

from .bench import SALES, Bench, await_true
from .registry import SQLITE, Facts, fault
from .sending_ground import BUYER, OTHER, SENT_ONCE, Outbox, Stage

_ENDS: dict[str, dict[str, Any]] = {
    "cut before it is accepted": {"ending": "drop", "carried_out": False},
    "cut after it is accepted": {"ending": "drop"},
    "the reply is lost": {"ending": "silence"},
    "half a reply": {"ending": "half"},
}


@fault("S1", "the end of data: {}", expected=SENT_ONCE, cases=_ENDS)
def at_the_end(bench: Bench, ending: dict[str, Any]) -> Facts:
    box = Outbox(bench)
    box.deliver()
    mail = box.send()
    box.script(Stage.END_OF_DATA, **ending)
    box.deliver()
    assert box.now(mail).state == "uncertain"
    return box.end(mail)


@fault(
    "S1",
    "control: {}, and what is uncertain is queued again",
    expected={"state": "sent", "accepted": 2},
    cases={name: _ENDS[name] for name in ("cut after it is accepted", "half a reply")},
    on=(SQLITE,),
)
def without_doubt(bench: Bench, ending: dict[str, Any]) -> Facts:
    def queued_again(self: Settlement, mail: Any, why: str, *, owner: str | None) -> bool:
        return self.put_back(mail, owner or "", reason=WaitReason.NONE)

    box = Outbox(bench)
    mail = box.send()
    box.script(Stage.END_OF_DATA, **ending)
    with patch.object(settling.Settlement, "uncertain", queued_again):
        box.deliver()
        box.deliver()
    return box.told(mail)


_BEFORE = (Stage.GREETING, Stage.EHLO, Stage.AUTH, Stage.MAIL, Stage.RCPT)


@fault(
    "S2",
    "the connection breaks at {}",
    expected=SENT_ONCE,
    cases={str(stage): stage for stage in _BEFORE},
    on=(SQLITE,),
)
def before_the_end(bench: Bench, stage: Stage) -> Facts:
    box = Outbox(bench)
    mail = box.send()
    box.script(stage, ending="drop")
    box.deliver()
    assert box.told(mail) == {"state": "queued", "accepted": 0}
    return box.end(mail)


def _without_chunking(*, secured: bool) -> list[str]:
    return [line for line in _HELLO(secured=secured) if line not in {"CHUNKING", "BINARYMIME"}]


_HELLO = replies.smtp_hello
_WAYS = {"BDAT": _HELLO, "DATA": _without_chunking}


@fault(
    "S3",
    "one bad recipient of two, by {}",
    expected={"state": "failed", "accepted": 0, "partial": SENT_ONCE},
    cases=_WAYS,
    on=(SQLITE,),
)
def one_of_two(bench: Bench, hello: Any) -> Facts:
    with patch.object(replies, "smtp_hello", hello):
        box = Outbox(bench)
        two = (Address(BUYER), Address(OTHER))
        whole, partial = box.send(to=two), box.send(to=two, partial=True)
        box.script(Stage.RCPT, "550 5.1.1 User unknown", after=1)
        box.script(Stage.RCPT, "550 5.1.1 User unknown", after=2)
        box.deliver()
        box.deliver()
    return {**box.told(whole), "partial": box.told(partial)}


@fault(
    "S4",
    "the envelope travels ahead, and its only recipient is refused, by {}",
    expected={"first": SENT_ONCE, "second": {"state": "failed", "accepted": 0}, "third": SENT_ONCE},
    cases=_WAYS,
    on=(SQLITE,),
)
def pipelined(bench: Bench, hello: Any) -> Facts:
    with patch.object(replies, "smtp_hello", hello):
        box = Outbox(bench)
        mails = [box.send(f"{number}") for number in range(3)]
        box.script(Stage.RCPT, "550 5.1.1 User unknown", after=1)
        before = len(bench.sim.tenant.submissions)
        for _ in range(2):
            box.deliver()
        assert len(bench.sim.tenant.submissions) == before + 2, "an empty mail went out"
    names = ("first", "second", "third")
    return {name: box.told(mail) for name, mail in zip(names, mails, strict=True)}


@fault(
    "S26",
    "the token runs out between MAIL and DATA",
    expected={"first": {"state": "queued", "accepted": 0}, **SENT_ONCE},
    on=(SQLITE,),
)
def token_runs_out(bench: Bench) -> Facts:
    with patch.object(replies, "smtp_hello", _without_chunking):
        box = Outbox(bench)
        mail = box.send()
        box.script(Stage.DATA, "530 5.7.57 Client not authenticated to send mail.")
        box.deliver()
        first = box.told(mail)
        return {"first": first, **box.end(mail)}


def _lost(box: Outbox) -> Any:
    """Return a mail that was accepted, and whose reply was lost."""
    mail = box.send()
    box.script(Stage.END_OF_DATA, ending="drop")
    box.deliver()
    return mail


@fault("S5", "the copy lags a second", expected=SENT_ONCE, on=(SQLITE,))
def lagging(bench: Bench) -> Facts:
    box = Outbox(bench)
    bench.sim.tenant.policies.sent_copy_seconds = 1
    mail = _lost(box)
    box.age(20)
    assert box.look() == 0
    await_true(lambda: bench.sim.tenant.messages(SALES, "Sent Items"), "the copy")
    return box.end(mail)


_LEFT = {"state": "uncertain", "accepted": 1}


@fault("S5", "copies are never filed: a person decides", expected=_LEFT, on=(SQLITE,))
def no_copies(bench: Bench) -> Facts:
    box = Outbox(bench)
    bench.sim.tenant.policies.sent_copy_seconds = 3600
    return box.end(_lost(box))


@fault("S6", "a person empties Sent Items before the first look", expected=_LEFT, on=(SQLITE,))
def cleared(bench: Bench) -> Facts:
    return _cleared(bench)


@fault(
    "S6",
    "control: the same, and a later copy alone is believed",
    expected={"state": "sent", "accepted": 2},
    on=(SQLITE,),
)
def cleared_and_believed(bench: Bench) -> Facts:
    with patch.object(looking, "_keeps", lambda each, mail, before: each.role == "sent"):
        return _cleared(bench)


def _cleared(bench: Bench) -> Facts:
    box = Outbox(bench)
    mail = _lost(box)
    emptied(bench.sim)
    box.send("later")
    box.deliver()
    box.age(601)
    box.look()
    box.deliver()
    return box.told(mail)
