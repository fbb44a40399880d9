"""Addresses: syntax, one spelling, and which name the same mailbox."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError
from salesorder_m365.schemas.mail_address import (
    domain_of,
    fold_address,
    normal_address,
    same_address,
)

TAKEN = {
    "sales@contoso.test": "sales@contoso.test",
    "Sales.Desk@Contoso.TEST": "Sales.Desk@contoso.test",
    "o'brien+x=y/z@contoso.example.com": "o'brien+x=y/z@contoso.example.com",
    "b\u00fcro@b\u00fccher.example.com": "b\u00fcro@xn--bcher-kva.example.com",
    "a@B\u00dcCHER.example.com": "a@xn--bcher-kva.example.com",
    "a@xn--bcher-kva.example.com": "a@xn--bcher-kva.example.com",
    "1@2.example.com": "1@2.example.com",
    f"{'x' * 64}@contoso.test": f"{'x' * 64}@contoso.test",
}
REFUSED = [
    "sales",
    "@contoso.test",
    "sales@",
    "sales@@contoso.test",
    "sales@contoso@contoso.test",
    "sales@contoso",
    "sales@contoso..test",
    "sales@.contoso.test",
    "sales@contoso.test.",
    "sales@-contoso.test",
    "sales@contoso_.test",
    "sales@127.0.0.1",
    "sales@[127.0.0.1]",
    "sales@contoso.123",
    ".sales@contoso.test",
    "sales.@contoso.test",
    "sa..les@contoso.test",
    "sa les@contoso.test",
    '"sales desk"@contoso.test',
    '"sales"@contoso.test',
    "sales(desk)@contoso.test",
    "sales@contoso.test (desk)",
    "<sales@contoso.test>",
    "Sales <sales@contoso.test>",
    "sales@contoso.test,info@contoso.test",
    "sales;info@contoso.test",
    "sales@xn--zz.test\u00ad-",
    "sales@xn--a.test",
    f"{'x' * 65}@contoso.test",
    f"{chr(0xFC) * 33}@contoso.test",
    f"sales@{'x' * 64}.test",
    f"sales@{'x.' * 130}test",
    f"sales@{chr(0xFC) * 5000}.test",
    "sales@\ud800.test",
    "\ud800@contoso.test",
]


@pytest.mark.parametrize(("typed", "spelled"), TAKEN.items())
def test_an_address_has_one_spelling(typed, spelled):
    assert normal_address(typed) == spelled
    assert normal_address(spelled) == spelled


@pytest.mark.parametrize("typed", REFUSED, ids=ascii)
def test_what_is_no_address_is_refused(typed):
    with pytest.raises(ValidationError) as refused:
        normal_address(typed)
    [problem] = refused.value.messages
    assert problem.code == "address_invalid"
    assert len(problem) < 400


SAME = [
    ("Sales@Contoso.test", "sales@contoso.TEST", True),
    ("sales@b\u00fccher.example.com", "sales@xn--bcher-kva.example.com", True),
    ("bu\u0308ro@contoso.test", "b\u00fcro@contoso.test", True),
    ("sales@contoso.test", "sales@contoso.example.com", False),
    ("sale\u017f@contoso.test", "sales@contoso.test", False),
    ("stra\u00dfe@contoso.test", "strasse@contoso.test", False),
    ("\u212aate@contoso.test", "kate@contoso.test", False),
    ("\u212aate@contoso.test", "Kate@contoso.test", False),
    ("\ufb01nance@contoso.test", "finance@contoso.test", False),
    ("\u0130nfo@contoso.test", "info@contoso.test", False),
    ("B\u00dcRO@contoso.test", "b\u00fcro@contoso.test", False),
    ("sales@contoso.test", "sales@contoso.test.", False),
]


@pytest.mark.parametrize(("one", "other", "same"), SAME, ids=ascii)
def test_addresses_are_compared_as_microsoft_does(one, other, same):
    assert same_address(one, other) is same
    assert same_address(other, one) is same


@given(st.text(max_size=70), st.text(max_size=70))
def test_any_text_is_an_address_in_its_one_spelling_or_refused(local, domain):
    try:
        spelled = normal_address(f"{local}@{domain}")
    except ValidationError:
        return
    assert normal_address(spelled) == spelled
    assert spelled.rpartition("@")[2].isascii()


@given(st.text(max_size=90))
def test_comparing_takes_any_text(text):
    assert same_address(text, text)
    assert fold_address(text) == fold_address(f" {text} ") or not text.isascii()
    domain_of(text)


def test_nothing_is_imported_that_hosts_detect():
    """Tryton and others ask DNS about every address once these can be imported."""
    program = (
        "import sys, salesorder_m365.schemas.account as a;"
        "a.load_account({'account_name': 'S', 'sender_name': 'S', 'use_oauth': True,"
        " 'sender_email': 'a@b\\u00fccher.example.com'});"
        "print(*({'email_validator', 'dns'} & sys.modules.keys()))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.strip() == ""
