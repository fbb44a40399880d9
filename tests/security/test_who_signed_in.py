"""Who signed in, and who answered: names, the stable key behind them, tenants and issuers."""

from urllib.parse import parse_qs, urlsplit

import pytest
from salesorder_m365.plugin.entra.identity import identity_for
from salesorder_m365.simulator.identity.tokens import TokenIssuer
from support.erp import BROWSER, WORKER

SALES, ADMIN = "sales@contoso.test", "admin@contoso.test"
OTHER_OID = "99999999-8888-7777-6666-555555555555"
OTHER_TENANT = "99999999-aaaa-bbbb-cccc-555555555555"


@pytest.fixture
def claims(mocker):
    """A dict: what is in it replaces claims of the next id tokens; None takes one out."""
    changes = {}

    def id_token(self, person, nonce):
        told = self.key.read(issue(self, person, nonce), self.client_id) | changes
        return self.key.sign({name: value for name, value in told.items() if value is not None})

    issue = TokenIssuer.id_token
    mocker.patch.object(TokenIssuer, "id_token", id_token)
    return changes


@pytest.mark.parametrize("name", ["preferred_username", "upn", "unique_name"])
def test_any_name_that_the_tenant_sets_is_compared(erp, sim, claims, name):
    claims |= {"preferred_username": "sales_ext@fabrikam.test"} | {name: SALES}
    assert erp.sign_in(sim, erp.save().id).code == "connected"


@pytest.mark.parametrize("name", ["email", "name", "sub", "nickname"])
def test_a_name_that_people_set_is_not(erp, sim, claims, name):
    claims |= {"preferred_username": "mallory@contoso.test", name: SALES}
    outcome = erp.sign_in(sim, erp.save().id)
    assert (outcome.code, outcome.signed_in_as) == ("wrong_user", "mallory@contoso.test")


@pytest.mark.parametrize(
    "look_alike",
    [
        "\u017fales@contoso.test",
        "sales@conto\u017fo.test",
        "s\u0430les@contoso.test",
        "\uff53ales@contoso.test",
        "sales@contoso.test.example.com",
    ],
)
def test_a_look_alike_is_somebody_else(erp, sim, claims, look_alike):
    claims["preferred_username"] = look_alike
    assert erp.sign_in(sim, erp.save().id).code == "wrong_user"


@pytest.mark.parametrize(
    "name", [None, "", "  ", 5, ["sales@contoso.test"], "a\nb@contoso.test", "\u202e", "x" * 300]
)
def test_a_token_that_names_nobody_is_a_finding(erp, sim, claims, name):
    claims["preferred_username"] = name
    account_id = erp.save().id
    outcome = erp.sign_in(sim, account_id)
    assert (outcome.code, outcome.finding.code) == ("refused", "name_missing")
    assert any("upn" in step for step in outcome.finding.steps)
    assert SALES in outcome.finding.what
    assert "<" not in outcome.finding.as_text()
    assert erp.view(account_id).state == "draft"


def test_the_same_person_under_a_new_name_is_connected_and_told(erp, sim, claims):
    account_id = erp.connected(sim)
    claims["preferred_username"] = "sales.new@contoso.test"
    for _ in range(2):  # a second sign-in without a change of Username is no other case
        outcome = erp.sign_in(sim, account_id)
        assert (outcome.code, outcome.finding.code) == ("connected", "person_renamed")
        assert outcome.signed_in_as == "sales.new@contoso.test"
        assert "Set Username to sales.new@contoso.test" in outcome.message
    assert erp.save(account_id, username="sales.new@contoso.test").values.username
    outcome = erp.sign_in(sim, account_id)
    assert (outcome.code, outcome.finding) == ("connected", None)


def test_a_grant_of_another_username_makes_nobody_the_same_person(erp, sim):
    """The Username was given to somebody else on purpose; the one before is not let in by it."""
    account_id = erp.connected(sim)
    erp.save(account_id, username="info@contoso.test")
    assert erp.sign_in(sim, account_id, SALES).code == "wrong_user"


def test_another_person_under_the_same_name_is_told_to_the_audit(erp, sim, claims):
    account_id = erp.connected(sim)
    erp.sign_in(sim, account_id)
    assert "authn_person_changed" not in erp.event_names()
    claims["oid"] = OTHER_OID
    assert erp.sign_in(sim, account_id).code == "connected"
    (told,) = [event for event in erp.events if event.name == "authn_person_changed"]
    assert (told.account_id, told.worker) == (account_id, WORKER)
    assert told.details == {"username": SALES}


def test_a_person_who_was_disconnected_is_known_by_name_only(erp, sim, claims):
    account_id = erp.connected(sim)
    erp.hook.salesorder_disconnect(host=erp, account_id=account_id, worker=WORKER)
    claims["preferred_username"] = "sales.new@contoso.test"
    assert erp.sign_in(sim, account_id).code == "wrong_user"


# Answers by the browser --------------------------------------------------------------------------


def consent_begun(erp, account_id):
    return erp.hook.salesorder_consent_begin(
        host=erp, account_id=account_id, worker=WORKER, browser=BROWSER, return_to="/mail/1"
    ).url


def state_of(url):
    return parse_qs(urlsplit(url).query)["state"][0]


@pytest.mark.parametrize("tenant", [None, "", OTHER_TENANT, "contoso.test", "\u0661", "../x"])
def test_a_consent_of_another_tenant_or_none_is_not_believed(erp, sim, tenant):
    account_id = erp.save().id
    query = {"state": state_of(consent_begun(erp, account_id)), "admin_consent": "True"}
    outcome = erp.finish(query if tenant is None else query | {"tenant": tenant})
    assert (outcome.code, outcome.finding.code) == ("refused", "foreign_token")
    assert not {"authz_consent_granted", "authz_consent_reported"} & set(erp.event_names())


def test_a_consent_is_told_as_what_was_said(erp, sim):
    account_id = erp.save().id
    query = sim.sign_in(consent_begun(erp, account_id), ADMIN)
    outcome = erp.finish(query)
    assert outcome.code == "consented"
    assert "reports" in outcome.message
    (told,) = [event for event in erp.events if event.name == "authz_consent_reported"]
    assert told.details == {"tenant": query["tenant"]}


EVIL = "https://evil.example.com/v2.0"
ANSWERS = {
    "code": {"code": "a-code"},
    "declined": {"error": "access_denied"},
    "error": {"error": "server_error", "error_description": "AADSTS90033: later"},
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("iss", [EVIL, "", "null"])
def test_an_answer_of_another_issuer_is_a_mix_up(erp, sim, answer, iss):
    account_id = erp.save().id
    outcome = erp.finish({"state": state_of(erp.begin(account_id).url), "iss": iss} | answer)
    assert (outcome.code, outcome.finding.code) == ("refused", "foreign_token")
    assert sim.count(grant_type="authorization_code") == 0


@pytest.mark.parametrize("begin", [consent_begun, lambda erp, id_: erp.begin(id_).url])
def test_a_consents_error_of_another_issuer_is_one_too(erp, sim, begin):
    account_id = erp.save().id
    query = {"state": state_of(begin(erp, account_id)), "iss": EVIL, "error": "permission_denied"}
    assert erp.finish(query).finding.code == "foreign_token"


def test_an_error_of_our_issuer_is_what_it_says(erp, sim):
    account_id = erp.save().id
    query = {"state": state_of(erp.begin(account_id).url), "error": "access_denied"}
    issuer = identity_for(erp.settings).issuer()
    assert erp.finish(query | {"iss": issuer}).code == "declined"


def test_an_administrators_cancel_is_the_administrators(erp, sim):
    account_id = erp.save().id
    query = {
        "state": state_of(consent_begun(erp, account_id)),
        "error": "permission_denied",
        "error_description": "The admin canceled the request",
    }
    outcome = erp.finish(query)
    assert (outcome.code, outcome.finding.code) == ("declined", "consent_declined")
    assert outcome.finding.actor == "m365_administrator"
