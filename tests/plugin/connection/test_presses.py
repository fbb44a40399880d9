"""Every switch of the simulator's panel, three presses each: the same finding, and the right one.

Printed as a table by ``python tests/tools/presses_table.py``.
"""

from dataclasses import fields

import pytest
from salesorder_m365.simulator.tenant.policies import Policies
from support.presses import EXPECTED, EXPIRED, PRESSES, VALUES, cases, expected, row, turned


@pytest.mark.parametrize(
    ("switch", "expired"), cases(), ids=[f"{s}{'-run-out' * e}" for s, e in cases()]
)
def test_each_press_says_the_same_and_what_is_right(sim, settings_values, switch, expired):
    seen = row(sim, settings_values(sim), switch, expired=expired)
    right = expected(switch, expired=expired)
    assert seen.ways == {
        "test": (right.test,) * PRESSES,
        "folders": (right.folders,) * PRESSES,
        "command": (right.test,) * PRESSES,
        "health": (right.health,) * PRESSES,
    }


def test_every_switch_is_turned():
    names = {field.name for field in fields(Policies)}
    assert {*VALUES, *EXPECTED, *EXPIRED} <= names
    assert {name for name in names if turned(name) == getattr(Policies(), name)} == set()
