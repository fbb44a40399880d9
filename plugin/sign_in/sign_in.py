"""Sign-in with Microsoft: begin and finish. `vault` renews the grant from then on.

An attempt is stored when the worker leaves for Microsoft and consumed when the browser comes back;
only the browser, worker and account that it was begun with can finish it, once, within ten minutes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from marshmallow import ValidationError

from ...schemas.mail_address import same_address
from ...schemas.permission import SYSTEM, Permission
from ...schemas.plain import to_plain
from ...schemas.signin import LoginCode, LoginOutcome, Redirect, load_callback
from ..border import use_case
from ..entra.claims import check_id_token
from ..entra.refusals import GrantRefusedError
from ..errors import BadRequestError, M365Error
from ..mail.pausing import try_now
from ..settings.clouds import endpoints
from ..store import accounts, attempts, grants
from ..store.engines import reading, writing
from ..wire.deadline import Deadline
from .again import outcome_again
from .device import signed_in_by_device
from .outcomes import Outcomes, gone
from .person import Person, person_of
from .return_to import check_return_to
from .states import is_ours, new_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from ...schemas.signin import CallbackQuery
    from ..context import Context
    from ..entra.claims import SignedInUser
    from ..entra.identity import Identity, SignedIn
    from ..store.accounts import AccountRow
    from ..store.attempts import Attempt
    from ..store.grants import GrantRow
from .device import DeviceCode

LIFETIME = timedelta(minutes=10)
#: A host's value for one browser: shorter ones could be guessed, longer ones are no cookie.
_SHORTEST_BROWSER, _LONGEST_BROWSER = 16, 4096


@dataclass(frozen=True)
class SignIn:
    """The sign-ins of one host."""

    context: Context
    identity: Callable[[], Identity]

    @use_case
    def begin(self, account_id: str, worker: str, browser: str, return_to: str) -> Redirect:
        """Store an attempt and return Microsoft's sign-in page."""
        row = self._account(account_id, worker, browser, return_to)
        state = new_state(self.context.ring)
        with self._deadline():
            flow = self.identity().begin(
                state=state, username=row.form.username, claims=self._claims(account_id)
            )
        self._store("login", state, row, worker, browser, return_to, flow)
        self.context.emit("authn_login_begin", worker, account_id)
        return Redirect(url=flow["auth_uri"])

    @use_case
    def begin_consent(self, account_id: str, worker: str, browser: str, return_to: str) -> Redirect:
        """Store an attempt and return Microsoft's page for an administrator's consent."""
        row = self._account(account_id, worker, browser, return_to)
        state = new_state(self.context.ring)
        with self._deadline():
            redirect = Redirect(
                url=self.identity().consent_url(state),
                # Without a state: what comes back from elsewhere must finish nothing here.
                share_url=self.identity().consent_url(None),
            )
        self._store("consent", state, row, worker, browser, return_to, {})
        self.context.emit("authz_consent_begin", worker, account_id)
        return redirect

    @use_case
    def callback(
        self, query: Mapping[str, str], worker: str | None, browser: str
    ) -> LoginOutcome | None:
        """Finish an attempt; None if the state is not ours.

        `worker` is None where nobody is known: a Strict session cookie stays behind on the way back
        from Microsoft. The browser's value, which does not, then stands for who began the attempt.
        """
        try:
            answer = load_callback(query)
        except ValidationError:
            return None
        with reading(self.context.engine) as connection:
            attempt = attempts.find_attempt(connection, answer.state)
        if attempt is None:
            # We gave it: its account, and the attempt with it, has gone meanwhile.
            return gone() if is_ours(answer.state, self.context.ring) else None
        worker = worker or (attempt.worker if attempt.was_begun_in(browser) else SYSTEM)
        if attempt.worker == worker:
            self.context.require(worker, Permission.CONNECT, attempt.account_id)
        with writing(self.context.engine) as connection:
            consumed = attempts.consume_attempt(
                connection, answer.state, worker=worker, browser=browser, now=self.context.now()
            )
        outcomes = Outcomes(self.context, attempt, worker)
        if not consumed:
            again = outcome_again(self.context, answer.state, worker, browser)
            if again is not None:
                return again
        if not consumed or attempt.authority != self._authority:
            return outcomes.expired(foreign=not attempt.belongs_to(worker, browser))
        with self._deadline():
            outcome = self._answered(attempt, outcomes, answer)
        if outcome.code is not LoginCode.CONNECTED:  # that one is stored with its grant
            with writing(self.context.engine) as connection:
                attempts.store_outcome(connection, attempt.state_hash, to_plain(outcome))
        return outcome

    def _answered(
        self, attempt: Attempt, outcomes: Outcomes, answer: CallbackQuery
    ) -> LoginOutcome:
        try:
            self._check_origin(attempt, answer)
        except M365Error as err:
            return outcomes.broken_off(err)
        if answer.error:
            return outcomes.turned_away(answer)
        if attempt.purpose == "consent":
            return outcomes.consented(answer)
        return self._finish(attempt, outcomes, lambda: self._redeemed(attempt, answer))

    @use_case
    def by_device(
        self, account_id: str, worker: str, show: Callable[[DeviceCode], None]
    ) -> LoginOutcome:
        """Sign in on whatever device has a browser: `show` tells the person where, and a code.

        Ends when somebody has signed in or declined there, or the code has run out.
        """
        self.context.require(worker, Permission.CONNECT, account_id)
        with reading(self.context.engine) as connection:
            row = accounts.require_account(connection, account_id)
        # Not stored: it begins and ends in this call, and no browser brings anything back.
        attempt = self._attempt("device", "", row, worker, "", "/", b"")
        self.context.emit("authn_login_begin", worker, account_id)
        return self._finish(
            attempt,
            Outcomes(self.context, attempt, worker),
            lambda: signed_in_by_device(
                self.identity(), self._claims(account_id), show, self._deadline
            ),
        )

    @property
    def _authority(self) -> str:
        return endpoints(self.context.settings).authority_url

    def _account(self, account_id: str, worker: str, browser: str, return_to: str) -> AccountRow:
        self.context.require(worker, Permission.CONNECT, account_id)
        check_return_to(return_to)
        if not _SHORTEST_BROWSER <= len(browser) <= _LONGEST_BROWSER:
            raise BadRequestError("browser_unusable")
        with reading(self.context.engine) as connection:
            return accounts.require_account(connection, account_id)

    def _grant(self, account_id: str) -> GrantRow | None:
        with reading(self.context.engine) as connection:
            return grants.read_grant(connection, account_id)

    def _claims(self, account_id: str) -> str | None:
        row = self._grant(account_id)
        return row.open_claims(self.context.ring) if row else None

    def _deadline(self) -> AbstractContextManager[Deadline]:
        return Deadline.after(self.context.settings.http_timeout).applied()

    def _store(
        self,
        purpose: str,
        state: str,
        row: AccountRow,
        worker: str,
        browser: str,
        return_to: str,
        flow: Mapping[str, object],
    ) -> None:
        state_hash, now = attempts.digest(state), self.context.now()
        sealed = self.context.ring.seal(json.dumps(flow).encode(), attempts.flow_place(state_hash))
        attempt = self._attempt(purpose, state_hash, row, worker, browser, return_to, sealed)
        with writing(self.context.engine) as connection:
            attempts.store_attempt(connection, attempt, now=now)

    def _attempt(
        self,
        purpose: str,
        state_hash: str,
        row: AccountRow,
        worker: str,
        browser: str,
        return_to: str,
        flow: bytes,
    ) -> Attempt:
        return attempts.Attempt(
            state_hash=state_hash,
            purpose=purpose,
            account_id=row.id,
            worker=worker,
            browser_hash=attempts.digest(browser),
            # The authority comes from here in the callback, never from the request.
            authority=self._authority,
            return_to=return_to,
            username=row.form.username,
            flow=flow,
            expires_at=self.context.now() + LIFETIME,
        )

    def _finish(
        self, attempt: Attempt, outcomes: Outcomes, ask: Callable[[], SignedIn | None]
    ) -> LoginOutcome:
        """Compare who signed in with who should have, and keep the grant."""
        try:
            signed_in = ask()
            if signed_in is None:
                # No replay: this very call saw the code run out.
                return outcomes.failed(LoginCode.EXPIRED, "attempt_expired")
            user = self._user(signed_in)
        except M365Error as err:
            return outcomes.broken_off(err)
        person = person_of(user, attempt.username, self._grant(attempt.account_id))
        if person is Person.ANOTHER:
            return outcomes.wrong_user(user.username)
        outcome = outcomes.connected(user.username, person)
        obstacle = self._keep(attempt, signed_in, user, outcome)
        if obstacle:
            return outcomes.failed(LoginCode.EXPIRED, obstacle)
        outcomes.tell_connected(user.username, person)
        return outcome

    def _check_origin(self, attempt: Attempt, answer: CallbackQuery) -> None:
        """Raise ``ForeignTokenError`` unless the answer is our authority's, and our tenant's.

        RFC 9207: an answer that names another issuer is a mix-up, and so is an error that does.
        """
        consent = attempt.purpose == "consent"
        # An error without an issuer grants nothing, and a consent need not name one: for neither
        # is a request made.
        if answer.iss is not None or not (answer.error or consent):
            self.identity().check_issuer(answer.iss)
        if consent and answer.admin_consent:
            self.identity().check_tenant(answer.tenant)

    def _redeemed(self, attempt: Attempt, answer: CallbackQuery) -> SignedIn:
        # RFC 6749, appendix A.11: a code is printable ASCII.
        if not (answer.code and answer.code.isascii() and answer.code.isprintable()):
            raise GrantRefusedError({"error": "no_code"})
        flow = json.loads(attempt.open_flow(self.context.ring))
        return self.identity().redeem(flow, answer.code)

    def _user(self, signed_in: SignedIn) -> SignedInUser:
        settings = self.context.settings
        return check_id_token(
            signed_in.id_token,
            issuer=self.identity().issuer(),
            client_id=settings.client_id,
            tenant=settings.tenant,
        )

    def _keep(
        self, attempt: Attempt, signed_in: SignedIn, user: SignedInUser, outcome: LoginOutcome
    ) -> str:
        """Store the grant with its outcome; return the finding of what kept it from that.

        That is an account that was deleted or given another user meanwhile.
        """
        with writing(self.context.engine) as connection:
            row = accounts.read_account(connection, attempt.account_id)
            if row is None:
                return "account_gone"
            if not same_address(row.form.username, attempt.username):
                return "account_changed_meanwhile"
            grants.put_grant(
                connection,
                self.context.ring,
                attempt.account_id,
                signed_in.tokens,
                tenant_id=user.tenant_id,
                object_id=user.object_id,
                # The account's own name for a person whom Microsoft calls otherwise by now.
                username=user.username if user.is_named(attempt.username) else attempt.username,
                granted_at=self.context.now(),
            )
            try_now(connection, attempt.account_id)
            attempts.store_outcome(connection, attempt.state_hash, to_plain(outcome))
        return ""
