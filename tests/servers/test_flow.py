"""The whole way through the hooks, against the simulator and against real servers alike."""

import pytest
from salesorder_m365.plugin.transport.smtp import smtp_session
from salesorder_m365.schemas.account import FormErrors
from salesorder_m365.schemas.report import StageStatus
from support.erp import WORKER

SALES = "sales@contoso.test"
ROLES = {
    "inbox": "INBOX",
    "sent": "Sent Items",
    "drafts": "Drafts",
    "junk": "Junk Email",
    "trash": "Deleted Items",
    "archive": "Archive",
}


@pytest.fixture
def account_id(erp, sim):
    return erp.connected(sim)


def failed(report):
    return [(s.protocol, s.name) for s in report.stages if s.status is StageStatus.FAILED]


def problems(choices):
    return {choice.role: choice.problem for choice in choices.roles if choice.problem}


def suggested(choices):
    return {choice.role: choice.suggested for choice in choices.roles}


def test_from_sign_in_to_mapped_folders(erp, backend, account_id):
    report = erp.test(account_id)
    assert report.findings == ()
    assert {stage.status for stage in report.stages} == {StageStatus.PASSED}
    assert len(report.stages) == 12
    choices = erp.choices(account_id)
    assert suggested(choices) == ROLES
    assert problems(choices) == {}
    mapped = erp.map(account_id, **ROLES).folders
    assert {folder.role: folder.path for folder in mapped} == ROLES
    assert all(folder.uid_validity > 0 for folder in mapped)
    assert problems(erp.choices(account_id)) == {}
    assert erp.view(account_id).state == "connected"


@pytest.mark.parametrize(
    ("new", "path"),
    [
        ("Kunden/Angebote Überland", "Kunden/Angebote &ANw-berland"),
        ("Angebote Süd & West", "Angebote S&APw-d &- West"),
    ],
    ids=["renamed", "moved"],
)
def test_a_folder_under_another_name_is_noticed_and_offered(erp, backend, account_id, new, path):
    backend.create_folder(SALES, "Kunden/Angebote Süd & West")
    listed = {folder.label: folder.path for folder in erp.choices(account_id).folders}
    erp.map(account_id, archive=listed["Angebote Süd & West"])
    backend.rename_folder(SALES, "Kunden/Angebote Süd & West", new)
    choices = erp.choices(account_id)
    assert problems(choices) == {"archive": "renamed"}
    assert suggested(choices)["archive"] == path


def test_a_deleted_folder_is_noticed_and_one_made_anew_too(erp, backend, account_id):
    backend.create_folder(SALES, "Offers")
    erp.map(account_id, archive="Offers")
    backend.delete_folder(SALES, "Offers")
    assert problems(erp.choices(account_id)) == {"archive": "vanished"}
    backend.create_folder(SALES, "Offers")
    assert problems(erp.choices(account_id)) == {"archive": "replaced"}


def test_a_folder_that_has_gone_cannot_be_chosen(erp, backend, account_id):
    errors = erp.map(account_id, archive="Never there")
    assert isinstance(errors, FormErrors)
    assert errors.errors.keys() == {"archive"}


def test_a_token_for_somebody_else_opens_nothing(erp, sim, account_id):
    erp.save(account_id, request_id="2", sender_email="admin@contoso.test", username=SALES)
    report = erp.test(account_id)
    assert ("imap", "sign_in") in failed(report) or ("imap", "mailbox") in failed(report)
    assert all(found.server_words for found in report.findings)


def test_without_a_sign_in_no_server_is_asked(erp, backend):
    report = erp.test(erp.save().id)
    assert [found.code for found in report.findings] == ["not_signed_in"]
    assert failed(report) == [("token", "token")]


def test_after_a_disconnect_the_account_is_a_draft(erp, account_id):
    erp.hook.salesorder_disconnect(host=erp, account_id=account_id, worker=WORKER)
    assert [found.code for found in erp.test(account_id).findings] == ["not_signed_in"]


@pytest.mark.servers
def test_a_sender_that_the_submission_server_refuses_is_a_finding(sim, real_servers, erp_at):
    erp = erp_at(real_servers)
    account_id = erp.connected(sim, sender_email="orders@contoso.test", username=SALES)
    report = erp.test(account_id)
    assert ("smtp", "sender") in failed(report)
    words = [found.server_words for found in report.findings]
    assert any("not owned by user sales@contoso.test" in text for text in words)


@pytest.mark.servers
def test_a_line_too_long_for_the_server_is_said_in_two(sim, dovecot_server, settings_for):
    # Dovecot's submission takes lines of 1,000 bytes; a token of the simulator alone has as many.
    settings = settings_for(sim, smtp=f"localhost:{dovecot_server.submission_port}")
    with smtp_session(settings, username=SALES, token=sim.new_token(SALES)) as session:
        assert session.client.docmd("AUTH", "XOAUTH2 " + "A" * 1400)[0] in {500, 503}
        session.check_sender(SALES)
