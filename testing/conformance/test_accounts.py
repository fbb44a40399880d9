"""Who may do what, saving again, and one database beside another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salesorder_m365.plugin.errors import M365Error
from salesorder_m365.schemas.permission import Permission
from salesorder_m365.schemas.view import AccountView
from salesorder_m365.testing.browser import NotOfferedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from salesorder_m365.testing.press import Press
    from salesorder_m365.testing.running import Running


def test_a_worker_without_permission_is_refused(erp: Running) -> None:
    """`allows` says no to the stranger, and the pages act as the worker who is logged in."""
    stranger = erp.adapter.stranger
    with erp.browser() as browser:
        account_id = erp.new_account(browser)
    granted = [
        str(permission)
        for permission in Permission
        for account in (None, account_id)
        if erp.host.allows(stranger, permission, account)
    ]
    assert granted == [], f"`allows` must refuse {stranger} every permission on mail accounts."
    before = set(erp.views())
    with erp.browser(stranger) as browser:
        _press(lambda: erp.filled_form(browser))
        led = _press(lambda: erp.adapter.button(browser, account_id, "login", {}))
    assert set(erp.views()) == before, f"{stranger} made an account by the host's form."
    assert not erp.is_microsoft(led), f"{stranger} began a sign-in by the host's Login button."


def _press(opened: Callable[[], Press]) -> str:
    """Press a button if the page has it: not to be offered it is a refusal as good as any."""
    try:
        return opened()()
    except NotOfferedError:
        return ""


def test_a_retried_save_makes_one_account(erp: Running) -> None:
    """Save pressed twice, or sent again after a lost answer, is one submission."""
    with erp.browser() as browser, erp.calls() as calls:
        before = set(erp.views())
        save = erp.filled_form(browser)
        save()
        save()
    made = set(erp.views()) - before
    assert len(made) == 1, f"One form was sent twice, and {len(made)} accounts were made of it."
    saves = [call for call in calls if call.hook == "salesorder_account_save"]
    assert len({call.values["request_id"] for call in saves}) == 1, (
        "The form sent again must carry the request_id of the first time: draw it with the form,"
        " in a hidden field."
    )
    assert all(isinstance(call.result, AccountView) for call in saves)


def test_databases_share_nothing(erp: Running, other: Running) -> None:
    """One process may serve many databases: each host has a name, accounts and keys of its own."""
    assert erp.host.name != other.host.name, "Each database's host needs a name of its own."
    ours, theirs = _made_beside(erp, other), _made_beside(other, erp)
    with erp.browser() as browser, other.browser() as another:
        query = erp.sign_in(erp.leave(browser, ours))
        other.arrive(another, query)
        assert erp.state(ours) == "draft", "A callback to one database finished in another."
        other.arrive(another, other.sign_in(other.leave(another, theirs)))
    assert other.state(theirs) == "connected"
    assert erp.state(ours) == "draft", "A sign-in in one database connected an account of another."


def _made_beside(here: Running, there: Running) -> str:
    with here.browser() as browser, there.calls() as strayed:
        here.filled_form(browser)()
        assert strayed == [], "A page of one database called a hook for the host of another."
        account_id = here.new_account(browser)
    try:
        assert account_id not in there.views(), "An account showed in another database."
    except M365Error as err:
        # Such as a database that another host has sealed with keys of its own.
        raise AssertionError(f"The accounts of “{there.host.name}” cannot be read: {err}") from err
    return account_id
