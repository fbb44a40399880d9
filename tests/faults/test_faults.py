"""Every fault, on every database that it applies to: what is seen is what is expected."""

import pytest
from faults.catalogue import all_faults
from faults.registry import NotHereError

ROWS = [
    pytest.param(fault, database, id=f"{fault.id} [{database}]")
    for fault in all_faults()
    for database in fault.databases
]


@pytest.mark.servers
@pytest.mark.parametrize(("fault", "database"), ROWS)
def test_the_fault_holds(lab, fault, database):
    try:
        with lab.bench(database) as bench:
            assert fault.run(bench) == fault.expected
    except NotHereError as err:
        pytest.skip(str(err))
