"""The panel and its JSON API."""

import pytest
import requests
from salesorder_m365.simulator.browser import PageReader
from salesorder_m365.simulator.tenant.policies import DESCRIPTIONS

SALES = "sales@contoso.test"


@pytest.fixture
def panel(sim):
    with requests.Session() as session:
        session.trust_env = False

        def call(method, path, **options):
            return session.request(method, sim.browser_url + path, timeout=5, **options)

        yield call


def test_policies_are_read_and_changed(sim, panel):
    changed = {"smtp_auth_disabled": True, "imap_disabled_for": [SALES], "throttled": 5}
    answer = panel("POST", "/api/policies", json=changed)
    assert answer.json() == panel("GET", "/api/policies").json()
    assert changed.items() <= answer.json().items()
    assert sim.tenant.policies.imap_disabled_for == {SALES}


@pytest.mark.parametrize(
    "values",
    [
        {"nonsense": True},
        {"smtp_auth_disabled": "yes"},
        {"imap_disabled_for": SALES},
        {"token_lifetime": None},
        {"token_lifetime": -1},
        {"token_lifetime": True},
        {"send_as_checked_at": "later"},
        {"imap_auth_reply": 5},
    ],
    ids=str,
)
def test_a_wrong_value_changes_nothing(sim, panel, values):
    before = sim.tenant.policies.to_json()
    answer = panel("POST", "/api/policies", json={"special_use": False, **values})
    assert answer.status_code == 400
    assert next(iter(values)) in answer.json()["error"]
    assert sim.tenant.policies.to_json() == before


def test_a_policy_that_is_not_there_cannot_be_set(sim):
    with pytest.raises(AttributeError, match="smtp_auth_disable"):
        sim.tenant.policies.smtp_auth_disable = True


def test_reset_puts_all_back(sim, panel):
    before = sim.tenant.folders(SALES)
    panel("POST", "/api/policies", json={"secret_expired": True})
    panel("POST", "/api/folders/delete", json={"mailbox": SALES, "path": "Notes"})
    sim.tenant.deliver(SALES, b"Subject: x\r\n\r\n")
    sim.tenant.grant_consent(SALES)
    assert panel("POST", "/api/reset").json() == {"reset": True}
    assert not sim.tenant.policies.secret_expired
    assert sim.tenant.folders(SALES) == before
    assert len(sim.tenant.messages(SALES)) == 3
    assert not sim.tenant.consents.cover(SALES, ["x"])


def test_folders_are_created_renamed_and_deleted(panel):
    created = panel("POST", "/api/folders/create", json={"mailbox": SALES, "path": "A/B"})
    assert "A/B" in created.json()["folders"]
    names = {"mailbox": SALES, "path": "A/B", "new": "C"}
    renamed = panel("POST", "/api/folders/rename", json=names).json()["folders"]
    assert "C" in renamed
    assert "A/B" not in renamed
    deleted = panel("POST", "/api/folders/delete", json={"mailbox": SALES, "path": "C"})
    assert "C" not in deleted.json()["folders"]


@pytest.mark.parametrize(
    ("path", "values", "status", "text"),
    [
        ("/api/folders/delete", {"mailbox": SALES, "path": "Gone"}, 400, "no folder 'Gone'"),
        ("/api/folders/create", {"mailbox": SALES, "path": "Notes"}, 400, "exists already"),
        ("/api/folders/create", {"mailbox": SALES}, 400, "'path' is missing"),
        ("/api/folders/create", {"mailbox": "x", "path": "y"}, 400, "no mailbox"),
        ("/api/revoke", {"user": "x"}, 400, "no mailbox"),
        ("/api/nonsense", {}, 404, "no such call"),
    ],
)
def test_impossible_calls_say_why(panel, path, values, status, text):
    answer = panel("POST", path, json=values)
    assert (answer.status_code, text in answer.json()["error"]) == (status, True)


def test_revoking_by_api(sim, panel):
    assert panel("POST", "/api/revoke", json={"user": SALES}).json() == {"revoked": SALES}
    assert sim.tenant.refresh_tokens.is_revoked(SALES, issued=0.0)


def test_every_policy_is_on_the_page_and_survives_saving(sim, panel):
    sim.tenant.policies.change(
        {
            "smtp_auth_disabled": True,
            "imap_disabled_for": [SALES],
            "throttled": 5,
            "imap_auth_reply": 'NO "quoted" <reply>',
            "send_as_checked_at": "mail_from",
        }
    )
    text = panel("GET", "/").text
    assert [policy.label for policy in DESCRIPTIONS if policy.label not in text] == []
    forms = {
        form.values["group"]: form for form in PageReader(text).forms if "group" in form.values
    }
    values = {
        "sign_in": {"throttled": "", "token_lifetime": "120"},
        "imap": {
            "special_use": "on",
            "imap_sessions": "20",
            "imap_idle_seconds": "1800",
            "imap_disabled_for": [SALES, "info@contoso.test"],
            "imap_auth_reply": forms["imap"].values["imap_auth_reply"],
        },
        "delivery": {
            "refused_outside": "example.net, a@example.com",
            "sent_copy": "none",
            "sent_copy_seconds": "3",
            "delivery_seconds": "0",
            "report_language": "ja",
        },
    }
    for group, form in values.items():
        answer = panel("POST", "/panel/policies", data={"group": group, **form})
        assert "The policies are saved" in answer.text
    policies = sim.tenant.policies
    assert policies.imap_disabled_for == {SALES, "info@contoso.test"}
    assert (policies.throttled, policies.token_lifetime) == (None, 120)
    assert policies.imap_auth_reply == 'NO "quoted" <reply>'
    assert policies.refused_outside == {"example.net", "a@example.com"}
    assert (policies.sent_copy, policies.report_language) == ("none", "ja")
    assert not policies.refresh_tokens_once
    # Another group's form leaves them alone.
    assert (policies.smtp_auth_disabled, policies.send_as_checked_at) == (True, "mail_from")


@pytest.mark.parametrize(
    ("path", "form", "text"),
    [
        ("/panel/revoke", {"user": SALES}, "The grants are revoked"),
        ("/panel/withdraw", {"user": SALES}, "The consent is withdrawn"),
        ("/panel/folders/create", {"mailbox": SALES, "path": "New"}, "The folder is changed"),
        ("/panel/folders/create", {"mailbox": SALES, "path": "Notes"}, "exists already"),
        ("/panel/policies", {"group": "sign_in", "token_lifetime": "soon"}, "does not take"),
        ("/panel/reset", {}, "back to the beginning"),
    ],
)
def test_forms_say_what_they_did(panel, path, form, text):
    assert text in panel("POST", path, data=form).text


def test_another_site_cannot_turn_the_switches(sim, panel):
    headers = {"Sec-Fetch-Site": "cross-site"}
    for path in ("/panel/policies", "/api/policies"):
        answer = panel("POST", path, headers=headers, data=b'{"secret_expired": true}')
        assert answer.status_code == 403
    assert not sim.tenant.policies.secret_expired


def test_another_host_name_is_refused(panel):
    assert panel("GET", "/", headers={"Host": "contoso.example.com"}).status_code == 400


def test_pages_need_nothing_from_elsewhere(panel):
    text = panel("GET", "/").text
    assert "https://cdn" not in text
    assert 'src="' not in text
    assert panel("GET", "/static/simulator.css").headers["content-type"].startswith("text/css")
