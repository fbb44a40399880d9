"""The plan as CSV: "Make a list of the accounts you are going to change/retain"."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .generic import GenericPlan, GenericPlanned

COLUMNS = (
    "Generic account",
    "Sender email",
    "Sender name",
    "Username",
    "Used by",
    "State",
    "New account",
    "New username",
    "New account's id",
    "Remarks",
)
#: What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection"); the last four are
#: full-width forms that some programs read as the first four.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def plan_csv(plan: GenericPlan) -> str:
    """Return the plan as RFC 4180 text, every cell quoted, none of them a formula."""
    lines = StringIO(newline="")
    writer = csv.writer(lines, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_cells, plan.accounts))
    return lines.getvalue()


def _cells(planned: GenericPlanned) -> list[str]:
    generic, new = planned.generic, planned.suggested
    cells = (
        generic.name,
        generic.address,
        generic.sender_name,
        generic.username,
        ", ".join(generic.used_by),
        planned.state_label,
        new.account_name if new else "",
        new.username if new else "",
        planned.account_id or "",
        " ".join(conflict.message for conflict in planned.conflicts),
    )
    return [harmless(cell) for cell in cells]


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet calculates: an apostrophe goes before what looks so."""
    text = cell.replace("\0", "")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
