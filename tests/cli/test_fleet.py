"""``accounts test --all``: a line per account, every cause named, and of use when interrupted."""

import csv
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing

import pytest
from cli.terminal import Terminal
from salesorder_m365.plugin.cli.output import csv_line
from salesorder_m365.plugin.settings.reading import PREFIX
from support.many_accounts import make_accounts


@pytest.fixture
def expected(erp, sim):
    """Thirty accounts, a good part of them broken in seven ways; their findings."""
    return make_accounts(erp, sim, 30, broken=0.4)


def test_lines_and_a_summary(expected, run_live):
    result = run_live("accounts", "test", "--all", "--at-once", "8")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert sum(line.startswith("✓") for line in lines) == 18
    assert sum(line.startswith("✗") for line in lines) == 12
    assert "30 accounts tested in" in result.stdout
    assert "18 work, 12 do not." in result.stdout
    summary = result.stdout.partition("do not.")[2]
    for code, count in expected.items():
        (row,) = [line for line in summary.splitlines() if f" {code} " in line]
        assert row.split()[0] == str(count)
    assert "Broken 0000 and" not in summary  # two or fewer are all named


def test_json(expected, run_live):
    result = run_live("accounts", "test", "--all", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["complete"] is True
    assert len(document["accounts"]) == 30
    causes = {cause["code"]: len(cause["accounts"]) for cause in document["summary"]["causes"]}
    assert causes == expected


def test_csv(expected, run_live):
    result = run_live("accounts", "test", "--all", "--csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(rows) == 30
    assert sum(row["passed"] == "yes" for row in rows) == 18
    assert Counter(code for row in rows for code in row["codes"].split()) == expected


def test_all_well_has_status_0(erp, sim, run_live):
    make_accounts(erp, sim, 3, broken=0)
    result = run_live("accounts", "test", "--all")
    assert result.exit_code == 0
    assert "3 work, 0 do not" in result.stdout


def test_no_accounts(run_live, ready):
    result = run_live("accounts", "test", "--all")
    assert result.exit_code == 0
    assert "0 accounts tested" in result.stdout


def test_on_a_terminal_a_bar_shows_how_far_it_is(expected, live, tmp_path):
    environ = os.environ | {PREFIX + name.upper(): value for name, value in live.items()}
    terminal = Terminal(tmp_path, environ, kind="xterm-256color")
    try:
        shown = terminal.run(f"{sys.executable} -m salesorder_m365.plugin.cli accounts test --all")
        status = terminal.run("echo $?")
    finally:
        terminal.close()
    assert re.search(r"Testing .*\b[12]?\d/30\b", shown)
    assert "18 work, 12 do not." in shown
    hidden, again = shown.rindex("\x1b[?25l"), shown.rindex("\x1b[?25h")
    assert hidden < again, "the cursor is not shown again"
    assert status.split()[-2] == "1"


def interrupted(live, *args):
    """Press Ctrl-C when the third test has begun, by the events that tests leave behind."""
    environ = os.environ | {PREFIX + name.upper(): value for name, value in live.items()}
    command = (sys.executable, "-m", "salesorder_m365.plugin.cli", "accounts", "test", "--all")
    with subprocess.Popen(
        [*command, "--at-once", "1", *args],
        env=environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts what runs in the background with Ctrl-C ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
    ) as process:
        until = time.monotonic() + 60
        while count_made(live) < 2:
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out, err


def count_made(live):
    with closing(sqlite3.connect(live["database_url"].removeprefix("sqlite:///"))) as connection:
        query = "SELECT count(*) FROM m365_event WHERE name = 'mail_account_tested'"
        return connection.execute(query).fetchone()[0]


def test_ctrl_c_leaves_the_lines_and_a_summary(expected, live):
    status, out, _ = interrupted(live)
    assert status == 130
    assert "Interrupted: " in out
    assert " of 30 accounts tested" in out
    assert 1 <= sum(line.startswith(("✓", "✗")) for line in out.splitlines()) < 30


def test_ctrl_c_leaves_usable_csv(expected, live):
    status, out, err = interrupted(live, "--csv")
    assert status == 130
    rows = list(csv.DictReader(io.StringIO(out)))
    assert 1 <= len(rows) < 30
    assert f"Interrupted: {len(rows)} of 30 tested." in err


def test_ctrl_c_leaves_one_json_document(expected, live):
    status, out, _ = interrupted(live, "--json")
    assert status == 130
    document = json.loads(out)
    assert document["complete"] is False
    assert document["summary"]["asked"] == 30
    assert len(document["accounts"]) == document["summary"]["tested"] < 30


FORMULAS = ["=1+1", "+1", "-1", "@A1", "\t=1"]


@pytest.mark.parametrize("cell", FORMULAS)
def test_no_cell_is_a_formula(cell):
    ((first, second),) = csv.reader([csv_line((cell, 'a,"b"'))])
    assert first == f"'{cell}"
    assert second == 'a,"b"'
