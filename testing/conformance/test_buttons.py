"""Each button of the account's page does what it says, by its hook, and refusals are no faults."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from salesorder_m365.testing.browser import NotOfferedError
from salesorder_m365.testing.forms import has_element
from salesorder_m365.testing.running import OTHER_MAILBOX

if TYPE_CHECKING:
    from collections.abc import Callable

    from salesorder_m365.testing.press import Press
    from salesorder_m365.testing.running import Running

ELEMENT = "salesorder-conformance"
#: Closes an attribute and a tag, and begins one that no page has.
HOSTILE = f"\"'><{ELEMENT}>&"


def test_an_account_is_edited(erp: Running) -> None:
    """Save on the page of an account changes that account, and nothing else."""
    with erp.browser() as browser:
        account_id = erp.new_account(browser)
        before = erp.views()
        erp.press(browser, account_id, "save", sender_name="Changed here")
    after = erp.views()
    assert set(after) == set(before), "Saving an account that is there must not make another."
    assert after[account_id].values.sender_name == "Changed here", (
        "Save must pass the account's id and the values as they were typed."
    )


def test_the_connection_is_tested(erp: Running) -> None:
    """Test Connection runs the test, and the report is there."""
    with erp.browser() as browser:
        account_id = erp.connected(browser)
        with erp.calls() as calls:
            erp.press(browser, account_id, "test")
    assert "salesorder_test_connection" in {call.hook for call in calls}, (
        "Test Connection must call salesorder_test_connection."
    )
    report = erp.views()[account_id].report
    assert report, "Test Connection must wait until the report is stored."
    assert report.passed, report.findings


def test_folders_are_mapped(erp: Running) -> None:
    """What was chosen in the dropdowns is stored."""
    with erp.browser() as browser:
        account_id = erp.connected(browser)
        erp.press(browser, account_id, "folders", sent="Archive", archive="", inbox="INBOX")
    mapped = {str(folder.role): folder.path for folder in erp.views()[account_id].folders}
    assert (mapped.get("inbox"), mapped.get("sent")) == ("INBOX", "Archive"), (
        "The page must pass role and path of every dropdown to salesorder_folder_map."
    )


def test_disconnect_forgets_the_sign_in(erp: Running) -> None:
    """After Disconnect the account is a draft again."""
    with erp.browser() as browser:
        account_id = erp.connected(browser)
        erp.press(browser, account_id, "disconnect")
    assert erp.state(account_id) == "draft", "Disconnect must call salesorder_disconnect."


def test_delete_deletes_one_account(erp: Running) -> None:
    """The account of the page is gone, and every other one is there."""
    with erp.browser() as browser:
        kept, account_id = erp.new_account(browser), erp.new_account(browser)
        before = set(erp.views())
        erp.press(browser, account_id, "delete")
    assert set(erp.views()) == before - {account_id}, "Delete must call salesorder_account_delete."
    assert kept in erp.views()


def test_an_outcome_is_explained(erp: Running) -> None:
    """A sign-in that ended otherwise is told with its message and what to do."""
    with erp.browser() as browser:
        account_id = erp.new_account(browser)
        query = erp.sign_in(erp.leave(browser, account_id), OTHER_MAILBOX)
        with erp.calls() as calls:
            led = erp.arrive(browser, query)
        said = erp.adapter.read(browser, led)
    outcome = next(c.result for c in calls if c.hook == "salesorder_login_callback")
    for text in (outcome.message, *outcome.finding.steps):
        assert " ".join(text.split()) in said, (
            f"The page after a sign-in must show the outcome's message and finding, and “{text}”."
        )


def test_what_people_wrote_is_escaped(erp: Running) -> None:
    """A name is text: in a page, in an attribute, and when a refused form comes back."""
    with erp.browser() as browser:
        before = set(erp.views())
        erp.filled_form(browser, account_name=HOSTILE, sender_name=HOSTILE)()
        (account_id,) = set(erp.views()) - before
        erp.press(browser, account_id, "save", account_name=HOSTILE, sender_email="nothing")
        erp.adapter.button(browser, account_id, "login", {})
        erp.filled_form(browser, account_name=HOSTILE, sender_email="nothing")()
        erp.press(browser, account_id, "delete")
    for answer in browser.answers:
        if "html" in answer.headers.get("content-type", ""):
            assert not has_element(answer.text, ELEMENT), (
                "What a worker typed became an element of a page: escape every value."
            )


def test_a_refusal_is_no_fault(erp: Running) -> None:
    """Errors of the hooks are answers: a missing permission, a deleted account, no sign-in yet."""
    stranger = erp.adapter.stranger
    with erp.browser() as browser, erp.browser(stranger) as foreign:
        draft, gone = erp.new_account(browser), erp.connected(browser)
        opened = [erp.adapter.button(browser, gone, name, {}) for name in ("login", "test", "save")]
        _pressed(lambda: erp.adapter.button(foreign, gone, "login", {}))
        _pressed(lambda: erp.adapter.button(browser, draft, "folders", {}))
        erp.press(browser, gone, "delete")
        for press in opened:
            press()
        _pressed(lambda: erp.adapter.button(browser, gone, "login", {}))
    statuses = [answer.status_code for answer in browser.answers + foreign.answers]
    assert 500 not in statuses, (
        "An M365Error reached the browser as status 500: answer each by its kind (docs/host.md)."
    )


def _pressed(opened: Callable[[], Press]) -> None:
    # Not to be offered a button is a refusal as good as any.
    with suppress(NotOfferedError):
        opened()()
