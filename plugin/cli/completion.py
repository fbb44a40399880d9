"""Completion by the shell: ``completion SHELL`` prints what the shell's start-up file reads.

click has classes for bash, zsh and fish. bash gets one of ours, which knows that bash takes words
apart at ``=`` and ``:`` and puts spaces in quotes; PowerShell has none in click.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, ClassVar

import click
from click.shell_completion import (
    BashComplete,
    ShellComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from .base import command

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PROGRAM = "salesorder-m365"
VARIABLE = "_SALESORDER_M365_COMPLETE"
SHELLS = ("bash", "zsh", "fish", "powershell")

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' line
    COMPREPLY=()
    for line in $(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" \\
        %(complete_var)s=bash_complete "$1"); do
        case "${line%%%%,*}" in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            *) COMPREPLY+=("${line#*,}") ;;
        esac
    done
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $length = $cursorPosition - $commandAst.Extent.StartOffset
    $line = $commandAst.ToString().PadRight($length).Substring(0, $length)
    $Env:COMP_LINE = $line
    $Env:%(complete_var)s = 'powershell_complete'
    try {
        %(prog_name)s | ForEach-Object {
            $value, $about = $_ -split "`t", 2
            if (-not $about) { $about = $value }
            [System.Management.Automation.CompletionResult]::new(
                $value, $value, 'ParameterValue', $about)
        }
    } finally {
        Remove-Item Env:COMP_LINE, Env:%(complete_var)s
    }
}
"""
#: PowerShell's words: in single quotes, in double quotes, or bare.
_POWERSHELL_WORD = re.compile(r"'((?:[^']|'')*)(?:'|\Z)|\"((?:[^\"`]|`.)*)(?:\"|\Z)|(\S+)")
_BARE = re.compile(r"[\w@%+=:,./-]+")


class Bash(BashComplete):
    """bash, asked with the whole line: ``sent=Sent It`` is one word to us and five to bash."""

    name = "bash"
    source_template = _BASH
    #: What is typed of the last word, as it stands in the line.
    _raw = ""

    def source(self) -> str:
        """Return the script; click's asks a bash for its version first."""
        return ShellComplete.source(self)

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the last one, and that."""
        if "COMP_LINE" not in os.environ:
            return super().get_completion_args()
        # COMP_POINT counts bytes or characters by bash's locale; the cursor is mostly at the end.
        line = os.environ["COMP_LINE"]
        point = int(os.environ.get("COMP_POINT") or len(line))
        line = line if point >= len(line) else line[:point]
        words = split_arg_string(line)
        if not words or (line[-1:].isspace() and split_arg_string(f"{line}x")[-1] == "x"):
            return words[1:], ""
        self._raw = _last_word(line)
        return words[1:-1], words[-1]

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return the part that bash puts in, with its special characters escaped."""
        value = item.value
        if "'" not in self._raw and '"' not in self._raw:
            value = re.sub(r"([^\w@%+=:,./-])", r"\\\1", value)
        # bash replaces what stands behind the last of these (COMP_WORDBREAKS).
        cut = max(self._raw.rfind("="), self._raw.rfind(":")) + 1
        return f"{item.type},{value[cut:]}"


def _last_word(line: str) -> str:
    """Return the last word as it stands in the line, with its quotes and backslashes."""
    start, quote, escaped = 0, "", False
    for place, char in enumerate(line):
        if escaped:
            escaped = False
        elif char == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char.isspace():
            start = place + 1
    return line[start:]


class PowerShell(ShellComplete):
    """PowerShell, by a native argument completer. It was never run: see docs/command-line.md."""

    name: ClassVar[str] = "powershell"
    source_template: ClassVar[str] = _POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the last one, and that."""
        line = os.environ.get("COMP_LINE", "")
        words = [
            (single or "").replace("''", "'") or re.sub("`(.)", r"\1", double or "") or bare
            for single, double, bare in _POWERSHELL_WORD.findall(line)
        ]
        if not words or line[-1:].isspace():
            return words[1:], ""
        return words[1:-1], words[-1]

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return the value, in quotes where it needs them, and what it is."""
        value = item.value
        if not _BARE.fullmatch(value):
            value = "'" + value.replace("'", "''") + "'"
        return f"{value}\t{item.help or ''}"


add_completion_class(Bash)
add_completion_class(PowerShell)


@command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that lets a shell complete commands, accounts, roles and folders.

    Put it into the shell's start-up file; docs/command-line.md has the line for each.
    """
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click.Choice took it
    click.echo(found(ctx.find_root().command, {}, PROGRAM, VARIABLE).source())
