"""More faults of sending: S22, a lease outlived; S23, a full mailbox; S24, letters; S25, size."""

import email
import email.policy
import os
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from salesorder_m365.schemas.outgoing import Address, Attachment
from support.erp import WORKER

from . import figures
from .bench import SALES, Bench
from .registry import SQLITE, Facts, fault
from .sending_ground import BUYER, SENT_ONCE, TIMES, Outbox
from .sending_processes import job_of

_MIB = 1024 * 1024


@fault(
    "S22",
    "a worker outlives its lease before the point of no return; another one sends the mail",
    expected=SENT_ONCE,
)
def outlived(bench: Bench) -> Facts:
    box = Outbox(bench)
    mail = box.send()
    worker = bench.worker(**job_of(box, freeze_at="prepared"))
    assert worker.report()["at"] == "prepared"
    box.let_leases_pass()
    box.deliver()
    box.deliver()
    os.kill(worker.pid, signal.SIGCONT)
    worker.reports()
    return box.told(mail)


@fault(
    "S23",
    "the mailbox is full, then emptied: the mail leaves when the pause ends, without a press",
    expected={"full": {"state": "queued", "accepted": 0}, "pressed": 0, **SENT_ONCE},
)
def full_and_emptied(bench: Bench) -> Facts:
    # An hour is a second here.
    box = Outbox(bench, times={**TIMES, "pause_short": 1.0, "pause_short_most": 6.0})
    mail = box.send()
    bench.sim.tenant.policies.mailbox_full_for = frozenset({SALES})
    box.deliver()
    full = box.told(mail)
    bench.sim.tenant.policies.mailbox_full_for = frozenset()
    ends = time.monotonic() + 20
    while box.now(mail).state == "queued" and time.monotonic() < ends:
        for each in box.use_cases.mail.due(10, WORKER):
            box.use_cases.mail.run(each.kind, each.account_id, 5.0, WORKER)
        time.sleep(0.05)
    decided = [step for step in box.now(mail).trail if step.name == "asked_again"]
    return {"full": full, "pressed": len(decided), **box.told(mail)}


_LETTERS = "Angebot für Größe Ⅻ: 見積書 🧾"


@fault(
    "S24",
    "letters beyond ASCII in subject, names, file and text",
    expected={"header": "ASCII", "subject": _LETTERS, "file": "größe.pdf", "text": _LETTERS},
    on=(SQLITE,),
)
def letters(bench: Bench) -> Facts:
    box = Outbox(bench)
    mail = box.send(
        to=(Address(BUYER, "Käufer Größe"),),
        subject=_LETTERS,
        text=_LETTERS,
        attachments=(Attachment("größe.pdf", "application/pdf", b"%PDF"),),
    )
    box.deliver()
    (content,) = (
        each.content for each in bench.sim.tenant.submissions if each.message_id == mail.message_id
    )
    read = email.message_from_bytes(content, policy=email.policy.default)
    text = read.get_body(("plain",))
    header = content.partition(b"\r\n\r\n")[0]
    return {
        "header": "ASCII" if header.isascii() else "NOT ASCII",
        "subject": read["Subject"],
        "file": next(part.get_filename() for part in read.iter_attachments()),
        "text": text.get_content().strip() if text else "",
    }


@fault(
    "S25",
    "a message of 149 MB",
    expected={"accepted": 1, "memory over the idle process": "at most 40 MiB"},
    on=(SQLITE,),
)
def large(bench: Bench) -> Facts:
    box = Outbox(bench)
    bench.sim.tenant.policies.message_bytes = None
    with TemporaryDirectory(prefix="m365-large-") as folder:
        file = Path(folder) / "plan.bin"
        with file.open("wb") as written:
            for _ in range(104):
                written.write(os.urandom(_MIB))
        times = {"reply_in_job": 60.0, "lease_margin": 5.0}
        worker = bench.worker(**job_of(box, do="large", file=str(file), times=times))
        seen = {name: value for line in worker.reports() for name, value in line.items()}
    grown = seen["grown"] / _MIB
    figures.note(figures.LARGE, grown)
    submitted = [each.message_id for each in bench.sim.tenant.submissions]
    bench.sim.reset()
    return {
        "accepted": submitted.count(seen["message_id"]),
        "memory over the idle process": "at most 40 MiB" if grown <= 40 else f"{grown:.0f} MiB",
    }
