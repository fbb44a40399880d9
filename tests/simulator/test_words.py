"""Every switch and its words: turned, a client hears them; not turned, it does not."""

import pytest
from salesorder_m365.simulator.tenant.policies import DESCRIPTIONS
from support.hearings import HEARINGS, heard


def test_every_switch_is_heard():
    assert list(HEARINGS) == [described.name for described in DESCRIPTIONS]


@pytest.mark.parametrize("described", DESCRIPTIONS, ids=lambda described: described.name)
def test_a_switch_is_heard_when_it_is_turned(sim, described):
    turned, unturned = heard(sim, described.name)
    assert described.words in turned
    assert turned != unturned
    if described.words:
        assert described.words not in unturned
