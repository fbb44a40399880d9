"""A mapping as web frameworks keep a query: several values to a name, the last one by ``[]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class MultiValueDict(dict[str, list[str]]):
    """Behaves as Django's ``request.GET`` does: ``dict()`` copies the lists out of it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__({name: [value] for name, value in values.items()})

    def __getitem__(self, name: str) -> str:  # type: ignore[override] # what it is here to show
        return super().__getitem__(name)[-1]
