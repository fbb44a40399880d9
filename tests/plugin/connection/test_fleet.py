"""Many tests side by side: bounded, each result as it comes, and broken off at any moment."""

import threading
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime

import pytest
from salesorder_m365.plugin.connection.fleet import PER_USER, Checked, check_each, summary
from salesorder_m365.plugin.errors import NoSuchAccountError, StoreError
from salesorder_m365.plugin.findings.catalogue import finding
from salesorder_m365.schemas.account import AccountForm
from salesorder_m365.schemas.report import ConnectionReport
from salesorder_m365.schemas.view import AccountState, AccountView


def view(number, user=None):
    address = f"{user or f'user{number}'}@contoso.test"
    form = AccountForm(
        account_name=f"Account {number}",
        sender_name="Desk",
        sender_email=address,
        use_oauth=True,
        username=address,
    )
    return AccountView(
        id=f"m365:{number}",
        kind="m365",
        values=form,
        state=AccountState.CONNECTED,
        state_label="",
        mailbox=address,
        signed_in_as=address,
        signed_in_at=None,
        buttons=(),
        folders=(),
        finding=None,
        report=None,
    )


def report(account_id, *codes):
    return ConnectionReport(
        account_id=account_id,
        started_at=datetime.now(UTC),
        seconds=0.5,
        passed=not codes,
        mailbox="",
        signed_in_as="",
        sender="",
        stages=(),
        findings=tuple(finding(code) for code in codes),
    )


class Busy:
    """Counts how many tests run at once, and lets each wait until so many do."""

    def __init__(self, together):
        self.lock = threading.Lock()
        self.now = Counter()
        self.most = Counter()
        self.barrier = threading.Barrier(together)

    def test(self, account_id, user="all"):
        with self.lock:
            self.now[user] += 1
            self.most[user] = max(self.most[user], self.now[user])
        self.barrier.wait(10)
        with self.lock:
            self.now[user] -= 1
        return report(account_id)


def test_so_many_run_side_by_side_and_no_more():
    busy = Busy(4)
    tested = list(check_each([view(n) for n in range(12)], busy.test, at_once=4))
    assert {one.account_id for one in tested} == {f"m365:{n}" for n in range(12)}
    assert busy.most["all"] == 4


def test_accounts_of_one_user_take_turns():
    busy = Busy(PER_USER)
    views = [view(n, user="sales") for n in range(4 * PER_USER)]
    assert len(list(check_each(views, busy.test, at_once=8))) == len(views)
    assert busy.most["all"] == PER_USER


def test_a_user_of_many_accounts_does_not_hold_up_the_others():
    order, lock = [], threading.Lock()

    def test(account_id):
        with lock:
            order.append(account_id)
        return report(account_id)

    views = [view(n, user="sales") for n in range(10)] + [view(10), view(11)]
    list(check_each(views, test, at_once=1))
    assert order[:3] == ["m365:0", "m365:10", "m365:11"]


def test_no_accounts_no_tests():
    assert list(check_each([], pytest.fail)) == []


def test_an_account_that_cannot_be_tested_is_a_result_too():
    def test(account_id):
        match account_id:
            case "m365:0":
                raise StoreError("database_silent", reason="locked")
            case "m365:1":
                raise ZeroDivisionError("canary")
            case "m365:2":
                raise NoSuchAccountError(account_id)
        return report(account_id, "imap_refused")

    tested = {one.account_id: one for one in check_each([view(n) for n in range(4)], test)}
    assert {name: one.findings[0].code for name, one in tested.items()} == {
        "m365:0": "store_unusable",
        "m365:1": "unknown",
        "m365:3": "imap_refused",
    }
    assert not any(one.passed for one in tested.values())


def test_broken_off_no_further_test_begins():
    begun, release = [], threading.Event()

    def test(account_id):
        begun.append(account_id)
        if len(begun) > 1:
            release.wait(10)
        return report(account_id)

    with closing(check_each([view(n) for n in range(50)], test, at_once=2)) as tests:
        first = next(tests)
    assert first.passed
    seen = len(begun)
    assert seen < 10
    release.set()
    for thread in threading.enumerate():
        if thread.name.startswith("m365-fleet"):
            thread.join(10)
    assert len(begun) == seen


def checked(number, *codes):
    return Checked(
        account_id=f"m365:{number}",
        name=f"Account {number}",
        mailbox="",
        passed=not codes,
        seconds=0.1,
        findings=tuple(finding(code) for code in codes),
        report=None,
    )


def test_the_summary_names_each_cause_with_its_accounts():
    results = [
        checked(1),
        checked(2, "imap_refused", "smtp_refused"),
        checked(3, "smtp_refused", "smtp_refused"),
    ]
    found = summary(results, asked=5, seconds=1.5)
    assert (found.asked, found.tested, found.passed, found.complete) == (5, 3, 1, False)
    assert [(cause.code, cause.accounts) for cause in found.causes] == [
        ("smtp_refused", ("Account 2", "Account 3")),
        ("imap_refused", ("Account 2",)),
    ]
    assert found.causes[0].title == finding("smtp_refused").title
