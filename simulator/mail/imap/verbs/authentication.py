"""Commands of any connection, and sign-in with XOAUTH2 (SASL-IR: RFC 4959)."""

from .... import replies
from ...access import IMAP_CHALLENGE, BadBlobError, RefusedError, read_blob
from .. import words
from ..arguments import Command
from ..errors import BadArgumentError, ReplyError, UnknownCommandError, WrongStateError
from ..session import Needs, Session, SignedIn, Verb, Verbs


async def _capability(session: Session, command: Command) -> str:
    command.arguments.end()
    policies = session.policies
    listed = words.capabilities(
        signed_in=session.signed_in is not None,
        behind_proxy=policies.imap_behind_proxy,
        rev2=policies.imap4rev2,
    )
    session.untagged(f"CAPABILITY {listed}")
    return "CAPABILITY completed."


async def _authenticate(session: Session, command: Command) -> str:
    if session.signed_in is not None:
        raise WrongStateError
    command.arguments.space()
    mechanism = command.arguments.word()
    initial = command.arguments.rest().strip() if command.arguments.take(b" ") else None
    command.arguments.end()
    if mechanism != "XOAUTH2":
        raise ReplyError("NO AUTHENTICATE failed.")
    encoded = await session.ask("") if initial is None else initial
    session.sign_in(await _checked(session, b"" if encoded == b"=" else encoded))
    return "AUTHENTICATE completed."


async def _checked(session: Session, encoded: bytes) -> SignedIn:
    try:
        blob = read_blob(encoded)
        access, reaches = session.access.imap(blob)
    except BadBlobError as err:
        raise ReplyError(replies.IMAP_BAD_BLOB) from err
    except RefusedError as refused:
        if refused.reply.startswith("NO"):
            await session.ask(IMAP_CHALLENGE.decode())
        raise ReplyError(refused.reply) from refused
    if session.open_sessions(blob.user) >= session.policies.imap_sessions:
        raise ReplyError(replies.IMAP_TOO_MANY_SESSIONS)
    return SignedIn(blob.user, access, reaches)


async def _login(session: Session, command: Command) -> str:  # noqa: ARG001 - a verb's shape
    raise ReplyError("NO LOGIN failed.")


async def _logout(session: Session, command: Command) -> str:
    command.arguments.end()
    session.answers.line(words.SIGNING_OFF)
    session.ended = True
    return "LOGOUT completed."


async def _id(session: Session, command: Command) -> str:  # noqa: ARG001 - a verb's shape
    """ID (RFC 2971): what the client says of itself makes no difference."""
    session.untagged(f"ID {words.IDENTITY}")
    return "ID completed"


async def _namespace(session: Session, command: Command) -> str:
    command.arguments.end()
    session.untagged('NAMESPACE (("" "/")) NIL NIL')
    return "NAMESPACE completed."


async def _enable(session: Session, command: Command) -> str:
    """ENABLE (RFC 5161): IMAP4rev2 is all there is to enable, where it is advertised."""
    if not session.policies.imap4rev2:
        raise UnknownCommandError
    enabled = ""
    while command.arguments.take(b" "):
        if command.arguments.word() == "IMAP4REV2":
            session.rev2 = True
            enabled = " IMAP4rev2"
    if not command.arguments.at_end():
        raise BadArgumentError
    session.untagged(f"ENABLED{enabled}")
    return "ENABLE completed."


async def _noop(session: Session, command: Command) -> str:  # noqa: ARG001 - a verb's shape
    command.arguments.end()
    return f"{command.verb} completed."


VERBS: Verbs = {
    "CAPABILITY": Verb(_capability, Needs.NOTHING),
    "AUTHENTICATE": Verb(_authenticate, Needs.NOTHING),
    "LOGIN": Verb(_login, Needs.NOTHING),
    "LOGOUT": Verb(_logout, Needs.NOTHING),
    "ID": Verb(_id, Needs.NOTHING),
    "NOOP": Verb(_noop, Needs.NOTHING),
    "CHECK": Verb(_noop, Needs.FOLDER),
    "NAMESPACE": Verb(_namespace),
    "ENABLE": Verb(_enable),
}
