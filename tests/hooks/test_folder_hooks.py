"""The dropdowns of Default Folder Mappings and the stored mapping, against the simulator's IMAP."""

import pytest
from salesorder_m365.schemas.account import FormErrors
from salesorder_m365.schemas.permission import Permission

SALES = "sales@contoso.test"


@pytest.fixture
def account_id(erp, sim):
    return erp.connected(sim)


def suggestions(choices):
    return {choice.role: choice.suggested for choice in choices.roles}


def problems(choices):
    return {choice.role: choice.problem for choice in choices.roles if choice.problem}


def test_suggestions_by_attribute(erp, account_id):
    assert suggestions(erp.choices(account_id)) == {
        "inbox": "INBOX",
        "sent": "Sent Items",
        "drafts": "Drafts",
        "junk": "Junk Email",
        "trash": "Deleted Items",
        "archive": "Archive",
    }


def test_german_names_without_attributes(erp, sim):
    invoices = erp.connected(sim, sender_email="invoices@contoso.test", username="")
    assert suggestions(erp.choices(invoices)) == {
        "inbox": "INBOX",
        "sent": "Gesendete Elemente",
        "drafts": "Entw&APw-rfe",
        "junk": "Junk-E-Mail",
        "trash": "Gel&APY-schte Elemente",
        "archive": "Archiv",
    }


def test_a_mapping_is_kept_with_who_chose_it(erp, account_id):
    view = erp.map(account_id, sent="Sent Items", archive="")
    [mapped] = view.folders
    assert (mapped.role, mapped.path, mapped.chosen_by) == ("sent", "Sent Items", "worker-1")
    assert mapped.uid_validity > 0
    assert erp.view(account_id).folders == view.folders


def test_a_folder_that_is_not_there_is_an_error_at_its_role(erp, account_id):
    erp.map(account_id, sent="Sent Items")
    errors = erp.map(account_id, sent="Sent Items", junk="No such folder")
    assert isinstance(errors, FormErrors)
    assert errors.errors.keys() == {"junk"}
    assert errors.codes == {"junk": ("not_there",)}
    assert errors.values["junk"] == "No such folder"
    assert [mapped.role for mapped in erp.view(account_id).folders] == ["sent"]


def test_the_inbox_may_be_spelled_in_any_case(erp, account_id):
    assert [mapped.path for mapped in erp.map(account_id, inbox="inbox").folders] == ["INBOX"]


def test_a_renamed_folder_is_noticed_and_its_new_name_offered(erp, sim, account_id):
    sim.tenant.create_folder(SALES, "Orders")
    erp.map(account_id, archive="Orders")
    sim.tenant.rename_folder(SALES, "Orders", "Orders 2026")
    choices = erp.choices(account_id)
    assert problems(choices) == {"archive": "renamed"}
    assert suggestions(choices)["archive"] == "Orders 2026"


def test_a_deleted_folder_is_noticed(erp, sim, account_id):
    sim.tenant.create_folder(SALES, "Orders")
    erp.map(account_id, archive="Orders")
    sim.tenant.delete_folder(SALES, "Orders")
    assert problems(erp.choices(account_id)) == {"archive": "vanished"}
    sim.tenant.create_folder(SALES, "Orders")
    assert problems(erp.choices(account_id)) == {"archive": "replaced"}


def test_another_mailbox_begins_without_a_mapping(erp, account_id):
    erp.map(account_id, sent="Sent Items")
    assert erp.save(account_id, sender_email="info@contoso.test", username=SALES).folders == ()


def test_a_worker_who_may_map_but_not_view_gets_the_view_of_what_was_stored(erp, account_id):
    erp.denied = {Permission.VIEW}
    view = erp.map(account_id, sent="Sent Items")
    assert [mapped.path for mapped in view.folders] == ["Sent Items"]
    assert "mail_account_folders_mapped" in {event.name for event in view.events}
