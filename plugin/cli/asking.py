"""Questions to the person at the terminal; where there is none, what to give instead."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def answered(ask: Callable[[], T], question: str, instead: str) -> T:
    """Return the answer; without a terminal to ask on, a usage error says what to give `instead`.

    Answers may come through a pipe: only its end is the error. Ctrl-C at a terminal aborts.
    """
    try:
        return ask()
    except click.Abort:
        if sys.stdin is not None and sys.stdin.isatty():
            raise
        msg = f"“{question}” was not answered: there is no terminal to ask on. Give {instead}."
        raise click.UsageError(msg) from None


def confirmed(question: str, *, option: str = "--yes", default: bool = False) -> bool:
    """Return whether the person agrees; `option` is what agrees without asking."""
    return answered(lambda: click.confirm(question, default=default), question, option)


class Asked(click.Option):
    """An option that is asked for where it is not given."""

    def prompt_for_value(self, ctx: click.Context) -> Any:
        """Ask for it."""
        ask = super().prompt_for_value
        return answered(lambda: ask(ctx), str(self.prompt), self.opts[0])
