"""The account form's schema: what it takes, what it refuses, and how it says so."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError
from salesorder_m365.schemas.account import AccountForm, load_account
from salesorder_m365.schemas.mail_address import same_address

GOOD = {
    "account_name": "Sales",
    "sender_name": "Sales Desk",
    "sender_email": "sales@contoso.test",
    "use_oauth": True,
    "username": "sales@contoso.test",
}


def test_loads_to_a_frozen_form():
    assert load_account(GOOD) == AccountForm(**GOOD)


def test_username_defaults_to_the_sender_email():
    assert load_account({**GOOD, "username": "  "}).username == "sales@contoso.test"


def test_text_is_trimmed_and_normalised():
    loaded = load_account({**GOOD, "sender_name": " Bu\u0308ro "})
    assert loaded.sender_name == "B\u00fcro"


def test_fields_of_the_host_are_left_out():
    assert load_account({**GOOD, "csrf": "x"}) == AccountForm(**GOOD)


REFUSED = [
    ("account_name", "", "empty"),
    ("account_name", "x" * 81, "at most 80"),
    ("account_name", 7, "valid string"),
    ("sender_name", "Sales\r\nBcc: all@contoso.test", "U+000D"),
    ("sender_name", "=?utf-8?q?=0D=0ABcc:_all?=", "=?utf-8?"),
    ("sender_name", "Sales\u202egro", "U+202E"),
    ("sender_email", "sales", "not a mail address"),
    ("sender_email", "sales@@contoso.test", "not a mail address"),
    ("username", "sales@contoso.test\x01auth=Bearer x", "U+0001"),
    ("use_oauth", False, "takes no passwords"),
    ("use_oauth", "perhaps", "valid boolean"),
]


@pytest.mark.parametrize(("field", "value", "words"), REFUSED, ids=lambda v: repr(v)[:24])
def test_refuses_with_a_message_at_the_field(field, value, words):
    with pytest.raises(ValidationError) as caught:
        load_account({**GOOD, field: value})
    assert list(caught.value.messages) == [field]
    assert words in caught.value.messages[field][0]


def test_a_missing_field_is_named():
    with pytest.raises(ValidationError) as caught:
        load_account({"use_oauth": True})
    assert set(caught.value.messages) == {"account_name", "sender_name", "sender_email"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Sales@Contoso.test", "sales@contoso.TEST", True),
        ("sales@b\u00fccher.example.com", "sales@xn--bcher-kva.example.com", True),
        ("sales@contoso.test", "sales@contoso.example.com", False),
        ("SALES@contoso.test", " sales@contoso.test ", True),
        ("ju\u0308rgen@contoso.test", "j\u00fcrgen@contoso.test", True),
        ("\u017fales@contoso.test", "sales@contoso.test", False),
        ("\u212aim@contoso.test", "kim@contoso.test", False),
        ("\u212aim@contoso.test", "Kim@contoso.test", False),
        ("stra\u00dfe@contoso.test", "strasse@contoso.test", False),
        ("\ufb01nance@contoso.test", "finance@contoso.test", False),
        ("\u0130t@contoso.test", "it@contoso.test", False),
        ("\u0130t@contoso.test", "i\u0307t@contoso.test", False),
        ("\u0131t@contoso.test", "it@contoso.test", False),
        ("\uff53ales@contoso.test", "sales@contoso.test", False),
        ("sale\u200ds@contoso.test", "sales@contoso.test", False),
        ("\u0441ales@contoso.test", "cales@contoso.test", False),
        ("sales@\u212aontoso.test", "sales@kontoso.test", False),
        ("sales@\u212aontoso.test", "sales@Kontoso.test", False),
        ("sales@conto\u017fo.test", "sales@contoso.test", False),
        ("sales@stra\u00dfe.test", "sales@strasse.test", False),
        ("sales@\ufb01rma.test", "sales@firma.test", False),
        ("sales@contoso\u3002test", "sales@contoso.test", False),
        ("sales@" + "\u00fc" * 5000 + ".test", "sales@contoso.test", False),
    ],
)
def test_addresses_are_compared_as_microsoft_does(one, other, same):
    assert same_address(one, other) is same
    assert same_address(other, one) is same


@given(st.text(max_size=40), st.text(max_size=40))
def test_only_ascii_case_and_composition_make_two_addresses_one(one, other):
    one, other = f"{one}@contoso.test", f"{other}@CONTOSO.test"
    if same_address(one, other):
        ours = [unicodedata.normalize("NFC", text.strip()).lower() for text in (one, other)]
        assert ours[0] == ours[1]


@given(st.text(max_size=90))
def test_whatever_is_typed_either_loads_safe_or_is_refused_at_its_field(text):
    try:
        loaded = load_account({**GOOD, "account_name": text})
    except ValidationError as err:
        assert list(err.messages) == ["account_name"]  # noqa: PT017 - both outcomes are right
    else:
        assert loaded.account_name == loaded.account_name.strip()
        assert loaded.account_name.isprintable() or not any(
            c in loaded.account_name for c in "\r\n\0"
        )
