"""``accounts login --device``: the identity compared, the grant sealed and renewed as any other."""

import re
import threading
import warnings
from urllib.parse import urlsplit

import pytest
from salesorder_m365.plugin.entra.identity import identity_for
from salesorder_m365.plugin.sign_in import device
from salesorder_m365.plugin.wire.deadline import Deadline
from salesorder_m365.simulator.browser import SignInError
from salesorder_m365.simulator.identity.faults import TokenFault

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def account(erp):
    return erp.save().id


class Person(threading.Thread):
    """Waits for the code on the screen and signs in on another device."""

    def __init__(self, sim, monkeypatch, username="sales@contoso.test", *, consent=True):
        super().__init__(daemon=True)
        self.sim, self.username, self.consent = sim, username, consent
        self.shown = threading.Event()
        issue = sim._entra.devices.issue

        def issued(scope):
            code, grant = issue(scope)
            self.typed = grant.user_code
            self.shown.set()
            return code, grant

        monkeypatch.setattr(sim._entra.devices, "issue", issued)

    def run(self):
        assert self.shown.wait(20)
        url = f"{self.sim.browser_url}/device?user_code={self.typed}"
        # The pages lead to no client: they end by telling the person to go back.
        try:
            self.sim.sign_in(url, self.username, consent=self.consent)
        except SignInError as end:
            self.end = end.text


@pytest.fixture
def person(sim, monkeypatch):
    started = []

    def start(*args, **options):
        started.append(Person(sim, monkeypatch, *args, **options))
        started[-1].start()
        return started[-1]

    yield start
    for thread in started:
        thread.join(20)
        assert not thread.is_alive()


def test_an_account_is_signed_in(sim, erp, account, person, run_live):
    someone = person()
    result = run_live("accounts", "login", "Sales", "--device")
    assert result.exit_code == 0, result.output
    assert someone.typed in result.stdout
    assert f"{sim.browser_url}/device" in result.stdout
    assert "Connected: sales@contoso.test is signed in." in result.stdout
    view = erp.view(account)
    assert view.state == "connected"
    names = [event.name for event in reversed(view.events)]
    assert names[-2:] == ["authn_login_begin", "authn_login_success"]
    assert run_live("accounts", "test", "Sales").exit_code == 0


def test_the_grant_is_renewed_as_any_other(sim, erp, account, person, run_live):
    person()
    run_live("accounts", "login", "Sales", "--device")
    erp.expire_token(account)
    assert run_live("accounts", "test", "Sales").exit_code == 0
    assert sim.count(grant_type="refresh_token") == 1


def test_somebody_else_is_refused(erp, account, person, run_live):
    person("purchasing@contoso.test")
    result = run_live("accounts", "login", "Sales", "--device")
    assert result.exit_code == 1
    assert "[wrong_user]" in result.stdout
    assert erp.view(account).state == "draft"


def test_a_no_is_told(erp, account, person, run_live):
    person(consent=False)
    result = run_live("accounts", "login", "Sales", "--device")
    assert result.exit_code == 1
    assert "[declined]" in result.stdout
    assert erp.view(account).state == "draft"


def test_a_code_that_nobody_types_runs_out(account, run_live, mocker):
    mocker.patch.object(device, "_LONGEST_LIFE", 0)
    result = run_live("accounts", "login", "Sales", "--device")
    assert result.exit_code == 1
    assert "[attempt_expired]" in result.stdout


def test_a_refused_registration_is_told(sim, account, run_live, person):
    sim.tenant.policies.secret_expired = True
    sim.faults.add(
        TokenFault(grant_type=DEVICE_GRANT, error="invalid_client", aadsts=7000222, status=401)
    )
    result = run_live("accounts", "login", "Sales", "--device")
    assert result.exit_code == 1
    assert "[secret_expired]" in result.stdout


def test_passing_faults_are_waited_out_ever_more_slowly(sim, erp, account, person):
    sim.faults.add(TokenFault(grant_type=DEVICE_GRANT, status=503, times=2))
    someone, shown, slept = person(), [], []

    def sleep(seconds):
        slept.append(seconds)
        someone.join(20)

    # MSAL looks at the clock, which does not go on while nobody sleeps.
    warnings.filterwarnings("ignore", "Attempted too soon")
    signed_in = device.signed_in_by_device(
        identity_for(erp.settings), None, shown.append, Deadline.after(60).applied, sleep=sleep
    )
    assert signed_in is not None
    assert slept == [1, 6, 11]
    (code,) = shown
    assert urlsplit(code.page).path == "/device"
    assert re.fullmatch(r"\w{9}", code.code)
    assert code.code not in repr(code)


def test_a_terminal_has_no_browser(account, run_live):
    result = run_live("accounts", "login", "Sales")
    assert result.exit_code == 2
    assert "--device" in result.stderr
