"""Values become plain JSON by one function, and values again by another."""

import json
from datetime import UTC, datetime

import pytest
from salesorder_m365.schemas.account import AccountForm
from salesorder_m365.schemas.folders import MappedFolder, Role
from salesorder_m365.schemas.kinds import AccountKind, corporate_kind
from salesorder_m365.schemas.plain import from_plain, to_plain
from salesorder_m365.schemas.report import Actor, Finding
from salesorder_m365.schemas.view import AccountState, AccountView

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FINDING = Finding(
    code="smtp_auth_off_tenant",
    title="t",
    what="w",
    cause="c",
    steps=("one", "two"),
    actor=Actor.M365_ADMIN,
    references={"trace_id": "1"},
)
VIEW = AccountView(
    id="m365:1",
    kind="m365",
    values=AccountForm(
        account_name="Sales",
        sender_name="Sales Desk",
        sender_email="sales@contoso.test",
        use_oauth=True,
        username="sales@contoso.test",
    ),
    state=AccountState.CONNECTED,
    state_label="Connected",
    mailbox="sales@contoso.test",
    signed_in_as="sales@contoso.test",
    signed_in_at=AT,
    buttons=(),
    folders=(
        MappedFolder(
            role=Role.SENT,
            path="Sent",
            full_label="Sent",
            uid_validity=1,
            chosen_by="w",
            chosen_at=AT,
        ),
    ),
    finding=FINDING,
    report=None,
)


@pytest.mark.parametrize("value", [FINDING, VIEW, corporate_kind()], ids=lambda v: type(v).__name__)
def test_a_value_survives_json(value):
    assert from_plain(type(value), json.loads(json.dumps(to_plain(value)))) == value


def test_what_is_no_value_is_refused():
    with pytest.raises(TypeError, match="set"):
        to_plain({1})


def test_the_menu_action_and_the_form_are_the_articles():
    kind = from_plain(AccountKind, to_plain(corporate_kind()))
    assert kind.menu.label == "New Microsoft 365 Account (Corporate)"
    assert [field.label for field in kind.fields] == [
        "Account name",
        "Sender name",
        "Sender email",
        "Use OAuth",
        "Username",
    ]
