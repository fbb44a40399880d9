"""AUTH (RFC 4954): XOAUTH2, and the refusal of passwords."""

from ... import replies
from ..access import SMTP_CHALLENGE, BadBlobError, MailAccess, RefusedError, read_blob
from .conversation import Conversation

_USERNAME, _PASSWORD = b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6"


async def authenticate(talk: Conversation, access: MailAccess, argument: str) -> str:
    """Return the last reply to AUTH; on success the conversation has its user."""
    mechanism, _, initial = argument.partition(" ")
    if talk.wire.secured and mechanism.upper() == "LOGIN":
        return await _refuse_password(talk, initial.encode())
    if not talk.wire.secured or mechanism.upper() != "XOAUTH2":
        return replies.SMTP_BAD_MECHANISM
    return await _xoauth2(talk, access, initial.encode() or await talk.ask(b""))


async def _refuse_password(talk: Conversation, initial: bytes) -> str:
    if (initial or await talk.ask(_USERNAME)) == b"*" or await talk.ask(_PASSWORD) == b"*":
        return replies.SMTP_CANCELLED
    return replies.SMTP_BASIC_DISABLED


async def _xoauth2(talk: Conversation, access: MailAccess, encoded: bytes) -> str:
    if encoded == b"*":
        return replies.SMTP_CANCELLED
    try:
        talk.user = access.smtp(read_blob(encoded))
    except BadBlobError:
        return replies.SMTP_BAD_BLOB
    except RefusedError as refused:
        if refused.reply.startswith("535"):
            await talk.ask(SMTP_CHALLENGE)
        return refused.reply
    return replies.SMTP_ACCEPTED
