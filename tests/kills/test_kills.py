"""The harness's short form: nothing twice, nothing lost; and without the guard it says so."""

import pytest
from faults.postgres import NotInstalledError, Postgres
from kills.harness import run

MESSAGES, KILLS = 40, 40


@pytest.fixture
def database(request):
    if request.param == "sqlite":
        yield None
        return
    try:
        with Postgres() as server:
            yield server.create("kills")
    except NotInstalledError as err:
        pytest.skip(str(err))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_killed_at_any_moment_no_mail_is_sent_twice_or_lost(tmp_path, database):
    result = run(tmp_path, MESSAGES, KILLS, database_url=database)
    print(result)
    assert (result.duplicates, result.invented, result.lost, result.left) == (0, 0, 0, 0)
    assert (result.messages, result.kills) == (MESSAGES, KILLS)


@pytest.mark.timeout(600)
def test_without_the_point_of_no_return_mails_are_sent_twice(tmp_path):
    result = run(tmp_path, 3 * MESSAGES, 3 * KILLS, guarded=False)
    print(result)
    assert result.duplicates > 0
