"""Every line that any logger writes, down to DEBUG, as long as the block lasts."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The kit's own browser and servers: they write the addresses that are loaded.
_OWN = frozenset({"urllib3", "uvicorn"})


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] not in _OWN:
            self.lines.append(self.format(record))


@contextmanager
def everything_said() -> Iterator[list[str]]:
    """Give the list that grows with every line; tracebacks count."""
    root, handler = logging.getLogger(), _Kept()
    # Loggers that hand nothing on to the root but write somewhere, as servers' access logs do.
    known = [each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    listened = [root, *(each for each in known if each.handlers and not each.propagate)]
    level = root.level
    root.setLevel(logging.DEBUG)
    for logger in listened:
        logger.addHandler(handler)
    try:
        yield handler.lines
    finally:
        root.setLevel(level)
        for logger in listened:
            logger.removeHandler(handler)
