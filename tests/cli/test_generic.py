"""``generic plan``, ``replace`` and ``restore``, with the host that ``--host`` names."""

import csv
import io
import json

import pytest
from salesorder_m365.plugin.settings.reading import PREFIX, read_settings
from support import generic_host
from support.generic_host import SECRET, GenericErp, generic

HOST = ("--host", "support.generic_host:THE_HOST")


@pytest.fixture
def host(given, monkeypatch):
    settings = read_settings({PREFIX + name.upper(): value for name, value in given.items()})
    made = GenericErp(settings, generic(1, used_by=("=Invoices",)), generic(2, ""))
    monkeypatch.setattr(generic_host, "THE_HOST", made, raising=False)
    return made


@pytest.fixture
def say(run, host, ready):
    """Run ``generic …`` on the host; its password stands in no output."""

    def say(*words, where=HOST, **how):
        result = run("generic", *words, *where, **how)
        assert SECRET not in result.output
        return result

    return say


def test_the_plan_as_a_table(say):
    shown = " ".join(say("plan").stdout.split())
    assert "g1 Branch 1 sales@contoso.test" in shown
    assert "It has no Sender email." in shown
    assert "Set mail_domains" in shown


def test_the_plan_as_json_and_as_csv(say):
    plan = json.loads(say("plan", "--json").stdout)
    assert [line["state"] for line in plan["accounts"]] == ["ready", "conflict"]
    _, first, second = csv.reader(io.StringIO(say("plan", "--csv").stdout, newline=""))
    assert (first[0], first[4], second[5]) == ("Branch 1", "'=Invoices", "Cannot be replaced")


def test_there_and_back(say, host):
    made = say("replace", "g1")
    assert (made.exit_code, list(host.old)) == (0, ["g1", "g2"])
    assert "Sign in with Microsoft, press Test Connection" in made.stdout
    assert made.stdout.splitlines()[-1] == "1 sign in first"

    deleted = say("replace", "g1", "--now", "--yes")
    assert (deleted.exit_code, list(host.old)) == (0, ["g2"])
    assert deleted.stdout.splitlines()[-1] == "1 replaced"

    back = say("restore", "--delete-new", "--yes")
    assert (back.exit_code, len(host.old), host.accounts()) == (0, 2, {})
    assert back.stdout.splitlines()[-1] == "1 restored"
    assert say("restore").stdout == "Nothing to do.\n"
    assert host.event_names()[-1] == "mail_account_deleted"
    assert {event.worker for event in host.events} != {"worker-1"}


def test_what_is_in_the_way_is_status_1(say, host):
    result = say("replace", "--now", "--yes")
    assert result.exit_code == 1
    assert "Branch 2: It has no Sender email." in result.stdout
    assert result.stdout.splitlines()[-1] == "1 replaced, 1 conflict"


@pytest.mark.parametrize("words", [("replace", "--now"), ("restore", "--delete-new")])
def test_what_takes_something_away_asks_first(say, host, words):
    say("replace", "g1")
    before = len(host.calls)
    assert say(*words, typed="n\n").exit_code == 130
    assert (host.calls[before:], len(host.accounts())) == ([], 1)


def test_the_host_may_come_from_the_environment_or_be_made_of_the_settings(run, host, ready):
    result = run("generic", "plan", "--json", "--host", "salesorder_m365.demo.erp.host:host_of")
    assert json.loads(result.stdout)["accounts"] == []


WRONG = {
    "no host": ((), "--host"),
    "a module alone": (("--host", "json"), "Give MODULE:NAME, such as"),
    "no module": (("--host", "no_such_module:host"), "No module named 'no_such_module'"),
    "no name": (("--host", "support.generic_host:missing"), "has no attribute 'missing'"),
    "nothing": (("--host", ""), "Give --host MODULE:NAME"),
    "no host object": (("--host", "support.generic_host:json"), "is no host: it has no settings"),
    "not the arguments": (("--host", "support.generic_host:GenericErp.x"), "has no attribute"),
}


@pytest.mark.parametrize(("where", "words"), WRONG.values(), ids=WRONG)
def test_a_host_that_is_none_is_refused_by_its_name(say, where, words):
    result = say("plan", where=where)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


def test_a_host_that_cannot_be_made_is_one_line(say, monkeypatch):
    def broken(settings):
        raise OSError("the ERP's disk is full")

    monkeypatch.setattr(generic_host, "broken", broken, raising=False)
    result = say("plan", where=("--host", "support.generic_host:broken"))
    assert result.exit_code == 1
    assert "could not make its host (OSError: the ERP's disk is full)" in result.stderr
