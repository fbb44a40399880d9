"""Redirects with a header more, to see whether a host passes them on as they are."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ..hooks import hookimpl

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    import pluggy

    from ..schemas.signin import Redirect


class _Marking:
    def __init__(self, marks: Mapping[str, str]) -> None:
        self._marks = marks

    @hookimpl(wrapper=True)
    def salesorder_login_begin(self) -> Generator[None, Redirect | None, Redirect | None]:
        return self._marked((yield))

    @hookimpl(wrapper=True)
    def salesorder_ticket_open(self) -> Generator[None, Redirect | None, Redirect | None]:
        return self._marked((yield))

    def _marked(self, redirect: Redirect | None) -> Redirect | None:
        if redirect is None:
            return None
        return replace(redirect, headers={**redirect.headers, **self._marks})


@contextmanager
def marked_redirects(plugins: pluggy.PluginManager) -> Iterator[Mapping[str, str]]:
    """Let each Redirect have the yielded headers as well, as a later version's might."""
    marks = {"X-Salesorder-Conformance": secrets.token_hex(8)}
    plugin = _Marking(marks)
    plugins.register(plugin)
    try:
        yield marks
    finally:
        plugins.unregister(plugin)
