"""Microsoft's three connections of a mailbox, leased over all processes of a database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..store import limits
from ..store.engines import writing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...schemas.mail_settings import MailSettings
    from ..context import Context


class ConnectionsTakenError(Exception):
    """All connections of this submitter are in use."""


def window_of(mail: MailSettings) -> limits.Window:
    """Return the limits of messages and recipients that the settings ask for."""
    return limits.Window(
        messages=mail.messages_per_minute,
        seconds=mail.times.window,
        recipients=mail.recipients_per_day,
        bucket=mail.times.bucket,
        buckets=mail.times.buckets,
    )


@contextmanager
def connection_lease(context: Context, submitter: str, owner: str) -> Iterator[None]:
    """Hold one of the submitter's connections for the block; it ends by itself if nobody renews it.

    Raises ``ConnectionsTakenError`` if there is none.
    """
    mail = context.settings.mail
    with writing(context.engine, lasting=False) as connection:
        taken = limits.take_connection(
            connection,
            submitter,
            owner,
            most=mail.connections,
            seconds=mail.times.connection_lease,
        )
    if not taken:
        raise ConnectionsTakenError
    try:
        yield
    finally:
        with writing(context.engine, lasting=False) as connection:
            limits.release_connection(connection, owner)
