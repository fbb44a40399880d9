"""Values to plain JSON and back, by their annotations: one function each way for all of them."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Return `value` as dicts, lists, strings, numbers, booleans and None, ready for ``json``."""
    match value:
        case Enum():
            plain = value.value
        case date():
            plain = value.isoformat()
        case Mapping():
            plain = {to_plain(key): to_plain(item) for key, item in value.items()}
        case tuple() | list():
            plain = [to_plain(item) for item in value]
        case None | str() | int() | float():
            plain = value
        case _ if is_dataclass(value):
            plain = {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
        case _:
            msg = f"{type(value).__name__} is no value that crosses the border."
            raise TypeError(msg)
    return plain


def from_plain(kind: type[T], plain: Any) -> T:
    """Return the value of type `kind` that `to_plain` made `plain` of."""
    value: T = _build(kind, plain)
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _build(kind: Any, plain: Any) -> Any:
    origin = get_origin(kind)
    if origin in {Union, types.UnionType}:
        # At most one arm is a value of ours; the others are what JSON has itself.
        arms = [arm for arm in get_args(kind) if arm not in {types.NoneType, str, bool}]
        value = _build(arms[0], plain) if arms and plain is not None else plain
    elif origin is tuple:
        value = tuple(_build(get_args(kind)[0], item) for item in plain)
    elif origin is not None and issubclass(origin, Mapping):
        key_kind, item_kind = get_args(kind)
        value = {_build(key_kind, k): _build(item_kind, v) for k, v in plain.items()}
    elif kind is datetime or kind is date:
        value = kind.fromisoformat(plain)
    elif is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        value = kind(**{name: _build(hints[name], item) for name, item in plain.items()})
    elif isinstance(kind, type) and issubclass(kind, Enum):
        value = kind(plain)
    else:
        value = plain
    return value
