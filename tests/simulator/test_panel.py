"""The panel and its JSON API."""

import base64
import re

import pytest
import requests
from salesorder_m365.simulator.browser import PageReader
from salesorder_m365.simulator.mail.smtp.faults import SmtpFault, Stage
from salesorder_m365.simulator.tenant.policies import DESCRIPTIONS
from support.submitting import connected

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


REFUSED = [
    ("/api/deliver", {"mailbox": SALES}, "'from' is missing"),
    ("/api/deliver", {"mailbox": SALES, "from": "a@b.c\r\nBcc: x@y.z"}, "one line"),
    ("/api/deliver", {"mailbox": SALES, "content_base64": "%"}, "not base64"),
    ("/api/deliver", {"mailbox": SALES, "from": "a@b.c", "folder": "Gone"}, "no folder 'Gone'"),
    ("/api/reply", {"message_id": "<x@y>", "text": "Hello"}, "Nobody outside"),
    ("/api/report", {"message_id": "<x@y>", "recipient": "a@b.c", "words": "550 5.1.1 no"}, "not"),
    ("/api/report", {"message_id": "<x@y>", "recipient": "a@b.c", "words": "gone"}, "'words'"),
    (
        "/api/report",
        {"message_id": "<x@y>", "recipient": "a@b.c", "words": "550 5.1.1 no", "action": "x"},
        "'action'",
    ),
    ("/api/faults/smtp", {"stage": "later"}, "'stage'"),
    ("/api/people", {"count": 0}, "'count'"),
    ("/api/people", {"count": "many"}, "'count'"),
    ("/api/policies", [], "no JSON object"),
]


@pytest.mark.parametrize(("path", "values", "text"), REFUSED)
def test_acts_say_what_does_not_fit(panel, path, values, text):
    answer = panel("POST", path, json=values)
    assert (answer.status_code, text in answer.json()["error"]) == (400, True)


def test_mail_goes_round_over_http(sim, panel, context):
    with connected(sim, context, SALES) as client:
        client.submit(SALES, "office@fabrikam.example.com", "nobody@contoso.test")
    (sent,) = panel("GET", "/api/submissions").json()
    assert (sent["user"], sent["message_id"]) == (SALES, "<offer.1@contoso.test>")
    (mail,) = panel("GET", "/api/outside?recipient=office@fabrikam.example.com").json()
    assert b"Received: " in base64.b64decode(mail["content_base64"])
    reply = {"message_id": mail["message_id"], "text": "We accept.", "automatic": True}
    panel("POST", "/api/reply", json=reply)
    report = {"message_id": mail["message_id"], "recipient": mail["recipient"]}
    panel("POST", "/api/report", json={**report, "action": "delayed", "words": "400 4.4.7 Delayed"})
    panel("POST", "/api/deliver", json={"mailbox": SALES, "from": "a@b.c", "subject": "Größe"})
    inbox = panel("GET", f"/api/messages?mailbox={SALES}").json()
    assert [message["subject"] for message in inbox[3:]] == [
        "Undeliverable: Offer",
        "Automatic reply: Offer",
        "Delivery delayed: Offer",
        "Größe",
    ]
    assert panel("GET", "/api/messages?mailbox=x").status_code == 404


def test_a_script_is_set_seen_and_cleared_over_http(sim, panel, context):
    script = {"stage": "mail", "reply": "451 4.7.500 Server busy", "times": 2}
    assert len(panel("POST", "/api/faults/smtp", json=script).json()["waiting"]) == 1
    with connected(sim, context, SALES) as client:
        assert client.say(f"MAIL FROM:<{SALES}>") == "451 4.7.500 Server busy"
    assert panel("GET", "/api/faults").json()["smtp"][0]["times"] == 1
    panel("POST", "/api/faults/clear")
    assert panel("GET", "/api/faults").json() == {"smtp": []}


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ("reply", ("reply", None)),
        ("drop refused", ("drop", False)),
        ("drop accepted", ("drop", True)),
        ("silence", ("silence", None)),
        ("half", ("half", None)),
    ],
)
def test_the_form_of_the_script(sim, panel, ending, expected):
    form = {"stage": "end_of_data", "ending": ending, "times": "2", "delay": "3", "reply": ""}
    assert "The script is changed" in panel("POST", "/panel/faults/smtp", data=form).text
    fault = sim.smtp_faults.take(Stage.END_OF_DATA, None)
    assert (fault.ending, fault.carried_out) == expected
    assert (fault.times, fault.delay) == (1, 3)


def test_the_top_of_the_page_says_what_is_switched(sim, panel):
    assert "Nothing: this is a new tenant." in panel("GET", "/").text
    sim.tenant.policies.change({"smtp_auth_disabled": True, "messages_per_minute": 5})
    sim.smtp_faults.add(SmtpFault(Stage.MAIL, "451 4.7.500 Server busy", times=None))
    text = panel("GET", "/").text
    top = " ".join(PageReader(text[: text.index("<h2>Policies</h2>")]).text)
    assert "SMTP AUTH off for the organization on" in top
    assert "Messages a minute 5" in top
    assert "Script: mail 451 4.7.500 Server busy, until cleared" in top
    opened = re.findall(r'<details class="group" id="([\w-]+)" open>', text)
    assert opened == []
    text = panel("GET", "/?opened=smtp").text
    assert re.findall(r'<details class="group" id="([\w-]+)" open>', text) == ["group-smtp"]


def test_a_refused_form_leads_back_by_a_redirect_and_says_so_once(panel):
    form = {"group": "sign_in", "token_lifetime": "soon"}
    answer = panel("POST", "/panel/policies", data=form, allow_redirects=False)
    assert answer.status_code == 303
    assert "does not take" in panel("GET", answer.headers["location"]).text
    assert "does not take" not in panel("GET", answer.headers["location"]).text


def test_every_switch_is_described_over_http(panel):
    switches = panel("GET", "/api/switches").json()
    assert [switch["name"] for switch in switches] == [entry.name for entry in DESCRIPTIONS]
    assert all(switch["source"] and switch["imitates"] for switch in switches)


def test_a_fleet_of_mailboxes_is_counted_not_listed(sim, panel):
    assert panel("POST", "/api/people", json={"count": 5000}).json() == {"people": 5007}
    text = panel("GET", "/").text
    assert "and 4995 more" in text
    assert len(text) < 200_000


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
