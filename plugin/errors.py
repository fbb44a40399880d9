"""What can go wrong, by what the caller should do. Findings' texts lie in the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .findings.catalogue import verdict_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..schemas.verdict import Verdict


class M365Error(Exception):
    """The base of all errors that hooks raise; ``str()`` is one clear sentence, safe to show."""


class NotAllowedError(M365Error):
    """The worker lacks a permission: answer 403."""

    def __init__(self, worker: str, permission: str, account_id: str | None) -> None:
        super().__init__(f"Permission {permission} is needed for this.")
        #: Who asked, for the host's log.
        self.worker = worker
        #: What was asked for: one of `schemas.permission.Permission`.
        self.permission = permission
        self.account_id = account_id


class NoSuchAccountError(M365Error):
    """The id is ours, but there is no such account (any more): answer 404."""

    def __init__(self, account_id: str) -> None:
        super().__init__("This mail account does not exist (any more).")
        self.account_id = account_id


class BadRequestError(M365Error):
    """The host passed a value that the contract does not allow: mend the host."""


class HostFailedError(M365Error):
    """The host's own code for its Generic accounts failed: the ERP's log says why."""

    def __init__(self) -> None:
        super().__init__(
            "The ERP could not read or change its own Generic accounts. The ERP's log says why."
        )


class SettingsError(M365Error):
    """Settings are wrong: show `problems` to the ERP administrator."""

    def __init__(self, problems: Mapping[str, tuple[str, ...]]) -> None:
        lines = (f"{name}: {' '.join(texts)}" for name, texts in problems.items())
        super().__init__("These settings are wrong. " + " | ".join(lines))
        #: Messages per setting, under the setting's full name.
        self.problems = problems


class StoreError(M365Error):
    """The database cannot be used now, or is not ours to use: the ERP administrator must act."""


class SealError(StoreError):
    """A sealed value did not open: a key is missing or wrong, or the row was changed."""


class SignInNeededError(M365Error):
    """Microsoft took the grant back, or there is none: the worker must sign in."""

    def __init__(self, account_id: str, code: str) -> None:
        super().__init__("This account must be signed in to Microsoft again.")
        self.account_id = account_id
        #: The finding's code in the catalogue.
        self.code = code


class RegistrationError(M365Error):
    """Microsoft refuses the app registration (secret, certificate): no account is at fault."""

    def __init__(self, code: str) -> None:
        super().__init__("Microsoft refuses the ERP's app registration.")
        #: The finding's code in the catalogue.
        self.code = code


class UnavailableError(M365Error):
    """A passing fault: try again, not before `retry_after` seconds."""

    def __init__(self, reason: str, *, retry_after: float = 5.0) -> None:
        super().__init__(f"Microsoft cannot be reached now ({reason}).")
        self.reason = reason
        self.retry_after = retry_after


class MailError(M365Error):
    """The mail server did not do what was asked; the catalogue's `code` says what to do."""

    def __init__(
        self, code: str, *, stage: str, server_words: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(f"The mail server refused at “{stage}” ({code}).")
        #: The finding's code in the catalogue.
        self.code = code
        #: The stage that broke: one of the stages of Test Connection.
        self.stage = stage
        #: What the server said, redacted to one printable line.
        self.server_words = server_words
        #: Seconds to wait before trying again, as the server said; None if it named no time.
        #: Whether trying again helps is the `verdict`'s matter.
        self.retry_after = retry_after

    @property
    def verdict(self) -> Verdict:
        """How far the refusal reaches: this moment, a message, a recipient, the account, …."""
        return verdict_of(self.code)
