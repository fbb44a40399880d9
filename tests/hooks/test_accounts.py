"""Saving, viewing, disconnecting and deleting accounts through the hooks."""

import json

import pytest
from salesorder_m365.plugin.errors import (
    BadRequestError,
    NoSuchAccountError,
    NotAllowedError,
    SignInNeededError,
)
from salesorder_m365.plugin.store.accounts import read_account, store_report
from salesorder_m365.plugin.store.engines import engine_for, writing
from salesorder_m365.schemas.account import FormErrors
from salesorder_m365.schemas.permission import Permission
from salesorder_m365.schemas.plain import from_plain, to_plain
from salesorder_m365.schemas.view import AccountView
from support.erp import FORM, WORKER


def test_a_new_account_is_a_draft_that_can_log_in(erp):
    view = erp.save()
    assert view.id.startswith("m365:")
    assert (view.state, view.values.username, view.mailbox) == (
        "draft",
        "sales@contoso.test",
        "sales@contoso.test",
    )
    live = {button.name for button in view.buttons if button.enabled}
    assert live == {"save", "login", "delete"}
    assert all(button.reason for button in view.buttons if not button.enabled)
    assert erp.event_names() == ["mail_account_created"]


def test_the_same_submission_creates_once(erp):
    assert erp.save() == erp.save() == erp.save(account_name=" Sales ", csrf="another")
    assert erp.event_names() == ["mail_account_created"]


@pytest.mark.parametrize(
    "other", [{"account_name": "Other"}, {"sender_email": "info@contoso.test"}, {"worker": "bob"}]
)
def test_another_submission_under_the_same_id_is_refused(erp, other):
    erp.save()
    with pytest.raises(BadRequestError) as refused:
        save(erp, **other)
    assert refused.value.code == "request_reused"
    assert "Sales" not in refused.value.finding.as_text()
    [views] = erp.hook.salesorder_account_list(host=erp, worker=WORKER)
    assert [view.values.account_name for view in views] == ["Sales"]


def test_who_may_no_longer_see_the_account_is_not_shown_it_by_a_retry(erp):
    erp.save()
    erp.denied = {Permission.VIEW}
    with pytest.raises(NotAllowedError):
        erp.save()


def save(erp, worker=WORKER, **values):
    return erp.hook.salesorder_account_save(
        host=erp,
        kind="m365",
        account_id=None,
        values=FORM | values,
        worker=worker,
        request_id="request-1",
    )


def test_wrong_values_come_back_with_what_is_wrong(erp):
    errors = erp.save(account_name=" ", sender_email="nobody", use_oauth="", csrf="host's own")
    assert isinstance(errors, FormErrors)
    assert errors.errors.keys() == {"account_name", "sender_email", "use_oauth"}
    assert errors.values["sender_email"] == "nobody"
    assert "csrf" not in errors.values


def test_a_name_that_is_taken(erp):
    erp.save()
    errors = erp.save(account_name=" SALES ", request_id="request-2")
    assert errors.errors.keys() == {"account_name"}
    assert "already" in errors.errors["account_name"][0]


def test_an_account_keeps_its_own_name(erp):
    view = erp.save()
    assert erp.save(view.id, sender_name="Sales").values.sender_name == "Sales"


PURCHASING = "purchasing@contoso.test"


def test_another_username_sets_the_sign_in_aside(erp, sim):
    account_id = erp.connected(sim)
    view = erp.save(account_id, username=PURCHASING)
    assert (view.state, view.signed_in_as) == ("sign_in_needed", "sales@contoso.test")
    assert view.finding.code == "username_changed"
    assert PURCHASING in view.finding.what
    with pytest.raises(SignInNeededError) as needed:
        erp.choices(account_id)
    assert needed.value.code == "username_changed"
    # Not even a person's test asks Microsoft with the other user's grant.
    report = erp.test(account_id)
    assert [finding.code for finding in report.findings] == ["username_changed"]
    assert sim.count(grant_type="refresh_token") == 0


def test_a_typing_error_in_the_username_costs_nothing(erp, sim):
    account_id = erp.connected(sim)
    erp.save(account_id, username="slaes@contoso.test")
    assert erp.save(account_id).state == "connected"
    assert erp.choices(account_id).folders
    assert sim.count(grant_type="authorization_code") == 1


def test_the_new_user_signs_in(erp, sim):
    account_id = erp.connected(sim, sender_email="info@contoso.test", username="sales@contoso.test")
    erp.save(account_id, sender_email="info@contoso.test", username=PURCHASING)
    assert erp.sign_in(sim, account_id, PURCHASING).code == "connected"
    view = erp.view(account_id)
    assert (view.state, view.signed_in_as, view.finding) == ("connected", PURCHASING, None)


def test_a_save_that_would_cost_the_sign_in_is_asked_first(erp, sim):
    account_id = erp.connected(sim)
    typed = {"username": PURCHASING, "version": erp.view(account_id).version}
    asked = erp.save(account_id, **typed)
    assert asked.codes == {"username": ("sign_in_again",)}
    assert all(name in asked.errors["username"][0] for name in ("sales@contoso.test", PURCHASING))
    assert erp.view(account_id).state == "connected"
    # Another address than the one that was asked about is asked again.
    other = erp.save(account_id, **{**asked.values, "username": "info@contoso.test"})
    assert other.codes == {"username": ("sign_in_again",)}
    assert erp.save(account_id, **asked.values).state == "sign_in_needed"


def test_two_tabs_do_not_overwrite_each_other(erp):
    view = erp.save()
    first = erp.save(view.id, sender_name="First", version=view.version)
    assert first.version == view.version + 1
    second = erp.save(view.id, sender_name="Second", version=view.version)
    assert second.codes == {"sender_name": ("changed_meanwhile",)}
    assert "First" in second.errors["sender_name"][0]
    assert "Second" in second.errors["sender_name"][0]
    assert erp.view(view.id).values.sender_name == "First"
    assert erp.save(view.id, **second.values).values.sender_name == "Second"


def test_two_tabs_that_want_the_same_do_not_disturb_each_other(erp):
    view = erp.save()
    for _ in range(2):
        saved = erp.save(view.id, sender_name="Same", version=view.version)
        assert saved.values.sender_name == "Same"
    assert erp.event_names().count("mail_account_updated") == 1


def test_a_host_that_sends_no_version_saves_as_before(erp):
    view = erp.save()
    erp.save(view.id, sender_name="First")
    assert erp.save(view.id, sender_name="Second").values.sender_name == "Second"
    assert erp.save(view.id, sender_name="Third", version="").values.sender_name == "Third"


@pytest.mark.parametrize("version", ["x", "-1", 1.5, [1], "9" * 30, "\u0661.5"], ids=ascii)
def test_a_version_that_is_none_of_ours_is_refused(erp, version):
    view = erp.save()
    with pytest.raises(BadRequestError):
        erp.save(view.id, sender_name="First", version=version)


def test_the_same_username_in_other_case_does_not(erp, sim):
    account_id = erp.connected(sim)
    assert erp.save(account_id, username="Sales@CONTOSO.test").state == "connected"


def test_disconnect(erp, sim):
    account_id = erp.connected(sim)
    view = erp.hook.salesorder_disconnect(host=erp, account_id=account_id, worker=WORKER)
    assert view.state == "draft"
    assert erp.event_names()[-1] == "authn_token_deleted"
    report = erp.test(account_id)
    assert [finding.code for finding in report.findings] == ["not_signed_in"]


def test_delete(erp, sim):
    account_id = erp.connected(sim)
    delete = erp.hook.salesorder_account_delete
    assert delete(host=erp, account_id=account_id, worker=WORKER) is True
    assert delete(host=erp, account_id=account_id, worker=WORKER) is True
    with pytest.raises(NoSuchAccountError) as missing:
        erp.view(account_id)
    assert missing.value.account_id == account_id
    assert erp.event_names().count("mail_account_deleted") == 1


@pytest.mark.parametrize("return_to", ["//evil.example.com", "https://evil.example.com", "mail"])
def test_a_way_back_that_leaves_the_host_is_refused(erp, return_to):
    account_id = erp.save().id
    with pytest.raises(BadRequestError, match="return_to"):
        erp.begin(account_id, return_to=return_to)


def test_a_browser_that_can_be_guessed_is_refused(erp):
    account_id = erp.save().id
    with pytest.raises(BadRequestError, match="browser"):
        erp.begin(account_id, browser="1")


def test_every_view_becomes_json_and_back(erp, sim):
    account_id = erp.connected(sim)
    erp.test(account_id)
    choices = {choice.role: choice.suggested for choice in erp.choices(account_id).roles}
    view = erp.map(account_id, **choices)
    assert view.folders
    assert view.report
    assert from_plain(AccountView, json.loads(json.dumps(to_plain(view)))) == view


@pytest.mark.parametrize(
    ("newer", "shown"),
    [
        ({"of_a_newer_version": 1}, True),
        ({"stages": [], "seconds": 1}, True),
        ({"stages": [{"status": "skipped"}]}, False),
    ],
    ids=["one more field", "other numbers", "a status that this version does not know"],
)
def test_a_report_that_a_newer_version_stored_breaks_no_page(erp, sim, newer, shown):
    account_id = erp.connected(sim)
    erp.test(account_id)
    engine = engine_for(erp.name, erp.settings.database_url)
    with writing(engine) as connection:
        report = read_account(connection, account_id).report
        store_report(connection, account_id, report | newer)
    view = erp.view(account_id)
    assert (view.report is not None) is shown
    assert view.state == "connected"


def test_hosts_in_one_process_do_not_see_each_others_accounts(erp, sim, settings_for, tmp_path):
    other = type(erp)(
        settings_for(sim, database_url=f"sqlite:///{tmp_path}/other.db"), name="other"
    )
    account_id = erp.save().id
    with pytest.raises(NoSuchAccountError):
        other.view(account_id)
    [views] = other.hook.salesorder_account_list(host=other, worker=WORKER)
    assert views == []
