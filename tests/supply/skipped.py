"""Whether a run of the tests skipped what this computer could have: python -m supply.skipped LOG

The log is what ``pytest -ra`` prints. A skip is fine only for a reason that is listed here: a part
that is not installed hides what it would have shown.
"""

import re
import sys
from pathlib import Path

import click

#: No installation changes these.
FINE = ("Linux only", "git knows no commit with another schema")
_SKIPPED = re.compile(r"^SKIPPED \[\d+\] (?P<where>\S+?): (?P<reason>.*)$", re.MULTILINE)
_ENDED = re.compile(r"\b\d+ passed\b")


def skipped(log):
    """Return the skips of a log that are not fine, as where and why."""
    return [
        f"{found['where']}: {found['reason']}"
        for found in _SKIPPED.finditer(log)
        if not found["reason"].startswith(FINE)
    ]


def command(path):
    """Print them; status 1 if there is one, or if the log is none of pytest's."""
    log = Path(path).read_text(encoding="utf-8", errors="replace")
    if not _ENDED.search(log):
        click.echo(f"{path} is no log of a run of pytest.", err=True)
        return 1
    wrong = skipped(log)
    for line in wrong:
        click.echo(f"Skipped for want of a part that can be installed: {line}", err=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(command(sys.argv[1]))
