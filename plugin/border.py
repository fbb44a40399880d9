"""The border of the use cases: what every call of a hook or a command passes, in and out.

On the way in, texts that no database could store are refused. On the way out, an error's finding
is filled with what only this place knows: whose account it was, and which registration; and the
frames of its traceback are emptied.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from .entra.consent import consent_links
from .errors import BadRequestError, M365Error, MailError
from .frames import clear_frames
from .settings.clouds import endpoints
from .store import accounts
from .store.engines import reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..schemas.settings import Settings
    from .context import Context

#: Characters of an argument at most: as many as its column has, or as a cookie can have.
_LONGEST = {"browser": 4096, "return_to": 2000, "rejected": 16384}
_LONGEST_OTHER = 200
_NEVER_EMPTY = frozenset({"worker", "request_id"})
#: PostgreSQL refuses NUL in a text; a lone surrogate has no encoding.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

P = ParamSpec("P")
R = TypeVar("R")


class _Room(Protocol):
    """What owns use cases: it knows its host."""

    @property
    def context(self) -> Context: ...


S = TypeVar("S", bound=_Room)


def use_case(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Mark a method that hooks and commands call."""
    signature = inspect.signature(method)

    @wraps(method)
    def bordered(room: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        given = signature.bind(room, *args, **kwargs).arguments
        _check(signature, given)
        try:
            return method(room, *args, **kwargs)
        except BaseException as err:
            if isinstance(err, M365Error):
                _fill(err, room.context, given.get("account_id"))
            # This frame is not finished yet, so it is emptied by hand.
            del args, kwargs, given
            clear_frames(err)
            raise

    return bordered


def _check(signature: inspect.Signature, given: Mapping[str, Any]) -> None:
    """Raise ``BadRequestError`` for an argument that is not what its annotation says."""
    for name, value in given.items():
        match signature.parameters[name].annotation:
            case "str":
                _check_text(name, value)
            case "str | None" if value not in (None, ""):
                _check_text(name, value)
            case "Sequence[str] | None" if value is not None:
                if isinstance(value, str) or not isinstance(value, Iterable):
                    raise _unusable(name, "must be a sequence of texts")
                for each in value:
                    _check_text(name, each)
            case "Mapping[str, str]" | "Mapping[str, Any]" if not isinstance(value, Mapping):
                raise _unusable(name, "must be a mapping")


def _check_text(name: str, value: object) -> None:
    longest = _LONGEST.get(name, _LONGEST_OTHER)
    if not isinstance(value, str):
        raise _unusable(name, "must be a text")
    if len(value) > longest:
        raise _unusable(name, f"must have at most {longest} characters")
    if not value and name in _NEVER_EMPTY:
        raise _unusable(name, f"must have 1 to {longest} characters")
    if _UNSTORABLE.search(value):
        raise _unusable(name, "has a character that no database stores (NUL, or half of a pair)")


def _unusable(name: str, problem: str) -> BadRequestError:
    return BadRequestError("argument_unusable", argument=name, problem=problem)


def _fill(err: M365Error, context: Context, account_id: str | None) -> None:
    settings = context.settings
    err.fill(registration_values(settings), consent_links(err.code, settings))
    if isinstance(err, MailError):
        # Only IMAP is asked outside of Test Connection, which makes findings of its own.
        imap = endpoints(settings).imap
        seconds = f"{settings.mail_timeout:g}"
        err.fill({"host": imap.host, "port": str(imap.port), "seconds": seconds})
    if account_id is not None:
        with suppress(M365Error):  # a finding without the names is better than another error
            err.fill(_account_values(context, account_id))


def registration_values(settings: Settings) -> dict[str, str]:
    """Return what the catalogue's placeholders for the ERP's registration mean."""
    return {
        "client_id": settings.client_id,
        "redirect_uri": settings.redirect_uri,
        "authority": endpoints(settings).authority_url,
        "erp": settings.base_url,
    }


def _account_values(context: Context, account_id: str) -> dict[str, str]:
    with reading(context.engine) as connection:
        row = accounts.read_account(connection, account_id)
    if row is None:
        return {}
    return {
        "mailbox": row.form.sender_email,
        "sender": row.form.sender_email,
        "username": row.form.username,
        "expected": row.form.username,
    }
