"""``accounts``, ``folders``, ``events``: what an administrator sees and does without the ERP."""

import base64
import json

import pytest
from support.erp import FORM


@pytest.fixture
def sales(erp, sim):
    """The id of a connected account."""
    return erp.connected(sim)


def test_an_empty_list_says_so(run_live, ready):
    result = run_live("accounts", "list")
    assert (result.exit_code, result.stdout) == (
        0,
        "There are no accounts yet. Add one: salesorder-m365 accounts add\n",
    )
    assert json.loads(run_live("accounts", "list", "--json").stdout) == []


def test_the_list_tells_state_and_last_test(erp, sales, run_live):
    erp.save(request_id="2", account_name="Purchasing", sender_email="purchasing@contoso.test")
    erp.test(sales)
    lines = run_live("accounts", "list").stdout.splitlines()
    assert lines[0].split("  ")[0] == "Account"
    purchasing, line = lines[1:3]
    assert "Not signed in" in purchasing
    assert "none" in purchasing
    assert "Connected" in line
    assert line.rstrip().endswith("passed")
    views = json.loads(run_live("accounts", "list", "--json").stdout)
    assert [view["values"]["account_name"] for view in views] == ["Purchasing", "Sales"]


WAYS = ["Sales", "sales", "sales@contoso.test", "SALES@contoso.test"]


@pytest.mark.parametrize("said", WAYS)
def test_an_account_is_found_by_name_and_address(sales, run_live, said):
    assert json.loads(run_live("accounts", "show", said, "--json").stdout)["id"] == sales


def test_an_account_is_found_by_id(sales, run_live):
    shown = run_live("accounts", "show", sales)
    assert shown.exit_code == 0
    for words in ("Sales Desk <sales@contoso.test>", "Connected", "Signed in with Microsoft"):
        assert words in shown.stdout


def test_an_address_of_two_accounts_is_not_enough(erp, sales, run_live):
    erp.save(request_id="2", account_name="Sales 2")
    result = run_live("accounts", "show", "sales@contoso.test")
    assert result.exit_code == 2
    assert "“Sales 2”" in result.stderr
    assert sales in result.stderr


def test_an_unknown_account_is_a_wrong_usage(run_live, ready):
    result = run_live("accounts", "delete", "nobody", "--yes")
    assert result.exit_code == 2
    assert "accounts list" in result.stderr


def test_one_test_shows_its_stages_and_findings(sim, sales, run_live):
    passed = run_live("accounts", "test", "Sales")
    assert passed.exit_code == 0
    assert sum(line.startswith("✓") for line in passed.stdout.splitlines()) == 12
    assert "Sales works" in passed.stdout
    sim.tenant.policies.smtp_auth_disabled = True
    failed = run_live("accounts", "test", "Sales")
    assert failed.exit_code == 1
    assert "[smtp_auth_disabled]" in failed.stdout
    assert "Who acts: the Microsoft 365 administrator" in failed.stdout
    assert "Sales does not work yet" in failed.stdout


def test_one_test_as_json(sales, run_live):
    result = run_live("accounts", "test", "Sales", "--json")
    assert json.loads(result.stdout)["passed"] is True


USAGE = [
    ("accounts", "test"),
    ("accounts", "test", "Sales", "--all"),
    ("accounts", "test", "Sales", "--csv"),
    ("accounts", "test", "--all", "--csv", "--json"),
    ("accounts", "test", "--all", "--at-once", "0"),
    ("folders", "map", "Sales"),
    ("folders", "map", "Sales", "Sent Items"),
    ("folders", "map", "Sales", "outbox=Sent Items"),
]


@pytest.mark.parametrize("args", USAGE, ids=[" ".join(args) for args in USAGE])
def test_wrong_usage_has_status_2(run_live, args):
    assert run_live(*args).exit_code == 2


def test_an_account_is_added_as_by_the_form(run_live, erp):
    result = run_live("accounts", "add", typed="Orders\nOrder Desk\norders@contoso.test\n")
    assert result.exit_code == 0
    (view,) = json.loads(run_live("accounts", "list", "--json").stdout)
    assert view["id"] in result.stdout
    assert view["values"] == FORM | {
        "account_name": "Orders",
        "sender_name": "Order Desk",
        "sender_email": "orders@contoso.test",
        "username": "orders@contoso.test",
        "use_oauth": True,
    }
    (event,) = json.loads(run_live("events", "--json").stdout)
    assert event["worker"].endswith("(command line)")


def test_a_wrong_form_names_its_fields(run_live):
    args = ("--name", " ", "--sender-name", "Desk", "--sender-email", "nobody")
    result = run_live("accounts", "add", *args)
    assert result.exit_code == 2
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == [
        "Name",
        "Sender email",
    ]


def test_disconnect_and_delete_ask_first(sales, run_live):
    assert "Nothing was changed" in run_live("accounts", "disconnect", "Sales", typed="n\n").stdout
    assert "Connected" in run_live("accounts", "list").stdout
    assert "Disconnected Sales" in run_live("accounts", "disconnect", "Sales", typed="y\n").stdout
    assert "Not signed in" in run_live("accounts", "list").stdout
    assert "Nothing was changed" in run_live("accounts", "delete", "Sales", typed="\n").stdout
    assert "Deleted Sales" in run_live("accounts", "delete", "Sales", "--yes").stdout
    assert "no accounts" in run_live("accounts", "list").stdout


def test_an_unanswered_question_changes_nothing(sales, run_live):
    result = run_live("accounts", "delete", "Sales")
    assert result.exit_code == 2
    assert "Give --yes." in result.stderr
    assert "Connected" in run_live("accounts", "list").stdout


def test_events_are_those_asked_for(erp, sales, run_live):
    erp.save(request_id="2", account_name="Purchasing")
    names = [event["name"] for event in json.loads(run_live("events", "--json").stdout)]
    assert names == [
        "mail_account_created",
        "authn_login_success",
        "authn_login_begin",
        "mail_account_created",
    ]
    (last,) = json.loads(run_live("events", "--last", "1", "--json").stdout)
    assert last["account_id"] != sales
    (named,) = json.loads(
        run_live("events", "--account", "Sales", "--name", "mail_account_created", "--json").stdout
    )
    assert named["account_id"] == sales
    assert "Signed in with Microsoft" in run_live("events", "--account", sales).stdout
    assert run_live("events", "--name", "none").stdout == "No events.\n"


def test_folders_are_shown_and_mapped(sales, run_live, sim):
    shown = run_live("folders", "show", "Sales")
    assert shown.exit_code == 0
    assert "Sent Items" in shown.stdout
    mapped = run_live("folders", "map", "Sales", "--suggested", "archive=")
    assert mapped.exit_code == 0, mapped.output
    choices = json.loads(run_live("folders", "show", "Sales", "--json").stdout)
    roles = {role["role"]: role["mapped"] for role in choices["roles"]}
    assert roles["sent"] == "Sent Items"
    assert roles["archive"] is None
    assert run_live("folders", "map", "Sales", "archive=Archive").exit_code == 0
    sim.tenant.rename_folder("sales@contoso.test", "Archive", "Attic")
    renamed = run_live("folders", "show", "Sales")
    assert renamed.exit_code == 1
    assert "renamed" in renamed.stdout
    assert run_live("folders", "map", "Sales", "--suggested").exit_code == 0
    assert run_live("folders", "show", "Sales").exit_code == 0


def test_a_mapping_that_does_not_fit_is_refused_by_role(sales, run_live):
    result = run_live("folders", "map", "Sales", "sent=Nowhere", "trash=Sent Items")
    assert result.exit_code == 2
    assert result.stderr.startswith("sent: This folder is not in the mailbox")


def test_folders_of_an_account_without_sign_in(erp, run_live):
    erp.save()
    result = run_live("folders", "show", "Sales")
    assert result.exit_code == 1
    assert "Nobody has signed in yet" in result.stderr


def test_a_token_goes_through_a_pipe(sales, run_live):
    token = run_live("accounts", "token", "Sales").stdout.strip()
    assert token.count(".") == 2
    blob = run_live("accounts", "token", "Sales", "--protocol", "imap", "--xoauth2").stdout
    assert token.encode() in base64.b64decode(blob)


def test_a_token_is_not_shown_on_a_terminal_unasked(sales, run_live, mocker):
    mocker.patch("salesorder_m365.plugin.cli.token.on_terminal", return_value=True)
    refused = run_live("accounts", "token", "Sales")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "--show" in refused.stderr
    assert run_live("accounts", "token", "Sales", "--show").exit_code == 0
