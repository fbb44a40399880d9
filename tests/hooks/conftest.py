"""A host over the simulator."""

import pytest
from support.erp import Erp


@pytest.fixture
def erp(sim, settings_for):
    return Erp(settings_for(sim))
