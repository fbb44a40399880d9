"""Drops where nobody knows what the server did, M15: nothing is believed, nothing done twice.

The plugin sends no mail yet: Test Connection ends before a recipient is named.
"""

from salesorder_m365.plugin.errors import MailError

from . import mail_scripts as scripts
from .bench import Bench
from .mail_ground import Meeting, left_open, mail_fault, told
from .registry import Facts


@mail_fault(
    "M15",
    "smtp",
    "drops once the sender was named: no mail was begun, and none is",
    told("connection_lost", "sender", **{"sign-ins": 1, "RCPT, DATA": 0}),
)
def dropped_sender(bench: Bench) -> Facts:
    meeting = Meeting(bench, "smtp")
    seen = meeting.tried(meeting.serve_until("sender", scripts.drops))
    said = [line.split()[:1] for one in meeting.conversations() for line in one.lines]
    begun = sum(verb in ([b"RCPT"], [b"DATA"], [b"BDAT"]) for verb in said)
    return {**seen, "sign-ins": meeting.sign_ins(), "RCPT, DATA": begun}


@mail_fault(
    "M15",
    "imap",
    "drops while a folder mapping is saved",
    {
        "error": "MailError connection_lost",
        "sign-ins": 1,
        "mapping": "as it was",
        "left open": 0,
        "next call": "saves",
    },
)
def dropped_mapping(bench: Bench) -> Facts:
    meeting = Meeting(bench, "imap")
    before = bench.erp.map(bench.account, sent="Sent Items").folders
    port = meeting.serve_until("folders", scripts.drops)
    try:
        bench.host(**meeting.settings(port)).map(bench.account, sent="Drafts")
    except MailError as err:
        error = f"{type(err).__name__} {err.code}"
    else:
        error = "NONE"
    after = bench.erp.view(bench.account).folders
    saved = bench.erp.map(bench.account, sent="Drafts")
    return {
        "error": error,
        "sign-ins": meeting.sign_ins(),
        "mapping": "as it was" if after == before else "CHANGED",
        "left open": left_open(port),
        "next call": "saves" if [f.path for f in saved.folders] == ["Drafts"] else "FAILS",
    }
