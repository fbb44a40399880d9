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

Anyone who can read the settings can do everything with it: they hold the keys. What is done is
kept as an event under the name of the user who did it, such as `root (command line)`.

## Settings

The commands take the [settings](settings.md) from the environment, and from the ini file that
`--config` or `SALESORDER_M365_CONFIG` names. `salesorder-m365 setup` writes that file: readable
by its owner only, whole or not at all.

A host may decide itself where its database is and what its callback path is. `--host MODULE:NAME`
(or `SALESORDER_HOST`) names its host object, or a function that makes it, with the settings or
without; its settings are then used, and it hears of the events. The working directory is searched
last.

Only `db upgrade`, `setup` and `accounts add` make a database. The others say where they looked.

## Exit status

| status | means |
|---|---|
| 0 | All is well; what was to be done is done. |
| 1 | Something is wrong and was told: a finding, a failed test, a missing key, a refusal. |
| 2 | Wrong usage or wrong settings: nothing was done. |
| 130 | Interrupted by Ctrl-C. |

Where there is no terminal to ask on, answers may come by a pipe; a question without an answer is
wrong usage, and names the option to give.

## For programs

Every command that reads has `--json`: one document on stdout, nothing else. Its values are those
that [the hooks](hooks.md) give. `--json FIELD,…` gives these fields only, and
`values.account_name` is one inside another:

    salesorder-m365 accounts list --json id,state,values.account_name

Control and direction characters are escaped in it. `accounts test --all --csv` and `generic plan
--csv` print CSV for a spreadsheet, in which no cell is a formula.

## On the screen

Tables fit the terminal and keep every word whole: an address can be copied. A table that cannot
fit shows each row as a block. In a pipe it is as wide as it needs. Times are those of the
computer's clock, with their distance from UTC. `NO_COLOR` and `TERM=dumb` switch colours off, and
progress bars show themselves on a terminal only.

## Secrets

No command takes a secret as an argument, where other users of the computer could read it. Typed
secrets are not shown. A new key goes into the settings file unseen (`salesorder-m365 keys add`);
only `salesorder-m365 keys new` prints one, and on a screen only with `--show`.

## Internal errors

Nothing is logged to the screen: what matters is shown as a finding. With `SALESORDER_TRACE=1` in
the environment the log is shown, and an unexpected error with its traceback. Secrets are in
neither.

## Completion by the shell

Commands, options, accounts, roles, folders, events, mails and the fields of `--json` are
completed. Put one line into the shell's start-up file:

    eval "$(salesorder-m365 completion bash)"                # ~/.bashrc
    eval "$(salesorder-m365 completion zsh)"                 # ~/.zshrc
    salesorder-m365 completion fish | source                 # ~/.config/fish/config.fish
    salesorder-m365 completion powershell | Out-String | Invoke-Expression    # $PROFILE

Folders are asked of the mail server, for three seconds at most. The scripts for zsh, fish and
PowerShell were never run; that for bash is tested.

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
