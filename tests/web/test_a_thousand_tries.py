"""1,000 tries to sign in by a ticket or a callback of somebody else's: none is accepted.

Prints the count: ``pytest -s tests/web/test_a_thousand_tries.py``.
"""

from collections import Counter
from datetime import timedelta

import pytest
from support.mail_site import MAILBOX, callback

TIMES = 200
WAYS = (
    "a ticket opened again",
    "a late ticket",
    "a ticket in another worker's session",
    "a ticket without a session",
    "a callback in another browser",
)


@pytest.fixture
def account_id(kit):
    return kit.erp.save().id


@pytest.fixture
def tries(kit, sim, account_id):
    """Return for each way a function that tries it once, and gives the answers."""

    def again():
        path = kit.site.ticket(account_id)
        assert kit.browser.open(path).status == 303
        return [kit.browser.open(path), kit.site.visitor().open(path)]

    def late():
        path = kit.site.ticket(account_id)
        kit.erp.later += timedelta(seconds=60)
        return [kit.browser.open(path)]

    def other_session():
        return [kit.site.visitor("worker-2").open(kit.site.ticket(account_id))]

    def no_session():
        path = kit.site.ticket(account_id)
        return [kit.site.visitor(nobody).open(path) for nobody in (None, "")]

    def other_browser():
        # Each other browser has a cookie and an attempt of its own, or nothing at all.
        begun, bare = kit.site.visitor(), kit.site.visitor(None)
        kit.site.left(begun, account_id=account_id)
        return [each.follow(queries[-1]) for each in (begun, bare)]

    queries = [callback(sim.sign_in(kit.site.left(kit.browser, account_id=account_id), MAILBOX))]
    return dict(zip(WAYS, (again, late, other_session, no_session, other_browser), strict=True))


def is_accepted(answer):
    return answer.status == 303 or "is signed in" in answer.text


def test_none_of_a_thousand_is_accepted(kit, sim, account_id, tries):
    accepted, made = Counter(), 0
    # The late ones move the host's clock, so they come last.
    for way in sorted(WAYS, key=lambda way: way == "a late ticket"):
        for _ in range(TIMES):
            made += 1
            accepted[way] += any(map(is_accepted, tries[way]()))
    print(f"\n{made} tries, {accepted.total()} accepted")
    for way in WAYS:
        print(f"  {TIMES} of {way}: {accepted[way]} accepted")
    assert (made, accepted.total()) == (1000, 0)
    assert sim.count(grant_type="authorization_code") == 0
    assert kit.erp.view(account_id).state == "draft"


def test_the_right_ones_are_accepted(kit, sim, account_id):
    # Else the count above would be worth nothing.
    left = kit.browser.open(kit.site.ticket(account_id))
    assert is_accepted(left)
    page = kit.browser.follow(callback(sim.sign_in(left["Location"], MAILBOX)))
    assert is_accepted(page)
    assert kit.erp.view(account_id).state == "connected"
