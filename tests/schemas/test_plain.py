"""Values become plain JSON by one function, and values again by another."""

import json
from datetime import UTC, datetime

import pytest
from salesorder_m365.schemas.account import AccountForm, FormErrors
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


def with_one_more_field(plain):
    """Return a value as a newer version, with one more field in each value inside, writes it."""
    match plain:
        case dict():
            more = {} if plain.keys() <= {"trace_id"} else {"of_a_newer_version": [{"a": 1}]}
            return {name: with_one_more_field(item) for name, item in plain.items()} | more
        case list():
            return [with_one_more_field(item) for item in plain]
        case _:
            return plain


@pytest.mark.parametrize("value", [FINDING, VIEW, corporate_kind()], ids=lambda v: type(v).__name__)
def test_fields_of_a_newer_version_are_ignored(value):
    assert from_plain(type(value), with_one_more_field(to_plain(value))) == value


@pytest.mark.parametrize(
    "wrong",
    [{"actor": "robot"}, {"steps": 7}, {"title": None}, {"letter": []}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_cannot_be_read_is_a_value_error(wrong):
    plain = to_plain(FINDING) | wrong
    if wrong == {"title": None}:
        del plain["title"]
    with pytest.raises(ValueError, match="no Finding"):
        from_plain(Finding, plain)


@pytest.mark.parametrize("kind", [dict, list, str, int, type(None)])
def test_another_kind_of_json_is_a_value_error(kind):
    with pytest.raises(ValueError, match="no Finding"):
        from_plain(Finding, kind())


@pytest.mark.parametrize(
    "value",
    [
        {1},
        b"text",
        object(),
        [object()],
        {"a": {1}},
        FormErrors(errors={}, values={"upload": b"x"}),
    ],
    ids=["set", "bytes", "object", "object in a list", "set in a mapping", "bytes in a value"],
)
def test_what_is_no_value_is_refused(value):
    with pytest.raises(TypeError, match="no value that crosses the border"):
        to_plain(value)


def test_all_of_it_is_of_jsons_own_kinds():
    def kinds(plain):
        yield type(plain)
        inner = (*plain, *plain.values()) if isinstance(plain, dict) else plain
        if isinstance(plain, dict | list):
            for item in inner:
                yield from kinds(item)

    values = [VIEW, FINDING, corporate_kind(), {Role.SENT: AT, "day": AT.date()}, (Actor.NOBODY,)]
    assert set(kinds(to_plain(values))) <= {dict, list, str, int, bool, type(None)}


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
