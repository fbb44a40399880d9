"""Test Connection: a token, then IMAP and SMTP side by side, stage by stage, within one deadline.

Connections are opened by `transport`, tokens come from the vault.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from ...schemas.mail_address import same_address
from ...schemas.report import ConnectionReport
from ..entra.claims import app_itself
from ..findings.catalogue import powershell_quoted, text
from ..findings.scopes import is_app_only, scope_problem, short_name
from ..folders.choices import folder_choices, paths_to_ask
from ..settings.clouds import endpoints
from ..transport.imap import imap_session
from ..transport.renewing import RenewableToken
from ..transport.smtp import smtp_session
from ..wire.deadline import Deadline
from .compare import compared, for_app
from .explain import MappingBrokenError, PermissionMissingError, Subject, explained
from .stages import Board, Track, run_track

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from ...schemas.folders import MappedFolder
    from ...schemas.report import Finding, Stage
    from ...schemas.settings import Endpoint, Settings
    from ..transport.imap import ImapSession, ListedFolder
    from ..transport.smtp import SmtpSession
    from ..vault.renewal import AccessToken

#: Seconds that a thread gets beyond the deadline to say how it ended.
_GRACE = 1.0
_TOKEN, _WAY = ("token",), ("name", "connect", "tls", "sign_in")
_IMAP, _SMTP = (*_WAY, "mailbox", "folders"), (*_WAY, "sender")


@dataclass(frozen=True, slots=True)
class _Ended:
    """A thread's last word."""

    protocol: str
    error: Exception | None


@dataclass(frozen=True, slots=True)
class Sessions:
    """How connections are opened: the network's seam."""

    imap: Callable[..., AbstractContextManager[ImapSession]] = imap_session
    smtp: Callable[..., AbstractContextManager[SmtpSession]] = smtp_session


def probe(  # noqa: PLR0913 - all by keyword, once per test
    settings: Settings,
    *,
    account_id: str,
    mailbox: str,
    username: str,
    sender: str,
    token: Callable[[str | None], AccessToken],
    progress: Callable[[Stage], None] | None,
    now: Callable[[], datetime],
    mapped: Sequence[MappedFolder] = (),
    sessions: Sessions = Sessions(),
) -> ConnectionReport:
    """Test a connection and return what was seen; whatever is wrong is a finding.

    `token(None)` gives a token; `token(rejected)` a renewed one, asked for once at most, after a
    server refused the first. Both may raise the vault's errors. `mapped` are the folders that
    must be there. `progress` is called in this thread with each stage as it starts and ends. It
    ends within `settings.mail_timeout` seconds. `sessions` open the connections.
    """
    subject = Subject(
        settings=settings,
        account_id=account_id,
        mailbox=mailbox,
        username=username,
        sender=sender,
    )
    started_at, started = now(), time.monotonic()
    board = Board(progress)
    test = _Test(subject, board, token, mapped, now, sessions)
    errors = compared(
        test.run(),
        smtp_signed_in=board.passed("smtp", "sign_in"),
        shared=not same_address(mailbox, username),
    )
    if test.permitted is not None and is_app_only(test.permitted.scopes):
        errors = for_app(errors)
        app = app_itself(test.permitted.secret)
        subject = replace(subject, service_principal=app.object_id)
    findings = _in_order([explained(err, subject, protocol) for protocol, err in errors.items()])
    return ConnectionReport(
        account_id=account_id,
        started_at=started_at,
        seconds=time.monotonic() - started,
        passed=not findings,
        mailbox=mailbox,
        signed_in_as=username,
        sender=sender,
        stages=tuple(board.stages.values()),
        findings=findings,
    )


class _Test:
    """One run: the token in the caller's thread, then a thread per protocol."""

    def __init__(
        self,
        subject: Subject,
        board: Board,
        token: Callable[[str | None], AccessToken],
        mapped: Sequence[MappedFolder],
        now: Callable[[], datetime],
        sessions: Sessions,
    ) -> None:
        self._subject = subject
        self._sessions = sessions
        self._now = now
        self._mapped = mapped
        self._board = board
        self._token = token
        #: The token that both protocols began with.
        self.permitted: AccessToken | None = None
        self._deadline = Deadline.after(subject.settings.mail_timeout)
        self._events: SimpleQueue[Stage | _Ended] = SimpleQueue()
        places = endpoints(subject.settings)
        imap = (*_IMAP, "mapping") if mapped else _IMAP
        self._first = Track("token", _labels(_TOKEN), board.show)
        self._imap = Track("imap", _labels(imap), self._events.put, _place(places.imap))
        smtp = _labels(_SMTP, sender=subject.sender)
        self._smtp = Track("smtp", smtp, self._events.put, _place(places.smtp))

    def run(self) -> dict[str, Exception]:
        """Return what broke, by protocol."""
        for track in (self._first, self._imap, self._smtp):
            self._board.add(track)
        try:
            with self._deadline.applied(), self._first.stage("token"):
                first = self.permitted = self._permitted()
                self._deadline.remaining()  # too late is this stage's fault, not the next ones'
        except Exception as err:  # noqa: BLE001 - `explained` makes a finding of each
            self._first.note(self._asked_again(err))
            self._first.broke()
            return {"token": err}
        renewable = RenewableToken(first, self._token)
        self._start(self._imap, self._open_mailbox, renewable)
        self._start(self._smtp, self._offer_sender, renewable)
        return self._watch({"imap", "smtp"})

    def _permitted(self) -> AccessToken:
        """Return a token whose scopes let us read and send mail, as far as they show it."""
        token = self._token(None)
        if self._problem(token):
            # Kept from before the consent, perhaps: a new one has what is permitted now.
            token = self._token(token.secret)
        problem = self._problem(token)
        if problem:
            raise PermissionMissingError(*problem)
        names = ", ".join(short_name(scope) for scope in token.scopes)
        note = "permitted" if names else "nothing_named"
        self._first.note(text(f"stage_note.{note}", scopes=names))
        self._first.note(self._how_it_came(token))
        return token

    def _how_it_came(self, token: AccessToken) -> str:
        """Say where nobody asked Microsoft: a stored permission proves nothing about today."""
        until = _clock(datetime.fromtimestamp(token.expires_at, UTC))
        if token.not_renewed is not None:
            why = token.not_renewed.finding.title
            return text("stage_note.not_renewed", reason=why, expires=until)
        return "" if token.given_now else text("stage_note.stored", expires=until)

    def _asked_again(self, err: Exception) -> str:
        """Say when the wait after a fault ends, by the host's clock; empty where there is none."""
        wait = getattr(err, "retry_after", None)
        if not wait:
            return ""
        return text("stage_note.wait", time=_clock(self._now() + timedelta(seconds=wait)))

    def _problem(self, token: AccessToken) -> tuple[str, str] | None:
        return scope_problem(token.scopes, endpoints(self._subject.settings).scopes)

    def _start(self, track: Track, attempt: Callable[[str], None], token: RenewableToken) -> None:
        def run() -> None:
            # A deadline holds in one thread only; the end is the same for all.
            with Deadline(self._deadline.ends).applied():
                error = run_track(track, attempt, token)
            self._events.put(_Ended(track.protocol, error))

        threading.Thread(target=run, name=f"m365-test-{track.protocol}", daemon=True).start()

    def _open_mailbox(self, token: str) -> None:
        subject, track = self._subject, self._imap
        with self._sessions.imap(
            subject.settings, mailbox=subject.mailbox, token=token, stage=track.stage
        ) as session:
            with track.stage("mailbox"):
                listed = session.folders()
            with track.stage("folders"):
                track.note(_counted(listed))
            if self._mapped:
                with track.stage("mapping"):
                    self._hold_mapping(session, listed)

    def _hold_mapping(self, session: ImapSession, listed: Sequence[ListedFolder]) -> None:
        """Raise ``MappingBrokenError`` if a mapped folder is not there as it was."""
        validities = session.uid_validities(paths_to_ask(listed, self._mapped))
        roles = folder_choices(self._subject.account_id, listed, self._mapped, validities).roles
        problems = [role.problem_text for role in roles if role.problem]
        if problems:
            raise MappingBrokenError(" ".join(problems))

    def _offer_sender(self, token: str) -> None:
        subject, track = self._subject, self._smtp
        with (
            self._sessions.smtp(
                subject.settings, username=subject.username, token=token, stage=track.stage
            ) as session,
            track.stage("sender"),
        ):
            session.check_sender(subject.sender)
            if self._is_unproved():
                track.unproved(self._how_to_check())

    def _is_unproved(self) -> bool:
        """Return whether MAIL FROM proves nothing: Exchange looks at Send As after DATA only."""
        if self.permitted is not None and is_app_only(self.permitted.scopes):
            return True
        return not same_address(self._subject.sender, self._subject.username)

    def _how_to_check(self) -> str:
        subject, trustee = self._subject, self._subject.username
        if self.permitted is not None and is_app_only(self.permitted.scopes):
            trustee = app_itself(self.permitted.secret).object_id
        names = {"sender": subject.sender, "trustee": trustee}
        quoted = {f"{name}_quoted": powershell_quoted(value) for name, value in names.items()}
        return text("stage_note.sender_unproved", **names, **quoted)

    def _watch(self, running: set[str]) -> dict[str, Exception]:
        """Show what the threads tell until both have ended, or have had their time."""
        errors: dict[str, Exception] = {}
        while running:
            try:
                event = self._events.get(timeout=max(0.0, self._deadline.left) + _GRACE)
            except Empty:
                for protocol in running:
                    self._board.give_up(protocol, text("stage_note.late"))
                    errors[protocol] = TimeoutError("A thread did not end in time.")
                break
            if isinstance(event, _Ended):
                running.discard(event.protocol)
                errors |= {event.protocol: event.error} if event.error else {}
            else:
                self._board.show(event)
        return {protocol: errors[protocol] for protocol in ("imap", "smtp") if protocol in errors}


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S} {at.tzname() or ''}".rstrip()


def _labels(names: Sequence[str], **values: str) -> dict[str, str]:
    return {name: text(f"stage.{name}", **values) for name in names}


def _place(place: Endpoint) -> dict[str, str]:
    where = {"host": place.host, "port": str(place.port)}
    return {name: text(f"stage_note.{name}", **where) for name in ("name", "connect")}


def _counted(listed: Sequence[ListedFolder]) -> str:
    unreadable = sum(folder.malformed for folder in listed)
    note = "one_folder" if len(listed) == 1 else "folders"
    note = "folders_unreadable" if unreadable else note
    return text(f"stage_note.{note}", count=str(len(listed)), unreadable=str(unreadable))


def _in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Leave out repetitions; what needs somebody's action comes before what may pass by itself."""
    different: dict[tuple[str, str], Finding] = {}
    for found in findings:
        different.setdefault((found.code, found.what), found)
    return tuple(sorted(different.values(), key=lambda found: found.retry))
