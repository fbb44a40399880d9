"""What error trackers read from tracebacks: no secret in any frame of any error of a hook.

sentry-sdk runs as it comes, with a transport that keeps what would be sent; Python's own
``TracebackException`` looks at the local variables of every frame without any limit of length.
"""

import hashlib
import secrets
import traceback
from dataclasses import replace

import pytest
import sentry_sdk
from salesorder_m365.plugin import border
from salesorder_m365.plugin.entra import identity as identity_module
from salesorder_m365.plugin.entra import msal_client
from salesorder_m365.plugin.frames import clear_frames
from salesorder_m365.plugin.store import grants
from salesorder_m365.schemas.outgoing import Address, OutgoingMail
from salesorder_m365.schemas.secret import Secret
from salesorder_m365.schemas.settings import Key
from salesorder_m365.simulator.identity.faults import TokenFault
from salesorder_m365.simulator.identity.tokens import TokenIssuer
from sentry_sdk.transport import Transport
from support.canaries import Canaries
from support.erp import BROWSER, WORKER

SALES = "sales@contoso.test"


class Recorder(Transport):
    """Keeps what sentry-sdk would send."""

    def __init__(self, options=None):
        super().__init__(options)
        self.sent = []

    def capture_envelope(self, envelope):
        self.sent.append(envelope.serialize())

    def flush(self, *_, **__):
        pass


@pytest.fixture
def sentry():
    """sentry-sdk as a host sets it up, but for where its events go."""
    recorder = Recorder()
    sentry_sdk.init(dsn="https://key@sentry.example.com/1", transport=recorder)
    yield recorder
    sentry_sdk.init()


@pytest.fixture
def canaries(erp, mocker):
    """Every secret that is made from here on."""
    found = Canaries()
    found.add("client secret", erp.settings.client_secret)
    for key in erp.settings.key_ring:
        found.add("key", key.secret)

    def collected(owner, method, keep):
        original = getattr(owner, method)

        def made(*args, **options):
            secret = original(*args, **options)
            keep(secret)
            return secret

        mocker.patch.object(owner, method, made)

    for kind in ("access_token", "refresh_token", "id_token"):
        collected(TokenIssuer, kind, lambda secret, kind=kind: found.add(kind, secret))
    collected(
        identity_module.Identity, "begin", lambda flow: found.add("verifier", flow["code_verifier"])
    )
    return found


class Seen:
    """Calls hooks and keeps everything that a tracker would see of what they raise."""

    def __init__(self, canaries, sentry):
        self.canaries = canaries
        self._sentry = sentry
        self.errors = 0
        self.hooks = set()
        self.leaks = set()

    def call(self, what, hook, **arguments):
        try:
            hook(**arguments)
        except Exception as err:
            self.errors += 1
            self.hooks.add(what.partition(": ")[2])
            dumped = traceback.TracebackException.from_exception(err, capture_locals=True)
            self._look(what, "locals", "".join(_dumped(dumped)))
            sentry_sdk.capture_exception(err)
        for sent in self._sentry.sent:
            self._look(what, "sentry", sent)
        self._sentry.sent.clear()

    def _look(self, what, where, text):
        self.leaks |= {(what, where, name) for name in self.canaries.found_in(text)}


def _dumped(each, seen=None):
    """Yield the whole of an error and of those behind it, suppressed ones too."""
    seen = set() if seen is None else seen
    if each is None or id(each) in seen:
        return
    seen.add(id(each))
    yield "".join(each.format(chain=False))
    yield from (repr(frame.locals) for frame in each.stack)
    yield from _dumped(each.__cause__, seen)
    yield from _dumped(each.__context__, seen)


@pytest.fixture
def seen(canaries, sentry):
    return Seen(canaries, sentry)


TOKEN_FAULTS = {
    "500": TokenFault(status=500),
    "429": TokenFault(status=429),
    "html": TokenFault(status=200, body=b"<html>"),
    "no token": TokenFault(status=200, body={"token_type": "Bearer"}),
    "odd id token": TokenFault(status=200, body={"access_token": "x" * 40, "id_token": "abc"}),
    "drop": TokenFault(drop=True),
    "refused": TokenFault(error="invalid_grant", aadsts=50173),
    "claims": TokenFault(error="interaction_required", aadsts=50076),
    "client": TokenFault(error="invalid_client", aadsts=7000222, status=401),
    "unknown": TokenFault(error="from_the_future"),
}
MESSAGE = OutgoingMail(to=(Address("buyer@fabrikam.example.com"),), subject="Quote", text="Ours.")


def every_hook(erp, account_id):
    """Yield each hook that takes an account, with its arguments."""
    of_account = {"host": erp, "account_id": account_id, "worker": WORKER}
    hook = erp.hook
    yield "choices", hook.salesorder_folder_choices, of_account
    yield "map", hook.salesorder_folder_map, of_account | {"mapping": {"sent": "Sent Items"}}
    yield "test", hook.salesorder_test_connection, of_account | {"progress": None}
    yield "view", hook.salesorder_account_view, of_account
    begin = of_account | {"browser": BROWSER, "return_to": "/"}
    yield "login", hook.salesorder_login_begin, begin
    yield "consent", hook.salesorder_consent_begin, begin
    for job in hook.salesorder_jobs()[0]:
        job_run = {"host": erp, "name": job.name, "worker": WORKER}
        yield job.name, hook.salesorder_job_run, job_run
    yield "health", hook.salesorder_health, {"host": erp, "worker": WORKER}
    yield "list", hook.salesorder_account_list, {"host": erp, "worker": WORKER}
    plan = {"host": erp, "kind": "m365", "worker": WORKER}
    yield "plan", hook.salesorder_generic_accounts_plan, plan
    sending = {"message": MESSAGE, "request_id": secrets.token_hex(8), "wait": 5.0}
    yield "send", hook.salesorder_mail_send, of_account | sending
    yield "due", hook.salesorder_work_due, {"host": erp, "limit": 10, "worker": WORKER}


def go_through(erp, sim, seen):
    """Let every hook meet every fault."""
    for name, fault in TOKEN_FAULTS.items():
        account_id = erp.save(request_id=name, account_name=name).id
        erp.sign_in(sim, account_id)
        for hook_name, hook, arguments in every_hook(erp, account_id):
            erp.expire_token(account_id)
            erp.forget_waiting(account_id)
            sim.faults.clear()
            sim.faults.add(fault_again(fault))
            seen.call(f"{name}: {hook_name}", hook, **arguments)
        sim.faults.clear()


def fault_again(fault):
    return TokenFault(**vars(fault) | {"times": 1})


def refused_mail(erp, sim, seen):
    """The mail server refuses the token: its error passes through the frames that hold it."""
    account_id = erp.connected(sim)
    sim.tenant.policies.imap_disabled_for.add(SALES)
    for name, hook, arguments in every_hook(erp, account_id):
        seen.call(f"mail: {name}", hook, **arguments)


def faults_of_ours(erp, sim, seen, mocker):
    """Errors of no class of ours come out raw, and must tell no more."""
    account_id = erp.connected(sim)
    for owner, method in (
        (grants, "write_tokens"),
        (grants, "put_grant"),
        (msal_client, "fields_of"),
    ):
        patched = mocker.patch.object(owner, method, side_effect=RuntimeError("ours"))
        for name, hook, arguments in every_hook(erp, account_id):
            erp.expire_token(account_id)
            erp.forget_waiting(account_id)
            seen.call(f"{method}: {name}", hook, **arguments)
        came_back(erp, sim, seen, account_id, method)
        mocker.stop(patched)


def came_back(erp, sim, seen, account_id, what):
    """A callback. Its query is the host's, and stands in the host's and pluggy's frames."""
    query = sim.sign_in(erp.begin(account_id).url, SALES)
    query = {name: query[name] for name in ("code", "state")}
    callback = {"host": erp, "query": query, "worker": WORKER, "browser": BROWSER}
    seen.call(f"{what}: callback", erp.hook.salesorder_login_callback, **callback)


def keys_and_database(erp, sim, seen):
    """The key ring does not fit; then a table is gone, and the database after it."""
    account_id = erp.connected(sim)
    query = sim.sign_in(erp.begin(account_id).url, SALES)
    callback = {"query": {name: query[name] for name in ("code", "state")}, "browser": BROWSER}
    callback |= {"host": erp, "worker": WORKER}
    settings = erp.settings
    secret = hashlib.sha256(b"another key").digest()
    seen.canaries.add("key", secret)
    for what, changes in (
        ("keys", {"key_ring": (Key(id="k1", secret=secret),)}),
        ("database", {"database_url": "sqlite:////no/such/folder/m365.db"}),
    ):
        erp.settings = replace(settings, **changes)
        for name, hook, arguments in every_hook(erp, account_id):
            seen.call(f"{what}: {name}", hook, **arguments)
        seen.call(f"{what}: callback", erp.hook.salesorder_login_callback, **callback)
        for name in ("salesorder_disconnect", "salesorder_account_delete"):
            arguments = {"host": erp, "account_id": account_id, "worker": WORKER}
            seen.call(f"{what}: {name}", getattr(erp.hook, name), **arguments)
    erp.settings = settings


def everything(erp, sim, seen, mocker):
    go_through(erp, sim, seen)
    refused_mail(erp, sim, seen)
    faults_of_ours(erp, sim, seen, mocker)
    keys_and_database(erp, sim, seen)


def test_no_frame_of_an_error_shows_a_secret(erp, sim, seen, mocker):
    everything(erp, sim, seen, mocker)
    print(f"\n{seen.errors} errors of {len(seen.hooks)} hooks, {len(seen.leaks)} leaks")
    assert seen.errors > 40
    assert {"choices", "map", "login", "consent", "callback", "send"} <= seen.hooks
    assert seen.leaks == set()


def test_without_the_clearing_the_search_finds_them(erp, sim, seen, mocker):
    mocker.patch.object(border, "clear_frames", return_value=None)
    everything(erp, sim, seen, mocker)
    for where in ("locals", "sentry"):
        names = {name for _, place, name in seen.leaks if place == where}
        assert names >= {"access_token", "client secret"}, where


def test_frames_of_every_chained_error_are_emptied():
    def fail(secret, cause=None):
        raise ValueError("outer") from cause

    def grouped():
        errors = []
        for number in range(2):
            try:
                fail(f"grouped-canary-{number}")
            except ValueError as err:
                errors.append(err)
        raise ExceptionGroup("group", errors)

    def chained():
        try:
            grouped()
        except ExceptionGroup as err:
            try:
                fail("context-canary")
            except ValueError as context:
                context.__context__ = err
                err.__cause__ = context  # a circle
                fail("outer-canary", context)

    with pytest.raises(ValueError, match="outer") as caught:
        chained()
    err = caught.value
    kept = traceback.format_tb(err.__traceback__)
    clear_frames(err)
    errors = [err, err.__cause__, err.__cause__.__context__]
    errors += errors[-1].exceptions
    for each in errors:
        frames = list(traceback.walk_tb(each.__traceback__))
        assert frames
        assert "canary" not in repr([frame.f_locals for frame, _ in frames[1:]])
    assert traceback.format_tb(err.__traceback__) == kept  # files, lines and functions stay


def test_a_secret_hides_in_a_live_frame_too():
    secret = Secret("a-canary-in-a-frame")
    assert secret == "a-canary-in-a-frame"
    assert "canary" not in repr([secret, {"x": secret}])
    assert f"{secret}" == "a-canary-in-a-frame"
