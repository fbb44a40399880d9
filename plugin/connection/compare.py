"""What one protocol tells about the other: answers that give no reason by themselves. Pure.

``NO AUTHENTICATE failed.`` has many causes, and so has ``535 5.7.3``. Both protocols sign in
with the same token, so one that passes its sign-in clears the token and the person of the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import MailError

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOTH = {
    # The token opens nothing, neither as the mailbox nor as the person.
    ("imap_refused", "smtp_refused"): "both_refused",
    # IMAP knows the token, but not as the mailbox's owner, and SMTP not as Username.
    ("mailbox_not_connected", "smtp_refused"): "other_user",
}


_APP_REFUSED = frozenset(
    {"both_refused", "imap_disabled", "imap_refused", "mailbox_not_connected", "smtp_refused"}
)


def compared(
    broken: Mapping[str, Exception], *, smtp_signed_in: bool, shared: bool
) -> dict[str, Exception]:
    """Return what broke, by protocol, with closer codes; two that are one become one.

    `shared` means that Sender email is another address than Username.
    """
    imap, smtp = broken.get("imap"), broken.get("smtp")
    if isinstance(imap, MailError) and isinstance(smtp, MailError) and not shared:
        code = _BOTH.get((imap.code, smtp.code))
        if code is not None:
            words = f"{imap.server_words} {smtp.server_words}"
            return {"imap": MailError(code, stage=imap.stage, server_words=words)}
    closer = dict(broken)
    if isinstance(imap, MailError):
        closer["imap"] = _closer(imap, smtp_signed_in=smtp_signed_in, shared=shared)
    if isinstance(smtp, MailError) and smtp.code == "send_as_denied" and not shared:
        # No right on one's own mailbox is missing: the address is none of its addresses.
        closer["smtp"] = _with_code(smtp, "send_as_own_denied")
    return closer


def for_app(broken: Mapping[str, Exception]) -> dict[str, Exception]:
    """Return what broke where the app itself signed in: Exchange gives its refusals no reason."""
    return {
        protocol: MailError("app_not_admitted", stage=err.stage, server_words=err.server_words)
        if isinstance(err, MailError) and err.code in _APP_REFUSED
        else err
        for protocol, err in broken.items()
    }


def _closer(err: MailError, *, smtp_signed_in: bool, shared: bool) -> MailError:
    code = err.code
    if code == "imap_refused" and smtp_signed_in and not shared:
        code = "imap_disabled"
    elif code == "mailbox_not_connected" and shared:
        code = "full_access_missing"
    return _with_code(err, code)


def _with_code(err: MailError, code: str) -> MailError:
    return MailError(
        code, stage=err.stage, server_words=err.server_words, retry_after=err.retry_after
    )
