"""Print the OAuth checklist as a table: each point, the tests that bear its number, the result."""

import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

FILE = Path(__file__).parents[1] / "security" / "test_oauth_checklist.py"
#: Gathered from RFC 9700, 7636, 9207 and 6749, OpenID Connect Core and OWASP.
POINTS = {
    1: "S256 challenge on every authorize URL, a fresh verifier of at least 43 characters",
    2: "State of at least 128 bits, stored as a hash, for at most 10 minutes",
    3: "State bound to the browser: another one is refused without a token request",
    4: "State consumed before redemption; of parallel replays one proceeds",
    5: "State binds worker and account; a changed worker is refused",
    6: "A wrong nonce is refused",
    7: "iss, tid and aud of the id token match; iss of the callback too, if sent",
    8: "The authority comes from the stored attempt, never from the request",
    9: "Redirect URI from the settings, never from headers; https except on loopback",
    10: "The return target is a path of the host: no off-site redirect",
    11: "Login starts with POST, CSRF token and permission",
    12: "A code without a matching state never reaches the token endpoint",
    13: "303 redirects, Referrer-Policy: no-referrer, Cache-Control: no-store",
    14: "The signed-in identity is compared and shown; a mismatch stores nothing",
    15: "Scopes equal the exact set",
    16: "No password grant, no implicit flow",
    17: "Certificate credential",
    18: "error_description never shown unescaped nor branched on",
    19: "Disconnect deletes the ciphertext and is audited",
    20: "Neither code nor state in logs",
}
_TEST = re.compile(r"test_(\d\d)_(\w+)")


class Results:
    """Takes pytest's reports: the outcomes of each test function."""

    def __init__(self):
        self.outcomes = defaultdict(list)

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.rpartition("::")[2].partition("[")[0]
        if _TEST.match(name) and (report.when == "call" or report.outcome != "passed"):
            self.outcomes[name].append(report.outcome)

    def of(self, number):
        """Return this point's tests and what each came to."""
        found = (name for name in self.outcomes if int(_TEST.match(name)[1]) == number)
        return {name: self.outcomes[name] for name in found}


def lines(results):
    """Yield the table."""
    for number, point in POINTS.items():
        tests = results.of(number)
        held = tests and all(set(outcomes) == {"passed"} for outcomes in tests.values())
        yield f"{number:>2}  {'holds ' if held else 'BROKEN'}  {point}"
        for name, outcomes in tests.items():
            passed = outcomes.count("passed")
            yield f"            {passed:>2}/{len(outcomes):<2} {name}"


def main():
    """Run the checklist's tests and print the table; return pytest's exit status."""
    results = Results()
    status = pytest.main(["-q", "--no-header", "--show-capture=no", str(FILE)], plugins=[results])
    sys.stdout.write("\n".join(lines(results)) + "\n")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
