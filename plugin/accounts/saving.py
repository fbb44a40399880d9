"""What a save of the account form changes, and what it asks first.

Two tabs, a retried transaction and a typing error must cost nothing. So a submission is bound to
its content, a form that was opened before another save is shown both, and a sign-in is never
dropped by a save, but set aside until somebody signs in as the new user.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from ...schemas.account import load_account
from ...schemas.mail_address import domain_of, same_address
from ..errors import BadRequestError
from ..findings.wording import problem
from ..store import accounts, grants
from .domains import foreign, known_domains

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from ...schemas.account import AccountForm
    from ...schemas.problem import Problem
    from ...schemas.settings import Settings
    from ..store.accounts import AccountRow, Request

#: Values that a host sends back beside the form's fields.
ASIDE = ("version", "confirmed")


class AskedError(ValidationError):
    """The save is to be pressed again: `again` is what the form must send back then."""

    def __init__(self, problems: Mapping[str, Problem], again: Mapping[str, str]) -> None:
        super().__init__({name: [each] for name, each in problems.items()})
        self.again = again


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One press of Save."""

    form: AccountForm
    request_id: str
    #: The account's version that the form was drawn with; None from a host that sends none.
    version: int | None
    #: What the worker was asked about and pressed Save again for.
    confirmed: str

    @property
    def digest(self) -> str:
        """The SHA-256 of the content."""
        return hashlib.sha256(json.dumps(asdict(self.form), sort_keys=True).encode()).hexdigest()

    def check_same(self, before: Request, worker: str) -> None:
        """Raise ``BadRequestError`` unless an earlier submission is this one, run again."""
        if before.worker != worker or before.digest not in {None, self.digest}:
            raise BadRequestError("request_reused")


def read_submission(values: Mapping[str, Any], request_id: str) -> Submission:
    """Return a submission; raise ``ValidationError`` for wrong values of the form."""
    return Submission(
        form=load_account(values),
        request_id=request_id,
        version=_version(values["version"]) if "version" in values else None,
        confirmed=str(values["confirmed"]) if "confirmed" in values else "",
    )


def _version(value: object) -> int | None:
    if value is None or value == "":
        return None
    if not isinstance(value, int | str) or not str(value).isdecimal() or len(str(value)) > 9:
        raise BadRequestError(
            "argument_unusable", argument="values", problem="has a version that is no number"
        )
    return int(value)


def require_domains(form: AccountForm, before: AccountForm | None, settings: Settings) -> None:
    """Raise ``ValidationError`` for a new address that cannot be of the tenant.

    Username may have a domain that no mail is sent from (``…onmicrosoft.com``), but no private one.
    """
    known, checked = known_domains(settings), {}
    if before is None or form.sender_email != before.sender_email:
        checked["sender_email"] = foreign(form.sender_email, known)
    if form.username != form.sender_email and (before is None or form.username != before.username):
        checked["username"] = foreign(form.username, frozenset())
    problems = {
        name: [problem(code, domain=domain_of(getattr(form, name)))]
        for name, code in checked.items()
        if code
    }
    if problems:
        raise ValidationError(problems)


def changed(
    connection: Connection, account_id: str, submission: Submission, settings: Settings
) -> bool:
    """Store the changed form; return whether it was another one.

    Raises ``AskedError`` if somebody saved meanwhile, or if a sign-in would be set aside and nobody
    has confirmed that.
    """
    row, form = accounts.require_account(connection, account_id), submission.form
    if form == row.form:
        return False
    if submission.version not in {None, row.version}:
        raise _both(row, form)
    require_domains(form, row.form, settings)
    if form.account_name != row.form.account_name:
        require_free(connection, form.account_name, except_for=account_id)
    if submission.version is not None:
        _ask(row, submission)
    if not accounts.update_account(connection, account_id, form, version=row.version):
        raise _both(accounts.require_account(connection, account_id), form)
    _let_go(connection, row, form)
    return True


def require_free(connection: Connection, name: str, *, except_for: str | None = None) -> None:
    """Raise ``ValidationError`` if another account has this name."""
    if accounts.name_taken(connection, name, but=except_for):
        raise ValidationError({"account_name": [problem("name_taken", name=name)]})


def _both(row: AccountRow, form: AccountForm) -> AskedError:
    """Return what shows the stored value beside the typed one, where they differ."""
    stored, typed = asdict(row.form), asdict(form)
    problems = {
        name: problem("changed_meanwhile", stored=str(stored[name]), typed=str(typed[name]))
        for name in stored
        if stored[name] != typed[name]
    }
    return AskedError(problems, {"version": str(row.version)})


def _ask(row: AccountRow, submission: Submission) -> None:
    form = submission.form
    if _app_moves(row, form):
        field, wanted = "sender_email", form.sender_email
        asked = problem("app_sign_in_again", stored=row.form.sender_email)
    elif row.signed_in_as and _user_changes(row, form) and not _comes_back(row, form):
        field, wanted = "username", form.username
        signed_in = row.signed_in_as
        asked = problem("sign_in_again", signed_in=signed_in, username=form.username)
    else:
        return
    if submission.confirmed != wanted:
        raise AskedError({field: asked}, {"confirmed": wanted})


def _let_go(connection: Connection, row: AccountRow, form: AccountForm) -> None:
    """Take away what belongs to the old user or mailbox."""
    if _app_moves(row, form):
        # What a person may open, Microsoft says. What the app may, an administrator chose.
        grants.delete_grant(connection, row.id)
    elif _comes_back(row, form):
        grants.take_back(connection, row.id)
    elif _user_changes(row, form):
        grants.set_aside(connection, row.id)
    if _moves(row, form):
        accounts.store_mapping(connection, row.id, ())


def _moves(row: AccountRow, form: AccountForm) -> bool:
    return not same_address(row.form.sender_email, form.sender_email)


def _app_moves(row: AccountRow, form: AccountForm) -> bool:
    return row.kind is grants.GrantKind.APP and _moves(row, form)


def _user_changes(row: AccountRow, form: AccountForm) -> bool:
    return not same_address(row.form.username, form.username)


def _comes_back(row: AccountRow, form: AccountForm) -> bool:
    """Return whether the grant that was set aside is that of the user who is named now."""
    aside = row.refused == grants.SET_ASIDE
    return aside and same_address(row.signed_in_as or "", form.username)
