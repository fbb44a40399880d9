"""``mail``: send a mail and decide about one; showing and working have modules of their own."""

from __future__ import annotations

import mimetypes
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from ...schemas.delivery import Decision, DeliveryState
from . import names
from .base import group
from .common import FOUND, NOT_BEGUN, find_account, opened, with_json, worker
from .mail_shown import next_step, queue, say_delivery, trace
from .mail_work import adopt, forget, work
from .names import with_account
from .output import say_json
from .source import with_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...schemas.account import FormErrors
    from ...schemas.delivery import Delivery
    from ...schemas.outgoing import OutgoingMail
    from .source import Source

_NOT_SENT = frozenset({DeliveryState.FAILED, DeliveryState.CANCELLED, DeliveryState.UNCERTAIN})
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@group()
def mail() -> None:
    """Send mail through the accounts, and see what became of it.

    ACCOUNT is an account's name, its id (m365:…), or an address that no other account has.
    """


for command in (adopt, forget, queue, trace, work):
    mail.add_command(command)


@mail.command()
@with_account
@click.option("--to", multiple=True, metavar="ADDRESS", help="A recipient; may be repeated.")
@click.option("--cc", multiple=True, metavar="ADDRESS", help="Receives a copy; may be repeated.")
@click.option("--bcc", multiple=True, metavar="ADDRESS", help="Receives one unseen by the others.")
@click.option("--subject", default="", help="The subject.")
@click.option(
    "--text-file",
    type=click.File("rb"),
    metavar="FILE",
    help="The plain text, in UTF-8; - reads it from standard input.",
)
@click.option(
    "--html-file", type=click.File("rb"), metavar="FILE", help="The HTML text, in UTF-8; or -."
)
@click.option("--attach", multiple=True, type=_FILE, metavar="FILE", help="A file to attach.")
@click.option("--document", default="", help="The ERP's name for what it belongs to: quote:4711.")
@click.option(
    "--request-id",
    help="The same one sends one mail, however often the command runs.",
)
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=0.0,
    metavar="SECONDS",
    help="Try to send it in these seconds; without, the jobs or mail work send it.",
)
@with_source
@with_json("delivery:Delivery")
@click.pass_context
def send(
    ctx: click.Context,
    /,
    account: str,
    source: Source,
    request_id: str | None,
    wait: float,
    *,
    as_json: str | None,
    **content: Any,
) -> None:
    """Queue a mail from an account; with --wait, send it at once.

    Exit status 1 if it was not sent for good or nobody knows, 2 if it could not be queued. A mail
    that waits is no error: mail queue says for what.
    """
    from ...schemas.account import FormErrors  # noqa: PLC0415 - marshmallow is not for --help

    message = _message(content)
    with opened(source) as use_cases:
        found = find_account(use_cases, account)
        sent = use_cases.mail.send(
            found.id, message, worker(), request_id or secrets.token_hex(16), wait
        )
    if isinstance(sent, FormErrors):
        _refuse(sent)
        ctx.exit(NOT_BEGUN)
    _tell(sent, as_json)
    ctx.exit(FOUND if sent.state in _NOT_SENT else 0)


def _message(given: Mapping[str, Any]) -> OutgoingMail:
    """Return the mail that the options of `send` describe."""
    from ...schemas.outgoing import Attachment, OutgoingMail  # noqa: PLC0415 - see `send`

    return OutgoingMail(
        to=_addresses(given["to"]),
        cc=_addresses(given["cc"]),
        bcc=_addresses(given["bcc"]),
        subject=given["subject"],
        document=given["document"],
        text=_read(given["text_file"], "--text-file"),
        html=_read(given["html_file"], "--html-file"),
        attachments=tuple(
            Attachment(file.name, _media_type(file), file) for file in given["attach"]
        ),
    )


def _addresses(given: tuple[str, ...]) -> tuple[Any, ...]:
    """Return addresses as they may be typed: with or without a name (RFC 5322 §3.4)."""
    from email.utils import parseaddr  # noqa: PLC0415 - not for --help

    from ...schemas.outgoing import Address  # noqa: PLC0415 - see `send`

    pairs = ((parseaddr(each), each) for each in given)
    # What does not parse is passed on whole, and refused at its field.
    return tuple(Address(address or typed, name) for (name, address), typed in pairs)


def _read(file: BinaryIO | None, option: str) -> str:
    if file is None:
        return ""
    try:
        return file.read().decode("utf-8-sig")
    except UnicodeDecodeError as err:
        msg = f"{option}: the file is not in UTF-8. Convert it: iconv -t utf-8 -f LATIN1 FILE"
        raise click.UsageError(msg) from err


def _media_type(file: Path) -> str:
    guessed, packed = mimetypes.guess_type(file.name)
    unusable = guessed is None or packed or guessed.startswith(("message/", "multipart/"))
    return "application/octet-stream" if unusable or guessed is None else guessed


def _refuse(wrong: FormErrors) -> None:
    for field, texts in wrong.errors.items():
        click.echo(f"{field.replace('_', ' ').capitalize()}: {' '.join(texts)}", err=True)
    click.echo("Nothing was queued. See: salesorder-m365 mail send --help", err=True)


def _tell(delivery: Delivery, as_json: str | None) -> None:
    if as_json is not None:
        say_json(delivery, as_json)
        return
    say_delivery(delivery)
    click.echo(f"\n{next_step(delivery)}")


@mail.command()
@click.argument("id_", metavar="ID", shell_complete=names.deliveries)
@click.argument(
    "decision", type=click.Choice([str(each) for each in Decision]), shell_complete=names.decisions
)
@with_source
@with_json("delivery:Delivery")
def decide(id_: str, decision: str, source: Source, *, as_json: str | None) -> None:
    """Decide about a mail: take it back, try it now, say that it arrived, send it again.

    cancel and give_up end a mail that waits; retry_now tries it at once, or a failed one again.
    Of an uncertain one a person may have learned that it arrived, or that it is to be sent again;
    then it may arrive twice. mail trace shows what can be decided.
    """
    with opened(source) as use_cases:
        decided = use_cases.mail.decide(id_, decision, worker())
    _tell(decided, as_json)
