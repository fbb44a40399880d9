"""The doctor: everything between the settings and Microsoft, check by check. Changes nothing.

What a check finds is a finding of the catalogue; what needs no network is `health`'s to find.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...schemas.report import Finding  # noqa: TC001 - `to_plain` reads a Check's types
from ..connection.explain import Subject, explained
from ..entra.identity import identity_for
from ..errors import M365Error, RegistrationError, StoreError
from ..findings.catalogue import finding
from ..settings.clouds import endpoints
from ..settings.database import database_file, database_place
from ..settings.expiry import credential_expiry
from ..store.engines import stored_revision
from ..store.upgrade import CURRENT
from ..wire.deadline import Deadline
from .health import CLOCK_SECONDS, Health
from .reachability import ask_authority, ask_redirect_uri, reach_imap, reach_smtp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ...schemas.settings import Settings
    from ..context import Context
    from ..errors import SettingsError

_SHARED_TENANT = "organizations"
_REGISTRATION = ("App registration", "Redirect URI")
#: The file holds secrets: a group may read it (the ERP's), others may not, and neither may write.
_NOT_FOR_OTHERS = stat.S_IWGRP | stat.S_IRWXO
#: What `health` finds, by the check that it belongs to.
_HEALTH = {
    "Key ring": ("key_wrong", "key_missing", "value_damaged"),
    "Client secret or certificate": (
        "credential_expiring",
        "credential_expired",
        "certificate_unreadable",
    ),
    "Accounts": ("accounts_to_sign_in", "registration_refused"),
    "Database": ("database_unusable", "database_newer", "clocks_apart"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: what it looked at, what it saw in a few words, and its findings.

    `tried` is False where there was nothing to look at, or an earlier finding stood in the way.
    """

    name: str
    saw: str = ""
    findings: tuple[Finding, ...] = ()
    tried: bool = True


def settings_wrong(err: SettingsError) -> Check:
    """Return the only check that can be made of wrong settings."""
    return Check(name="Settings", findings=(err.finding,))


@dataclass(frozen=True)
class Doctor:
    """The checks of one host; `file` is where its settings come from, if they come from one."""

    context: Context
    file: Path | None
    #: This computer's clock, in seconds since 1970.
    clock: Callable[[], float] = time.time

    def checks(self, worker: str) -> Iterator[Check]:
        """Make one check after the other, each within the settings' time-outs."""
        yield self._settings()
        yield from self._stored(worker)
        yield from self._authority()
        for protocol, reach in (("imap", reach_imap), ("smtp", reach_smtp)):
            yield self._mail(protocol, reach)

    def _settings(self) -> Check:
        if self.file is None:
            return Check(name="Settings", saw="complete; from the environment or the host")
        found: tuple[Finding, ...] = ()
        # Windows has access lists in place of a mode, which says 666 for every file.
        if os.name == "posix" and self.file.stat().st_mode & _NOT_FOR_OTHERS:
            found = (finding("settings_readable", file=str(self.file)),)
        return Check(name="Settings", saw=f"complete; {self.file}", findings=found)

    def _stored(self, worker: str) -> Iterator[Check]:
        """Check what needs the database; one that is not current is not touched."""
        saw, found = self._schema()
        if found:
            yield Check(name="Database", saw=saw, findings=found)
            yield from (Check(name=name, tried=False) for name in _HEALTH if name != "Database")
            return
        by_code = {each.code: each for each in Health(self.context).findings(worker)}
        for name, codes in _HEALTH.items():
            here = tuple(by_code.pop(code) for code in codes if code in by_code)
            if name == "Database":
                here += self._readable()
            yield Check(name=name, saw=self._seen(name, saw, found=bool(here)), findings=here)
        if by_code:
            yield Check(name="Health", findings=tuple(by_code.values()))

    def _schema(self) -> tuple[str, tuple[Finding, ...]]:
        try:
            stored = stored_revision(self.context.settings.database_url)
        except StoreError:
            return "", (finding("database_unusable"),)
        if stored is not None and stored > CURRENT:
            return f"schema {stored}", (finding("database_newer"),)
        place = database_place(self.context.settings.database_url)
        if stored is None:
            return f"no database at {place}", (finding("database_not_ready"),)
        if stored != CURRENT:
            return f"schema {stored} at {place}", (finding("database_not_ready"),)
        return f"current schema, {place}", ()

    def _readable(self) -> tuple[Finding, ...]:
        """Return a finding where others may read the file, or put another one in its place."""
        file = database_file(self.context.settings.database_url)
        if file is None or os.name != "posix":
            return ()
        open_file = file.stat().st_mode & _NOT_FOR_OTHERS
        open_folder = file.absolute().parent.stat().st_mode & (stat.S_IWOTH | stat.S_ISVTX)
        if not open_file and open_folder != stat.S_IWOTH:
            return ()
        return (finding("database_readable", file=str(file)),)

    def _seen(self, name: str, schema: str, *, found: bool) -> str:
        match name:
            case "Database":
                return schema
            case "Key ring":
                count = len(self.context.ring.key_ids)
                return f"{count} key{'s' * (count != 1)}, newest {self.context.ring.newest}"
            case "Accounts":
                return "" if found else "none needs a sign-in"
            case "Client secret or certificate":
                return self._valid_until()
        return ""

    def _valid_until(self) -> str:
        try:
            expiry = credential_expiry(self.context.settings)
        except RegistrationError:
            return ""  # `health` says why
        return f"{expiry.credential}, valid until {expiry.on}" if expiry else "no date is given"

    def _authority(self) -> Iterator[Check]:
        settings = self.context.settings
        place = endpoints(settings).authority_url
        through = "through the proxy" if settings.proxy else "directly"
        try:
            answered = ask_authority(settings, clock=self.clock)
        except M365Error as err:
            yield Check(name="Sign-in server", saw=place, findings=(self._explained(err),))
            yield from (Check(name=name, tried=False) for name in ("Clock", *_REGISTRATION))
            return
        saw = f"{place}, {through}, {1000 * answered.seconds:.0f} ms"
        yield Check(name="Sign-in server", saw=saw)
        yield _clock(answered.ahead)
        if settings.tenant.casefold() == _SHARED_TENANT:
            yield Check(name="App registration", saw="tenant is organizations", tried=False)
        else:
            yield self._asked("App registration", settings.client_id, self._prove)
        yield self._asked("Redirect URI", settings.redirect_uri, self._redirect_uri)

    def _prove(self) -> bool:
        with Deadline.after(self.context.settings.http_timeout).applied():
            identity_for(self.context.settings).app_tokens()
        return True

    def _redirect_uri(self) -> bool:
        return ask_redirect_uri(self.context.settings)

    def _asked(self, name: str, saw: str, ask: Callable[[], bool]) -> Check:
        try:
            told = ask()
        except M365Error as err:
            return Check(name=name, saw=saw, findings=(self._explained(err),))
        return Check(name=name, saw=saw if told else f"{saw}: Microsoft does not tell", tried=told)

    def _mail(self, protocol: str, reach: Callable[[Settings], float]) -> Check:
        places = endpoints(self.context.settings)
        place = {"imap": places.imap, "smtp": places.smtp}[protocol]
        saw = f"{place.host}:{place.port}"
        try:
            seconds = reach(self.context.settings)
        except M365Error as err:
            found = self._explained(err, protocol)
            return Check(name=protocol.upper(), saw=saw, findings=(found,))
        return Check(name=protocol.upper(), saw=f"{saw}, {1000 * seconds:.0f} ms")

    def _explained(self, err: M365Error, protocol: str = "token") -> Finding:
        subject = Subject(
            settings=self.context.settings, account_id="", mailbox="", username="", sender=""
        )
        return explained(err, subject, protocol)


def _clock(ahead: float | None) -> Check:
    if ahead is None:
        return Check(name="Clock", saw="the sign-in server tells no time", tried=False)
    found: tuple[Finding, ...] = ()
    if abs(ahead) > CLOCK_SECONDS:
        found = (finding("clock_skewed", seconds=f"{abs(ahead):.0f}"),)
    side = "ahead of" if ahead > 0 else "behind"
    return Check(name="Clock", saw=f"{abs(ahead):.0f} s {side} the sign-in server", findings=found)
