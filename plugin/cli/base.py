"""What all commands and groups have in common: whole help texts, and ``--json`` with its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: The value of a ``--json`` that names no fields: the document as it is.
WHOLE = ""


class JsonOption(click.Option):
    """``--json``, or ``--json FIELD,…``; `fields` returns the names that there are.

    click's own optional values would take the ACCOUNT of ``show --json Sales`` for the fields.
    """

    def __init__(self, *args: Any, fields: Callable[[], Sequence[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = fields

    def names_fields(self, word: str, *, alone: bool) -> bool:
        """Return whether the word behind ``--json`` is a list of fields.

        `alone` says that the command takes no argument, so it can be nothing else.
        """
        if word.startswith("-"):
            return False
        known = set(self.fields())
        return alone or "," in word or word.partition(".")[0] in known

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Check the fields; raise a usage error that lists them."""
        if not value:
            return value
        known = sorted(self.fields())
        unknown = [name for name in value.split(",") if name.partition(".")[0] not in known]
        if unknown:
            raise click.UsageError(
                f"There is no field {', '.join(unknown)}. Fields are {', '.join(known)}.", ctx
            )
        return value

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:  # noqa: ARG002 - click's signature
        """Return the fields that are not in the list yet."""
        before, _, last = incomplete.rpartition(",")
        given = before.split(",") if before else []
        start = f"{before}," if before else ""
        rest = [name for name in self.fields() if name not in given and name.startswith(last)]
        return [CompletionItem(start + name) for name in rest]


class Command(click.Command):
    """A command whose ``--json`` may be followed by fields, or by nothing."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give a ``--json`` without fields an empty value."""
        option = next((each for each in self.params if isinstance(each, JsonOption)), None)
        if option is not None:
            args = self._with_fields(option, args)
        return super().parse_args(ctx, args)

    def _with_fields(self, option: JsonOption, args: list[str]) -> list[str]:
        alone = not any(isinstance(each, click.Argument) for each in self.params)
        done: list[str] = []
        rest = list(args)
        while rest:
            word = rest.pop(0)
            if word == "--":
                return [*done, word, *rest]
            if word == "--json":
                fields = bool(rest) and option.names_fields(rest[0], alone=alone)
                word = f"--json={rest.pop(0) if fields else WHOLE}"
            done.append(word)
        return done


class Group(click.Group):
    """A group whose help shows the first sentence of each command, whole."""

    command_class = Command
    group_class = type

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands; click's own way cuts the sentences at the line's end."""
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                rows.append((name, first_sentence(command)))
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def first_sentence(command: click.Command) -> str:
    """Return what a list of commands says of one."""
    if command.short_help:
        return command.short_help
    paragraph = " ".join((command.help or "").partition("\n\n")[0].split())
    sentence, stop, _ = paragraph.partition(". ")
    return sentence + stop.strip() if stop else paragraph


def group() -> Callable[[Callable[..., Any]], Group]:
    """Turn a function into a group of this kind."""
    return click.group(cls=Group)


def command() -> Callable[[Callable[..., Any]], Command]:
    """Turn a function into a command of this kind."""
    return click.command(cls=Command)
