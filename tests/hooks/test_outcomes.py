"""What the tenant's policies make of a sign-in and a test: each ends with its remedy."""

from datetime import timedelta

import pytest
from salesorder_m365.plugin.errors import SignInNeededError
from salesorder_m365.schemas.report import Actor, StageStatus
from salesorder_m365.simulator.identity.faults import TokenFault

SALES = "sales@contoso.test"


def test_declined_consent(erp, sim):
    account_id = erp.save().id
    outcome = erp.sign_in(sim, account_id, consent=False)
    assert (outcome.code, outcome.finding.code) == ("declined", "declined")
    assert outcome.finding.actor is Actor.WORKER
    assert outcome.finding.steps
    assert outcome.next_url == "/mail/1"
    assert sim.count(grant_type="authorization_code") == 0
    assert erp.view(account_id).state == "draft"


def test_an_administrator_must_consent_and_then_it_goes_on(erp, sim):
    sim.tenant.policies.admin_consent_required = True
    account_id = erp.save().id
    outcome = erp.sign_in(sim, account_id)
    assert (outcome.code, outcome.finding.code) == ("administrator_needed",) * 2
    assert outcome.finding.actor is Actor.M365_ADMIN
    link = outcome.finding.links["Consent page for the Microsoft 365 administrator"]
    assert link.startswith(sim.browser_url)
    assert "state=" not in link
    # The administrator follows the link in a browser that the ERP does not know.
    back = sim.sign_in(link, "admin@contoso.test")
    assert back["admin_consent"] == "True"
    assert erp.finish(back) is None
    assert erp.sign_in(sim, account_id).code == "connected"


def test_an_administrators_consent_in_the_same_browser(erp, sim):
    sim.tenant.policies.admin_consent_required = True
    account_id = erp.save().id
    redirect = erp.hook.salesorder_consent_begin(
        host=erp,
        account_id=account_id,
        worker="worker-1",
        browser="a-browser-of-worker-1",
        return_to="/mail/1",
    )
    assert redirect.status == 303
    assert redirect.headers["Referrer-Policy"] == "no-referrer"
    outcome = erp.finish(sim.sign_in(redirect.url, "admin@contoso.test"))
    assert (outcome.code, outcome.next_url) == ("consented", "/mail/1")
    assert sim.count(grant_type="authorization_code") == 0
    assert erp.sign_in(sim, account_id).code == "connected"


def test_somebody_else_signs_in(erp, sim):
    account_id = erp.save().id
    outcome = erp.sign_in(sim, account_id, "purchasing@contoso.test")
    assert (outcome.code, outcome.finding.code) == ("wrong_user", "wrong_user")
    assert (outcome.signed_in_as, outcome.expected) == ("purchasing@contoso.test", SALES)
    assert "purchasing@contoso.test" in outcome.finding.what
    assert SALES in outcome.finding.what
    assert erp.view(account_id).state == "draft"
    assert erp.view(account_id).signed_in_as is None


def test_smtp_auth_switched_off(erp, sim):
    account_id = erp.connected(sim)
    sim.tenant.policies.smtp_auth_disabled = True
    report = erp.test(account_id)
    assert not report.passed
    failed = [(s.protocol, s.name) for s in report.stages if s.status is StageStatus.FAILED]
    assert failed == [("smtp", "sign_in")]
    [finding] = report.findings
    assert finding.actor is Actor.M365_ADMIN
    assert "Turn off SMTP AUTH protocol" in " ".join(finding.steps)
    assert "SmtpClientAuthentication is disabled" in finding.server_words
    assert any(SALES in command for command in finding.commands)
    assert erp.view(account_id).report == report
    assert erp.view(account_id).state == "connected"


def test_a_revoked_grant_asks_for_a_new_sign_in(erp, sim):
    account_id = erp.connected(sim)
    sim.tenant.policies.token_lifetime = 1
    sim.tenant.revoke_grants(SALES)
    erp.expire_token(account_id)
    report = erp.test(account_id)
    assert report.stages[0].status is StageStatus.FAILED
    view = erp.view(account_id)
    assert view.state == "sign_in_needed"
    assert view.finding.actor is Actor.WORKER
    assert "Login" in " ".join(view.finding.steps)
    renewals = sim.count(grant_type="refresh_token")
    with pytest.raises(SignInNeededError):
        erp.choices(account_id)
    assert sim.count(grant_type="refresh_token") == renewals
    erp.test(account_id)  # a person who tests may have mended it: one more try
    assert sim.count(grant_type="refresh_token") == renewals + 1
    assert erp.sign_in(sim, account_id).code == "connected"
    assert erp.view(account_id).state == "connected"


def test_a_token_that_has_run_out_is_renewed_silently(erp, sim):
    account_id = erp.connected(sim)
    erp.expire_token(account_id)
    assert erp.choices(account_id).folders
    assert sim.count(grant_type="refresh_token") == 1
    assert erp.choices(account_id).folders
    assert sim.count(grant_type="refresh_token") == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (TokenFault(status=503), "unavailable"),
        (TokenFault(status=429, headers={"Retry-After": "7"}), "unavailable"),
        (TokenFault(status=200, body=b"<html>"), "unavailable"),
        (TokenFault(drop=True), "unavailable"),
        (TokenFault(aadsts=7000222, status=401), "refused"),
        (TokenFault(aadsts=70008), "refused"),
    ],
    ids=["503", "429", "html", "drop", "secret expired", "code expired"],
)
def test_the_token_endpoint_fails_during_the_sign_in(erp, sim, fault, code):
    account_id = erp.save().id
    sim.faults.add(fault)
    outcome = erp.sign_in(sim, account_id)
    assert outcome.code == code
    assert outcome.finding.steps
    assert erp.view(account_id).state == "draft"
    assert erp.sign_in(sim, account_id).code == "connected"


def test_a_shared_mailbox_is_opened_by_its_delegate(erp, sim):
    account_id = erp.connected(sim, sender_email="info@contoso.test", username=SALES)
    report = erp.test(account_id)
    assert report.passed, report.findings
    assert (report.mailbox, report.signed_in_as, report.sender) == (
        "info@contoso.test",
        SALES,
        "info@contoso.test",
    )


def test_a_shared_mailbox_without_send_as(erp, sim):
    sim.tenant.policies.send_as_checked_at = "mail_from"
    account_id = erp.connected(sim, sender_email="orders@contoso.test", username=SALES)
    report = erp.test(account_id)
    [finding] = report.findings
    assert finding.code == "send_as_denied"
    assert any("Add-RecipientPermission" in command for command in finding.commands)


def test_a_report_from_before_the_last_sign_in_is_marked(erp, sim):
    account_id = erp.connected(sim)
    sim.tenant.policies.imap_disabled_for.add(SALES)
    assert not erp.test(account_id).passed
    assert not erp.view(account_id).report_is_old
    erp.later = timedelta(minutes=1)
    assert erp.sign_in(sim, account_id).code == "connected"
    view = erp.view(account_id)
    assert (view.report.passed, view.report_is_old) == (False, True)
    erp.later = timedelta(minutes=2)
    erp.test(account_id)
    assert not erp.view(account_id).report_is_old
