"""Completion: a real bash with our script; the other shells by what they are told."""

import json
import os
import shlex
import subprocess
import sys

import pytest
from salesorder_m365.plugin.cli.completion import SHELLS
from salesorder_m365.plugin.settings.reading import PREFIX
from salesorder_m365.schemas.outgoing import Address, OutgoingMail
from support.erp import WORKER

NAME = "Sales & Co"


@pytest.fixture
def sales(erp, sim):
    account = erp.connected(sim)
    erp.save(account, account_name=NAME)
    return account


@pytest.fixture
def environ(live, tmp_path):
    """An environment with the command on the path, under its name."""
    command = tmp_path / "bin" / "salesorder-m365"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m salesorder_m365.plugin.cli "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}:{os.environ['PATH']}"
    given = {PREFIX + name.upper(): value for name, value in live.items()}
    return os.environ | given | {"PATH": path}


def shell(environ, program):
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", program],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def bash(environ):
    """What bash puts in for the last word of a line."""

    def bash(line):
        program = (
            "source <(salesorder-m365 completion bash); compopt() { :; }; "
            f"COMP_LINE={shlex.quote(line)}; COMP_POINT=${{#COMP_LINE}}; "
            '_salesorder_m365_completion salesorder-m365; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        return [found for found in shell(environ, program) if found]

    return bash


def test_bash_completes_commands_and_options(bash):
    assert bash("salesorder-m365 acc") == ["accounts"]
    assert bash("salesorder-m365 accounts te") == ["test"]
    assert "--all" in bash("salesorder-m365 accounts test --")
    assert {"demo", "simulator", "status"} <= set(bash("salesorder-m365 "))


def test_bash_completes_mails_documents_and_what_can_be_decided(bash, erp, sales):
    quote = OutgoingMail(
        to=(Address("buyer@fabrikam.example.com"),), subject="Quote", document="quote-4711"
    )
    queued = erp.hook.salesorder_mail_send(
        host=erp, account_id=sales, message=quote, worker=WORKER, request_id="1", wait=0.0
    )
    assert bash("salesorder-m365 mail trace quo") == ["quote-4711"]
    assert bash("salesorder-m365 mail decide quo") == []
    found = bash(f"salesorder-m365 mail decide {queued.id} ")
    assert sorted(found) == ["cancel", "give_up", "retry_now"]
    assert bash("salesorder-m365 mail queue --state unc") == ["uncertain"]


def test_bash_completes_accounts(bash, sales):
    assert bash("salesorder-m365 accounts show ") == [r"Sales\ \&\ Co"]
    assert bash("salesorder-m365 accounts show sal") == [r"Sales\ \&\ Co"]
    assert bash(r"salesorder-m365 accounts show Sales\ ") == [r"Sales\ \&\ Co"]
    assert bash('salesorder-m365 accounts show "Sales ') == ["Sales & Co"]
    # bash replaces what stands behind the colon.
    assert bash(f"salesorder-m365 accounts show {sales[:12]}") == [sales.removeprefix("m365:")]
    assert bash("salesorder-m365 accounts show nobody") == []


def test_bash_completes_roles_and_folders(bash, sales):
    line = r"salesorder-m365 folders map Sales\ \&\ Co "
    assert bash(f"{line}s") == ["sent="]
    assert bash(f"{line}sent=Se") == [r"Sent\ Items"]
    assert bash(rf"{line}sent=Sent\ I") == [r"Sent\ Items"]
    assert "trash=" in bash(f"{line}sent=x ")
    assert "sent=" not in bash(f"{line}sent=x ")


def test_bash_completes_fields_and_events(bash):
    assert bash("salesorder-m365 accounts list --json id,sta") == ["id,state", "id,state_label"]
    assert bash("salesorder-m365 events --name authn_login_b") == ["authn_login_begin"]


def test_a_completed_line_runs(environ, bash, sales):
    (name,) = bash("salesorder-m365 accounts show ")
    shown = shell(environ, f"salesorder-m365 accounts show {name} --json")
    assert json.loads("\n".join(shown))["id"] == sales


def asked(environ, shell, **line):
    done = subprocess.run(
        [sys.executable, "-m", "salesorder_m365.plugin.cli"],
        env=environ | {"_SALESORDER_M365_COMPLETE": f"{shell}_complete", **line},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.stdout.strip("\n").splitlines()


POWERSHELL = [
    ("salesorder-m365 accounts show sa", ["'Sales & Co'\tsales@contoso.test"]),
    ("salesorder-m365 accounts show 'Sales &", ["'Sales & Co'\tsales@contoso.test"]),
    ('salesorder-m365 accounts show "Sales &', ["'Sales & Co'\tsales@contoso.test"]),
    ("salesorder-m365 folders map 'Sales & Co' sent=Se", ["'sent=Sent Items'\t"]),
]


@pytest.mark.parametrize(("line", "told"), POWERSHELL)
def test_powershell_is_told_values_in_its_quotes(environ, sales, line, told):
    assert asked(environ, "powershell", COMP_LINE=line) == told


def test_zsh_and_fish_are_told_accounts(environ, sales):
    words = {"COMP_WORDS": "salesorder-m365 accounts show sa", "COMP_CWORD": "3"}
    assert asked(environ, "zsh", **words) == ["plain", NAME, "sales@contoso.test"]
    words["COMP_CWORD"] = "sa"
    assert NAME in " ".join(asked(environ, "fish", **words))


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_its_script(run, shell):
    result = run("completion", shell)
    assert result.exit_code == 0
    assert f"{shell}_complete" in result.stdout
    assert "%(" not in result.stdout


def test_what_fails_completes_nothing_and_makes_nothing(environ, database):
    for changes in ({}, {PREFIX + "TENANT": "common"}, {PREFIX + "DATABASE_URL": "sqlite:////x/y"}):
        line = {"COMP_LINE": "salesorder-m365 accounts show s"}
        assert asked(environ | changes, "bash", **line) == []
        line = {"COMP_LINE": "salesorder-m365 folders map s sent="}
        assert asked(environ | changes, "bash", **line) == []
    assert not database.exists()
