"""``mail``: send, queue, trace, decide, work, forget and adopt, as an administrator uses them."""

import json
from datetime import timedelta

import pytest
from salesorder_m365.plugin.errors import StoreError
from salesorder_m365.plugin.mail.mail import Mail
from salesorder_m365.plugin.store.engines import engine_for, writing
from salesorder_m365.plugin.store.mail_tables import delivery
from salesorder_m365.schemas.outgoing import Address, OutgoingMail
from salesorder_m365.simulator.mail.smtp.faults import SmtpFault, Stage
from support.erp import WORKER

BUYER = "buyer@fabrikam.example.com"


@pytest.fixture
def sales(erp, sim):
    return erp.connected(sim)


@pytest.fixture
def queued(erp, sales):
    """A quote that the ERP has queued."""
    return erp.hook.salesorder_mail_send(
        host=erp,
        account_id=sales,
        message=OutgoingMail(
            to=(Address(BUYER, "Buyer"),), subject="Quote", text="…", document="quote:4711"
        ),
        worker=WORKER,
        request_id="quote-1",
        wait=0.0,
    )


def test_a_mail_is_sent_with_its_file(sim, sales, run_live, tmp_path):
    file = tmp_path / "quote.pdf"
    file.write_bytes(b"%PDF")
    result = run_live(
        *("mail", "send", "Sales", "--to", f"Buyer <{BUYER}>", "--subject", "Quote"),
        *("--text-file", "-", "--attach", str(file), "--document", "quote:1", "--wait", "20"),
        typed="Our quote: 4 €\n",
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.split("State", 1)[1].split()[0] == "sent"
    (taken,) = sim.tenant.submissions
    assert list(taken.recipients) == [BUYER]


def test_the_same_request_sends_one_mail(sim, sales, run_live):
    line = ("mail", "send", "Sales", "--to", BUYER, "--subject", "Q", "--request-id", "1")
    for _ in range(2):
        assert run_live(*line, "--wait", "20").exit_code == 0
    assert len(sim.tenant.submissions) == 1
    other = run_live("mail", "send", "Sales", "--to", "x@y.example.com", "--request-id", "1")
    assert other.exit_code == 1
    assert "1. " in other.stderr


WRONG = {
    "nobody": (("--subject", "Q"), "To: Nobody would receive this mail"),
    "no address": (("--to", "nobody"), "To: "),
    "a line end": (("--to", BUYER, "--subject", "a\r\nBcc: x@y.example.com"), "Subject: "),
}


@pytest.mark.parametrize(("options", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_and_nothing_is_queued(sales, run_live, options, words):
    result = run_live("mail", "send", "Sales", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert "mail send --help" in result.stderr
    assert run_live("mail", "queue").stdout == "No mail waits.\n"


def test_a_text_in_another_encoding_is_wrong_usage(sales, run_live, tmp_path):
    file = tmp_path / "text"
    file.write_bytes("4 €".encode("cp1252"))
    result = run_live("mail", "send", "Sales", "--to", BUYER, "--html-file", str(file))
    assert result.exit_code == 2
    assert "iconv" in result.stderr


def test_the_queue_says_what_waits_why_and_until_when(erp, sim, queued, run_live):
    sim.tenant.policies.mailbox_full_for = frozenset({"sales@contoso.test"})
    assert run_live("mail", "work", "--once").exit_code == 0
    shown = run_live("mail", "queue", "Sales").stdout
    for words in (queued.id, "waits for the account, which is paused", BUYER, "Sales is paused."):
        assert words in shown
    assert "Who acts: " in shown
    (listed,) = json.loads(run_live("mail", "queue", "--json", "id,reason,not_before").stdout)
    assert (listed["id"], listed["reason"]) == (queued.id, "paused")
    assert listed["not_before"]
    assert run_live("mail", "queue", "--state", "sent").stdout == "No mail is sent.\n"


@pytest.mark.parametrize("wanted", ["quote:4711", "its id"])
def test_the_trail_leads_from_the_document_to_the_servers_words(sim, queued, run_live, wanted):
    refusal = "550 5.1.1 User unknown"
    sim.smtp_faults.add(SmtpFault(Stage.RCPT, refusal))
    run_live("mail", "work", "--once")
    shown = run_live("mail", "trace", queued.id if wanted == "its id" else wanted)
    assert shown.exit_code == 0
    for words in ("quote:4711", "Queued by worker-1", refusal, "Who acts: ", "mail decide"):
        assert words in shown.stdout
    (story,) = json.loads(run_live("mail", "trace", wanted and "quote:4711", "--json").stdout)
    assert [step["name"] for step in story["trail"]] == ["queued", "failed"]


def test_a_document_without_mail_is_told(sales, run_live):
    result = run_live("mail", "trace", "quote:0")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "mail queue" in result.stderr
    gone = run_live("mail", "trace", "m365:mail:0")
    assert gone.exit_code == 1
    assert "1. " in gone.stderr


def test_a_decision_is_carried_out_once(queued, run_live):
    assert "taken back" in run_live("mail", "decide", queued.id, "cancel").stdout
    again = run_live("mail", "decide", queued.id, "cancel")
    assert again.exit_code == 1
    assert "1. " in again.stderr


def test_work_does_what_is_due_and_ends(sim, queued, run_live):
    assert "Sales: 1 mail tried." in run_live("mail", "work", "--seconds", "1").stdout
    assert [each.message_id for each in sim.tenant.submissions] == [queued.message_id]
    assert "mail queue" in run_live("mail", "work", "--once").stdout


def test_work_goes_on_after_an_accounts_error(mocker, queued, run_live):
    mocker.patch.object(Mail, "run", side_effect=StoreError("store_unreachable"))
    result = run_live("mail", "work", "--once")
    assert result.exit_code == 1
    assert result.stderr.startswith("Sales: ")


def test_ctrl_c_ends_the_work(mocker, sales, run_live):
    mocker.patch("salesorder_m365.plugin.cli.mail_work.time.sleep", side_effect=KeyboardInterrupt)
    assert run_live("mail", "work").exit_code == 130


def test_forget_leaves_a_stub_that_no_request_sends_again(erp, sim, queued, run_live):
    run_live("mail", "work", "--once")
    tomorrow = f"{erp.now() + timedelta(days=2):%Y-%m-%d}"
    asked = run_live("mail", "forget", "--before", tomorrow, typed="n\n")
    assert "Nothing was changed." in asked.stdout
    assert "Forgot 0 mails" in run_live("mail", "forget", "--before", "2001-01-01", "--yes").stdout
    done = run_live("mail", "forget", "--before", tomorrow, "--yes")
    assert "Forgot 1 mail finished" in done.stdout
    (stub,) = json.loads(run_live("mail", "trace", queued.id, "--json").stdout)
    assert BUYER not in json.dumps(stub)
    assert (stub["recipients"], stub["subject"], stub["trail"]) == ([], "", [])
    kept = (stub["request_id"], stub["message_id"], stub["state"])
    assert kept == ("quote-1", queued.message_id, "sent")
    line = ("mail", "send", "Sales", "--to", BUYER, "--request-id", "quote-1", "--wait", "9")
    assert run_live(*line).exit_code == 0
    assert len(sim.tenant.submissions) == 1


def test_what_is_not_finished_is_not_forgotten(erp, queued, run_live):
    tomorrow = f"{erp.now() + timedelta(days=2):%Y-%m-%d}"
    assert "Forgot 0 mails" in run_live("mail", "forget", "--before", tomorrow, "--yes").stdout
    assert BUYER in run_live("mail", "queue").stdout


@pytest.fixture
def foreign(erp, queued):
    """The mail is one that another database has queued."""
    engine = engine_for(erp.name, erp.settings.database_url)
    with writing(engine) as connection:
        connection.execute(delivery.update().values(origin="https://elsewhere.example.com /db"))
    return queued


def test_what_another_database_queued_waits_until_it_is_adopted(sim, foreign, run_live):
    run_live("mail", "work", "--once")
    assert "[database_moved]" in run_live("mail", "queue").stdout
    assert sim.tenant.submissions == []
    asked = run_live("mail", "adopt")
    assert asked.exit_code == 2
    assert "--restored" in asked.stderr
    assert "Took over 1 mail" in run_live("mail", "adopt", "--moved").stdout
    run_live("mail", "work", "--once")
    assert [each.message_id for each in sim.tenant.submissions] == [foreign.message_id]


def test_a_copy_sends_nothing(sim, foreign, run_live):
    assert "Cancelled 1 mail here" in run_live("mail", "adopt", "--copy").stdout
    run_live("mail", "work", "--once")
    assert sim.tenant.submissions == []
    (story,) = json.loads(run_live("mail", "trace", foreign.id, "--json").stdout)
    assert story["state"] == "cancelled"
    assert run_live("mail", "decide", foreign.id, "retry_now").exit_code == 1
