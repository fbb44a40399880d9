"""Runs the conformance suite in a pytest of its own and reads what each test ended with."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

HERE = Path(__file__).resolve().parents[1]
SUITE = "salesorder_m365.testing.conformance"
FIRST = "test_a_worker_signs_in_and_comes_back"
GENERIC = "test_no_generic_account_is_lost"
#: Every test of the suite. A defect is found by exactly one of them.
TESTS = {
    FIRST,
    "test_a_callback_from_another_browser_is_refused",
    "test_a_callback_that_comes_twice_ends_the_same",
    "test_a_late_ticket_opens_nothing",
    "test_a_mapping_of_many_values_is_taken",
    "test_a_refusal_is_no_fault",
    "test_a_retried_save_makes_one_account",
    "test_a_session_cookie_may_stay_behind_at_microsoft",
    "test_a_sign_in_that_is_passed_on_connects_nobody",
    "test_a_ticket_opens_in_no_other_workers_session",
    "test_a_ticket_opens_nothing_without_a_session",
    "test_a_ticket_opens_once",
    "test_a_worker_without_permission_is_refused",
    "test_an_account_is_edited",
    "test_an_address_does_nothing",
    "test_an_event_handler_never_raises",
    "test_an_outcome_is_explained",
    "test_another_site_can_do_nothing",
    "test_databases_share_nothing",
    "test_delete_deletes_one_account",
    "test_disconnect_forgets_the_sign_in",
    "test_folders_are_mapped",
    "test_the_browsers_cookie_goes_to_the_callback_alone",
    "test_the_browsers_cookie_is_hidden_from_scripts",
    "test_the_browsers_cookie_is_lax",
    "test_the_callback_is_in_no_log",
    "test_the_callback_is_kept_in_no_cache",
    "test_the_callback_is_passed_on_to_nobody",
    "test_the_connection_is_tested",
    "test_the_host_header_is_not_trusted",
    "test_the_redirect_is_passed_on_whole",
    "test_two_tabs_sign_in_at_once",
    "test_what_people_wrote_is_escaped",
    GENERIC,
}


def run_suite(folder, *options):
    """Return the process that ran the suite to its end, within bounds."""
    command = [
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error"),
        *("--junitxml", folder / "results.xml", "--pyargs", SUITE, *options),
    ]
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def results(folder):
    """Return the names of the suite's tests, without parameters, by how they ended."""
    ended = {"passed": set(), "failed": set(), "skipped": set()}
    for case in ET.parse(folder / "results.xml").iter("testcase"):
        name = case.get("name").partition("[")[0]
        inside = {child.tag for child in case}
        kind = "failed" if inside & {"failure", "error"} else "passed"
        ended["skipped" if "skipped" in inside else kind].add(name)
    return ended
