"""Values to plain JSON and back, by their annotations: one function each way for all of them.

cattrs does both; it is imported at first use, because it costs a host as much as loading all else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Return `value` as dicts, lists, strings, numbers, booleans and None, ready for ``json``.

    Raises ``TypeError`` for what does not cross the border.
    """
    return _converter().unstructure(value)


def from_plain(kind: type[T], plain: Any) -> T:
    """Return the value of type `kind` that `to_plain` made `plain` of.

    Keys that this version does not know are ignored: a newer one may have written them. Raises
    ``ValueError`` for what cannot be read.
    """
    from cattrs.errors import BaseValidationError  # noqa: PLC0415 - see the module's docstring

    try:
        return _converter().structure(plain, kind)
    except (BaseValidationError, KeyError, TypeError) as err:
        msg = f"This is no {kind.__name__}."
        raise ValueError(msg) from err


@cache
def _converter() -> Converter:
    from cattrs import Converter  # noqa: PLC0415 - see the module's docstring
    from cattrs.strategies import configure_union_passthrough  # noqa: PLC0415

    converter = Converter(unstruct_collection_overrides={tuple: list})
    converter.register_unstructure_hook_func(_never_crosses, _refused)
    converter.register_unstructure_hook(bytes, _refused)
    # Registered by class, like str, or str would be found first.
    converter.register_unstructure_hook(StrEnum, lambda value: value.value)
    # A datetime is a date too, so the closer class comes last.
    for moment in (date, datetime):
        converter.register_unstructure_hook(moment, lambda value: value.isoformat())
        converter.register_structure_hook(moment, lambda text, kind: kind.fromisoformat(text))
    configure_union_passthrough(str | bool | int | float | None, converter)
    return converter


def _never_crosses(kind: Any) -> bool:
    """Return whether a value's class is none that JSON or a value of ours has."""
    known = (str, int, float, type(None), Mapping, tuple, list, date)
    if kind is Any or not isinstance(kind, type):
        return False
    return not issubclass(kind, known) and not is_dataclass(kind)


def _refused(value: object) -> Any:
    msg = f"{type(value).__name__} is no value that crosses the border."
    raise TypeError(msg)
