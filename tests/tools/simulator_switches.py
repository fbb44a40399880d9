"""Makes docs/simulator-switches.md of the switches: python tests/tools/simulator_switches.py"""

from pathlib import Path

from salesorder_m365.simulator.tenant.policies import DESCRIPTIONS, GROUPS, Policies

PAGE = Path(__file__).resolve().parents[2] / "docs" / "simulator-switches.md"
INTRODUCTION = """\
# The simulator's switches

What a person, a script or a test can change about [the simulator](simulator.md), what a client then
hears, and where the words are known from. “No words of Microsoft's” means that no source was found,
or that there is nothing to hear.

Each takes effect at once. `POST /api/policies` and `tenant.policies` take the values that are
shown; the first is that of a new tenant. `null` means no limit, or nothing.

This page is made of `simulator/tenant/switches/` by `python tests/tools/simulator_switches.py`.
`make simulator-words` turns each switch and prints what a client hears;
`tests/simulator/test_words.py` holds the words on the wire to those on this page.
"""
_VALUES = {
    "mailboxes": "list of mailboxes",
    "addresses": "list of addresses or domains",
    "reply": "null, text",
}


def page():
    """Return the page's text."""
    return "\n".join((INTRODUCTION, *(_section(*entry) for entry in GROUPS.items())))


def _section(group, entry):
    rows = [_row(described) for described in DESCRIPTIONS if described.group == group]
    head = ("| switch | values | imitates | words | source |", "|---|---|---|---|---|")
    return "\n".join((f"## {entry[0]}", "", *head, *rows, ""))


def _row(described):
    words = f"`{described.words}`" if described.words else ""
    cells = (f"`{described.name}`", _values(described), f"{described.label}. {described.imitates}")
    return "| " + " | ".join(map(_escaped, (*cells, words, described.source))) + " |"


def _values(described):
    first = Policies().to_json()[described.name]
    if described.widget == "switch":
        return "true, false" if first else "false, true"
    if described.widget == "choice":
        choices = sorted(described.options, key=lambda value: value != first)
        return ", ".join(f"`{value}`" for value in choices)
    if described.widget == "number":
        return f"{'null, number' if first is None else f'{first:,}'}"
    return _VALUES[described.widget]


def _escaped(text):
    if "`" in text:
        return text
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "\\<")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
