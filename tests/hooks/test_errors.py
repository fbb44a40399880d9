"""Every error that a hook raises carries a finding that is filled in, and is told by its title."""

import ast
import base64
import inspect
import re
import typing
from pathlib import Path

import pytest
from salesorder_m365.hooks import implementations, spec
from salesorder_m365.plugin import border, use_cases
from salesorder_m365.plugin.errors import (
    BadRequestError,
    M365Error,
    MailError,
    NoSuchAccountError,
    NotAllowedError,
    RegistrationError,
    SealError,
    SettingsError,
    SignInNeededError,
    StoreError,
    UnavailableError,
)
from salesorder_m365.plugin.findings.catalogue import codes
from salesorder_m365.plugin.store.engines import dispose_engines
from salesorder_m365.schemas.permission import Permission
from salesorder_m365.simulator.identity.faults import TokenFault
from support.erp import WORKER

SALES = "sales@contoso.test"


def connected(erp, sim):
    account_id = erp.connected(sim, sender_email="info@contoso.test", username=SALES)
    erp.expire_token(account_id)
    return account_id


def denied(erp, sim):
    erp.denied = {Permission.VIEW}
    erp.view("m365:1")


def gone(erp, sim):
    erp.view("m365:1")


def bad_return_to(erp, sim):
    erp.begin(erp.save().id, return_to="//evil.example.com")


def mail_refused(erp, sim):
    account_id = connected(erp, sim)
    sim.tenant.policies.imap_disabled_for.add("info@contoso.test")
    erp.choices(account_id)


def mail_server_away(erp, sim):
    account_id = connected(erp, sim)
    sim.tenant.policies.imap_auth_reply = "NO AUTHENTICATE failed. <b>{username}</b>"
    erp.map(account_id, sent="Sent Items")


def revoked(erp, sim):
    account_id = connected(erp, sim)
    sim.tenant.revoke_grants(SALES)
    erp.choices(account_id)


def never_signed_in(erp, sim):
    erp.choices(erp.save().id)


def secret_expired(erp, sim):
    account_id = connected(erp, sim)
    sim.faults.add(TokenFault(aadsts=7000222, status=401, error="invalid_client"))
    erp.choices(account_id)


def unavailable(erp, sim):
    account_id = connected(erp, sim)
    sim.faults.add(TokenFault(status=503))
    erp.choices(account_id)


def no_database(erp, sim):
    dispose_engines()
    path = Path(erp.settings.database_url.removeprefix("sqlite:///"))
    path.mkdir()
    erp.view("m365:1")


CASES = {
    "not allowed": (denied, NotAllowedError, "not_allowed"),
    "gone": (gone, NoSuchAccountError, "account_gone"),
    "return_to": (bad_return_to, BadRequestError, "return_to_unusable"),
    "mail refused": (mail_refused, MailError, "imap_refused"),
    "mail refused, with marks": (mail_server_away, MailError, "imap_refused"),
    "revoked": (revoked, SignInNeededError, "grant_refused"),
    "never signed in": (never_signed_in, SignInNeededError, "not_signed_in"),
    "secret expired": (secret_expired, RegistrationError, "secret_expired"),
    "unavailable": (unavailable, UnavailableError, "microsoft_unavailable"),
    "no database": (no_database, StoreError, "database_not_opened"),
}


@pytest.mark.parametrize(("press", "kind", "code"), CASES.values(), ids=CASES)
def test_the_error_carries_its_filled_finding(erp, sim, press, kind, code):
    with pytest.raises(kind) as raised:
        press(erp, sim)
    found = raised.value.finding
    assert (found.code, str(raised.value)) == (code, found.title)
    assert found.steps
    shown = " ".join((found.title, found.what, found.cause, *found.steps, *found.commands))
    assert not re.search(r"[<{][a-z_ ]+[>}]", shown)
    # Not even by what it is called where it is not known: here everything is.
    assert "the person named in Username" not in shown
    assert "the mailbox of the account" not in shown


def test_a_refused_mailbox_names_mailbox_person_and_server(erp, sim):
    with pytest.raises(MailError) as raised:
        mail_refused(erp, sim)
    found = raised.value.finding
    assert SALES in found.what
    assert "info@contoso.test" in found.what
    assert any("info@contoso.test" in command for command in found.commands)
    assert "AUTHENTICATE failed" in found.server_words
    text = found.as_text()
    assert text.startswith(found.title)
    assert all(step in text for step in (*found.steps, *found.commands, found.server_words))


def test_a_lost_connection_names_the_server(erp, sim, settings_for, free_port):
    account_id = connected(erp, sim)
    erp.settings = settings_for(sim, imap=f"localhost:{free_port}", key_ring=ring_of(erp))
    with pytest.raises(MailError) as raised:
        erp.choices(account_id)
    assert f"localhost, port {free_port}" in raised.value.finding.what


def ring_of(erp):
    pairs = ((key.id, base64.b64encode(key.secret).decode()) for key in erp.settings.key_ring)
    return ",".join(map(":".join, pairs))


def test_a_refusal_just_now_has_microsofts_words_and_ids(erp, sim):
    with pytest.raises(SignInNeededError) as raised:
        revoked(erp, sim)
    found = raised.value.finding
    assert "AADSTS" in found.server_words
    assert {"trace_id", "correlation_id"} <= found.references.keys()


def test_what_the_raiser_knew_stays():
    error = MailError("connection_refused", stage="connect", host="proxy.example.com", port="8080")
    error.fill({"host": "outlook.office365.com", "port": "993", "mailbox": "a@contoso.test"})
    assert "proxy.example.com, port 8080" in error.finding.what


WITHOUT_A_HOST = (
    NotAllowedError(WORKER, "mail_accounts.view", None),
    NoSuchAccountError("m365:1"),
    SignInNeededError("m365:1", "not_signed_in"),
    SettingsError({"SALESORDER_M365_TENANT": ("This setting is missing.",)}),
    UnavailableError("status 429"),
    SealError("sealing_key_wrong", key="k1"),
    *(M365Error(code) for code in sorted(codes())),
)


@pytest.mark.parametrize("error", WITHOUT_A_HOST, ids=lambda e: f"{type(e).__name__} {e.code}")
def test_no_error_shows_an_open_place_even_where_nothing_is_known(error):
    found = error.finding
    shown = " ".join((found.title, found.what, found.cause, *found.steps, *found.commands))
    assert not re.search(r"[<{][a-z_ ]+[>}]", shown)
    assert str(error) == found.title


def test_wrong_settings_are_named_in_the_title():
    error = SettingsError({"SALESORDER_M365_TENANT": ("This setting is missing.",)})
    assert "SALESORDER_M365_TENANT" in str(error)
    assert "This setting is missing." in error.finding.what


def called_use_cases():
    """Yield (hook, room, method) of each call in the implementations."""
    tree = ast.parse(inspect.getsource(implementations))
    for hook in tree.body:
        if isinstance(hook, ast.FunctionDef):
            for node in ast.walk(hook):
                match node:
                    case ast.Attribute(
                        value=ast.Attribute(
                            value=ast.Call(func=ast.Name(id="use_cases")), attr=room
                        ),
                        attr=method,
                    ):
                        yield hook.name, room, method


def test_every_hook_goes_through_the_border_once():
    calls = list(called_use_cases())
    hooks = [name for name, _, _ in calls]
    without_a_host = {"salesorder_account_kinds", "salesorder_jobs", "salesorder_event"}
    assert sorted(hooks) == sorted(
        {name for name in dir(spec) if name.startswith("salesorder_")} - without_a_host
    )
    for _, room, method in calls:
        made = vars(use_cases.UseCases)[room].func
        kind = typing.get_type_hints(made, vars(use_cases))["return"]
        assert vars(kind)[method].__code__.co_filename == border.__file__, (room, method)
