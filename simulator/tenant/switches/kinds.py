"""What a switch can hold: its widget in the panel, and the check of a value from outside."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

#: addresses of any domain, or domains; `set[str]` alone holds mailboxes of the tenant
Addresses = Annotated[set[str], "addresses"]


def shown(
    *,
    label: str,
    imitates: str,
    words: str = "",
    source: str = "",
    options: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a switch's metadata.

    `words` is what a client then hears, or the beginning of it; `source` is where the words or
    the behaviour are known from. `options` are the labels of a choice's values.
    """
    texts = {"label": label, "imitates": imitates, "words": words, "source": source}
    return {**texts, "options": dict(options or {})}


@dataclass(frozen=True)
class Kind:
    """One kind of value."""

    widget: str
    check: Callable[[Any], Any]


def _addresses(value: Any) -> set[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError
    return {str(address).strip().lower() for address in value}


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _line(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


_KINDS: dict[Any, Kind] = {
    bool: Kind("switch", _flag),
    set[str]: Kind("mailboxes", _addresses),
    Addresses: Kind("addresses", _addresses),
    int: Kind("number", _whole),
    int | None: Kind("number", _whole),
    str | None: Kind("reply", _line),
}


def kind_of(entry: Field[Any]) -> Kind:
    """Return the kind of a switch by the type of its field."""
    if get_origin(entry.type) is not Literal:
        return _KINDS[entry.type]
    allowed = get_args(entry.type)

    def choice(value: Any) -> Any:
        if value not in allowed:
            raise TypeError
        return value

    return Kind("choice", choice)


def checked(entry: Field[Any], value: Any) -> Any:
    """Return a value from outside as the switch holds it. Raises ValueError naming the switch."""
    if value is None and entry.default is None:
        return None
    try:
        return kind_of(entry).check(value)
    except TypeError as err:
        raise ValueError(f"Policy {entry.name!r} does not take {value!r}") from err
