"""The list, the form, and the account's page."""

import logging
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from salesorder_m365.demo.erp.activity import tell
from salesorder_m365.demo.pages.menus import ACCOUNTS, account_path
from salesorder_m365.schemas.account import FormErrors
from salesorder_m365.schemas.event import Event

ROOT = Path(__file__).resolve().parents[2]
NEW = ACCOUNTS + "/new/m365"
PAGE = account_path("m365:7")
AT = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
TYPED = {
    "account_name": "<b>Sales</b>",
    "sender_name": "Sales Desk",
    "sender_email": "sales@",
    "use_oauth": "on",
    "username": "",
}


def test_an_empty_list_says_what_to_do(admin, mail, text_of):
    mail.view = None
    page = admin.get(ACCOUNTS)
    assert "No Microsoft 365 accounts yet" in text_of(page)
    assert page.text.count(f'href="{NEW}"') == 2


@pytest.mark.parametrize("state", ["draft", "connected", "sign_in_needed"])
def test_the_list_shows_state_and_last_test(admin, mail, text_of, state):
    mail.view = mail.new_view(state, report=mail.report)
    text = text_of(admin.get(ACCOUNTS))
    assert mail.view.state_label in text
    assert "Passed 4 Mar 2026, 09:30 UTC" in text


def test_the_form_is_drawn_from_the_kinds_fields(admin):
    page = admin.get(NEW).text
    for name, label in {
        "account_name": "Account name",
        "sender_name": "Sender name",
        "sender_email": "Sender email",
        "use_oauth": "Use OAuth",
        "username": "Username",
    }.items():
        assert f'<label for="{name}">{label}</label>' in page
        assert f'id="{name}" name="{name}"' in page
    assert "Username for logging into Exchange. Probably the email address." in page


def test_saving_leads_to_the_account(admin, mail, text_of):
    saved = admin.post_form(NEW, NEW, TYPED)
    assert (saved.status_code, saved.headers["location"]) == (303, PAGE)
    assert mail.called("save")["values"] == TYPED
    assert "Saved. Now press Login" in text_of(admin.get(PAGE))
    assert "Saved. Now press Login" not in text_of(admin.get(PAGE))


def test_errors_stand_beside_their_fields_and_values_are_kept(admin, mail, text_of):
    mail.saved = FormErrors(errors={"sender_email": ("Not an address.",)}, values=TYPED)
    page = admin.post_form(NEW, NEW, {**TYPED, "request_id": "r1"})
    assert page.status_code == 422
    assert '<p class="error" id="sender_email-error">Not an address.</p>' in page.text
    assert 'aria-describedby="sender_email-error sender_email-help"' in page.text
    assert 'value="&lt;b&gt;Sales&lt;/b&gt;"' in page.text
    assert 'name="request_id" value="r1"' in page.text
    assert "Nothing was saved." in text_of(page)


def test_an_unchecked_box_is_posted_as_false(admin, mail):
    admin.post_form(NEW, NEW, {key: TYPED[key] for key in TYPED if key != "use_oauth"})
    assert mail.called("save")["values"]["use_oauth"] is False


def test_changing_tells_when_the_username_asks_for_a_new_login(admin, mail, text_of):
    mail.view = mail.new_view("connected")
    mail.saved = mail.new_view("draft")
    admin.post_form(PAGE, PAGE, TYPED)
    assert mail.called("save")["account_id"] == "m365:7"
    assert "press Login to sign in as the new one" in text_of(admin.get(PAGE))


def test_dead_buttons_say_why(admin, text_of):
    page = admin.get(PAGE)
    assert "<button disabled>Test Connection</button>" in page.text
    assert "Test Connection, Default Folder Mappings, Disconnect: Press Login first." in text_of(
        page
    )
    assert '<button class="primary">Login</button>' in page.text


def test_server_words_are_escaped(admin, mail):
    finding = mail.new_finding(
        title="<script>1</script>",
        server_words="<img src=x onerror=1>",
        links={"click": "javascript:alert(1)"},
        references={"<i>": "<u>"},
    )
    mail.view = mail.new_view("sign_in_needed", finding=finding)
    page = admin.get(PAGE).text
    assert "<script>1" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page
    assert "&lt;u&gt;" in page


def test_a_report_shows_every_stage_with_word_and_time(admin, mail, text_of):
    mail.view = mail.new_view("connected", report=mail.new_report(("smtp", 3)))
    page = admin.get(PAGE)
    text = text_of(page)
    assert "Receiving (IMAP) Find the server Passed 12 ms" in text
    assert "Sign in Failed 1.2 s" in text
    assert "Send as sales@contoso.test Not tried" in text
    assert "Your Microsoft 365 administrator must act" in text
    assert "Set-TransportConfig -SmtpClientAuthenticationDisabled $false" in text
    assert "Correlation ID 0f1e2d3c" in text
    assert '<details class="found" open>' in page.text


def test_delete_asks_first(admin, mail, text_of):
    assert "Delete “Sales desk”?" in text_of(admin.get(PAGE + "/delete"))
    assert not [name for name, _ in mail.calls if name == "delete"]
    gone = admin.post_form(PAGE + "/delete", PAGE + "/delete", {"name": "Sales desk"})
    assert gone.headers["location"] == ACCOUNTS
    assert mail.called("delete") == {"account_id": "m365:7"}
    assert "Sales desk is deleted." in text_of(admin.get(ACCOUNTS))


def test_disconnect_tells_what_it_did(admin, mail, text_of):
    mail.view = mail.new_view("connected")
    admin.post_form(PAGE, PAGE + "/disconnect")
    assert mail.called("disconnect") == {"account_id": "m365:7"}
    assert "Disconnected." in text_of(admin.get(PAGE))


def test_every_event_of_the_plugin_has_words():
    sources = "".join(file.read_text() for file in (ROOT / "plugin").rglob("*.py"))
    names = set(re.findall(r'"((?:authn|authz|mail_account)_[a-z_]+)"', sources))
    assert len(names) > 8
    told = {name: tell(Event(name=name, at=AT, worker="admin")) for name in names}
    assert {n for n, words in told.items() if words == n.replace("_", " ").capitalize()} == set()


def test_recent_activity_tells_what_when_and_who(admin, mail, text_of):
    event = Event(name="authn_login_success", at=AT, worker="admin", account_id="m365:7")
    mail.view = mail.new_view(
        events=(
            replace(event, name="something_new", worker="m365:system"),
            replace(event, name="mail_account_tested", details={"passed": "False"}),
            replace(event, details={"username": "<b>sales@contoso.test"}),
        )
    )
    page = admin.get(PAGE)
    text = text_of(page)
    assert "Something new 4 Mar 2026, 09:30 UTC , the ERP itself" in text
    assert "Connection tested: it does not work 4 Mar 2026, 09:30 UTC , Administrator" in text
    assert "Signed in with Microsoft as <b>sales@contoso.test" in text
    assert "as <b>" not in page.text


def test_events_of_this_host_are_in_its_log(erp, caplog):
    event = Event(name="authn_login_success", at=AT, worker="admin", account_id="m365:7")
    other = type("Other", (), {"name": "another database"})()
    with caplog.at_level(logging.INFO, "salesorder_m365.demo.erp.activity"):
        erp.host.plugins.hook.salesorder_event(host=erp.host, event=event)
        erp.host.plugins.hook.salesorder_event(host=other, event=replace(event, name="elsewhere"))
    assert "authn_login_success by admin on m365:7" in caplog.text
    assert "elsewhere" not in caplog.text
