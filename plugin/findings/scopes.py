"""Whether the granted scopes let us read and send mail, as far as they show it. Pure.

Entra does not echo ``offline_access`` and may echo scopes in another case, so the sets are not
compared as they stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Two names of one resource: tokens for either are taken by the mail servers.
_OUTLOOK = frozenset({"outlook.office.com", "outlook.office365.com"})


#: The application permissions that mail needs where no person signs in.
APP_ROLES = ("IMAP.AccessAsApp", "SMTP.SendAsApp")


def short_name(scope: str) -> str:
    """Return ``SMTP.Send`` for ``https://outlook.office.com/SMTP.Send``."""
    return scope.rpartition("/")[2]


def scope_problem(granted: Sequence[str], wanted: Sequence[str]) -> tuple[str, str] | None:
    """Return a finding's code and the scopes that it is about, or None if nothing is missing.

    An answer without any scope is no problem: RFC 6749 §5.1 lets a server leave out what is as
    it was asked for. A scope without a resource does not show its audience and counts as good.
    """
    if not granted:
        return None
    if is_app_only(granted):
        return _app_problem(granted)
    resources = _resources(wanted)
    good = {short_name(scope).casefold() for scope in granted if _resource(scope) in resources}
    missing = [short_name(scope) for scope in wanted if short_name(scope).casefold() not in good]
    if not missing:
        return None
    foreign = [scope for scope in granted if _resource(scope) not in resources]
    if foreign and len(missing) == len(wanted):
        return "audience_wrong", ", ".join(foreign)
    return "scope_missing", ", ".join(missing)


def is_app_only(granted: Sequence[str]) -> bool:
    """Return whether these are the roles of an app, or what stands for none, and no person's."""
    names = {short_name(scope).casefold() for scope in granted}
    return bool(names & {*map(str.casefold, APP_ROLES), ".default"})


def _app_problem(granted: Sequence[str]) -> tuple[str, str] | None:
    good = {short_name(scope).casefold() for scope in granted}
    missing = [role for role in APP_ROLES if role.casefold() not in good]
    return ("app_permission_missing", ", ".join(missing)) if missing else None


def _resources(wanted: Sequence[str]) -> frozenset[str]:
    resources = {_resource(scope) for scope in wanted}
    return frozenset({"", *resources, *(_OUTLOOK if resources & _OUTLOOK else ())})


def _resource(scope: str) -> str:
    return urlsplit(scope).netloc.casefold()
