"""``salesorder_mail_test``: the mail to oneself, and what each thing that is wrong looks like."""

from dataclasses import replace

import pytest
from salesorder_m365.plugin.errors import NoSuchAccountError
from salesorder_m365.schemas.mail_settings import MailSettings, MailTimes
from salesorder_m365.simulator.mail.smtp.faults import SmtpFault, Stage
from support.erp import WORKER

ME = "sales@contoso.test"
DENIED = "554 5.2.252 SendAsDenied; sales@contoso.test not allowed to send as x"


@pytest.fixture
def account(erp, sim):
    times = replace(MailTimes(), self_test=2.0)
    erp.settings = replace(erp.settings, mail=MailSettings(times=times))
    return erp.connected(sim)


@pytest.fixture
def press(erp, account):
    def call(account_id=account, progress=None):
        return erp.hook.salesorder_mail_test(
            host=erp, account_id=account_id, worker=WORKER, progress=progress
        )

    return call


def stages(report):
    return {stage.name: str(stage.status) for stage in report.stages}


def codes(report):
    return [found.code for found in report.findings]


def test_all_three_are_proved(sim, press):
    seen = []
    report = press(progress=lambda stage: seen.append((stage.name, str(stage.status))))
    assert report.passed, report.as_text()
    assert stages(report) == dict.fromkeys(("sent", "copy", "arrived"), "passed")
    names = ("sent", "copy", "arrived")
    assert seen == [(name, status) for name in names for status in ("running", "passed")]
    (mail,) = sim.tenant.submissions
    assert list(mail.recipients) == [ME]
    assert b"Auto-Submitted" in mail.content


def test_a_shared_mailbox_is_sent_as_and_its_copy_found(erp, sim, press):
    shared = erp.connected(
        sim, request_id="2", account_name="Info", sender_email="info@contoso.test", username=ME
    )
    report = press(shared)
    assert report.passed, report.as_text()
    assert sim.tenant.submissions[0].mail_from == "info@contoso.test"


def test_a_missing_right_to_send_as_is_told_with_its_remedy(sim, press):
    sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, DENIED))
    report = press()
    assert not report.passed
    assert stages(report) == {"sent": "failed", "copy": "not_tried", "arrived": "not_tried"}
    (found,) = report.findings
    assert "5.2.252" in found.server_words
    assert found.steps


def test_a_copy_that_is_not_filed_is_told_and_the_mail_looked_for_all_the_same(sim, press):
    sim.tenant.policies.sent_copy_seconds = 3600
    report = press()
    assert stages(report) == {"sent": "passed", "copy": "failed", "arrived": "passed"}
    assert codes(report) == ["sent_copy_missing"]
    assert f"'{ME}'" in report.findings[0].commands[0]


def test_a_mail_that_does_not_arrive_is_told(sim, press):
    sim.tenant.policies.delivery_seconds = 3600
    report = press()
    assert stages(report) == {"sent": "passed", "copy": "passed", "arrived": "failed"}
    assert codes(report) == ["test_mail_missing"]


def test_a_mail_that_could_not_be_sent_never_leaves_later(erp, sim, press):
    sim.smtp_faults.add(SmtpFault(Stage.GREETING, ending="drop"))
    report = press()
    assert stages(report)["sent"] == "failed"
    assert report.findings[0].steps
    erp.hook.salesorder_job_run(host=erp, name="m365:deliver", worker=WORKER)
    assert sim.tenant.submissions == []
    assert "mail_cancelled" in erp.event_names()


def test_it_opens_a_paused_account_whose_cause_is_gone(erp, sim, account, press):
    sim.tenant.policies.smtp_auth_disabled = True
    assert codes(press()) == ["smtp_auth_disabled"]
    assert erp.view(account).paused.code == "smtp_auth_disabled"
    sim.tenant.policies.smtp_auth_disabled = False
    assert press().passed
    assert erp.view(account).paused is None


def test_where_imap_is_off_the_mail_is_sent_and_the_reason_told(sim, press):
    sim.tenant.policies.imap_disabled_for = {ME}
    report = press()
    assert stages(report) == {"sent": "passed", "copy": "failed", "arrived": "not_tried"}
    assert codes(report) != ["unknown"]


def test_an_account_that_is_not_signed_in_is_told(erp, press):
    draft = erp.save(request_id="draft", account_name="Draft").id
    assert codes(press(draft)) == ["not_signed_in"]


def test_an_account_that_is_not_there(press):
    with pytest.raises(NoSuchAccountError):
        press("m365:0")


def test_another_plugins_account(press):
    assert press("other:1") is None
