"""What only an administrator can do: link and letter, and nothing stale once it is done."""

import pytest
from salesorder_m365.plugin.store.accounts import read_account
from salesorder_m365.plugin.store.engines import engine_for, reading
from salesorder_m365.schemas.report import CONSENT_LABEL, Actor, StageStatus
from salesorder_m365.simulator.identity.faults import TokenFault
from support.erp import Erp

SALES, INFO, ADMIN = "sales@contoso.test", "info@contoso.test", "admin@contoso.test"


@pytest.fixture
def erp(sim, settings_for):
    return Erp(settings_for(sim))


def consent_begun(erp, account_id):
    return erp.hook.salesorder_consent_begin(
        host=erp,
        account_id=account_id,
        worker="worker-1",
        browser="a-browser-of-worker-1",
        return_to="/mail/1?tab=connection",
    )


def test_the_sign_in_outcome_brings_link_and_letter(erp, sim):
    sim.tenant.policies.admin_consent_required = True
    outcome = erp.sign_in(sim, erp.save().id)
    found = outcome.finding
    link = found.links[CONSENT_LABEL]
    assert link.startswith(sim.browser_url)
    assert link in found.letter.text
    assert found.references["correlation_id"] in found.letter.text
    assert SALES in found.letter.text
    assert erp.settings.client_id in found.letter.text
    assert erp.settings.base_url in found.letter.text
    assert erp.settings.client_secret not in found.letter.text


@pytest.fixture
def withdrawn(erp, sim):
    """An account that was connected, and whose consent an administrator has taken back since."""
    account_id = erp.connected(sim)
    sim.tenant.policies.admin_consent_required = True
    sim.tenant.withdraw_consent()
    erp.expire_token(account_id)
    return account_id


def test_a_consent_that_was_withdrawn_is_a_finding_of_the_test(erp, sim, withdrawn):
    (found,) = erp.test(withdrawn).findings
    assert (found.code, found.actor) == ("consent_withdrawn", Actor.WORKER)
    view = erp.view(withdrawn)
    assert view.state == "sign_in_needed"
    for shown in (found, view.finding, *view.report.findings):
        assert shown.references["correlation_id"] == found.references["correlation_id"]
        assert "state=" not in shown.links[CONSENT_LABEL]


def test_where_login_is_not_enough_the_administrator_is_told_with_a_letter(erp, sim, withdrawn):
    """The worker's Login finds that only administrators may agree: there the letter comes."""
    erp.test(withdrawn)
    found = erp.sign_in(sim, withdrawn).finding
    assert (found.code, found.actor) == ("administrator_needed", Actor.M365_ADMIN)
    assert found.links[CONSENT_LABEL] in found.letter.text
    assert "state=" not in found.links[CONSENT_LABEL]


def test_where_people_may_agree_login_and_yes_are_enough(erp, sim, withdrawn):
    sim.tenant.policies.admin_consent_required = False
    erp.test(withdrawn)
    assert erp.sign_in(sim, withdrawn).code == "connected"
    assert erp.test(withdrawn).passed


def test_an_administrators_part_at_a_renewal_stays_one(erp, sim):
    account_id = erp.connected(sim)
    erp.expire_token(account_id)
    sim.faults.add(TokenFault("refresh_token", aadsts=90094, error="invalid_grant"))
    (found,) = erp.test(account_id).findings
    assert (found.code, found.actor) == ("administrator_needed", Actor.M365_ADMIN)
    assert found.links[CONSENT_LABEL] in found.letter.text
    assert found.references["correlation_id"] in found.letter.text


def test_after_the_consent_the_account_works_at_once(erp, sim, withdrawn):
    """Neither MSAL's memory of the refusal nor ours answers; nobody has to sign in again."""
    erp.test(withdrawn)
    sign_ins = sim.count(grant_type="authorization_code")
    back = sim.sign_in(consent_begun(erp, withdrawn).url, ADMIN)
    outcome = erp.finish(back)
    assert (outcome.code, outcome.next_url) == ("consented", "/mail/1?tab=connection")
    assert "Press Test Connection" in outcome.message
    assert erp.view(withdrawn).state == "connected"
    assert erp.test(withdrawn).passed
    assert sim.count(grant_type="authorization_code") == sign_ins


def test_the_consent_counts_for_every_account_of_the_tenant(erp, sim, withdrawn):
    other = erp.save(request_id="2", account_name="Another").id
    assert erp.sign_in(sim, other).code == "administrator_needed"
    erp.test(withdrawn)
    outcome = erp.finish(sim.sign_in(consent_begun(erp, other).url, ADMIN))
    assert "Press Login" in outcome.message
    assert erp.view(withdrawn).state == "connected"
    assert erp.test(withdrawn).passed
    assert erp.sign_in(sim, other).code == "connected"


def test_a_grant_refused_for_another_reason_is_not_forgiven(erp, sim, withdrawn):
    sim.tenant.policies.admin_consent_required = False
    sim.tenant.grant_consent()
    sim.tenant.revoke_grants(SALES)
    erp.test(withdrawn)
    assert erp.view(withdrawn).finding.code == "grant_refused"
    assert (
        "Press Login" in erp.finish(sim.sign_in(consent_begun(erp, withdrawn).url, ADMIN)).message
    )
    assert erp.view(withdrawn).state == "sign_in_needed"


def test_an_administrator_elsewhere_consents_and_the_next_sign_in_goes_through(erp, sim, withdrawn):
    (found,) = erp.test(withdrawn).findings
    assert sim.sign_in(found.links[CONSENT_LABEL], ADMIN)["admin_consent"] == "True"
    assert erp.sign_in(sim, withdrawn).code == "connected"
    assert erp.test(withdrawn).passed


def test_an_administrator_who_declines_changes_nothing(erp, sim, withdrawn):
    erp.test(withdrawn)
    back = sim.sign_in(consent_begun(erp, withdrawn).url, ADMIN, consent=False)
    assert erp.finish(back).code == "declined"
    assert erp.view(withdrawn).state == "sign_in_needed"


def test_a_permission_that_is_given_later_is_taken_up_by_the_next_test(erp, sim):
    account_id = erp.connected(sim)
    erp.expire_token(account_id)
    # One press asks Microsoft once: a token that came for it is not asked for again.
    answer = {"access_token": sim.new_token(SALES), "expires_in": 3600}
    answer["scope"] = "https://outlook.office.com/IMAP.AccessAsUser.All"
    sim.faults.add(TokenFault("refresh_token", status=200, body=answer))
    (found,) = erp.test(account_id).findings
    assert found.code == "scope_missing"
    assert "SMTP.Send" in found.what
    assert found.links[CONSENT_LABEL] in found.letter.text
    assert erp.view(account_id).state == "connected"
    assert erp.test(account_id).passed


def test_the_stored_report_has_no_letter_and_the_shown_one_does(erp, sim, withdrawn):
    """So that a process of the version before, which knows no letters, can read it."""
    sim.faults.add(TokenFault("refresh_token", aadsts=90094, error="invalid_grant"))
    report = erp.test(withdrawn)
    with reading(engine_for(erp.name, erp.settings.database_url)) as connection:
        stored = read_account(connection, withdrawn).report
    assert all("letter" not in found for found in stored["findings"])
    assert erp.view(withdrawn).report == report
    assert report.findings[0].letter


@pytest.mark.parametrize(
    ("full_access", "send_as", "code", "stage", "command"),
    [
        (True, True, None, None, ""),
        (True, False, "send_as_denied", ("smtp", "sender"), "Add-RecipientPermission"),
        (False, True, "full_access_missing", ("imap", "mailbox"), "Add-MailboxPermission"),
    ],
    ids=["both rights", "no SendAs", "no Full Access"],
)
def test_a_shared_mailbox_with_and_without_its_rights(
    erp, sim, full_access, send_as, code, stage, command
):
    """From the form to the report: the delegate signs in, the mailbox is opened and sends."""
    sim.tenant.policies.send_as_checked_at = "mail_from"
    for held, rights in ((full_access, sim.tenant.full_access), (send_as, sim.tenant.send_as)):
        if not held:
            rights.discard((INFO, SALES))
    account_id = erp.connected(sim, sender_email=INFO, username=SALES)
    report = erp.test(account_id)
    assert (report.mailbox, report.signed_in_as, report.sender) == (INFO, SALES, INFO)
    assert [found.code for found in report.findings] == ([code] if code else [])
    failed = [(s.protocol, s.name) for s in report.stages if s.status is StageStatus.FAILED]
    assert failed == ([stage] if stage else [])
    for found in report.findings:
        assert found.actor is Actor.M365_ADMIN
        assert found.commands[0].startswith(f"{command} -Identity '{INFO}'")
        assert f"'{SALES}'" in found.commands[0]
        assert found.commands[0] in found.letter.text
    # The administrator gives what was missing, and the same test passes.
    sim.tenant.full_access.add((INFO, SALES))
    sim.tenant.send_as.add((INFO, SALES))
    assert erp.test(account_id).passed


def test_a_report_from_before_the_last_sign_in_is_marked(erp, sim):
    account_id = erp.connected(sim)
    assert not erp.view(account_id).report_is_old
    erp.test(account_id)
    assert not erp.view(account_id).report_is_old
    assert erp.sign_in(sim, account_id).code == "connected"
    assert erp.view(account_id).report_is_old
    erp.test(account_id)
    assert not erp.view(account_id).report_is_old
