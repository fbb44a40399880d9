"""``accounts login --app``: the app itself opens the mailbox, and only the one that was chosen."""

import uuid

import jwt
import pytest
from salesorder_m365.plugin.entra.claims import AppItself, app_itself
from salesorder_m365.plugin.findings.scopes import is_app_only, scope_problem
from salesorder_m365.simulator.identity import tokens as simulated
from salesorder_m365.simulator.identity.faults import TokenFault
from salesorder_m365.simulator.tenant.people import TENANT_ID
from support.erp import FORM

OFFICE = "https://outlook.office365.com"
WANTED = (f"{OFFICE}/IMAP.AccessAsUser.All", f"{OFFICE}/SMTP.Send")


@pytest.fixture
def account(erp):
    return erp.save(sender_email="info@contoso.test").id


@pytest.fixture
def connected(account, run_live):
    result = run_live("accounts", "login", "Sales", "--app")
    assert result.exit_code == 0, result.output
    return result


def test_a_shared_mailbox_without_anybody(erp, sim, account, connected, run_live):
    view = erp.view(account)
    assert (view.state, view.signed_in_as) == ("connected", "the app itself")
    assert run_live("accounts", "test", "Sales").exit_code == 0
    assert run_live("folders", "map", "Sales", "--suggested").exit_code == 0
    # The test asks Microsoft again, the folders use what it gave.
    assert sim.count(grant_type="client_credentials") == 2
    begun, success = (e for e in reversed(view.events) if e.name.startswith("authn"))
    assert (begun.details["access"], success.details["access"]) == ("app", "app")


def test_the_commands_are_filled_in(sim, connected):
    app = str(uuid.uuid5(uuid.NAMESPACE_OID, sim.registration.client_id))
    lines = [line.strip() for line in connected.stdout.splitlines()]
    assert f"New-ServicePrincipal -AppId '{sim.registration.client_id}' -ObjectId '{app}'" in lines
    full = f"-Identity 'info@contoso.test' -User '{app}' -AccessRights FullAccess"
    assert f"Add-MailboxPermission {full}" in lines


def test_it_is_renewed_by_the_app(erp, sim, account, connected, run_live):
    erp.expire_token(account)
    assert run_live("accounts", "test", "Sales").exit_code == 0
    assert sim.count(grant_type="client_credentials") == 2
    assert sim.count(grant_type="refresh_token") == 0


def test_a_refusal_of_exchange_names_the_commands(sim, connected, run_live):
    sim.tenant.policies.imap_auth_reply = "NO AUTHENTICATE failed."
    sim.tenant.policies.smtp_auth_reply = "535 5.7.3 Authentication unsuccessful"
    result = run_live("accounts", "test", "Sales")
    assert result.exit_code == 1
    assert result.stdout.count("[app_not_admitted]") == 1
    assert "New-ServicePrincipal" in result.stdout
    assert "<service principal>" not in result.stdout


def test_it_does_not_follow_the_account_to_another_mailbox(erp, account, connected):
    erp.save(account, **FORM | {"sender_email": "orders@contoso.test", "username": ""})
    assert erp.view(account).state == "draft"


def test_nor_if_the_username_stays(erp, account, connected):
    values = {"sender_email": "orders@contoso.test", "username": "info@contoso.test"}
    erp.save(account, **FORM | values)
    assert erp.view(account).state == "draft"


def test_another_name_for_the_same_mailbox_keeps_it(erp, account, connected):
    erp.save(account, **FORM | {"sender_email": "INFO@contoso.test", "sender_name": "Info"})
    assert erp.view(account).state == "connected"


def test_a_person_takes_its_place(erp, sim, connected, account):
    erp.save(account, **FORM | {"sender_email": "sales@contoso.test", "username": ""})
    erp.sign_in(sim, account)
    assert erp.view(account).signed_in_as == "sales@contoso.test"


def test_a_person_and_the_app_do_not_mix(erp, run_live):
    erp.save(sender_email="info@contoso.test", username="sales@contoso.test")
    result = run_live("accounts", "login", "Sales", "--app")
    assert result.exit_code == 1
    assert "Set the account's Username to its Sender email" in result.stderr


def test_a_tenant_must_be_named(account, run_live):
    result = run_live("accounts", "login", "Sales", "--app", tenant="organizations")
    assert result.exit_code == 1
    assert "the tenant must be named" in result.stderr


def test_missing_permissions_are_named_and_nothing_is_stored(erp, account, run_live, monkeypatch):
    monkeypatch.setattr(simulated, "APP_ROLES", ("IMAP.AccessAsApp",))
    result = run_live("accounts", "login", "Sales", "--app")
    assert result.exit_code == 1
    assert "[app_permission_missing]" in result.stdout
    assert "no such permission: SMTP.SendAsApp." in result.stdout
    assert erp.view(account).state == "draft"


def test_an_app_without_any_permission_gets_a_token_too(account, run_live, monkeypatch):
    monkeypatch.setattr(simulated, "APP_ROLES", ())
    result = run_live("accounts", "login", "Sales", "--app")
    assert result.exit_code == 1
    assert "IMAP.AccessAsApp, SMTP.SendAsApp" in result.stdout


def test_a_refused_registration_is_told(sim, account, run_live):
    sim.faults.add(TokenFault(error="invalid_client", aadsts=7000222, status=401))
    result = run_live("accounts", "login", "Sales", "--app")
    assert result.exit_code == 1
    assert "[secret_expired]" in result.stdout


def test_an_unreachable_microsoft_is_told(sim, account, run_live):
    sim.faults.add(TokenFault(status=503))
    result = run_live("accounts", "login", "Sales", "--app")
    assert result.exit_code == 1
    assert "cannot be reached now" in result.stderr


def test_one_of_two_ways_must_be_said(account, run_live):
    assert run_live("accounts", "login", "Sales", "--app", "--device").exit_code == 2


SCOPES = [
    ((f"{OFFICE}/IMAP.AccessAsApp", f"{OFFICE}/SMTP.SendAsApp"), None),
    ((f"{OFFICE}/SMTP.SendAsApp",), ("app_permission_missing", "IMAP.AccessAsApp")),
    ((f"{OFFICE}/.default",), ("app_permission_missing", "IMAP.AccessAsApp, SMTP.SendAsApp")),
]


@pytest.mark.parametrize(("granted", "problem"), SCOPES)
def test_the_roles_are_looked_at(granted, problem):
    assert is_app_only(granted)
    assert scope_problem(granted, WANTED) == problem
    assert not is_app_only(WANTED)


def token(**claims):
    return jwt.encode(claims, "k" * 32, "HS256")


TOLD = [
    ("opaque", AppItself()),
    (token(tid=TENANT_ID), AppItself()),
    (token(tid=TENANT_ID, oid="no id"), AppItself()),
    (token(tid=TENANT_ID, oid=TENANT_ID), AppItself(tenant_id=TENANT_ID, object_id=TENANT_ID)),
    (
        token(tid=TENANT_ID, oid=TENANT_ID, roles=["a", 1]),
        AppItself(tenant_id=TENANT_ID, object_id=TENANT_ID, roles=("a", "1")),
    ),
]


@pytest.mark.parametrize(("text", "told"), TOLD)
def test_what_a_token_tells_of_the_app(text, told):
    assert app_itself(text) == told
