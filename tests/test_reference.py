"""The reference has every hook, setting, command, finding, event and table, and no other."""

import re
from pathlib import Path

import click
import pytest
from salesorder_m365.hooks import spec
from salesorder_m365.plugin.cli import main as command_line
from salesorder_m365.plugin.context import REGISTRATION_NOTICE
from salesorder_m365.plugin.findings.catalogue import entries
from salesorder_m365.plugin.store.tables import metadata
from salesorder_m365.plugin.store.upgrade import CURRENT
from salesorder_m365.schemas.settings import SettingsSchema
from tools import simulator_switches, tables_page, values_page

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def commands(group, *above):
    """Every command that does something, by the words behind ``salesorder-m365``."""
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        yield from commands(command, *above, name) if inner else [" ".join((*above, name))]


def from_entry_points():
    """The commands of the floors above, which are no groups."""
    names = command_line.list_commands(click.Context(command_line))
    return [name for name in names if name not in command_line.commands]


def events():
    """The names of events: strings of their form, and what is emitted once."""
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "plugin").rglob("*.py"))
    calls = re.findall(r"emit_once\(\s*(?:f?\".*\"|\w+),\s*[\w.()]+,\s*(\"?\w+\"?)", sources)
    once = {REGISTRATION_NOTICE if name == "REGISTRATION_NOTICE" else name for name in calls}
    given = re.findall(r'"((?:authn|authz|mail_account)_[a-z_]+)"', sources)
    given += re.findall(r'\b(?:happened|_tell|emit)\(\s*(?:change,\s*)?"(\w+)"', sources)
    return sorted({*given, *(name.strip('"') for name in once)})


REFERENCE = {
    "hooks": ("hooks.md", [name for name in vars(spec) if name.startswith("salesorder_")]),
    "settings": ("settings.md", SettingsSchema().fields),
    "findings": ("diagnosis.md", entries()),
    "events": ("hooks.md", events()),
    "tables": ("tables.md", metadata.tables),
}


def defined(page):
    """What a page sets as code at the beginning of a heading or of a table's row."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^(?:#+ |\| )`([^`]+)`", text, re.MULTILINE)


@pytest.mark.parametrize("part", REFERENCE)
def test_it_is_complete(part):
    page, names = REFERENCE[part]
    assert len(names) > 6
    assert sorted(set(names) - set(defined(page))) == []


def test_every_command_is_in_it():
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"`[^`\n]+`|^    .*$|^\$ .*$", text, re.MULTILINE))
    names = [*commands(command_line), *from_entry_points()]
    assert len(names) > 6
    assert [name for name in names if not re.search(rf"\b{name}\b", code)] == []


def test_no_finding_or_event_is_in_it_that_is_gone():
    assert set(defined("diagnosis.md")) - set(entries()) == set()
    text = (DOCS / "hooks.md").read_text(encoding="utf-8")
    section = text.split("\n## `salesorder_event`")[1].split("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == events()


def test_the_switches_page_is_made_of_the_switches():
    text = simulator_switches.PAGE.read_text(encoding="utf-8")
    assert text == simulator_switches.page(), "run: python tests/tools/simulator_switches.py"


def test_the_tables_page_is_made_of_the_tables():
    text = tables_page.PAGE.read_text(encoding="utf-8")
    assert text == tables_page.page(), "run: python tests/tools/tables_page.py"
    assert f"This is schema {CURRENT}." in text
    assert "| `access_token` | bytea, not null | **sealed** |" in text


def test_the_values_page_is_made_of_the_values():
    text = values_page.PAGE.read_text(encoding="utf-8")
    assert text == values_page.page(), "run: python tests/tools/values_page.py"
    assert text.count("\n### ") == len(values_page.values()) > 30
