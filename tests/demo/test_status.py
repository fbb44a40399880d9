"""The administrator's status page, from `salesorder_health`."""

import pytest
from salesorder_m365.demo.pages.menus import ACCOUNTS, STATUS
from salesorder_m365.hooks.spec import hookimpl
from salesorder_m365.plugin.errors import NotAllowedError


class Health:
    def __init__(self, findings):
        self.findings = findings

    @hookimpl
    def salesorder_health(self, host, worker):
        if not host.allows(worker, "mail_accounts.maintain", None):
            raise NotAllowedError(worker, "mail_accounts.maintain", None)
        return self.findings


@pytest.fixture
def health(erp):
    findings = []
    erp.host.plugins.register(Health(findings))
    return findings


def test_good_health_is_said(admin, health, text_of):
    text = text_of(admin.get(STATUS))
    assert "All well" in text
    assert f'href="{STATUS}"' in admin.get(ACCOUNTS).text


def test_each_finding_is_shown_with_its_remedy(admin, health, mail, text_of):
    health.append(mail.new_finding(title="The key <k1> is missing"))
    page = admin.get(STATUS)
    text = text_of(page)
    assert "1 to look at" in text
    assert "The key <k1> is missing" in text
    assert "What to do" in text
    assert "All well" not in text


def test_a_worker_who_may_not_maintain_is_refused(anybody, health, text_of):
    anybody.log_in("sales")
    page = anybody.get(STATUS)
    assert page.status_code == 403
    assert "mail_accounts.maintain" in text_of(page)
