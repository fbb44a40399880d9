"""Worker processes of the tests: ask for a token, alone or in a crowd, and stop where told.

A job comes as one line of JSON over a Unix socket, reports go back as lines of JSON. All patches
are made here: the product has no place for tests to hook in.
"""

import functools
import hashlib
import json
import logging
import os
import resource
import select
import signal
import socket
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msal
import psycopg
from salesorder_m365.hooks import implementations
from salesorder_m365.plugin.context import Context
from salesorder_m365.plugin.entra.identity import Identity
from salesorder_m365.plugin.errors import M365Error
from salesorder_m365.plugin.mail.delivering import Deliverer
from salesorder_m365.plugin.mail.mail import Mail
from salesorder_m365.plugin.mail.settling import Settlement
from salesorder_m365.plugin.store import grants, outbox, resealing
from salesorder_m365.plugin.transport.smtp_submission import SmtpSubmission
from salesorder_m365.plugin.use_cases import UseCases
from salesorder_m365.plugin.vault import leasing, rotation
from salesorder_m365.plugin.wire import http as http_session
from salesorder_m365.schemas.mail_settings import MailSettings, MailTimes
from salesorder_m365.schemas.outgoing import Address, Attachment, OutgoingMail
from salesorder_m365.schemas.permission import SYSTEM
from salesorder_m365.schemas.settings import load_settings
from sqlalchemy.dialects import postgresql, sqlite
from support.erp import Erp

#: Imported once, before the processes are forked; the product imports them at first use. A crowd
#: that read a source file while somebody writes it would fail as one.
PRELOADED = (implementations, msal, psycopg, http_session, postgresql, sqlite, sqlite3)
STATUS = Path("/proc/self/status")
#: Seconds after which a process ends by itself if nobody kills it.
_LONGEST_STOP, _LONGEST_LIFE = 60.0, 120


def report(**values: Any) -> None:
    # One write of one short line: lines of several processes do not mix.
    os.write(1, (json.dumps(values) + "\n").encode())


@contextmanager
def telling() -> Iterator[None]:
    """Report what nobody foresaw: a process that ends without a word leaves a riddle."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            report(kind="TRACEBACK", why=traceback.format_exc()[-800:], pid=os.getpid())


def stop_here(point: str) -> None:
    report(at=point, pid=os.getpid())
    time.sleep(_LONGEST_STOP)
    os._exit(3)


def freeze_here(point: str) -> None:
    """Stop as a computer does that is suspended, until somebody wakes it."""
    report(at=point, pid=os.getpid())
    os.kill(os.getpid(), signal.SIGSTOP)


def turn_clock(seconds: float) -> None:
    """Let this process's clock be wrong."""
    right = time.time
    time.time = lambda: right() + seconds


def arm(point: str, act: Callable[[str], None]) -> None:
    """Patch the product so that `act` is called at the named point of a refresh or a rotation."""

    target, name, before = {
        "lease": (Identity, "renew", True),
        "answer": (grants, "write_tokens", True),
        "write": (grants, "write_tokens", False),
        "commit": (leasing.Renewals, "_keep", False),
        "batch": (resealing, "replace_values", False),
        "claimed": (Deliverer, "_checked", True),
        "prepared": (Deliverer, "_hand_over_now", True),
        "marked": (outbox, "mark_handed", False),
        "handed": (SmtpSubmission, "hand_over", True),
        "replied": (Settlement, "sent", True),
        "settled": (Settlement, "_finish_sent", False),
    }[point]
    original = getattr(target, name)

    @functools.wraps(original)
    def patched(*args: Any, **options: Any) -> Any:
        if before:
            act(point)
        result = original(*args, **options)
        if not before:
            act(point)
        return result

    setattr(target, name, patched)


def ask(job: dict[str, Any]) -> None:
    """Ask for the token and report a digest of it, or the error."""

    host = Erp(load_settings(job["settings"]), name=job["name"])
    try:
        token = UseCases(Context(host, lambda event: None)).vault.token(job["account"])
    except M365Error as err:
        report(kind=type(err).__name__, why=str(err), pid=os.getpid())
    else:
        digest = hashlib.sha256(token.secret.encode()).hexdigest()[:16]
        report(kind="token", token=digest, pid=os.getpid())


def finish(job: dict[str, Any]) -> None:
    """Finish a sign-in that another process began."""

    host = Erp(load_settings(job["settings"]), name=job["name"])
    report(kind=str(host.finish(job["query"]).code))


def deliver(job: dict[str, Any]) -> None:
    """Deliver an account's mail."""
    report(at="end", done=_mail(job).run("deliver", job["account"], 20.0, SYSTEM).done)


def _mail(job: dict[str, Any]) -> Mail:
    host = Erp(load_settings(job["settings"]), name=job["name"])
    mail = MailSettings(
        times=replace(MailTimes(), **job["times"]),
        messages_per_minute=1000,
        max_bytes=160 * 1024 * 1024,
    )
    host.settings = replace(host.settings, mail=mail)
    return UseCases(Context(host, lambda event: None)).mail


def large(job: dict[str, Any]) -> None:
    """Send a small mail, then one with a large file, and report how much memory that took."""
    mail, to = _mail(job), (Address("buyer@fabrikam.example.com"),)
    account, run = job["account"], lambda: mail.run("deliver", job["account"], 20.0, SYSTEM)
    mail.send(account, OutgoingMail(to=to, subject="Small"), SYSTEM, "small", 0.0)
    run()
    STATUS.with_name("clear_refs").write_text("5")  # forgets the peak; proc(5)
    idle = memory("VmRSS")
    file = Attachment("plan.bin", "application/octet-stream", Path(job["file"]))
    plan = OutgoingMail(to=to, subject="Plan", attachments=(file,))
    sent = mail.send(account, plan, SYSTEM, "large", 0.0)
    run()
    grown = (memory("VmHWM") - idle) * 1024
    report(grown=grown, size=sent.size, message_id=sent.message_id)


def memory(name: str) -> int:
    """Return a figure of this process's memory in kB."""
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def rotate(job: dict[str, Any]) -> None:
    """Rotate the keys; stop before the first commit or after so many batches, if it is said."""

    context = Context(Erp(load_settings(job["settings"]), name=job["name"]), lambda event: None)
    done: list[int] = []

    def note(rows: int) -> None:
        done.append(rows)
        if len(done) == job.get("stop_after"):
            stop_here("batch")

    if job.get("stop_after") == 0:
        arm("batch", stop_here)
    engine, ring = context.engine, context.ring
    report(at="begin")
    rotation.rotate(engine, ring, batch=job["batch"], progress=note)
    report(at="end")


def crowd(job: dict[str, Any]) -> None:
    """Ask with many processes at once: all are ready before the first one asks."""
    children = []
    for number in range(job["count"]):
        pid = os.fork()
        if pid == 0:
            with telling():
                one_of_many(job, number)
            os._exit(0)
        children.append(pid)
    report(at="ready", children=children)
    for pid in children:
        os.waitpid(pid, 0)


def one_of_many(job: dict[str, Any], number: int) -> None:
    """Wait until all are let go, then ask."""
    signal.alarm(_LONGEST_LIFE)
    clocks = job.get("clocks", [0])
    turn_clock(clocks[number % len(clocks)])
    arm("lease", lambda _: report(at="lease", pid=os.getpid()))
    os.read(0, 1)  # nobody writes: it returns for all when the pipe is closed
    ask(job)


def limit_files(size: int) -> None:
    """Let no file grow beyond `size`: the stand-in for a full disk where nothing may be mounted."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def work() -> None:
    """Read the job and do it."""
    signal.alarm(_LONGEST_LIFE)
    report(pid=os.getpid())
    # Not sys.stdin: its buffer would swallow what the crowd waits on. At the end there is no job.
    line = b"".join(iter(lambda: os.read(0, 1).replace(b"\n", b""), b""))
    if not line:
        return
    job = json.loads(line)
    turn_clock(job.get("clock", 0))
    if "file_limit" in job:
        limit_files(job["file_limit"])
    if "stop_at" in job:
        arm(job["stop_at"], stop_here)
    if "freeze_at" in job:
        arm(job["freeze_at"], freeze_here)
    jobs = {
        "ask": ask,
        "finish": finish,
        "rotate": rotate,
        "crowd": crowd,
        "deliver": deliver,
        "large": large,
    }
    jobs[job["do"]](job)


def serve(listener: socket.socket) -> None:
    """Fork a process for each connection, until stdin ends: starting Python takes a second."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([listener, 0], [], [])
        if 0 in ready:
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setpgid(0, 0)  # what ends this process ends the crowd that it forks, too
            listener.close()
            os.dup2(connection.fileno(), 0)
            os.dup2(connection.fileno(), 1)
            connection.close()
            with telling():
                work()
            os._exit(0)
        connection.close()


def main() -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(sys.argv[1])
        listener.listen(64)
        logging.disable(logging.CRITICAL)  # what matters is reported
        report(ready=True)
        serve(listener)


if __name__ == "__main__":
    main()
