"""The hookspecs: every hook that a host calls, and the one that the host may implement.

A hook returns None when the account, kind or callback is not this plugin's, so that plugins for
other mail services can stand beside it. Arguments are given by keyword. All hooks are synchronous
and may be called from any thread and more than once with the same arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..schemas.access import MailAccess
    from ..schemas.account import FormErrors
    from ..schemas.delivery import Delivery, MailPreview, Work
    from ..schemas.event import Event
    from ..schemas.folders import FolderChoices
    from ..schemas.generic import GenericOutcome, GenericPlan, GenericResult
    from ..schemas.host import Host
    from ..schemas.job import Job, JobReport
    from ..schemas.kinds import AccountKind
    from ..schemas.outgoing import OutgoingMail
    from ..schemas.report import ConnectionReport, Finding, Stage
    from ..schemas.signin import LoginOutcome, Redirect
    from ..schemas.view import AccountView

#: The project name under which hosts make their ``pluggy.PluginManager``; entry points too.
PROJECT = "salesorder"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def salesorder_account_kinds() -> list[AccountKind]:  # type: ignore[empty-body]
    """Return which kinds of mail account can be made, and the shape of their forms.

    Called when the host draws its menus and forms; needs no host and no database.

    Each plugin returns a list; the host joins them.
    """


@hookspec(firstresult=True)
def salesorder_account_view(host: Host, account_id: str, worker: str) -> AccountView | None:
    """Show one account. Called when its page is drawn, and polled while a sign-in runs elsewhere.

    Reads the database only: never Microsoft, never a mail server.

    Raises ``NotAllowedError`` (permission ``mail_accounts.view``), ``NoSuchAccountError``.
    """


@hookspec
def salesorder_account_list(host: Host, worker: str) -> list[AccountView]:  # type: ignore[empty-body]
    """Show the accounts that this worker may see, by name. The host joins the plugins' lists.

    Accounts that ``host.allows(worker, "mail_accounts.view", account_id)`` denies are left out.
    A worker without ``mail_accounts.view`` for any (``account_id=None``) gets
    ``NotAllowedError``.
    """


@hookspec(firstresult=True)
def salesorder_account_save(
    host: Host,
    kind: str,
    account_id: str | None,
    values: Mapping[str, Any],
    worker: str,
    request_id: str,
) -> AccountView | FormErrors | None:
    """Create (`account_id` None) or change an account from the form's values.

    `request_id` is the host's own id of this submission: creating again with the same one, by the
    same worker and with the same values, returns the account that the first call made. With other
    content it is a ``BadRequestError``.

    `values` may hold two more than the form's fields. ``version`` is the view's: if somebody saved
    since, both values are shown at their fields. ``confirmed`` is what ``FormErrors.values`` gave
    with a question: a save that another user must sign in after is asked about first, where a
    ``version`` is given. The old sign-in is kept, unused, until the new one, and serves again if
    Username is set back.

    Returns the view, or ``FormErrors`` with texts and codes per field and the values to draw.
    Raises ``NotAllowedError`` (``mail_accounts.create`` or ``.edit``), ``NoSuchAccountError``.
    """


@hookspec(firstresult=True)
def salesorder_account_delete(host: Host, account_id: str, worker: str) -> bool | None:
    """Delete an account with its grant and mapping; deleting one that is gone is no error.

    Raises ``NotAllowedError`` (``mail_accounts.delete``).
    """


@hookspec(firstresult=True)
def salesorder_login_begin(
    host: Host, account_id: str, worker: str, browser: str, return_to: str
) -> Redirect | None:
    """Begin Microsoft's sign-in: store an attempt for ten minutes and name the page to go to.

    Call it from a POST that the host has protected against CSRF. `browser` is an opaque value by
    which the host knows this browser again in the callback (a random Lax cookie set now).
    `return_to` is a path of the host's own (``/…``), where ``LoginOutcome.next_url`` will lead.

    Raises ``NotAllowedError`` (``mail_accounts.connect``), ``NoSuchAccountError``,
    ``BadRequestError`` for a `return_to` that leaves the host, ``UnavailableError``,
    ``RegistrationError``.
    """


@hookspec(firstresult=True)
def salesorder_login_callback(
    host: Host, query: Mapping[str, str], worker: str | None, browser: str
) -> LoginOutcome | None:
    """Finish a sign-in or an administrator's consent. Called by the host's callback route.

    `query` holds the query parameters as they came. `worker` is who is logged in to the host in
    this browser; None if the host cannot know, because its session cookie is ``SameSite=Strict``
    and stays behind on the way back from Microsoft. `browser` then stands for the worker who began
    the sign-in, and that worker's permission is asked for.

    Another browser, another worker or a late return is refused with the outcome ``expired`` and no
    token request is made. The same browser and worker get the same outcome again, for the state
    alone too: a host may retry its transaction, and a browser may repeat a GET.

    Returns None for a query without a state of this plugin's.
    """


@hookspec(firstresult=True)
def salesorder_consent_begin(
    host: Host, account_id: str, worker: str, browser: str, return_to: str
) -> Redirect | None:
    """Begin the administrator's consent for the whole tenant.

    The redirect is for an administrator in this browser; its `share_url` may be sent to one who
    sits elsewhere: what comes back from there is recognised by no browser and changes nothing
    here, but the consent counts at Microsoft, and the worker's next sign-in goes through.

    Raises as ``salesorder_login_begin`` does.
    """


@hookspec(firstresult=True)
def salesorder_login_ticket(
    host: Host, account_id: str, worker: str, return_to: str, purpose: str
) -> str | None:
    """Give a one-shot address at which the worker's browser begins a sign-in or a consent.

    For a Login button that is an RPC (a desktop client, a page's script), whose answer sets no
    cookie. Call it from that RPC, or from a POST that the host has protected against CSRF, and let
    the browser open the address: `web.create_app` answers there. `purpose` is ``login`` or
    ``consent``; `return_to` is as in ``salesorder_login_begin``.

    Returns a path of the host's own. It works once, for 60 seconds, in a browser in which `worker`
    is logged in to the host: passed on, it connects nobody's mailbox.
    Raises ``NotAllowedError`` (``mail_accounts.connect``), ``NoSuchAccountError``,
    ``BadRequestError`` for a `return_to` that leaves the host or another `purpose`.
    """


@hookspec(firstresult=True)
def salesorder_ticket_open(
    host: Host, ticket: str, worker: str | None, browser: str
) -> Redirect | None:
    """Begin what a ticket was given for. Called by the route of the ticket's address.

    `ticket` is the parameter of that name in the address, `worker` who is logged in to the host in
    this browser (None for nobody), `browser` as in ``salesorder_login_begin``. A ticket that is
    refused because of `worker` is not used up by it.

    Returns None for a ticket of another plugin's.
    Raises ``TicketError`` for one that is used, late, unknown or another worker's, and otherwise
    what ``salesorder_login_begin`` does: ``NotAllowedError``, ``NoSuchAccountError``,
    ``BadRequestError``, ``UnavailableError``, ``RegistrationError``.
    """


@hookspec(firstresult=True)
def salesorder_disconnect(host: Host, account_id: str, worker: str) -> AccountView | None:
    """Forget the account's grant (the ciphertext is deleted); the account becomes a draft.

    Raises ``NotAllowedError`` (``mail_accounts.connect``), ``NoSuchAccountError``.
    """


@hookspec(firstresult=True)
def salesorder_test_connection(
    host: Host,
    account_id: str,
    worker: str,
    progress: Callable[[Stage], None] | None,
) -> ConnectionReport | None:
    """Test IMAP and SMTP side by side, stage by stage, within the settings' `mail_timeout`.

    `progress`, if given, is called in the caller's thread with each stage as it starts
    (``running``) and ends. The report is stored and shown by ``salesorder_account_view``.
    What is wrong is a finding in the report, never an exception.

    Raises ``NotAllowedError`` (``mail_accounts.test``), ``NoSuchAccountError``.
    """


@hookspec(firstresult=True)
def salesorder_folder_choices(host: Host, account_id: str, worker: str) -> FolderChoices | None:
    """List the mailbox's folders for the dropdowns, with a suggestion per role.

    Raises ``NotAllowedError`` (``mail_accounts.map_folders``), ``NoSuchAccountError``,
    ``SignInNeededError``, ``RegistrationError``, ``UnavailableError``, ``MailError``.
    """


@hookspec(firstresult=True)
def salesorder_folder_map(
    host: Host, account_id: str, mapping: Mapping[str, Any], worker: str
) -> AccountView | FormErrors | None:
    """Store which folder serves which role: ``{role: path}``, an empty path for none.

    Each folder is looked up at the server, for its UIDVALIDITY; one that is not there is an error
    at its role, and nothing is stored. Raises as ``salesorder_folder_choices`` does.
    """


@hookspec(firstresult=True)
def salesorder_generic_accounts_plan(host: Host, kind: str, worker: str) -> GenericPlan | None:
    """List the host's Generic accounts with what replacing them by accounts of `kind` would do.

    Called when the host's page or the administrator's list of them is drawn. Reads the host's list
    and our database only, and changes nothing.

    Returns None for a kind of another plugin, and for a host that is no ``GenericHost``.
    Raises ``NotAllowedError`` (``mail_accounts.replace``), ``HostFailedError``, and
    ``BadRequestError`` for an id that is empty or longer than 200 characters.
    """


@hookspec(firstresult=True)
def salesorder_generic_accounts_replace(
    host: Host,
    kind: str,
    generic_ids: Sequence[str] | None,
    force: bool,  # noqa: FBT001 - hooks are called by keyword
    worker: str,
    progress: Callable[[GenericOutcome], None] | None,
) -> GenericResult | None:
    """Replace Generic accounts (None: all that can be), as far as each of them is ready for it.

    The first call seals a copy of each and makes the new account, filled in; the Generic one goes
    on working. A later call deletes it at the host once the new one's Test Connection passed, which
    it runs itself where it was not run since; with `force` at once. Every call goes on where the
    last one stopped or was killed; accounts that are done are left alone.

    `progress`, if given, is called in the caller's thread with each account's outcome.

    Returns and raises as ``salesorder_generic_accounts_plan`` does. What went wrong with one
    account is its outcome, never an exception.
    """


@hookspec(firstresult=True)
def salesorder_generic_accounts_restore(
    host: Host,
    kind: str,
    generic_ids: Sequence[str] | None,
    keep_new: bool,  # noqa: FBT001 - hooks are called by keyword
    worker: str,
    progress: Callable[[GenericOutcome], None] | None,
) -> GenericResult | None:
    """Put Generic accounts back as they were (None: all that replacing was begun with).

    Without `keep_new` the new account is deleted after that, unless it was there before or stands
    for another Generic account too. May be killed and called again at any time.

    Returns and raises as ``salesorder_generic_accounts_replace`` does.
    """


@hookspec
def salesorder_jobs() -> list[Job]:  # type: ignore[empty-body]
    """Tell what the host's scheduler should run, and how often; needs no host and no database.

    The host joins the plugins' lists and runs each job with ``salesorder_job_run``.
    """


@hookspec(firstresult=True)
def salesorder_job_run(host: Host, name: str, worker: str) -> JobReport | None:
    """Run one job of ``salesorder_jobs`` to its end, at most some minutes. Called by the scheduler.

    `worker` is what the scheduler runs as, such as `schemas.permission.SYSTEM`. Running a job
    sooner, later or twice at once does no harm; what one run leaves the next one does.

    Raises ``NotAllowedError`` (permission ``mail_accounts.maintain``), ``BadRequestError`` for a
    name of this plugin's that there is not.
    """


@hookspec
def salesorder_health(host: Host, worker: str) -> list[Finding]:  # type: ignore[empty-body]
    """Tell what the administrator should know: keys, database, clocks, registration, accounts.

    Called when a status page is drawn or a monitor asks; reads the database and the settings only.
    The host joins the plugins' lists; an empty one is good health. What is wrong is a finding, a
    database that cannot be used as well.

    Raises ``NotAllowedError`` (``mail_accounts.maintain``).
    """


@hookspec(firstresult=True)
def salesorder_mail_preview(
    host: Host, account_id: str, message: OutgoingMail, worker: str
) -> MailPreview | FormErrors | None:
    """Show what would be sent. Called before a person presses Send; no network, nothing is stored.

    `message` is a `schemas.outgoing.OutgoingMail`; its attachments are read. The answer's `digest`
    may be passed on in `OutgoingMail.previewed`: content that has changed since then is refused.

    Raises ``NotAllowedError`` (permission ``mail_accounts.send``), ``NoSuchAccountError``.
    """


@hookspec(firstresult=True)
def salesorder_mail_send(
    host: Host,
    account_id: str,
    message: OutgoingMail,
    worker: str,
    request_id: str,
    wait: float,
) -> Delivery | FormErrors | None:
    """Queue a mail; it is stored and committed when this returns. Call it after your own commit.

    `request_id` (1 to 200 characters) is the host's name for this sending, such as the document's
    number with its version: the same one queues one mail, however often it is repeated, and what
    was stored first is what leaves.

    `wait` is the seconds for which a worker's click may wait; 0 leaves the mail to the jobs. It
    bounds the time up to the point of no return; from there on the server's reply is awaited for
    25 seconds more at most, so the host's own time-out must exceed the sum. A pause, the rate and
    the connections in use are obeyed: the answer is then ``queued``.

    Returns `FormErrors` with messages per field of `OutgoingMail`, and nothing is stored then.
    Raises ``NotAllowedError`` (``mail_accounts.send``), ``NoSuchAccountError``,
    ``BadRequestError`` for a `request_id` that has queued another mail, ``UnavailableError`` while
    another call stores the same mail.
    """


@hookspec(firstresult=True)
def salesorder_mail_delivery(host: Host, delivery_id: str, worker: str) -> Delivery | None:
    """Show one mail with its trail. Called when its page is drawn; reads the database only.

    Raises ``NotAllowedError`` (``mail_accounts.send``), ``NoSuchMailError``.
    """


@hookspec(firstresult=True)
def salesorder_mail_deliveries(
    host: Host,
    account_id: str | None,
    state: str | None,
    document: str | None,
    worker: str,
    limit: int,
    before: str | None,
) -> list[Delivery] | None:
    """List mails, newest first, without their trails: an account's outbox, a document's mails.

    `account_id` None stands for all that this worker may see, `state` (of `DeliveryState`) and
    `document` for any. `limit` is cut to 200; `before` is the id of the last mail of the page
    before.

    Raises ``NotAllowedError`` (``mail_accounts.send``), ``BadRequestError`` for an unknown state.
    """


@hookspec(firstresult=True)
def salesorder_mail_test(
    host: Host,
    account_id: str,
    worker: str,
    progress: Callable[[Stage], None] | None,
) -> ConnectionReport | None:
    """Send a test mail from the account to the person who is signed in, and look for it.

    Called when the worker presses a button of its own, after Test Connection: mail leaves. It
    takes some seconds, and at most three times `mail.times.self_test` and the `mail_timeout`. The
    stages are ``sent``, which proves the right to send as the sender, ``copy`` (in Sent Items) and
    ``arrived`` (in the inbox, under the Message-ID that it was sent with). `progress`, if given, is
    called in the caller's thread with each stage as it starts (``running``) and ends. A paused
    account is tried by it, and opened if the mail is taken.

    Returns the report; it is not stored. What is wrong is a finding in it, never an exception.
    Raises ``NotAllowedError`` (permission ``mail_accounts.send``), ``NoSuchAccountError``.
    """


@hookspec(firstresult=True)
def salesorder_mail_decide(
    host: Host, delivery_id: str, decision: str, worker: str
) -> Delivery | None:
    """Do what a person decided about a mail; `decision` is one of its `Delivery.decisions`.

    ``cancel`` takes a queued mail back. ``retry_now`` tries a queued one at once, and a failed one
    again. ``arrived`` and ``send_again`` settle an uncertain one by what the person knows.
    ``give_up`` ends a queued or uncertain one.

    Raises ``NotAllowedError`` (``mail_accounts.decide``), ``NoSuchMailError``,
    ``BadRequestError`` if the mail's state does not allow it (any more).
    """


@hookspec(firstresult=True)
def salesorder_work_due(host: Host, limit: int, worker: str) -> list[Work] | None:
    """List the work that is due, the longest waiting first: one indexed query.

    For an engine that spreads accounts over machines; a host without one runs the jobs
    ``m365:deliver`` and ``m365:look``, which are loops over this and ``salesorder_work_run``.

    Raises ``NotAllowedError`` (``mail_accounts.maintain``).
    """


@hookspec(firstresult=True)
def salesorder_work_run(
    host: Host, kind: str, account_id: str, seconds: float, worker: str
) -> JobReport | None:
    """Do one account's work of a `kind` of ``salesorder_work_due``; begin nothing after `seconds`.

    One process at a time does an account's work: what is passed on twice, late or to two machines
    does no harm. `JobReport.next_at` says when there is more to do.

    Raises ``NotAllowedError`` (``mail_accounts.maintain``), ``BadRequestError`` for an unknown
    `kind`.
    """


@hookspec(firstresult=True)
def salesorder_mail_access(
    host: Host, account_id: str, protocol: str, worker: str, rejected: str | None
) -> MailAccess | None:
    """Give what a program of the host's own needs to open the mailbox over `protocol`.

    Called before each connection: a token lasts about an hour. `protocol` is ``smtp`` or ``imap``.
    `rejected` is a token that a mail server has just refused: a renewed one is given, unless the
    refused one is younger than a minute. What is sent with it stands outside the limits that the
    plugin keeps; ``hooks.connections.smtp_connection`` stands within.

    Raises ``NotAllowedError`` (permission ``mail_accounts.use``), ``NoSuchAccountError``,
    ``SignInNeededError``, ``RegistrationError``, ``UnavailableError``, ``BadRequestError``.
    """


@hookspec(firstresult=True)
def salesorder_sender_account(host: Host, address: str, worker: str) -> str | None:
    """Find the account that sends for a From address. Called where the host routes a mail.

    Returns the id of the account with exactly this Sender email (of several: a connected one, then
    the oldest), else that of the setting `default_account`, else None.

    Raises ``NotAllowedError`` (``mail_accounts.use``).
    """


@hookspec
def salesorder_event(host: Host, event: Event) -> None:
    """Take an audit event or a notice. The *plugin* calls this; the host implements it if it likes.

    An implementation that raises is logged and changes nothing for the worker.
    """
