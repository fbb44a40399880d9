"""How a return from Microsoft ended: in a worker's words, and as an event for the audit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...schemas.signin import LoginCode, LoginOutcome
from ..entra.claims import ForeignTokenError
from ..entra.consent import consent_links
from ..entra.refusals import GrantRefusedError, UnfitAnswerError
from ..errors import M365Error, RegistrationError, UnavailableError
from ..findings.catalogue import finding
from ..findings.classify import unavailable_code
from ..findings.entra_codes import entra_code
from ..findings.redact import printable
from ..settings.clouds import endpoints
from ..store import grants
from ..store.attempts import digest
from .person import Person

if TYPE_CHECKING:
    from ...schemas.report import Finding
    from ...schemas.signin import CallbackQuery
    from ..context import Context
    from ..store.attempts import Attempt

#: Error numbers and ids stand in the description only when they come by the browser.
_AADSTS = re.compile(r"AADSTS(\d{4,9})")
_IDS = re.compile(r"\b(trace|correlation) id: ([0-9a-f-]{36})\b", re.IGNORECASE)
#: The marks of grants that wait for a consent.
_MISSING_CONSENT = ("administrator_needed", "consent_withdrawn")
_CODES = {
    "declined": LoginCode.DECLINED,
    "consent_declined": LoginCode.DECLINED,
    "administrator_needed": LoginCode.ADMINISTRATOR_NEEDED,
    "microsoft_unavailable": LoginCode.UNAVAILABLE,
    "throttled": LoginCode.UNAVAILABLE,
}


#: A callback that is loaded again is an event once in so many seconds.
_REPLAY_SECONDS = 60.0


def gone() -> LoginOutcome:
    """Return what is said of an attempt that is not stored any more."""
    found = finding("attempt_gone")
    return LoginOutcome(
        code=LoginCode.EXPIRED, account_id=None, next_url="/", message=found.title, finding=found
    )


@dataclass(frozen=True)
class Outcomes:
    """The ways in which one attempt can end."""

    context: Context
    attempt: Attempt
    worker: str

    def connected(self, signed_in_as: str, person: Person) -> LoginOutcome:
        """Signed in as the right person; `tell_connected` once the grant is stored."""
        renamed = person is Person.RENAMED
        advice = f"Set Username to {signed_in_as}" if renamed else "Now press Test Connection"
        return LoginOutcome(
            code=LoginCode.CONNECTED,
            account_id=self.attempt.account_id,
            next_url=self.attempt.return_to,
            message=f"Connected. {signed_in_as} is signed in. {advice}.",
            signed_in_as=signed_in_as,
            expected=self.attempt.username,
            finding=self._finding("person_renamed", None, signed_in_as) if renamed else None,
        )

    def tell_connected(self, signed_in_as: str, person: Person) -> None:
        """Emit what the stored grant means."""
        account_id, told = self.attempt.account_id, {"username": signed_in_as}
        if person is Person.REPLACED:
            self.context.emit("authn_person_changed", self.worker, account_id, **told)
        self.context.emit("authn_login_success", self.worker, account_id, **told)

    def consented(self, answer: CallbackQuery) -> LoginOutcome:
        """Return what an administrator's answer means.

        It came by the browser, where anybody can write it: so it is told as what was said. The
        next token shows whether it is true.
        """
        if not answer.admin_consent:
            return self.failed(LoginCode.REFUSED, "unknown")
        with self.context.change(self.worker) as change:
            # It counts for the whole tenant: no account goes on waiting for it.
            forgiven = [
                account_id
                for code in _MISSING_CONSENT
                for account_id in grants.forgive_grants(change.connection, code)
            ]
            change.happened(
                "authz_consent_reported", self.attempt.account_id, tenant=answer.tenant or ""
            )
        button = "Test Connection" if self.attempt.account_id in forgiven else "Login"
        return LoginOutcome(
            code=LoginCode.CONSENTED,
            account_id=self.attempt.account_id,
            next_url=self.attempt.return_to,
            message=f"Microsoft's page reports the administrator's consent. Press {button} to see"
            " whether it is there.",
        )

    def expired(self, *, foreign: bool) -> LoginOutcome:
        """Too late, used before, or come back to another browser or worker."""
        attempt, own = self.attempt, self.attempt.worker == self.worker
        code = "attempt_foreign" if foreign else "attempt_expired"
        # Anybody who has the address can load it as often as they like.
        replay = digest(f"{attempt.account_id} {self.worker}")
        self.context.emit_once(
            f"{code} {replay}",
            _REPLAY_SECONDS,
            "authn_login_fail",
            self.worker,
            attempt.account_id,
            code=code,
        )
        return self._ended(LoginCode.EXPIRED, code, own=own)

    def wrong_user(self, signed_in_as: str) -> LoginOutcome:
        """Somebody else signed in: nothing was stored."""
        return self.failed(LoginCode.WRONG_USER, "wrong_user", signed_in_as=signed_in_as)

    def turned_away(self, answer: CallbackQuery) -> LoginOutcome:
        """Microsoft sent the browser back with an error."""
        description = answer.error_description or ""
        refused = GrantRefusedError(
            {
                "error": answer.error,
                "error_description": description,
                "error_codes": [int(number) for number in _AADSTS.findall(description)],
                **{f"{kind.lower()}_id": text for kind, text in _IDS.findall(description)},
            }
        )
        return self.refused(refused)

    def broken_off(self, err: M365Error) -> LoginOutcome:
        """Return what an error while redeeming means; one that is nobody's answer goes on."""
        match err:
            case GrantRefusedError():
                return self.refused(err)
            case RegistrationError():
                self.context.alarm_registration(err.code)
                return self.failed(LoginCode.REFUSED, err.code, err.__cause__)
            case UnavailableError():
                return self.failed(LoginCode.UNAVAILABLE, unavailable_code(err.reason), err)
            case ForeignTokenError():
                return self.failed(LoginCode.REFUSED, "foreign_token", err)
            case UnfitAnswerError():
                return self.failed(LoginCode.REFUSED, err.code, err)
            case _:
                raise err

    def refused(self, err: GrantRefusedError) -> LoginOutcome:
        """Microsoft refused, by the browser or at the token endpoint."""
        code = entra_code(err.error, err.aadsts)
        return self.failed(_CODES.get(code, LoginCode.REFUSED), code, err)

    def failed(
        self,
        outcome: LoginCode,
        code: str,
        err: BaseException | None = None,
        *,
        signed_in_as: str | None = None,
    ) -> LoginOutcome:
        """Emit the failure and return an outcome with the finding `code`."""
        self.context.emit("authn_login_fail", self.worker, self.attempt.account_id, code=code)
        return self._ended(outcome, code, err, signed_in_as=signed_in_as)

    def _ended(
        self,
        outcome: LoginCode,
        code: str,
        err: BaseException | None = None,
        *,
        signed_in_as: str | None = None,
        own: bool = True,
    ) -> LoginOutcome:
        """Return an outcome with the finding `code`; to strangers it names no account."""
        found = self._finding(code, err, signed_in_as or "")
        return LoginOutcome(
            code=outcome,
            account_id=self.attempt.account_id if own else None,
            next_url=self.attempt.return_to if own else "/",
            message=found.title,
            signed_in_as=signed_in_as and printable(signed_in_as),
            expected=self.attempt.username if own else None,
            finding=found,
        )

    def _finding(self, code: str, err: BaseException | None, signed_in_as: str) -> Finding:
        settings = self.context.settings
        refused = err if isinstance(err, GrantRefusedError) else GrantRefusedError({})
        return finding(
            code,
            server_words=refused.description,
            references=refused.references,
            links=consent_links(code, settings),
            username=self.attempt.username,
            expected=self.attempt.username,
            signed_in=signed_in_as,
            redirect_uri=settings.redirect_uri,
            client_id=settings.client_id,
            authority=endpoints(settings).authority_url,
            erp=settings.base_url,
        )
