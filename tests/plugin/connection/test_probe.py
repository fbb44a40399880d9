"""Test Connection against the stand-in: each policy gives its finding, each stage its stage."""

import contextlib
import json
import logging
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from salesorder_m365.plugin.connection import probe as module
from salesorder_m365.plugin.connection.reports import shown_report, stored_report
from salesorder_m365.plugin.entra.refusals import refusal
from salesorder_m365.plugin.errors import (
    MailError,
    RegistrationError,
    SealError,
    SignInNeededError,
    StoreError,
    UnavailableError,
)
from salesorder_m365.plugin.transport.imap import imap_session
from salesorder_m365.plugin.vault.renewal import AccessToken
from salesorder_m365.plugin.wire.deadline import remaining
from salesorder_m365.schemas.folders import MappedFolder, Role
from salesorder_m365.schemas.plain import from_plain, to_plain
from salesorder_m365.schemas.report import CONSENT_LABEL, Actor, ConnectionReport, StageStatus

SALES, INFO, ORDERS = "sales@contoso.test", "info@contoso.test", "orders@contoso.test"
SCOPES = (
    "https://outlook.office.com/IMAP.AccessAsUser.All",
    "https://outlook.office.com/SMTP.Send",
)
STARTED = datetime(2026, 1, 5, 8, tzinfo=UTC)
STAGES = [
    ("token", "token"),
    *(("imap", name) for name in ("name", "connect", "tls", "sign_in", "mailbox", "folders")),
    *(("smtp", name) for name in ("name", "connect", "tls", "sign_in", "sender")),
]
REFUSED_TOKEN = "refused-token"


class Vault:
    """Gives tokens for `user`: `first`, then what `renewed` says; notes what it was asked."""

    def __init__(self, sim, *, user=SALES, first=None, renewed=None, scopes=SCOPES):
        self.sim, self.user, self.scopes = sim, user, scopes
        self.first, self.renewed = first, renewed
        self.asked = []
        self.threads = set()

    def __call__(self, rejected):
        self.asked.append(rejected)
        self.threads.add(threading.current_thread())
        answer = self.first if rejected is None else self.renewed
        if isinstance(answer, Exception):
            raise answer
        secret = answer or self.sim.new_token(self.user)
        return AccessToken(secret=secret, expires_at=time.time() + 3600, scopes=self.scopes)


@pytest.fixture
def run(sim, settings_for):
    """Return a function that tests a connection; keywords change one thing each."""

    def start(
        vault=None,
        *,
        mailbox=SALES,
        username=SALES,
        sender=None,
        progress=None,
        mapped=(),
        sessions=None,
        **changes,
    ):
        return module.probe(
            settings_for(sim, **changes),
            account_id="m365:1",
            mailbox=mailbox,
            username=username,
            sender=sender or mailbox,
            token=vault or Vault(sim),
            progress=progress,
            now=lambda: STARTED,
            mapped=mapped,
            sessions=sessions or module.Sessions(),
        )

    return start


def statuses(report, protocol):
    return {stage.name: stage.status.value for stage in report.stages if stage.protocol == protocol}


def failed(report):
    return [(s.protocol, s.name) for s in report.stages if s.status is StageStatus.FAILED]


def codes(report):
    return [found.code for found in report.findings]


def stage(report, protocol, name):
    return next(s for s in report.stages if (s.protocol, s.name) == (protocol, name))


def test_all_green(run):
    report = run()
    assert report.passed
    assert report.findings == ()
    assert [(s.protocol, s.name) for s in report.stages] == STAGES
    assert {s.status for s in report.stages} == {StageStatus.PASSED}
    assert all(0 <= s.seconds <= report.seconds for s in report.stages)
    assert (report.account_id, report.started_at) == ("m365:1", STARTED)
    assert (report.mailbox, report.signed_in_as, report.sender) == (SALES, SALES, SALES)
    assert stage(report, "imap", "folders").detail == "10 folders."
    assert stage(report, "smtp", "sender").label == f"Send as {SALES}"
    assert from_plain(ConnectionReport, to_plain(report)) == report


def test_every_stage_has_plain_words(run):
    labels = {s.label for s in run().stages}
    assert {
        "Find the server",
        "Connect",
        "Secure the connection (TLS)",
        "Sign in",
        "Open the mailbox",
        "List the folders",
    } < labels


POLICIES = [
    ("smtp_auth_disabled", True, "smtp_auth_disabled", ("smtp", "sign_in")),
    ("smtp_auth_disabled_for", {SALES}, "smtp_auth_disabled_mailbox", ("smtp", "sign_in")),
    ("security_defaults", True, "security_defaults", ("smtp", "sign_in")),
    ("imap_disabled_for", {SALES}, "imap_disabled", ("imap", "sign_in")),
    (
        "authenticated_but_not_connected_for",
        {SALES},
        "mailbox_not_connected",
        ("imap", "mailbox"),
    ),
    ("mail_from_reply", "550 5.1.8 Access denied", "sender_blocked", ("smtp", "sender")),
    (
        "imap_auth_reply",
        "NO Request is throttled. Suggested Backoff Time: 3000 milliseconds",
        "imap_throttled",
        ("imap", "sign_in"),
    ),
    ("imap_auth_reply", "NO In new words.", "imap_unknown", ("imap", "sign_in")),
    ("smtp_auth_reply", "454 4.7.0 Temporary failure", "server_busy", ("smtp", "sign_in")),
    (
        "smtp_auth_reply",
        "535 5.7.3 Authentication unsuccessful",
        "smtp_refused",
        ("smtp", "sign_in"),
    ),
    (
        "mail_from_reply",
        "432 4.3.2 Concurrent connections limit exceeded",
        "too_many_connections",
        ("smtp", "sender"),
    ),
]


@pytest.mark.parametrize(
    ("policy", "value", "code", "stage"), POLICIES, ids=[f"{row[0]}-{row[2]}" for row in POLICIES]
)
def test_each_policy_gives_its_finding(sim, run, policy, value, code, stage):
    setattr(sim.tenant.policies, policy, value)
    report = run()
    assert not report.passed
    assert codes(report) == [code]
    assert failed(report) == [stage]
    assert report.findings[0].server_words
    # The protocol stops there; the other one runs to its end.
    broken, other = stage[0], {"imap": "smtp", "smtp": "imap"}[stage[0]]
    names = [name for protocol, name in STAGES if protocol == broken]
    place = names.index(stage[1])
    assert list(statuses(report, broken).values()) == [
        *["passed"] * place,
        "failed",
        *["not_tried"] * (len(names) - place - 1),
    ]
    assert set(statuses(report, other).values()) == {"passed"}


def test_a_finding_names_the_mailbox_in_its_command(sim, run):
    sim.tenant.policies.imap_disabled_for = {SALES}
    found = run().findings[0]
    assert found.actor is Actor.M365_ADMIN
    assert found.commands[0] == f"Set-CASMailbox -Identity '{SALES}' -ImapEnabled $true"


def test_the_servers_backoff_is_told(sim, run):
    sim.tenant.policies.imap_auth_reply = (
        "NO Request is throttled. Suggested Backoff Time: 3000 milliseconds"
    )
    found = run().findings[0]
    assert "3000 milliseconds" in found.server_words
    assert found.retry


def test_shared_mailbox_opened_by_a_delegate(run):
    report = run(mailbox=INFO)
    assert report.passed
    assert (report.mailbox, report.signed_in_as, report.sender) == (INFO, SALES, INFO)


def test_shared_mailbox_without_send_as(sim, run):
    sim.tenant.policies.send_as_checked_at = "mail_from"
    report = run(mailbox=ORDERS)
    assert codes(report) == ["send_as_denied"]
    assert failed(report) == [("smtp", "sender")]
    assert (
        report.findings[0]
        .commands[0]
        .startswith(
            f"Add-RecipientPermission -Identity '{ORDERS}' -Trustee '{SALES}' -AccessRights SendAs"
        )
    )


def test_somebody_elses_mailbox(sim, run):
    sim.tenant.policies.send_as_checked_at = "mail_from"
    report = run(mailbox="invoices@contoso.test")
    assert codes(report) == ["full_access_missing", "send_as_denied"]
    assert failed(report) == [("imap", "mailbox"), ("smtp", "sender")]
    assert all("invoices@contoso.test" in found.what for found in report.findings)
    (command,) = report.findings[0].commands
    assert command.startswith("Add-MailboxPermission -Identity 'invoices@contoso.test' -User")
    assert command.endswith(f"'{SALES}' -AccessRights FullAccess")


@pytest.mark.parametrize(
    ("full_access", "send_as", "code", "stage"),
    [
        (True, True, None, None),
        (True, False, "send_as_denied", ("smtp", "sender")),
        (False, True, "full_access_missing", ("imap", "mailbox")),
    ],
    ids=["both rights", "no SendAs", "no Full Access"],
)
def test_each_right_on_a_shared_mailbox_is_told_apart(sim, run, full_access, send_as, code, stage):
    sim.tenant.policies.send_as_checked_at = "mail_from"
    right = (INFO, SALES)
    for held, rights in ((full_access, sim.tenant.full_access), (send_as, sim.tenant.send_as)):
        if not held:
            rights.discard(right)
    report = run(mailbox=INFO)
    assert (report.mailbox, report.signed_in_as, report.sender) == (INFO, SALES, INFO)
    assert codes(report) == ([code] if code else [])
    assert failed(report) == ([stage] if stage else [])


def test_a_token_of_somebody_else_is_told_by_both_protocols(sim, run):
    report = run(Vault(sim, user="purchasing@contoso.test"))
    assert codes(report) == ["other_user"]
    assert failed(report) == [("imap", "mailbox"), ("smtp", "sign_in")]
    assert report.findings[0].actor is Actor.WORKER
    assert "not connected" in report.findings[0].server_words
    assert "535 5.7.3" in report.findings[0].server_words


def refused(error, *numbers):
    answer = {
        "error": error,
        "error_codes": list(numbers),
        "error_description": "AADSTS: see Bearer abcdef",
        "trace_id": "0a1b2c3d",
    }
    return refusal(answer, status=401, retry_after=None)


TOKEN_ERRORS = [
    (SignInNeededError("m365:1", "not_signed_in"), "not_signed_in"),
    (SignInNeededError("m365:1", "grant_refused"), "grant_refused"),
    (RegistrationError("certificate_unreadable"), "certificate_unreadable"),
    (refused("invalid_client"), "registration_refused"),
    (refused("invalid_client", 7000222), "secret_expired"),
    (UnavailableError("status 503"), "microsoft_unavailable"),
    (UnavailableError("status 429"), "throttled"),
    (UnavailableError("ProxyError"), "proxy_failed"),
    (StoreError("no"), "store_unusable"),
    (SealError("no"), "store_unusable"),
    (TimeoutError(), "deadline_passed"),
    (ZeroDivisionError(), "unknown"),
]


@pytest.mark.parametrize(("err", "code"), TOKEN_ERRORS, ids=[code for _, code in TOKEN_ERRORS])
def test_no_token_no_stage(sim, run, err, code):
    report = run(Vault(sim, first=err))
    assert codes(report) == [code]
    assert failed(report) == [("token", "token")]
    assert set(statuses(report, "imap").values()) == {"not_tried"}
    assert set(statuses(report, "smtp").values()) == {"not_tried"}


def test_microsofts_words_and_ids_are_shown(sim, run):
    found = run(Vault(sim, first=refused("invalid_client", 7000222))).findings[0]
    assert found.references == {"trace_id": "0a1b2c3d"}
    assert found.server_words == "AADSTS: see [removed]"


@pytest.mark.parametrize(
    ("scopes", "code", "words"),
    [
        (SCOPES[:1], "scope_missing", "SMTP.Send"),
        (SCOPES[1:], "scope_missing", "IMAP.AccessAsUser.All"),
        (("https://graph.microsoft.com/User.Read",), "audience_wrong", "graph.microsoft.com"),
    ],
)
def test_permissions_that_are_missing(sim, run, scopes, code, words):
    vault = Vault(sim, scopes=scopes)
    report = run(vault)
    assert codes(report) == [code]
    assert words in report.findings[0].what
    assert failed(report) == [("token", "token")]
    assert [rejected is None for rejected in vault.asked] == [True, False]


@pytest.mark.parametrize(
    "echoed",
    [
        pytest.param((), id="nothing"),
        pytest.param(tuple(scope.lower() for scope in SCOPES), id="lower case"),
        pytest.param(tuple(s.replace("office.com", "office365.com") for s in SCOPES), id="365"),
        pytest.param((*SCOPES, "profile"), id="more, and offline_access left out"),
    ],
)
def test_permissions_need_not_be_echoed_as_asked(sim, run, echoed):
    vault = Vault(sim, scopes=echoed)
    assert run(vault).passed
    assert vault.asked == [None]


def test_a_token_from_before_the_consent_is_renewed(sim, run):
    """The consent was given elsewhere: nobody has to click Login for it."""

    class Kept(Vault):
        def __call__(self, rejected):
            self.scopes = SCOPES[:1] if rejected is None else SCOPES
            return super().__call__(rejected)

    vault = Kept(sim)
    report = run(vault)
    assert report.passed
    assert len(vault.asked) == 2
    assert "SMTP.Send" in stage(report, "token", "token").detail


def test_a_missing_permission_brings_the_consent_link_and_a_letter(sim, run):
    (found,) = run(Vault(sim, scopes=SCOPES[:1])).findings
    link = found.links[CONSENT_LABEL]
    # Discovery was not read here, so that the link is the authority's own.
    assert link.startswith(f"{sim.authority}/contoso.test/v2.0/adminconsent?client_id=")
    assert "state=" not in link
    assert link in found.letter.text


def test_a_refused_token_is_renewed_once_for_both_protocols(sim, run):
    vault = Vault(sim, first=REFUSED_TOKEN)
    report = run(vault)
    assert report.passed
    assert vault.asked == [None, REFUSED_TOKEN]
    assert "renewed" in stage(report, "imap", "sign_in").detail
    assert "renewed" in stage(report, "smtp", "sign_in").detail


def test_a_renewed_token_that_is_refused_too_ends_it(sim, run):
    vault = Vault(sim, first=REFUSED_TOKEN, renewed="refused-again")
    report = run(vault)
    assert codes(report) == ["both_refused"]
    assert failed(report) == [("imap", "sign_in"), ("smtp", "sign_in")]
    assert vault.asked == [None, REFUSED_TOKEN]
    assert "renewed" in stage(report, "imap", "sign_in").detail


def test_a_renewal_that_fails_is_the_finding(sim, run):
    vault = Vault(sim, first=REFUSED_TOKEN, renewed=SignInNeededError("m365:1", "grant_refused"))
    report = run(vault)
    assert codes(report) == ["grant_refused"]
    assert failed(report) == [("imap", "sign_in"), ("smtp", "sign_in")]
    assert vault.asked == [None, REFUSED_TOKEN]


def test_a_policy_is_no_reason_to_renew(sim, run):
    sim.tenant.policies.smtp_auth_disabled = True
    vault = Vault(sim)
    run(vault)
    assert vault.asked == [None]


def test_not_connected_is_tried_once_more(sim, run, mocker):
    policies = sim.tenant.policies
    policies.authenticated_but_not_connected_for = {SALES}
    opened = []
    real = module.Sessions().imap

    def counted(*args, **kwargs):
        opened.append(kwargs["token"])
        if len(opened) == 2:
            policies.authenticated_but_not_connected_for = set()
        return real(*args, **kwargs)

    vault = Vault(sim)
    report = run(vault, sessions=module.Sessions(imap=counted))
    assert report.passed
    assert len(opened) == 2
    assert opened[0] == opened[1]
    assert vault.asked == [None]
    assert "second" in stage(report, "imap", "mailbox").detail


def test_each_second_attempt_is_made_once(sim, run, mocker):
    sim.tenant.policies.authenticated_but_not_connected_for = {SALES}
    opened = mocker.Mock(side_effect=module.Sessions().imap)
    vault = Vault(sim, first=REFUSED_TOKEN)
    report = run(vault, sessions=module.Sessions(imap=opened))
    assert codes(report) == ["mailbox_not_connected"]
    assert failed(report) == [("imap", "mailbox")]
    assert vault.asked == [None, REFUSED_TOKEN]
    tokens = [call.kwargs["token"] for call in opened.call_args_list]
    assert tokens[0] == REFUSED_TOKEN
    assert tokens[1] == tokens[2] != REFUSED_TOKEN
    assert len(tokens) == 3


def test_a_second_attempt_that_breaks_earlier(sim, run, mocker):
    sim.tenant.policies.authenticated_but_not_connected_for = {SALES}
    real, opened = module.Sessions().imap, []

    def broken(settings, **kwargs):
        opened.append(kwargs["token"])
        if len(opened) == 2:
            kwargs["token"] = "no token any more"
        return real(settings, **kwargs)

    report = run(sessions=module.Sessions(imap=broken))
    # What passed stays passed; the stage that asked for the second attempt is the broken one.
    assert failed(report) == [("imap", "mailbox")]
    assert statuses(report, "imap")["sign_in"] == "passed"
    assert codes(report) == ["xoauth2_refused"]
    assert "“Sign in”" in stage(report, "imap", "mailbox").detail


def seen_by(progress):
    return [(s.protocol, s.name, s.status.value) for s in progress]


@pytest.mark.parametrize("broken", [False, True], ids=["green", "broken"])
def test_progress_tells_each_stage_as_it_starts_and_ends(sim, run, broken):
    sim.tenant.policies.smtp_auth_disabled = broken
    shown, threads = [], set()

    def progress(stage):
        shown.append(stage)
        threads.add(threading.current_thread())

    report = run(progress=progress)
    assert threads == {threading.current_thread()}
    assert [s for s in shown if s.status is not StageStatus.RUNNING] == sorted(
        (s for s in report.stages if s.status is not StageStatus.NOT_TRIED),
        key=lambda s: [(x.protocol, x.name, x.status) for x in shown].index(
            (s.protocol, s.name, s.status)
        ),
    )
    for protocol in ("token", "imap", "smtp"):
        expected = [
            (protocol, name, status)
            for name, final in statuses(report, protocol).items()
            if final != "not_tried"
            for status in ("running", final)
        ]
        assert [row for row in seen_by(shown) if row[0] == protocol] == expected
    assert seen_by(shown)[:2] == [("token", "token", "running"), ("token", "token", "passed")]


def test_a_second_attempt_shows_no_stage_twice(sim, run):
    shown = []
    run(Vault(sim, first=REFUSED_TOKEN), progress=shown.append)
    assert set(Counter(seen_by(shown)).values()) == {1}


def test_a_progress_that_raises_breaks_nothing(run, caplog):
    calls = []

    def progress(stage):
        calls.append(stage)
        raise RuntimeError("the browser has gone")

    with caplog.at_level(logging.ERROR):
        assert run(progress=progress).passed
    assert len(calls) == 1
    assert "the browser has gone" in caplog.text


def test_an_unexpected_error_is_unknown_and_logged_without_secrets(sim, run, mocker, caplog):
    secret = sim.new_token(SALES)
    broken = mocker.Mock(side_effect=ZeroDivisionError(f"Bearer {secret}"))
    report = run(Vault(sim, first=secret), sessions=module.Sessions(imap=broken))
    assert codes(report) == ["unknown"]
    assert failed(report) == [("imap", "name")]
    assert "ZeroDivisionError" in caplog.text
    assert "probe.py" in caplog.text
    assert secret not in caplog.text
    assert secret not in repr(report)


def test_findings_that_wait_come_last(sim, run):
    sim.tenant.policies.imap_auth_reply = "NO Request is throttled."
    sim.tenant.policies.smtp_auth_disabled = True
    assert codes(run()) == ["smtp_auth_disabled", "imap_throttled"]


def closed_port(play):
    server = play(lambda conversation: None)
    server.close()
    return server.port


def test_both_servers_refuse_and_both_are_named(run, play):
    one, other = closed_port(play), closed_port(play)
    report = run(imap=f"localhost:{one}", smtp=f"localhost:{other}")
    assert codes(report) == ["connection_refused", "connection_refused"]
    assert str(one) in report.findings[0].what
    assert str(other) in report.findings[1].what


def test_an_unknown_name(run):
    report = run(imap="no-such-host.invalid")
    assert failed(report) == [("imap", "name")]
    assert codes(report)[0] in {"name_not_found", "name_lookup_failed"}
    assert stage(report, "imap", "name").detail == "no-such-host.invalid."


def test_a_foreign_certificate_gets_no_credentials(sim, run, ca_file):
    vault = Vault(sim)
    report = run(vault, ca_file=str(ca_file))
    assert codes(report) == ["tls_untrusted"]
    assert failed(report) == [("imap", "tls"), ("smtp", "tls")]


def test_a_device_in_between_is_told_for_both_and_gets_no_credentials(sim, run):
    sim.tenant.policies.inspected = True
    report = run()
    assert codes(report) == ["tls_untrusted"]
    assert failed(report) == [("imap", "tls"), ("smtp", "tls")]
    assert report.findings[0].actor is Actor.ERP_ADMIN
    sim.tenant.policies.inspected = False
    assert run().passed


def test_silent_servers_end_at_the_one_deadline(run, play):
    silent = play(lambda conversation: conversation.pause())
    began = time.monotonic()
    places = {"imap": f"localhost:{silent.port}", "smtp": f"localhost:{silent.port}"}
    report = run(mail_timeout=1.0, **places)
    assert 0.9 < time.monotonic() - began < 5
    assert failed(report) == [("imap", "tls"), ("smtp", "tls")]
    assert codes(report) == ["deadline_passed"]
    assert "1 seconds" in report.findings[0].what


def test_the_protocols_share_what_the_token_left_of_the_time(sim, run, mocker):
    left = {}

    def watched(protocol):
        @contextlib.contextmanager
        def session(settings, *, stage, **_):
            left[protocol] = remaining()
            raise MailError("connection_lost", stage="name")
            yield

        return session

    class Slow(Vault):
        def __call__(self, rejected):
            time.sleep(0.2)
            return super().__call__(rejected)

    sessions = module.Sessions(imap=watched("imap"), smtp=watched("smtp"))
    run(Slow(sim), mail_timeout=10, sessions=sessions)
    assert left.keys() == {"imap", "smtp"}
    assert max(left.values()) <= 9.8


def test_a_slow_token_leaves_no_time_for_the_protocols(sim, run):
    class Slow(Vault):
        def __call__(self, rejected):
            time.sleep(0.4)
            return super().__call__(rejected)

    report = run(Slow(sim), mail_timeout=0.3)
    assert codes(report) == ["deadline_passed"]
    assert failed(report) == [("token", "token")]


def test_a_thread_that_never_comes_back_is_given_up(run, mocker):
    over = threading.Event()

    @contextlib.contextmanager
    def stuck(settings, *, stage, **_):
        with stage("name"):
            over.wait(30)
        yield

    mocker.patch.object(module, "_GRACE", 0.1)
    try:
        report = run(mail_timeout=0.5, sessions=module.Sessions(imap=stuck))
    finally:
        over.set()
    assert report.seconds < 5
    assert failed(report)[0] == ("imap", "name")
    assert "deadline_passed" in codes(report)


def test_no_thread_is_left_behind(run):
    run()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = [t.name for t in threading.enumerate() if t.name.startswith("m365-test")]
        if not left:
            break
        time.sleep(0.01)
    assert left == []


class TestSendAs:
    """Exchange looks at Send As after DATA only: MAIL FROM proves nothing of another's address."""

    def test_ones_own_address_is_proved_as_far_as_mail_from_proves_it(self, run):
        report = run()
        assert stage(report, "smtp", "sender").status is StageStatus.PASSED
        assert report.unproved == ()

    def test_anothers_address_is_accepted_not_proved(self, run):
        shown = []
        report = run(mailbox=INFO, username=SALES, progress=shown.append)
        sender = stage(report, "smtp", "sender")
        assert (sender.status, report.passed) == (StageStatus.ACCEPTED, True)
        assert report.unproved == (sender,)
        assert sender.detail.endswith(
            f"Get-RecipientPermission -Identity '{INFO}' -Trustee '{SALES}'"
        )
        assert shown[-1].status is not StageStatus.RUNNING
        assert sender in shown
        assert "accepted, not proved" in report.as_text()

    def test_the_apps_own_access_proves_it_as_little(self, sim, run):
        vault = Vault(sim, scopes=("IMAP.AccessAsApp", "SMTP.SendAsApp"))
        assert stage(run(vault), "smtp", "sender").status is StageStatus.ACCEPTED

    def test_an_apostrophe_does_not_end_the_command(self, run, mocker):
        mocker.patch("salesorder_m365.plugin.transport.smtp.SmtpSession.check_sender")
        report = run(mailbox=INFO, username=SALES, sender="o'brien@contoso.test")
        assert "-Identity 'o''brien@contoso.test'" in stage(report, "smtp", "sender").detail

    @pytest.mark.parametrize("username", [SALES, INFO])
    def test_a_stored_report_is_shown_as_it_was_given(self, run, settings_for, sim, username):
        report = run(Vault(sim, user=username), mailbox=INFO, username=username)
        stored = stored_report(report)
        # Processes of the version before know no such status.
        assert {each["status"] for each in stored["stages"]} <= {"passed", "failed", "not_tried"}
        shown = shown_report(json.loads(json.dumps(stored)), settings_for(sim))
        assert shown.stages == report.stages


def mapped_to(role, path, validity):
    return MappedFolder(
        role=role,
        path=path,
        full_label=path,
        uid_validity=validity,
        chosen_by="ada",
        chosen_at=STARTED,
    )


class TestMapping:
    def validity(self, sim, settings_for, path):
        token = sim.new_token(SALES)
        with imap_session(settings_for(sim), mailbox=SALES, token=token) as session:
            return session.uid_validity(path)

    def test_no_mapping_no_stage(self, run):
        assert "mapping" not in statuses(run(), "imap")

    def test_a_mapping_that_fits_passes(self, sim, run, settings_for):
        sent = mapped_to(Role.SENT, "Sent Items", self.validity(sim, settings_for, "Sent Items"))
        report = run(mapped=[sent])
        assert report.passed
        assert statuses(report, "imap")["mapping"] == "passed"
        assert stage(report, "imap", "mapping").label == "Find the mapped folders"

    @pytest.mark.parametrize(
        ("path", "now", "words"),
        [
            ("Gone", 0, "is not in the mailbox any more"),
            ("Sent Items", 1, "another one of the same name was made"),
            ("Old Sent", 0, "renamed or moved to “Sent Items”"),
        ],
        ids=["vanished", "replaced", "renamed"],
    )
    def test_a_folder_that_changed_is_a_finding(self, sim, run, settings_for, path, now, words):
        real = self.validity(sim, settings_for, "Sent Items")
        validity = {"Gone": 4711, "Sent Items": real + now, "Old Sent": real}[path]
        report = run(mapped=[mapped_to(Role.SENT, path, validity)])
        assert codes(report) == ["mapped_folders_changed"]
        assert words in report.findings[0].what
        assert failed(report) == [("imap", "mapping")]
        assert not report.passed
        assert statuses(report, "smtp")["sender"] == "passed"


class TestWhereTheTokenCameFrom:
    def with_token(self, sim, **changes):
        vault = Vault(sim)
        return lambda rejected: replace(vault(rejected), **changes)

    def test_a_new_one_needs_no_word(self, sim, run):
        detail = stage(run(self.with_token(sim, given_now=True)), "token", "token").detail
        assert detail == "Permitted: IMAP.AccessAsUser.All, SMTP.Send."

    def test_a_stored_one_is_called_so(self, sim, run):
        token = self.with_token(sim, expires_at=1_700_000_000)
        detail = stage(run(token), "token", "token").detail
        assert "stored before and is valid until 22:13:20 UTC; Microsoft was not asked" in detail

    def test_one_that_could_not_be_renewed_says_why(self, sim, run):
        err = UnavailableError("status 429", retry_after=30)
        detail = stage(run(self.with_token(sim, not_renewed=err)), "token", "token").detail
        assert f"gave no new one: {err.finding.title}." in detail

    @pytest.mark.parametrize(
        "err",
        [
            UnavailableError("status 429", retry_after=90),
            RegistrationError("secret_expired", retry_after=90),
        ],
        ids=["throttled", "secret"],
    )
    def test_a_wait_is_told_by_the_clock(self, sim, run, err):
        report = run(Vault(sim, first=err))
        assert "before 08:01:30 UTC." in stage(report, "token", "token").detail
        assert codes(report) == [err.code]
