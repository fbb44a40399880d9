"""Test Connection with and without the script, and Default Folder Mappings."""

import json
from dataclasses import replace

import pytest
from salesorder_m365.demo.pages.connection import LINES
from salesorder_m365.demo.pages.menus import account_path
from salesorder_m365.plugin.errors import NotAllowedError, StoreError
from salesorder_m365.schemas.account import FormErrors
from salesorder_m365.schemas.folders import Role, RoleChoice

PAGE = account_path("m365:7")
FOLDERS = account_path("m365:7", "folders")


@pytest.fixture(autouse=True)
def connected(mail):
    mail.view = mail.new_view("connected")


def test_without_a_script_the_report_is_drawn_afterwards(admin, mail, text_of):
    tested = admin.post_form(PAGE, PAGE + "/test")
    assert (tested.status_code, tested.headers["location"]) == (303, PAGE + "#connection")
    assert "Tested 4 Mar 2026, 09:30 UTC in 420 ms" in text_of(admin.get(PAGE))


def test_stages_come_as_lines_while_the_test_still_runs(admin, mail):
    mail.go_on.clear()
    answer = admin.post_form(PAGE, PAGE + "/test", headers={"Accept": LINES}, stream=True)
    lines = (json.loads(line) for line in answer.iter_lines())
    first, second = next(lines), next(lines)
    assert (first["status"], first["word"], first["seconds"]) == ("running", "Running", None)
    assert (second["status"], second["heading"], second["label"]) == (
        "passed",
        "Token",
        "Get a token",
    )
    assert mail.view.report is None
    mail.go_on.set()
    rest = list(lines)
    assert len(rest) == 2 * len(mail.report.stages) - 2 + 1
    assert rest[-1] == {"done": True}
    assert mail.view.report == mail.report


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (StoreError("database_silent", reason="locked"), "did not answer: locked"),
        (RuntimeError("secret"), "The test broke off."),
    ],
    ids=["told", "unexpected"],
)
def test_an_error_in_the_stream_is_told_on_the_page(admin, mail, text_of, error, words):
    mail.error, mail.error_in = error, "test"
    answer = admin.post_form(PAGE, PAGE + "/test", headers={"Accept": LINES})
    assert [json.loads(line) for line in answer.iter_lines()] == [{"done": True}]
    text = text_of(admin.get(PAGE))
    assert words in text
    assert "secret" not in text


def test_what_is_refused_is_refused_before_the_stream(admin, mail):
    mail.error = NotAllowedError("admin", "mail_accounts.view", "m365:7")
    refused = admin.post_form("/", PAGE + "/test", headers={"Accept": LINES})
    assert refused.status_code == 403
    assert refused.headers["content-type"].startswith("text/html")


def test_suggestions_are_preselected_and_marked(admin, text_of):
    page = admin.get(FOLDERS)
    assert '<option value="Sent Items" selected>Sent Items (suggested)</option>' in page.text
    assert "Suggested, not saved yet: Sent Items, which the server marks for this." in text_of(page)


def test_the_tree_is_indented_and_what_holds_no_mail_is_not_offered(admin):
    page = admin.get(FOLDERS).text
    assert '<option value="Projects" disabled>Projects (holds no mail)</option>' in page
    assert '<option value="Projects/2026">\u20032026</option>' in page


def test_a_stored_mapping_is_what_the_dropdown_shows(admin, mail):
    mail.choices = mail.new_choices(
        sent=RoleChoice(role=Role.SENT, label="Sent", mapped="INBOX", suggested="Sent Items")
    )
    page = admin.get(FOLDERS).text
    part = page[page.index('id="sent"') :]
    assert '<option value="INBOX" selected>' in part[: part.index("</select>")]


def test_what_was_left_unmapped_stays_so_and_keeps_its_suggestion(admin, mail, text_of):
    mail.choices = mail.new_choices(
        inbox=RoleChoice(role=Role.INBOX, label="Inbox", mapped="INBOX", suggested="INBOX")
    )
    page = admin.get(FOLDERS)
    part = page.text[page.text.index('id="sent"') :]
    assert "selected" not in part[: part.index("</select>")]
    assert "Suggested: Sent Items" in text_of(page)


def test_a_problem_is_shown_at_its_role(admin, mail):
    problem = RoleChoice(
        role=Role.ARCHIVE,
        label="Archive",
        mapped="Old",
        suggested="Projects/2026",
        problem="renamed",
        problem_text="Old is gone <b>.",
    )
    mail.choices = mail.new_choices(archive=problem)
    page = admin.get(FOLDERS).text
    part = page[page.index('id="archive"') :]
    assert '<p class="warning">Old is gone &lt;b&gt;.</p>' in part
    assert '<option value="Projects/2026" selected>' in part


def test_saving_posts_every_role_and_comes_back(admin, mail, text_of):
    values = {"inbox": "INBOX", "sent": "Sent Items", "junk": ""}
    saved = admin.post_form(FOLDERS, FOLDERS, values)
    assert (saved.status_code, saved.headers["location"]) == (303, f"{PAGE}#folders")
    assert mail.called("map") == {"mapping": values}
    assert "The folder mappings are saved." in text_of(admin.get(FOLDERS))


def test_an_error_at_a_role_keeps_what_was_chosen(admin, mail):
    mail.mapped = FormErrors(errors={"sent": ("It is gone.",)}, values={"sent": "INBOX"})
    page = admin.post_form(FOLDERS, FOLDERS, {"sent": "INBOX"})
    assert page.status_code == 422
    part = page.text[page.text.index('id="sent"') :]
    assert '<p class="error">It is gone.</p>' in part
    assert '<option value="INBOX" selected>' in part[: part.index("</select>")]


def test_the_account_shows_what_is_mapped(admin, mail, text_of):
    assert "No folder is mapped yet." in text_of(admin.get(PAGE))
    mail.choices = replace(mail.choices, hint="Only the first 20,000 folders are shown.")
    assert "Only the first 20,000 folders are shown." in text_of(admin.get(FOLDERS))
