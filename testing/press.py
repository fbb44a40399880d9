"""A button that is ready to be pressed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

#: Presses a button of a page that is open already, and returns where the host sends the browser:
#: the Location of its answer as it stands, or an empty string if it stays.
Press: TypeAlias = Callable[[], str]
