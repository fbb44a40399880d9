"""What can go wrong, by what the caller should do.

Every error carries the finding that a person may be shown. Its texts lie in the catalogue, under
the error's code; `border` fills in what the raiser did not know.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from .findings.catalogue import finding, verdict_of
from .findings.classify import unavailable_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..schemas.report import Finding
    from ..schemas.verdict import Verdict

_NONE: Mapping[str, str] = MappingProxyType({})


class M365Error(Exception):
    """The base of all errors that hooks raise; ``str()`` is its finding's title, safe to show."""

    def __init__(
        self,
        code: str,
        *,
        server_words: str = "",
        references: Mapping[str, str] = _NONE,
        **values: str,
    ) -> None:
        super().__init__(code)
        #: The finding's code in the catalogue.
        self.code = code
        #: What the server said; `finding` redacts it to one printable line.
        self.server_words = server_words
        #: Ids to quote to Microsoft's support, by name.
        self.references = dict(references)
        self._links: dict[str, str] = {}
        self._values = values

    def __str__(self) -> str:
        return self.finding.title

    @property
    def finding(self) -> Finding:
        """What happened, why, what helps and who must act, as far as it is known here."""
        return finding(
            self.code,
            server_words=self.server_words,
            references=self.references,
            links=self._links,
            **self._values,
        )

    def fill(self, values: Mapping[str, str], links: Mapping[str, str] = _NONE) -> None:
        """Add what the raiser did not know; what it knew stays."""
        self._links = {**links, **self._links}
        known = {name: value for name, value in self._values.items() if value}
        self._values = {**values, **known}


class NotAllowedError(M365Error):
    """The worker lacks a permission: answer 403."""

    def __init__(self, worker: str, permission: str, account_id: str | None) -> None:
        super().__init__("not_allowed", permission=str(permission))
        #: Who asked, for the host's log.
        self.worker = worker
        #: What was asked for: one of `schemas.permission.Permission`.
        self.permission = permission
        self.account_id = account_id


class NoSuchAccountError(M365Error):
    """The id is ours, but there is no such account (any more): answer 404."""

    def __init__(self, account_id: str) -> None:
        super().__init__("account_gone")
        self.account_id = account_id


class NoSuchMailError(M365Error):
    """The id is ours, but there is no such mail (any more): answer 404."""

    def __init__(self, mail_id: str) -> None:
        super().__init__("mail_gone")
        self.mail_id = mail_id


class BadRequestError(M365Error):
    """The host passed a value that the contract does not allow: mend the host, answer 400."""


class TicketError(M365Error):
    """The ticket opens nothing here: answer 403; the worker clicks Login again."""


class HostFailedError(M365Error):
    """The host's own code for its Generic accounts failed: the ERP's log says why."""

    def __init__(self) -> None:
        super().__init__("host_failed")


class SettingsError(M365Error):
    """Settings are wrong: show `problems` to the ERP administrator."""

    def __init__(self, problems: Mapping[str, tuple[str, ...]]) -> None:
        lines = (f"{name}: {' '.join(texts)}" for name, texts in problems.items())
        super().__init__("settings_wrong", names=", ".join(problems), problems=" ".join(lines))
        #: Messages per setting, under the setting's full name.
        self.problems = problems


class StoreError(M365Error):
    """The database cannot be used now, or is not ours to use: the ERP administrator must act."""


class SealError(StoreError):
    """A sealed value did not open: a key is missing or wrong, or the row was changed."""


class SignInNeededError(M365Error):
    """Microsoft took the grant back, or there is none: the worker must sign in."""

    def __init__(
        self,
        account_id: str,
        code: str,
        *,
        server_words: str = "",
        references: Mapping[str, str] = _NONE,
    ) -> None:
        super().__init__(code, server_words=server_words, references=references)
        self.account_id = account_id


class RegistrationError(M365Error):
    """Microsoft refuses the app registration (secret, certificate): no account is at fault."""

    def __init__(
        self,
        code: str,
        *,
        server_words: str = "",
        references: Mapping[str, str] = _NONE,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(code, server_words=server_words, references=references)
        #: Seconds in which Microsoft is not asked again; 0 right after it refused.
        self.retry_after = retry_after


class UnavailableError(M365Error):
    """A passing fault: try again, not before `retry_after` seconds.

    `reason` is for the log; `code` is the finding's, by default what the `reason` stands for.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry_after: float = 5.0,
        code: str | None = None,
        server_words: str = "",
        references: Mapping[str, str] = _NONE,
    ) -> None:
        code = code or unavailable_code(reason)
        super().__init__(code, server_words=server_words, references=references)
        self.reason = reason
        self.retry_after = retry_after


class MailError(M365Error):
    """The mail server did not do what was asked."""

    def __init__(
        self,
        code: str,
        *,
        stage: str,
        server_words: str = "",
        retry_after: float | None = None,
        status: int = 0,
        **values: str,
    ) -> None:
        super().__init__(code, server_words=server_words, references=_NONE, **values)
        #: The stage that broke: one of the stages of Test Connection.
        self.stage = stage
        #: The SMTP reply's code; 0 where the server did not answer whole.
        self.status = status
        #: Seconds to wait before trying again, as the server said; None if it named no time.
        #: `verdict` says whether trying again helps.
        self.retry_after = retry_after

    @property
    def verdict(self) -> Verdict:
        """How far the refusal reaches: this moment, a message, a recipient, the account, …."""
        return verdict_of(self.code)
