"""Which domains an account may have: the form and the plan of Generic accounts agree."""

import base64

import pytest
from salesorder_m365.schemas.account import FormErrors
from support.erp import Erp


@pytest.fixture
def erp_of(sim, settings_for):
    return lambda domains: Erp(settings_for(sim, mail_domains=domains))


UMLAUT, A_LABEL = "b\u00fccher.example.com", "xn--bcher-kva.example.com"
CASES = [
    (None, "sales@contoso.test", None),
    (None, "sales@gmail.com", "domain_private"),
    (None, "sales@Outlook.COM", "domain_private"),
    ("contoso.test", "sales@contoso.test", None),
    ("contoso.test", "sales@gmail.com", "domain_foreign"),
    ("contoso.test", "sales@outlook.com", "domain_foreign"),
    ("contoso.test", "sales@sub.contoso.test", "domain_foreign"),
    ("gmail.com", "sales@gmail.com", None),
    (UMLAUT, f"sales@{UMLAUT}", None),
    (UMLAUT, f"sales@{A_LABEL}", None),
    (A_LABEL, f"sales@{UMLAUT}", None),
    (A_LABEL, f"sales@{UMLAUT.upper()}", None),
]


@pytest.mark.parametrize(("domains", "address", "code"), CASES)
def test_the_form_has_the_plans_rule(erp_of, domains, address, code):
    saved = erp_of(domains).save(sender_email=address)
    if code is None:
        assert saved.mailbox.rpartition("@")[2].isascii()
    else:
        assert saved.codes == {"sender_email": (code,)}
        assert address.rpartition("@")[2].lower() in saved.errors["sender_email"][0]


def test_a_username_may_have_the_tenants_first_domain(erp_of):
    erp = erp_of("contoso.test")
    saved = erp.save(username="sales@contoso.onmicrosoft.com")
    assert saved.values.username == "sales@contoso.onmicrosoft.com"
    private = erp.save(request_id="r2", account_name="Other", username="sales@gmail.com")
    assert private.codes == {"username": ("domain_private",)}


def test_an_account_from_before_the_setting_can_still_be_changed(erp_of, sim, settings_for):
    before = erp_of(None)
    account_id = before.save(sender_email="sales@other.example.com").id
    before.settings = settings_for(
        sim, mail_domains="contoso.test", key_ring=key_ring(before.settings)
    )
    changed = {"sender_email": "sales@other.example.com", "sender_name": "New"}
    assert before.save(account_id, **changed).values.sender_name == "New"
    moved = before.save(account_id, sender_email="sales@third.example.com")
    assert isinstance(moved, FormErrors)


def key_ring(settings):
    [key] = settings.key_ring
    return f"{key.id}:{base64.b64encode(key.secret).decode()}"
