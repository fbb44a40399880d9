"""What would become of each Generic account: the new account's form, and what stands in the way.

Pure: the host's list, our rows and accounts come in. Left to `replacing`: doing it.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from ...schemas.account import AccountForm, AccountFormSchema, load_account
from ...schemas.generic import (
    GENERIC_STATE_LABELS,
    GenericConflict,
    GenericPlanned,
    GenericState,
)
from ...schemas.mail_address import domain_of, fold_address, normal_address
from ..accounts.domains import foreign
from ..accounts.views import state_of
from ..findings.catalogue import text
from ..store.accounts import name_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ...schemas.generic import GenericAccount
    from ..store.accounts import AccountRow
    from ..store.retired import RetiredRow

_LONGEST_NAME, _LONGEST_SENDER = 80, 120
_UNBEGUN = frozenset({GenericState.REPLACED, GenericState.RESTORED})


@dataclass
class Planner:
    """Goes through the host's list once; earlier lines take names and mailboxes from later ones."""

    accounts: Sequence[AccountRow]
    rows: Mapping[str, RetiredRow]
    domains: frozenset[str]
    #: The names that are taken, and the mailboxes: by which form, and what to say to a second one.
    names: set[str] = field(init=False)
    mailboxes: dict[str, tuple[AccountForm, GenericConflict]] = field(init=False)

    def __post_init__(self) -> None:
        forms = [row.form for row in reversed(self.accounts)]
        self.names = {name_key(form.account_name) for form in forms}
        self.mailboxes = {mailbox_key(form.sender_email): (form, _known(form)) for form in forms}

    def plan(self, listed: Iterable[GenericAccount]) -> tuple[GenericPlanned, ...]:
        """Return a line for each account that the host has, and for each that we have a copy of."""
        present = {generic.id: generic for generic in listed}
        gone = [
            row.generic
            for row in self.rows.values()
            if row.id not in present and row.state is not GenericState.RESTORED
        ]
        everything = sorted([*present.values(), *gone], key=lambda each: (each.name, each.id))
        return tuple(self._line(generic, present=generic.id in present) for generic in everything)

    def _line(self, generic: GenericAccount, *, present: bool) -> GenericPlanned:
        row = self.rows.get(generic.id)
        if row is None or (present and row.state in _UNBEGUN):
            return self._unbegun(generic)
        new = next((account for account in self.accounts if account.id == row.account_id), None)
        return GenericPlanned(
            generic=generic,
            state=row.state,
            state_label=GENERIC_STATE_LABELS[row.state],
            suggested=new.form if new else None,
            account_id=row.account_id,
            account_state=state_of(new) if new else None,
            tested=new is not None and tested_since(row, new),
        )

    def _unbegun(self, generic: GenericAccount) -> GenericPlanned:
        conflicts = [*_address_conflicts(generic, self.domains)]
        form = None
        if not conflicts:
            form, conflicts = self._suggested(generic)
        blocked = any(conflict.blocks for conflict in conflicts)
        state = GenericState.CONFLICT if blocked else GenericState.READY
        return GenericPlanned(
            generic=generic,
            state=state,
            state_label=GENERIC_STATE_LABELS[state],
            suggested=form,
            conflicts=tuple(conflicts),
        )

    def _suggested(
        self, generic: GenericAccount
    ) -> tuple[AccountForm | None, list[GenericConflict]]:
        try:
            form = suggested_form(generic, lambda name: name_key(name) in self.names)
        except ValidationError as err:
            return None, [_conflict("not_usable", problems(err))]
        key = mailbox_key(form.sender_email)
        if key in self.mailboxes:
            known, note = self.mailboxes[key]
            return known, [note]
        self.names.add(name_key(form.account_name))
        self.mailboxes[key] = form, _duplicate(generic.name)
        return form, list(_renamed(generic, form))


def suggested_form(generic: GenericAccount, taken: Callable[[str], bool]) -> AccountForm:
    """Return the new account's form under a name that is not `taken`.

    Raises marshmallow's ``ValidationError`` if the Generic account's texts cannot stand in it.
    """
    return load_account(
        {
            "account_name": _free_name(_base_name(generic), taken),
            "sender_name": (_clean(generic.sender_name) or _base_name(generic))[:_LONGEST_SENDER],
            "sender_email": generic.address,
            "use_oauth": True,
            "username": _username(generic),
        }
    )


def problems(err: ValidationError) -> str:
    """Return what is wrong with a suggested form as one text."""
    messages: Any = err.messages
    fields = AccountFormSchema().fields
    return " ".join(
        f"{fields[name].metadata['label']}: {' '.join(texts)}" for name, texts in messages.items()
    )


def tested_since(row: RetiredRow, new: AccountRow) -> bool:
    """Return whether the new account's last Test Connection passed after the copy was taken."""
    report = new.report or {"passed": False}
    return report["passed"] and datetime.fromisoformat(report["started_at"]) >= row.kept_at


def mailbox_key(address: str) -> str:
    """Return the form of an address, normalised already, that equal mailboxes share."""
    return fold_address(address)


def _username(generic: GenericAccount) -> str:
    """Return the old user name if it is one for Microsoft too, which wants an address."""
    try:
        return normal_address(generic.username) if "@" in generic.username else ""
    except ValidationError:
        return ""


def _base_name(generic: GenericAccount) -> str:
    return (_clean(generic.name) or generic.address)[:_LONGEST_NAME].strip()


def _clean(text: str) -> str:
    """Return one line without the controls that a form field would refuse."""
    words = "".join(
        " " if unicodedata.category(each) in {"Cc", "Zl", "Zp"} else each for each in text
    )
    return " ".join(words.split())


def _free_name(base: str, taken: Callable[[str], bool]) -> str:
    name, number = base, 1
    while taken(name):
        number += 1
        ending = f" ({number})"
        name = base[: _LONGEST_NAME - len(ending)].rstrip() + ending
    return name


def _address_conflicts(
    generic: GenericAccount, domains: frozenset[str]
) -> Iterable[GenericConflict]:
    if not generic.address.strip():
        yield _conflict(
            "address_missing",
            "It has no Sender email. Enter the address in the Generic account, then look again.",
        )
        return
    try:
        address = normal_address(generic.address.strip())
    except ValidationError as err:
        yield _conflict("address_invalid", f"{err.messages[0]} Correct it in the Generic account.")
        return
    code = foreign(address, domains)
    if code:
        kept = text("generic.keep_as_it_is")
        yield _conflict(code, f"{text(f'form.{code}', domain=domain_of(address))} {kept}")


def _known(form: AccountForm) -> GenericConflict:
    return _note(
        "mailbox_known",
        f"The account “{form.account_name}” has this address already: it takes the place, no second"
        " one is made.",
    )


def _duplicate(name: str) -> GenericConflict:
    return _note(
        "duplicate", f"“{name}” has the same address: one new account takes the place of both."
    )


def _renamed(generic: GenericAccount, form: AccountForm) -> Iterable[GenericConflict]:
    if name_key(form.account_name) != name_key(_base_name(generic)):
        yield _note(
            "name_taken",
            f"There is an account “{_base_name(generic)}” already: the new one is called"
            f" “{form.account_name}”.",
        )


def _conflict(code: str, message: str) -> GenericConflict:
    return GenericConflict(code=code, message=message, blocks=True)


def _note(code: str, message: str) -> GenericConflict:
    return GenericConflict(code=code, message=message, blocks=False)
