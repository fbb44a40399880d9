"""Makes docs/command-line.md of the commands themselves: python tests/tools/command_page.py"""

import inspect
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import click
from salesorder_m365.plugin.cli import main
from salesorder_m365.plugin.cli.root import COMMANDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "command-line.md"

INTRODUCTION = """\
# The command line

`salesorder-m365` comes with the package. With it the ERP's administrator sets the plugin up,
checks it, and acts on all accounts, beside a running ERP too: both use the same database. [The
administrator's tutorial](tutorial-administrator.md) shows it from the installation to the end.

Whoever can read the settings can do everything with it: they hold the keys. What is done is kept
as an event under the name of the user who did it, such as `root (command line)`.

## Settings

The commands take the [settings](settings.md) from the environment, and from the ini file that
`--config` or `SALESORDER_M365_CONFIG` names. `salesorder-m365 setup` writes that file: readable
by its owner only, whole or not at all.

## Exit status

| status | means |
|---|---|
| 0 | All is well; what was to be done is done. |
| 1 | Something is wrong and was told: a finding, a failed test, a missing key, a refusal. |
| 2 | Wrong usage or wrong settings: nothing was done. |
| 130 | Broken off by Ctrl-C, or a question was not answered. |

## For programs

Every command that reads has `--json`: one document on stdout, nothing else. Its values are those
that [the hooks](hooks.md) give. `accounts test --all --csv` and `generic plan --csv` print CSV
for a spreadsheet, in which no cell is a formula. Progress bars show themselves on a terminal
only.

## Secrets

No command takes a secret as an argument, where other users of the computer could read it. Typed
secrets are not shown. A new key goes into the settings file unseen (`salesorder-m365 keys add`);
only `salesorder-m365 keys new` prints one, and on a screen only with `--show`.

## When the program is at fault

Nothing is logged to the screen: what matters is told as a finding. With `SALESORDER_TRACE=1` in the
environment the log is shown, and an unexpected error with its traceback. Secrets are in neither.

## Completion by the shell

Put one line into the shell's start-up file:

    eval "$(_SALESORDER_M365_COMPLETE=bash_source salesorder-m365)"    # ~/.bashrc
    eval "$(_SALESORDER_M365_COMPLETE=zsh_source salesorder-m365)"     # ~/.zshrc
    _SALESORDER_M365_COMPLETE=fish_source salesorder-m365 | source     # ~/.config/fish/config.fish

## Accounts

ACCOUNT is an account's name, its id (`m365:…`), or an address that no other account has.

The rest of this page is made of the commands' own help by `python tests/tools/command_page.py`.
"""


def every() -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, by its words; those by entry point last."""
    yield from _inside(main, "salesorder-m365")
    for entry in sorted(entry_points(group=COMMANDS), key=lambda entry: entry.name):
        yield f"salesorder-m365 {entry.name}", entry.load()


def _inside(group: click.Group, words: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _inside(command, f"{words} {name}")
        else:
            yield f"{words} {name}", command


def page() -> str:
    """Return the whole page."""
    return INTRODUCTION + "".join("\n".join(_section(*found)) for found in every())


def _section(words: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=words)
    yield f"\n## `{words}`\n"
    yield f"    {' '.join([words, *command.collect_usage_pieces(context)])}\n"
    yield f"{_escaped(inspect.cleandoc(command.help or ''))}\n"
    options = [option for option in command.params if isinstance(option, click.Option)]
    if options:
        yield "| option | what |\n|---|---|"
        yield from (_row(option, context) for option in options)
        yield ""


def _row(option: click.Option, context: click.Context) -> str:
    names, text = option.get_help_record(context) or ("", "")
    return f"| `{names}` | {_escaped(text)} |"


def _escaped(text: str) -> str:
    return text.replace("<", "\\<").replace("*", "\\*").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
