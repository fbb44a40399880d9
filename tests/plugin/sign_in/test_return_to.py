"""No return target leads off the host."""

import pytest
from salesorder_m365.plugin.errors import BadRequestError
from salesorder_m365.plugin.sign_in.return_to import check_return_to
from support.return_targets import OFF_SITE, ON_SITE, combined, stays


@pytest.mark.parametrize("path", OFF_SITE)
def test_what_could_leave_the_host_is_refused(path):
    with pytest.raises(BadRequestError, match="return_to"):
        check_return_to(path)


@pytest.mark.parametrize("path", ON_SITE)
def test_a_path_of_the_host_is_taken(path):
    assert check_return_to(path) == path


def test_what_is_taken_stays_on_the_host_however_it_is_read():
    taken = set()
    for path in combined():
        try:
            taken.add(check_return_to(path))
        except BadRequestError:
            continue
    assert len(taken) > 50
    assert [path for path in taken if not stays(path)] == []
