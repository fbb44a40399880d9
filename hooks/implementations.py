"""The hooks' implementations: each hands on to a use case. What is not ours is answered with None.

Use cases are imported in the call: loading the plugin costs a host neither MSAL nor SQLAlchemy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..schemas.ids import KIND, is_ours
from .spec import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..plugin.use_cases import UseCases
    from ..schemas.access import MailAccess
    from ..schemas.account import FormErrors
    from ..schemas.delivery import Delivery, MailPreview, Work
    from ..schemas.folders import FolderChoices
    from ..schemas.generic import GenericOutcome, GenericPlan, GenericResult
    from ..schemas.host import Host
    from ..schemas.job import Job, JobReport
    from ..schemas.kinds import AccountKind
    from ..schemas.outgoing import OutgoingMail
    from ..schemas.report import ConnectionReport, Finding, Stage
    from ..schemas.signin import LoginOutcome, Redirect
    from ..schemas.view import AccountView


def use_cases(host: Host) -> UseCases:
    """Return the use cases of a host."""
    from ..plugin.context import Context  # noqa: PLC0415 - see above
    from ..plugin.use_cases import UseCases  # noqa: PLC0415

    return UseCases(
        Context(host, lambda event: host.plugins.hook.salesorder_event(host=host, event=event))
    )


@hookimpl
def salesorder_account_kinds() -> list[AccountKind]:
    """Return the one kind."""
    from ..schemas.kinds import corporate_kind  # noqa: PLC0415 - brings marshmallow

    return [corporate_kind()]


@hookimpl
def salesorder_account_view(host: Host, account_id: str, worker: str) -> AccountView | None:
    """Show one account."""
    return use_cases(host).accounts.view(account_id, worker) if is_ours(account_id) else None


@hookimpl
def salesorder_account_list(host: Host, worker: str) -> list[AccountView]:
    """Show all accounts."""
    return use_cases(host).accounts.list(worker)


@hookimpl
def salesorder_account_save(
    host: Host,
    kind: str,
    account_id: str | None,
    values: Mapping[str, Any],
    worker: str,
    request_id: str,
) -> AccountView | FormErrors | None:
    """Create or change an account."""
    if kind != KIND or not (account_id is None or is_ours(account_id)):
        return None
    return use_cases(host).accounts.save(account_id, values, worker, request_id)


@hookimpl
def salesorder_account_delete(host: Host, account_id: str, worker: str) -> bool | None:
    """Delete an account."""
    return use_cases(host).accounts.delete(account_id, worker) if is_ours(account_id) else None


@hookimpl
def salesorder_login_begin(
    host: Host, account_id: str, worker: str, browser: str, return_to: str
) -> Redirect | None:
    """Begin Microsoft's sign-in."""
    if not is_ours(account_id):
        return None
    return use_cases(host).sign_in.begin(account_id, worker, browser, return_to)


@hookimpl
def salesorder_login_callback(
    host: Host, query: Mapping[str, str], worker: str | None, browser: str
) -> LoginOutcome | None:
    """Finish a sign-in or a consent."""
    return use_cases(host).sign_in.callback(query, worker, browser)


@hookimpl
def salesorder_consent_begin(
    host: Host, account_id: str, worker: str, browser: str, return_to: str
) -> Redirect | None:
    """Begin the administrator's consent."""
    if not is_ours(account_id):
        return None
    return use_cases(host).sign_in.begin_consent(account_id, worker, browser, return_to)


@hookimpl
def salesorder_login_ticket(
    host: Host, account_id: str, worker: str, return_to: str, purpose: str
) -> str | None:
    """Give a ticket."""
    if not is_ours(account_id):
        return None
    return use_cases(host).tickets.give(account_id, worker, return_to, purpose)


@hookimpl
def salesorder_ticket_open(
    host: Host, ticket: str, worker: str | None, browser: str
) -> Redirect | None:
    """Open a ticket."""
    return use_cases(host).tickets.open(ticket, worker, browser) if is_ours(ticket) else None


@hookimpl
def salesorder_disconnect(host: Host, account_id: str, worker: str) -> AccountView | None:
    """Forget the grant."""
    return use_cases(host).accounts.disconnect(account_id, worker) if is_ours(account_id) else None


@hookimpl
def salesorder_test_connection(
    host: Host, account_id: str, worker: str, progress: Callable[[Stage], None] | None
) -> ConnectionReport | None:
    """Test IMAP and SMTP."""
    if not is_ours(account_id):
        return None
    return use_cases(host).connection_tests.test(account_id, worker, progress)


@hookimpl
def salesorder_folder_choices(host: Host, account_id: str, worker: str) -> FolderChoices | None:
    """List the folders."""
    if not is_ours(account_id):
        return None
    return use_cases(host).folders.choices(account_id, worker)


@hookimpl
def salesorder_folder_map(
    host: Host, account_id: str, mapping: Mapping[str, Any], worker: str
) -> AccountView | FormErrors | None:
    """Store the mapping."""
    if not is_ours(account_id):
        return None
    return use_cases(host).folders.map(account_id, mapping, worker)


@hookimpl
def salesorder_generic_accounts_plan(host: Host, kind: str, worker: str) -> GenericPlan | None:
    """Plan the replacing of Generic accounts."""
    return use_cases(host).generics.plan(worker) if kind == KIND else None


@hookimpl
def salesorder_generic_accounts_replace(
    host: Host,
    kind: str,
    generic_ids: Sequence[str] | None,
    force: bool,  # noqa: FBT001 - see the spec
    worker: str,
    progress: Callable[[GenericOutcome], None] | None,
) -> GenericResult | None:
    """Replace Generic accounts."""
    if kind != KIND:
        return None
    return use_cases(host).generics.replace(generic_ids, worker, force=force, progress=progress)


@hookimpl
def salesorder_generic_accounts_restore(
    host: Host,
    kind: str,
    generic_ids: Sequence[str] | None,
    keep_new: bool,  # noqa: FBT001 - see the spec
    worker: str,
    progress: Callable[[GenericOutcome], None] | None,
) -> GenericResult | None:
    """Put Generic accounts back."""
    if kind != KIND:
        return None
    return use_cases(host).generics.restore(
        generic_ids, worker, keep_new=keep_new, progress=progress
    )


@hookimpl
def salesorder_jobs() -> list[Job]:
    """Return the jobs."""
    from ..schemas.job import JOBS  # noqa: PLC0415 - see above

    return list(JOBS)


@hookimpl
def salesorder_job_run(host: Host, name: str, worker: str) -> JobReport | None:
    """Run a job."""
    return use_cases(host).jobs.run(name, worker) if is_ours(name) else None


@hookimpl
def salesorder_health(host: Host, worker: str) -> list[Finding]:
    """Check what may be wrong."""
    return use_cases(host).health.findings(worker)


@hookimpl
def salesorder_mail_preview(
    host: Host, account_id: str, message: OutgoingMail, worker: str
) -> MailPreview | FormErrors | None:
    """Preview a mail."""
    if not is_ours(account_id):
        return None
    return use_cases(host).mail.preview(account_id, message, worker)


@hookimpl
def salesorder_mail_send(
    host: Host, account_id: str, message: OutgoingMail, worker: str, request_id: str, wait: float
) -> Delivery | FormErrors | None:
    """Queue a mail."""
    if not is_ours(account_id):
        return None
    return use_cases(host).mail.send(account_id, message, worker, request_id, wait)


@hookimpl
def salesorder_mail_delivery(host: Host, delivery_id: str, worker: str) -> Delivery | None:
    """Show one mail."""
    return use_cases(host).mail.delivery(delivery_id, worker) if is_ours(delivery_id) else None


@hookimpl
def salesorder_mail_deliveries(
    host: Host,
    account_id: str | None,
    state: str | None,
    document: str | None,
    worker: str,
    limit: int,
    before: str | None,
) -> list[Delivery] | None:
    """List mails."""
    if not (account_id is None or is_ours(account_id)):
        return None
    return use_cases(host).mail.deliveries(account_id, state, document, worker, limit, before)


@hookimpl
def salesorder_mail_test(
    host: Host, account_id: str, worker: str, progress: Callable[[Stage], None] | None
) -> ConnectionReport | None:
    """Send a test mail to the person who is signed in."""
    if not is_ours(account_id):
        return None
    return use_cases(host).self_test.run(account_id, worker, progress)


@hookimpl
def salesorder_mail_decide(
    host: Host, delivery_id: str, decision: str, worker: str
) -> Delivery | None:
    """Do what a person decided."""
    if not is_ours(delivery_id):
        return None
    return use_cases(host).mail.decide(delivery_id, decision, worker)


@hookimpl
def salesorder_work_due(host: Host, limit: int, worker: str) -> list[Work]:
    """List the work that is due."""
    return use_cases(host).mail.due(limit, worker)


@hookimpl
def salesorder_work_run(
    host: Host, kind: str, account_id: str, seconds: float, worker: str
) -> JobReport | None:
    """Do one account's work."""
    if not is_ours(account_id):
        return None
    return use_cases(host).mail.run(kind, account_id, seconds, worker)


@hookimpl
def salesorder_mail_access(
    host: Host, account_id: str, protocol: str, worker: str, rejected: str | None
) -> MailAccess | None:
    """Give a token and where to use it."""
    if not is_ours(account_id):
        return None
    return use_cases(host).access.mail_access(account_id, protocol, worker, rejected)


@hookimpl
def salesorder_sender_account(host: Host, address: str, worker: str) -> str | None:
    """Find the account that sends for an address."""
    return use_cases(host).access.sender_account(address, worker)
