"""What broke a test, as a finding: each error of ours by its code, all others logged as unknown."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...schemas.settings import Endpoint
from ..entra.consent import consent_links
from ..entra.refusals import GrantRefusedError
from ..errors import (
    MailError,
    RegistrationError,
    SignInNeededError,
    StoreError,
    UnavailableError,
)
from ..findings.catalogue import finding
from ..findings.entra_codes import entra_code
from ..findings.redact import one_line
from ..settings.clouds import endpoints

if TYPE_CHECKING:
    from ...schemas.report import Finding
    from ...schemas.settings import Settings

log = logging.getLogger(__name__)


class PermissionMissingError(Exception):
    """The token's scopes are not what mail needs; `code` is the finding's."""

    def __init__(self, code: str, scopes: str) -> None:
        super().__init__(code)
        self.code = code
        self.scopes = scopes


class MappingBrokenError(Exception):
    """Mapped folders are not there as they were; `problems` says which, in sentences."""

    def __init__(self, problems: str) -> None:
        super().__init__(problems)
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose connection is tested: `username` signs in, `mailbox` is opened, `sender` sends."""

    settings: Settings
    account_id: str
    mailbox: str
    username: str
    sender: str
    #: The object id of the app's service principal, where the app itself signs in.
    service_principal: str = ""

    def values(self, protocol: str) -> dict[str, str]:
        """Return what the catalogue's placeholders mean here."""
        places = endpoints(self.settings)
        authority = urlsplit(places.authority_url)
        place = {
            "token": Endpoint(host=authority.hostname or "", port=authority.port or 443),
            "imap": places.imap,
            "smtp": places.smtp,
        }[protocol]
        return {
            "mailbox": self.mailbox,
            "username": self.username,
            "sender": self.sender,
            "service_principal": self.service_principal,
            "host": place.host,
            "port": str(place.port),
            "authority": places.authority_url,
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "erp": self.settings.base_url,
        }


def explained(err: Exception, subject: Subject, protocol: str) -> Finding:
    """Return the finding for what stopped `protocol`."""
    words, references, values = "", dict[str, str](), subject.values(protocol)
    match err:
        case MailError():
            code, words = err.code, err.server_words
        case PermissionMissingError():
            code, values["scopes"] = err.code, err.scopes
        case MappingBrokenError():
            code, values["problems"] = "mapped_folders_changed", err.problems
        case SignInNeededError() | RegistrationError() | UnavailableError():
            code, words, references = err.code, err.server_words, err.references
        case GrantRefusedError():
            code, references = entra_code(err.error, err.aadsts), err.references
            # What a page says beside its number is not read: it is HTML.
            words = err.description or " ".join(f"AADSTS{number}" for number in err.aadsts)
        case StoreError():
            code = "store_unusable"
        case TimeoutError():
            code = "deadline_passed"
        case _:
            code = "unknown"
            log.error("test of %s, %s: %s", subject.account_id, protocol, _trace(err))
    if code == "deadline_passed":
        values["seconds"] = f"{subject.settings.mail_timeout:g}"
    links = consent_links(code, subject.settings)
    return finding(code, server_words=words, references=references, links=links, **values)


def _trace(err: BaseException) -> str:
    """Return the traceback with messages redacted: one of another library's may hold anything."""
    parts: list[str] = []
    seen: list[BaseException] = []
    current: BaseException | None = err
    while current is not None and current not in seen:
        seen.append(current)
        lines = "".join(traceback.format_tb(current.__traceback__))
        parts.append(f"{type(current).__name__}: {one_line(str(current))}\n{lines}")
        current = current.__cause__ or current.__context__
    return "after\n".join(parts)
