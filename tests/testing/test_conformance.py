"""The suite itself: good hosts pass it, and each broken host fails where it is broken."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.broken_hosts import DEFECTS
from support.conformance import FIRST, GENERIC, TESTS, results, run_suite


def test_the_reference_host_passes(tmp_path):
    ended = run_suite(tmp_path, "--salesorder-host", "salesorder_m365.demo.testing:host")
    assert ended.returncode == 0, ended.stdout
    assert results(tmp_path) == {"passed": TESTS, "failed": set(), "skipped": set()}


OTHERS = ["small_erp:host", "small_erp:teaching_host", "flask_host:host", "django_host:host"]


@pytest.mark.parametrize("name", OTHERS)
def test_other_hosts_pass_that_have_no_generic_accounts(tmp_path, name):
    ended = run_suite(tmp_path, "-rs", "--salesorder-host", f"support.{name}")
    assert ended.returncode == 0, ended.stdout
    assert results(tmp_path) == {"passed": TESTS - {GENERIC}, "failed": set(), "skipped": {GENERIC}}
    assert "this host has no Generic accounts" in ended.stdout


@pytest.fixture(scope="module")
def runs(request, tmp_path_factory):
    """Run the suite against the broken hosts of this session's tests, two at a time."""
    asked = [getattr(item, "callspec", None) for item in request.session.items]
    given = [spec.params.get("name") for spec in asked if spec]
    names = {name for name in given if isinstance(name, str)}

    def run(name):
        folder = tmp_path_factory.mktemp(name)
        return folder, run_suite(folder, "--salesorder-host", f"support.broken_hosts:{name}")

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(run, name) for name in DEFECTS if name in names}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_broken_host_fails_in_its_own_test(runs, name):
    folder, ended = runs[name].result()
    assert ended.returncode == 1, ended.stdout
    assert results(folder)["failed"] == {DEFECTS[name]}, ended.stdout


def test_every_test_but_the_first_finds_a_defect():
    assert set(DEFECTS.values()) == TESTS - {FIRST}


def test_the_first_finds_cookies_that_do_not_come_back_from_microsoft(tmp_path):
    ended = run_suite(tmp_path, "--salesorder-host", "support.broken_hosts:strict_cookies")
    assert FIRST in results(tmp_path)["failed"]
    assert "must be SameSite=Lax" in ended.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "add --salesorder-host my_erp.testing:host"),
        (["-n", "1"], "add --salesorder-host my_erp.testing:host"),
        (["--salesorder-host", "no_such_erp:host"], "No module named 'no_such_erp'"),
        (["--salesorder-host", "support.broken_hosts:nothing"], "has no attribute 'nothing'"),
        (["--salesorder-host", "broken_hosts"], "Give MODULE:NAME"),
    ],
    ids=["none", "none, with workers", "no module", "no such name", "no name"],
)
def test_a_host_that_is_not_there_is_a_usage_error(tmp_path, options, said):
    ended = run_suite(tmp_path, *options)
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    (error,) = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")]
    assert said in error
    assert "--salesorder-host" in error
    assert "Traceback" not in ended.stdout + ended.stderr
