"""The simulator describes every mail of the corpus as Dovecot does: counted and printed."""

import ssl
from collections import Counter

import pytest
from rich.console import Console
from rich.table import Table
from support.imap_wire import ImapWire
from support.mails import WELL_FORMED, corpus

pytestmark = pytest.mark.servers

SALES = "sales@contoso.test"
FOLDER = "Corpus"
_PATHS = (
    *("1", "2", "3", "9", "1.1", "1.2", "1.9", "2.1", "2.2", "1.1.1", "1.1.2"),
    *("1.2.1", "1.2.2", "2.1.1", "2.2.1", "1.1.1.1"),
)
_WHATS = ("", ".MIME", ".HEADER", ".TEXT", ".HEADER.FIELDS (SUBJECT CONTENT-TYPE)")
_SECTIONS = (
    *("", "HEADER", "TEXT", "HEADER.FIELDS (X-NONE)"),
    "HEADER.FIELDS (FROM TO SUBJECT DATE MIME-VERSION CONTENT-TYPE X-NONE)",
    "HEADER.FIELDS.NOT (RECEIVED SUBJECT)",
    *(path + what for path in _PATHS for what in _WHATS),
)
_PARTIALS = ("0.10", "7.30", "100000.5")
ITEMS = {
    **{item: item for item in ("ENVELOPE", "BODYSTRUCTURE", "BODY", "RFC822.SIZE")},
    **{item: item for item in ("RFC822.HEADER", "RFC822.TEXT")},
    **{f"BODY[{section}]": f"BODY.PEEK[{section}]" for section in _SECTIONS},
    **{
        f"BODY[{section}]<{partial.partition('.')[0]}>": f"BODY.PEEK[{section}]<{partial}>"
        for section in ("", "TEXT", "HEADER", "1", "2", "1.MIME")
        for partial in _PARTIALS
    },
}
#: mail → why the simulator does not answer as Dovecot does
DIFFERENCES = {
    "message cut by a boundary": "The line end before a boundary belongs to it, RFC 2046, 5.1.1: "
    "Dovecot counts it to the parts above if the boundary cuts a header.",
    "outer boundary inside": "The same.",
    "message part of nothing": "Dovecot adds an empty line to fields of a header that has none.",
    "disposition twice": "The first Content-Disposition counts, as the first of every other "
    "field; Dovecot goes on until one has parameters.",
    "bare carriage returns": "Dovecot loses a carriage return at the very end of a message.",
}


@pytest.fixture(scope="module")
def answers(simulator, dovecot_server):
    """What both servers answer: mail → item → (the simulator's value, Dovecot's)."""
    simulator.reset()
    context = ssl.create_default_context(cafile=str(simulator.ca_file))
    token = simulator.new_token(SALES)
    mails = corpus()
    asked = " ".join(ITEMS.values()).encode()
    seen = []
    for port in (simulator.imap_port, dovecot_server.imap_port):
        with ImapWire(port, context) as wire:
            wire.sign_in(SALES, token)
            wire.ok(f"CREATE {FOLDER}".encode())
            for content in mails.values():
                wire.append(FOLDER, content)
            wire.ok(f"EXAMINE {FOLDER}".encode())
            seen.append([wire.fetch(number, asked) for number in range(1, len(mails) + 1)])
            wire.ok(b"UNSELECT")
            wire.ok(f"DELETE {FOLDER}".encode())
    simulated, real = seen
    return {
        name: {item: (ours[item], theirs[item]) for item in ITEMS}
        for name, ours, theirs in zip(mails, simulated, real, strict=True)
    }


def test_every_answer_is_dovecots_but_for_what_is_listed(answers):
    differ = {
        name: [item for item, (ours, theirs) in items.items() if ours != theirs]
        for name, items in answers.items()
    }
    _print(answers, differ)
    found = {name: items for name, items in differ.items() if items}
    assert {name: found[name] for name in found.keys() - DIFFERENCES.keys()} == {}
    assert found.keys() == DIFFERENCES.keys()


def _kind(item: str) -> str:
    if not item.startswith("BODY["):
        return item
    return "partial sections" if item.endswith(">") else "sections"


def _print(answers, differ):
    total = Counter(_kind(item) for items in answers.values() for item in items)
    unequal = Counter(_kind(item) for items in differ.values() for item in items)
    table = Table("item", "compared", "equal", title=f"{len(answers)} mails, beside Dovecot")
    for kind, count in total.items():
        table.add_row(kind, f"{count:,}", f"{count - unequal[kind]:,}")
    whole = total.total()
    table.add_row("together", f"{whole:,}", f"{whole - unequal.total():,}")
    console = Console(width=120)
    console.print()
    console.print(table)
    for name, reason in DIFFERENCES.items():
        console.print(f"{name} ({len(differ[name])} answers): {reason}")


def test_well_formed_mails_are_not_excused():
    assert DIFFERENCES.keys() & WELL_FORMED.keys() == set()
