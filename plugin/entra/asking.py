"""Ask Microsoft over HTTP: what fails on the way becomes an error of ours, without the request.

The exceptions of `requests` hold the request with its secrets, and their frames even more. So
none of them is kept; what the operating system said is told again by a plain copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..errors import UnavailableError
from ..frames import clear_frames

if TYPE_CHECKING:
    from collections.abc import Callable


class HttpClient(Protocol):
    """What is asked of an HTTP client: `requests.Session` has this shape."""

    def get(self, url: str, *args: Any, **kwargs: Any) -> Any: ...  # noqa: D102
    def post(self, url: str, *args: Any, **kwargs: Any) -> Any: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


def ask(send: Callable[[], Any]) -> Any:
    """Return the response; raise ``UnavailableError`` if there is none.

    Whatever else is raised is a fault of this program and is let through.
    """
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - comes with requests, at first use

    try:
        return send()
    # Those of requests are OSErrors; some of urllib3's slip through it.
    except (OSError, HTTPError) as err:
        failure = UnavailableError(type(err).__name__)
        failure.__cause__ = _told_by_the_system(err)
        clear_frames(err)
    # Outside the block, so that the error above is no context of this one.
    try:
        raise failure
    finally:
        del failure  # a frame and its error hold each other, and the answer with them


def _told_by_the_system(err: BaseException) -> OSError | None:
    """Return a copy of the operating system's own error behind `err`, None without one."""
    each: BaseException | None = err
    for _ in range(20):
        if each is None:
            return None
        if isinstance(each, OSError) and isinstance(each.errno, int):
            # Of classes that hold no more than these arguments.
            known = type(each).__module__ in {"builtins", "socket", "ssl"}
            return (type(each) if known else OSError)(each.errno, each.strerror)
        each = each.__cause__ or each.__context__ or _reason(each)
    return None


def _reason(err: BaseException) -> BaseException | None:
    """Return what urllib3 and requests keep as an argument instead of chaining it."""
    kept = (getattr(err, "reason", None), *err.args)
    return next((each for each in kept if isinstance(each, BaseException)), None)
