"""The checklist of the account's page: what is done, and the one thing to do next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from salesorder_m365.demo.erp.generics import Seed
from salesorder_m365.demo.pages.checklist import StepState, is_old, steps
from salesorder_m365.demo.pages.menus import account_path
from salesorder_m365.schemas.folders import MappedFolder, Role
from salesorder_m365.schemas.generic import GenericAccount

PAGE = account_path("m365:7")
OLD = GenericAccount(id="1", name="Sales", address="SALES@contoso.test")
OTHER = GenericAccount(id="2", name="Other", address="other@contoso.test")
INBOX = MappedFolder(
    role=Role.INBOX,
    path="INBOX",
    full_label="Inbox",
    uid_validity=1,
    chosen_by="admin",
    chosen_at=datetime(2026, 3, 4, tzinfo=UTC),
)


def named(report):
    """The stages by the names that the plugin gives them."""
    stages = (replace(s, name="sign_in" if s.label == "Sign in" else s.name) for s in report.stages)
    return replace(report, stages=tuple(stages))


@pytest.fixture
def at(mail):
    """Return a function that makes the view of an account at some point of the way."""

    def at(point):
        if point == "draft":
            return mail.new_view()
        view = mail.new_view("connected")
        later = view.signed_in_at + timedelta(minutes=1)
        report = named(replace(mail.new_report(), started_at=later))
        broken = named(replace(mail.new_report(("smtp", 3)), started_at=later))
        return {
            "connected": view,
            "switched off": replace(view, report=broken),
            "tested": replace(view, report=report),
            "signed in again": replace(view, report=broken, signed_in_at=later + HOUR),
            "mapped": replace(view, report=report, folders=(INBOX,)),
        }[point]

    return at


HOUR = timedelta(hours=1)
WAY = {
    "draft": ("unknown open open open open", "login"),
    "connected": ("unknown done open open open", "test"),
    "switched off": ("broken done open open open", "test"),
    "signed in again": ("broken done open open open", "test"),
    "tested": ("done done done open open", "folders"),
    "mapped": ("done done done done open", "generic"),
}


@pytest.mark.parametrize("point", WAY)
def test_the_next_step_is_the_first_that_is_open(at, point):
    states, following = WAY[point]
    way = steps(at(point), [OTHER, OLD])
    assert " ".join(step.state for step in way) == states
    assert [step.name for step in way if step.next] == [following]


def test_at_the_end_nothing_is_next(at):
    way = steps(at("mapped"), [OTHER])
    assert {step.state for step in way} == {StepState.DONE}
    assert not any(step.next for step in way)


@pytest.mark.parametrize("point", WAY)
def test_one_button_of_the_page_is_blue_the_next_steps(erp, admin, mail, at, point):
    mail.view = at(point)
    erp.host.generics.add([Seed(id="g", name="Old", address=mail.view.mailbox, used_by=())])
    page = admin.get(PAGE).text
    assert page.count("primary") == page.count('aria-current="step"') == 1
    following = {"login": ">Login<", "test": ">Test Connection<", "generic": "Remove the Generic"}
    blue = page.partition("primary")[2][:200]
    assert following.get(WAY[point][1], "Default Folder Mappings") in blue


def test_a_report_from_before_the_last_sign_in_is_folded(admin, mail, at, text_of):
    mail.view = at("signed in again")
    assert is_old(mail.view)
    page = admin.get(PAGE)
    assert "The last test was before the last sign-in." in text_of(page)
    assert '<details class="old">' in page.text
    assert "badge-bad" not in page.text
    mail.view = at("tested")
    assert "before the last sign-in" not in text_of(admin.get(PAGE))


def test_the_form_asks_for_exchange_first(admin, text_of):
    text = text_of(admin.get("/setup/configuration/email/mail-accounts/new/m365"))
    assert "Settings > Mail flow > Mail flow settings" in text
    switch = text.index("Turn off SMTP AUTH protocol for your organization")
    assert switch < text.index("Sender name")
