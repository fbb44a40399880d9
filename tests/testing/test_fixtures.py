"""The kit's fixtures as a host's author uses them, and what each fault shows."""

import pytest
from salesorder_m365.plugin.errors import SignInNeededError
from salesorder_m365.testing.accounts import sign_in_account
from salesorder_m365.testing.faults import Fault

#: What Test Connection finds of a fault, and the account's state after it.
FOUND = {
    Fault.THROTTLED: ("throttled", "connected"),
    Fault.UNAVAILABLE: ("microsoft_unavailable", "connected"),
    Fault.GRANT_REVOKED: ("grant_refused", "sign_in_needed"),
    Fault.CONSENT_WITHDRAWN: ("consent_withdrawn", "sign_in_needed"),
    Fault.SECRET_EXPIRED: ("secret_expired", "connected"),
    Fault.SMTP_AUTH_OFF: ("smtp_auth_disabled", "connected"),
    Fault.SECURITY_DEFAULTS: ("security_defaults", "connected"),
    Fault.IMAP_OFF: ("imap_disabled", "connected"),
    Fault.NO_MAILBOX: ("mailbox_not_connected", "connected"),
}


@pytest.fixture
def who(m365_host, m365_worker):
    return {"host": m365_host, "worker": m365_worker}


@pytest.fixture
def hook(m365_host):
    return m365_host.plugins.hook


def found(hook, who, account_id):
    report = hook.salesorder_test_connection(**who, account_id=account_id, progress=None)
    return [finding.code for finding in report.findings]


def test_the_account_is_signed_in_and_works(m365_host, m365_account, hook, who):
    assert (m365_account.state, m365_account.signed_in_as) == ("connected", "sales@contoso.test")
    assert found(hook, who, m365_account.id) == []
    assert "authn_login_success" in [event.name for event in m365_host.events]


def test_each_fault_is_in_a_table_here():
    others = {Fault.CONSENT_BY_ADMIN, Fault.SEND_AS_DENIED}
    assert set(Fault) == FOUND.keys() | others


@pytest.mark.parametrize("fault", FOUND)
def test_a_fault_shows_at_once(m365_account, m365_fault, hook, who, fault):
    m365_fault(fault.value)
    code, state = FOUND[fault]
    assert found(hook, who, m365_account.id) == [code]
    view = hook.salesorder_account_view(**who, account_id=m365_account.id)
    assert view.state == state


def test_a_fault_begins_also_after_the_account_was_used(m365_account, m365_fault, hook, who):
    assert found(hook, who, m365_account.id) == []
    m365_fault("grant_revoked")
    with pytest.raises(SignInNeededError):
        hook.salesorder_folder_choices(**who, account_id=m365_account.id)


def test_send_as_is_denied_to_a_shared_mailbox(
    m365_host, m365_simulator, m365_worker, m365_fault, hook, who
):
    shared = sign_in_account(
        m365_host, m365_simulator, m365_worker, sender_email="info@contoso.test"
    )
    assert found(hook, who, shared.id) == []
    m365_fault("send_as_denied")
    assert found(hook, who, shared.id) == ["send_as_denied"]


def test_only_an_administrator_may_consent(
    m365_host, m365_simulator, m365_worker, m365_fault, hook, who
):
    m365_fault("consent_by_admin")
    with pytest.raises(AssertionError, match=r"administrator"):
        sign_in_account(m365_host, m365_simulator, m365_worker)


def test_a_fault_that_there_is_not_is_named_with_those_there_are(m365_fault):
    with pytest.raises(ValueError, match=r"no fault “rain”.* throttled, .*imap_off"):
        m365_fault("rain")


def test_what_is_denied_is_refused(m365_host, m365_account, hook, who):
    m365_host.denied.add("mail_accounts.delete")
    view = hook.salesorder_account_view(**who, account_id=m365_account.id)
    assert {button.name for button in view.buttons if not button.enabled} == {"delete"}
