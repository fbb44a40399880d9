"""Replacing the host's Generic accounts with a way back: which ones, and what came of each.

The steps of one account, and what a kill between them leaves, are `retired`'s.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from marshmallow import ValidationError

from ...schemas.generic import (
    GENERIC_MESSAGES,
    GenericCode,
    GenericOutcome,
    GenericPlan,
    GenericResult,
    GenericState,
)
from ...schemas.host import GenericAccounts
from ...schemas.permission import Permission
from ...schemas.view import AccountState
from ..accounts.domains import known_domains
from ..accounts.views import state_of
from ..border import use_case
from ..errors import BadRequestError, HostFailedError, NoSuchAccountError, NotAllowedError
from ..store import accounts
from ..store import retired as store
from ..store.engines import reading
from .plan import Planner, problems, tested_since
from .steps import Retirement, host_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ...schemas.generic import GenericPlanned
    from ..connection.checking import ConnectionTests
    from ..context import Context
    from ..errors import M365Error
    from ..store.retired import RetiredRow

    Progress = Callable[[GenericOutcome], None] | None

log = logging.getLogger(__name__)
_LONGEST_ID = 200
#: What stops one account's turn; the run goes on with the next one.
_PER_ACCOUNT = (HostFailedError, NoSuchAccountError, NotAllowedError)


@dataclass(frozen=True)
class Generics:
    """The use cases; each answers None for a host that keeps no Generic accounts."""

    context: Context
    connection_tests: ConnectionTests

    @use_case
    def plan(self, worker: str) -> GenericPlan | None:
        """List every Generic account with what would become of it."""
        host = self._host(worker)
        if host is None:
            return None
        domains = known_domains(self.context.settings)
        with host_code("list its Generic accounts"):
            listed = tuple(host.generic_accounts())
        if not all(0 < len(generic.id) <= _LONGEST_ID for generic in listed):
            raise BadRequestError(
                "argument_unusable",
                argument="GenericAccount.id",
                problem="must have 1 to 200 characters",
            )
        with reading(self.context.engine) as connection:
            planner = Planner(
                accounts.read_accounts(connection), store.read_rows(connection), domains
            )
        return GenericPlan(accounts=planner.plan(listed), domains=tuple(sorted(domains)))

    @use_case
    def replace(
        self, generic_ids: Sequence[str] | None, worker: str, *, force: bool, progress: Progress
    ) -> GenericResult | None:
        """Replace these accounts, or all that can be; `force` waits for no passed test."""
        host = self._host(worker)
        plan = self.plan(worker)
        if host is None or plan is None:
            return None
        lines = {line.generic.id: line for line in plan.accounts}
        steps = Retirement(self.context, host, worker)

        def turn(generic_id: str) -> GenericOutcome:
            line = lines.get(generic_id)
            if line is None:
                return _outcome(generic_id, "", GenericCode.GONE)
            return self._replaced(steps, line, force=force)

        return _run(lines if generic_ids is None else generic_ids, turn, progress)

    @use_case
    def restore(
        self, generic_ids: Sequence[str] | None, worker: str, *, keep_new: bool, progress: Progress
    ) -> GenericResult | None:
        """Put these accounts back, or all that were replaced or are about to be."""
        host = self._host(worker)
        if host is None:
            return None
        with reading(self.context.engine) as connection:
            rows = store.read_rows(connection)
        steps = Retirement(self.context, host, worker)

        def turn(generic_id: str) -> GenericOutcome:
            row = rows.get(generic_id)
            if row is None:
                return _outcome(generic_id, "", GenericCode.GONE)
            return _restored(steps, row, keep_new=keep_new)

        begun = [row.id for row in rows.values() if row.state is not GenericState.RESTORED]
        return _run(begun if generic_ids is None else generic_ids, turn, progress)

    def _host(self, worker: str) -> GenericAccounts | None:
        self.context.require(worker, Permission.REPLACE)
        host = self.context.host
        return host if isinstance(host, GenericAccounts) else None

    def _replaced(self, steps: Retirement, line: GenericPlanned, *, force: bool) -> GenericOutcome:
        generic = line.generic
        if line.state is GenericState.REPLACED:
            return _outcome(generic.id, generic.name, GenericCode.REPLACED, line.account_id)
        if line.state is GenericState.CONFLICT:
            why = " ".join(conflict.message for conflict in line.conflicts if conflict.blocks)
            return _outcome(generic.id, generic.name, GenericCode.CONFLICT, message=why)
        try:
            return self._taken_on(steps, line, force=force)
        except ValidationError as err:
            why = problems(err)
            return _outcome(generic.id, generic.name, GenericCode.CONFLICT, message=why)
        except _PER_ACCOUNT as err:
            return _outcome(generic.id, generic.name, GenericCode.FAILED, message=_said(err))

    def _taken_on(self, steps: Retirement, line: GenericPlanned, *, force: bool) -> GenericOutcome:
        generic = line.generic
        begun = steps.row(generic.id)
        if begun is not None and begun.state is GenericState.RESTORING:
            # A restore was broken off: it is finished first, for it was asked for first.
            steps.put_back(begun, keep_new=begun.keep_new)
        # What the host has not any more, it deleted for a run that was killed, or is under way.
        kept = steps.keep(generic) or steps.row(generic.id)
        if kept is None or kept.state is GenericState.RESTORED:
            return _outcome(generic.id, generic.name, GenericCode.GONE)
        if not force and kept.state is GenericState.WAITING:
            waiting = self._not_ready(kept, steps.worker)
            if waiting is not None:
                return waiting
        return _outcome(generic.id, generic.name, steps.retire(kept), kept.account_id)

    def _not_ready(self, row: RetiredRow, worker: str) -> GenericOutcome | None:
        """Return why the old account must stay for now; None once the new one was tested."""
        account_id = str(row.account_id)
        with reading(self.context.engine) as connection:
            new = accounts.require_account(connection, account_id)
        if state_of(new) is not AccountState.CONNECTED:
            return _outcome(row.id, row.generic.name, GenericCode.SIGN_IN_FIRST, account_id)
        if tested_since(row, new) or self.connection_tests.test(account_id, worker, None).passed:
            return None
        return _outcome(row.id, row.generic.name, GenericCode.TEST_FAILED, account_id)


def _restored(steps: Retirement, row: RetiredRow, *, keep_new: bool) -> GenericOutcome:
    try:
        steps.put_back(row, keep_new=keep_new)
    except HostFailedError as err:
        return _outcome(row.id, row.generic.name, GenericCode.FAILED, message=_said(err))
    return _outcome(row.id, row.generic.name, GenericCode.RESTORED)


def _said(err: M365Error) -> str:
    return f"{err.finding.title}. {err.finding.what}"


def _run(
    generic_ids: Iterable[str], turn: Callable[[str], GenericOutcome], progress: Progress
) -> GenericResult:
    outcomes = []
    for generic_id in dict.fromkeys(generic_ids):
        outcomes.append(turn(generic_id))
        if progress is not None:
            try:
                progress(outcomes[-1])
            except Exception:  # the host's code: a page that is gone stops no run
                log.exception("progress failed")
    return GenericResult(outcomes=tuple(outcomes))


def _outcome(
    generic_id: str,
    name: str,
    code: GenericCode,
    account_id: str | None = None,
    *,
    message: str = "",
) -> GenericOutcome:
    return GenericOutcome(
        generic_id=generic_id,
        name=name,
        code=code,
        message=message or GENERIC_MESSAGES[code],
        account_id=account_id,
    )
