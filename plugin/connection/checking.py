"""Test Connection of one account: ask, keep the report, tell the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...schemas.permission import SYSTEM, Permission
from ..border import use_case
from ..mail.pausing import try_now
from ..store import accounts
from ..store.engines import reading
from .probe import probe
from .reports import stored_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...schemas.report import ConnectionReport, Stage
    from ..context import Context
    from ..vault.renewal import Vault


@dataclass(frozen=True)
class ConnectionTests:
    """Test Connection, for the accounts of one host."""

    context: Context
    vault: Vault

    @use_case
    def test(
        self, account_id: str, worker: str, progress: Callable[[Stage], None] | None
    ) -> ConnectionReport:
        """Run all stages and keep the report."""
        self.context.require(worker, Permission.TEST, account_id)
        with reading(self.context.engine) as connection:
            row = accounts.require_account(connection, account_id)
            mapped = accounts.read_mapping(connection, account_id)
        report = probe(
            self.context.settings,
            account_id=account_id,
            mailbox=row.form.sender_email,
            username=row.form.username,
            sender=row.form.sender_email,
            token=lambda rejected: self.vault.token(
                account_id,
                rejected=rejected,
                # A token that came for this press is not at fault when a server refuses it.
                pressed=worker != SYSTEM and rejected is None,
            ),
            progress=progress,
            now=self.context.now,
            mapped=mapped,
        )
        codes = " ".join(found.code for found in report.findings)
        with self.context.change(worker) as change:
            accounts.store_report(change.connection, account_id, stored_report(report))
            change.happened(
                "mail_account_tested", account_id, passed=str(report.passed), findings=codes
            )
            if report.passed:
                try_now(change.connection, account_id)
        return report
