"""What a person sees: tables of any width, colours, whole help texts, next steps, questions."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime

import click
import pytest
import test_reference
from cli.terminal import Terminal
from hypothesis import given, settings
from hypothesis import strategies as st
from salesorder_m365.plugin.cli import asking, main
from salesorder_m365.plugin.cli.base import first_sentence
from salesorder_m365.plugin.cli.event_words import WORDS
from salesorder_m365.plugin.cli.output import moment, say_json
from salesorder_m365.plugin.cli.tables import cell_width, laid_out
from salesorder_m365.plugin.settings.reading import PREFIX
from salesorder_m365.plugin.store.engines import engine_for, writing
from salesorder_m365.plugin.store.tables import grant

COLUMNS = ("Account", "Mailbox", "State")
ADDRESS = "a.person.with.a.long.name@subsidiary.contoso.example.com"
ROWS = [
    ("Sales", ADDRESS, "Connected"),
    ("Support of the western branch", "support@contoso.test", "Sign-in needed"),
]


@pytest.mark.parametrize("width", [None, 200, 120, 100, 90, 80, 60, 40, 20])
def test_a_table_fits_and_keeps_addresses_whole(width):
    lines = laid_out(COLUMNS, ROWS, width)
    text = "\n".join(lines)
    assert ADDRESS in text
    assert "support@contoso.test" in text
    if width is not None and width >= len(ADDRESS) + len("Mailbox  "):
        assert max(map(len, lines)) <= width


def test_a_table_that_cannot_fit_shows_blocks():
    assert laid_out(COLUMNS, ROWS[:1], 70) == [
        "Account  Sales",
        f"Mailbox  {ADDRESS}",
        "State    Connected",
    ]


def test_a_wide_script_counts_two():
    lines = laid_out(("A", "B"), [("営業", "x"), ("ab", "y")], None)
    assert [cell_width(line) for line in lines[1:]] == [7, 7]


WORD = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), max_size=30)
CELL = st.lists(WORD, max_size=5).map(" ".join)
TABLE = st.integers(1, 5).flatmap(
    lambda n: st.lists(st.tuples(*[CELL] * n), max_size=4).map(
        lambda rows: (tuple(f"Column{i}" for i in range(n)), rows)
    )
)


@given(table=TABLE, width=st.none() | st.integers(1, 200))
@settings(max_examples=200, deadline=None)
def test_no_word_is_ever_lost_or_broken(table, width):
    columns, rows = table
    shown = "\n".join(laid_out(columns, rows, width)).split()
    for word in " ".join(cell for row in rows for cell in row).split():
        assert word in shown


@pytest.fixture
def sales(erp, sim):
    return erp.connected(sim)


COLOURLESS = [
    ({"NO_COLOR": "1"}, "xterm-256color"),
    ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, "xterm-256color"),
    ({}, "dumb"),
]


@pytest.mark.parametrize(("changes", "kind"), [*COLOURLESS, ({}, "xterm-256color")])
def test_colours_are_sent_where_they_are_wanted(live, sales, tmp_path, changes, kind):
    environ = os.environ | {PREFIX + name.upper(): value for name, value in live.items()}
    environ.pop("NO_COLOR", None)
    terminal = Terminal(tmp_path, environ | changes, kind=kind)
    program = f"{sys.executable} -m salesorder_m365.plugin.cli"
    try:
        shown = terminal.run(f"{program} accounts list; {program} accounts test Sales")
    finally:
        terminal.close()
    assert "sales@contoso.test" in shown
    colours = re.findall(r"\x1b\[[0-9;]+m", shown)
    assert bool(colours) == (not changes and kind != "dumb")


def test_an_address_is_whole_on_a_narrow_terminal(live, erp, tmp_path):
    address = "somebody.with.a.long.name@contoso.test"
    erp.save(account_name="A name of several words that is long", sender_email=address)
    environ = os.environ | {PREFIX + name.upper(): value for name, value in live.items()}
    terminal = Terminal(tmp_path, environ, columns=80)
    try:
        shown = terminal.run(f"{sys.executable} -m salesorder_m365.plugin.cli accounts list")
    finally:
        terminal.close()
    assert address in shown
    assert max(len(line) for line in shown.splitlines()[1:-1]) <= 80


def every_group(group=main, *above):
    yield " ".join(above), group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_group(command, *above, name)


@pytest.mark.parametrize("words", [words for words, _ in every_group()])
def test_help_cuts_no_sentence(run, words):
    group = dict(every_group())[words]
    shown = " ".join(run(*words.split(), "--help", COLUMNS="80").stdout.split())
    for command in group.commands.values():
        assert first_sentence(command) in shown
    assert "..." not in shown.replace("]...", "").replace("] [", "")


def test_without_any_settings_one_line_and_the_next_step():
    environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    for args in (["accounts", "list"], ["settings", "check"], ["status"]):
        done = subprocess.run(
            [sys.executable, "-m", "salesorder_m365.plugin.cli", *args],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2
        assert done.stderr.splitlines() == [
            "There are no settings yet. If a file has them: --config FILE",
            "Run: salesorder-m365 setup",
        ]


QUESTIONS = [
    (("accounts", "add"), "Give --name."),
    (("accounts", "add", "--name", "Sales"), "Give --sender-name."),
    (("accounts", "delete", "Sales"), "Give --yes."),
    (("accounts", "disconnect", "Sales"), "Give --yes."),
    (("accounts", "login", "Sales"), "Give --device or --app."),
]


@pytest.mark.parametrize(("args", "words"), QUESTIONS, ids=[" ".join(q[0]) for q in QUESTIONS])
def test_a_question_without_a_terminal_names_the_option(run_live, sales, args, words):
    result = run_live(*args)
    assert result.exit_code == 2
    assert "there is no terminal to ask on" in result.stderr
    assert words in result.stderr


def test_ctrl_c_at_a_terminal_is_no_missing_option(mocker):
    mocker.patch.object(asking.sys, "stdin", mocker.Mock(isatty=lambda: True))
    mocker.patch.object(asking.click, "confirm", side_effect=click.Abort)
    with pytest.raises(click.Abort):
        asking.confirmed("Delete Sales?")


def test_login_offers_the_code(run_live, sales, mocker):
    asked = mocker.patch("salesorder_m365.plugin.cli.login._by_device", return_value=None)
    assert run_live("accounts", "login", "Sales", typed="\n").exit_code == 0
    assert asked.call_count == 1
    assert run_live("accounts", "login", "Sales", typed="n\n").exit_code == 2


def test_times_have_their_zone(monkeypatch):
    shown = moment(datetime(2027, 1, 15, 9, 30, tzinfo=UTC))
    assert re.fullmatch(r"2027-01-1\d \d\d:\d\d[+-]\d\d:\d\d", shown)
    assert moment(None) == ""


def test_every_event_has_words():
    assert set(WORDS) == set(test_reference.events())


def test_events_are_told_in_words_newest_first(run_live, erp, sales):
    erp.view(sales)
    lines = run_live("events").stdout.splitlines()[1:]
    assert "Signed in with Microsoft" in lines[0]
    assert "Account created" in lines[-1]
    assert all("Sales" in line for line in lines)


def test_status_tells_what_needs_the_administrator(run_live, erp, sales):
    well = run_live("status")
    assert well.exit_code == 0
    assert well.stdout == "1 account: 1 connected\nNothing to be done.\n"
    with writing(engine_for(erp.name, erp.settings.database_url)) as connection:
        connection.execute(grant.update().values(refused="grant_refused"))
    ill = run_live("status")
    assert ill.exit_code == 1
    assert "[accounts_to_sign_in]" in ill.stdout
    told = json.loads(run_live("status", "--json").stdout)
    assert [found["code"] for found in told["findings"]] == ["accounts_to_sign_in"]
    assert sum(told["accounts"].values()) == 1


# JSON ------------------------------------------------------------------------------------------


def test_json_of_some_fields(run_live, sales):
    every = json.loads(run_live("accounts", "list", "--json").stdout)
    some = json.loads(run_live("accounts", "list", "--json", "id,values.username,report").stdout)
    assert some == [{"id": sales, "values.username": "sales@contoso.test", "report": None}]
    assert set(every[0]) > {"id", "values", "report"}


@pytest.mark.parametrize(
    "args",
    [
        ("accounts", "show", "--json", "Sales"),
        ("accounts", "show", "Sales", "--json"),
        ("accounts", "show", "--json", "--", "Sales"),
    ],
)
def test_an_account_is_not_taken_for_a_field(run_live, sales, args):
    assert json.loads(run_live(*args).stdout)["id"] == sales


@pytest.mark.parametrize(
    "args",
    [
        ("accounts", "show", "--json", "id,state", "Sales"),
        ("accounts", "show", "Sales", "--json=id,state"),
    ],
)
def test_fields_stand_before_or_behind_the_account(run_live, sales, args):
    assert json.loads(run_live(*args).stdout) == {"id": sales, "state": "connected"}


WRONG = [
    ("accounts", "list", "--json", "nam"),
    ("accounts", "list", "--json=id,nam"),
    ("accounts", "show", "Sales", "--json", "id,nam"),
    ("accounts", "test", "--all", "--json", "passed"),
    ("accounts", "test", "Sales", "--json", "summary"),
]


@pytest.mark.parametrize("args", WRONG, ids=[" ".join(args) for args in WRONG])
def test_an_unknown_field_is_refused_with_those_that_there_are(run_live, sales, args):
    result = run_live(*args)
    assert result.exit_code == 2
    assert "Fields are " in result.stderr


def test_fields_of_all_tests(run_live, sales):
    told = json.loads(run_live("accounts", "test", "--all", "--json", "complete,accounts").stdout)
    assert set(told) == {"complete", "accounts"}


ESCAPED = "\x00\x1b\x7f\x9b\xad\u061c\u200b\u202e\u2028\u2066\ufeff\ud800\U000e0041"


@pytest.mark.parametrize("char", ESCAPED, ids=[f"U+{ord(char):04X}" for char in ESCAPED])
def test_json_escapes_what_a_terminal_obeys(capsys, char):
    say_json({"name": f"Sales{char}é営"})
    shown = capsys.readouterr().out
    assert char not in shown
    assert "é営" in shown
    assert json.loads(shown)["name"] == f"Sales{char}é営"
