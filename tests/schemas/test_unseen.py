"""Names that nobody sees, and names that look like others."""

import pytest
from marshmallow import ValidationError
from salesorder_m365.plugin.store.accounts import name_key
from salesorder_m365.schemas.account import load_account

GOOD = {
    "account_name": "Sales",
    "sender_name": "Sales Desk",
    "sender_email": "sales@contoso.test",
    "use_oauth": True,
}
TAKEN = {
    "Persian, with a non-joiner": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "Devanagari, with a joiner": "\u0915\u094d\u200d\u0937",
    "Sinhala, with a joiner": "\u0dc1\u0dca\u200d\u0dbb\u0dd3",
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "a rainbow flag": "\U0001f3f3\ufe0f\u200d\U0001f308",
    "a skin tone": "\U0001f469\U0001f3fd\u200d\U0001f4bb",
    "Hangul": "\ud55c\uad6d",
    "a symbol": "\u20ac",
    "digits": "24/7",
}
REFUSED = {
    "soft hyphen": ("Sa\u00adles", "character_refused"),
    "zero width space": ("Sales\u200b", "character_refused"),
    "byte order mark": ("\ufeffSales", "character_refused"),
    "word joiner": ("Sa\u2060les", "character_refused"),
    "joiner between Latin letters": ("Sa\u200dles", "character_refused"),
    "non-joiner between Latin letters": ("Sa\u200cles", "character_refused"),
    "joiner at the end": ("\U0001f468\u200d", "character_refused"),
    "joiner alone": ("\u200d", "character_refused"),
    "left-to-right mark": ("Sales\u200e", "character_refused"),
    "tag letters": ("Sales\U000e0041", "character_refused"),
    "override": ("Sales\u202egro", "character_refused"),
    "Hangul fillers": ("\u3164\u3164", "nothing_to_see"),
    "an empty Braille pattern": ("\u2800", "nothing_to_see"),
    "marks alone": ("\u0301\u0301", "nothing_to_see"),
    "a grapheme joiner": ("\u034f", "nothing_to_see"),
    "a variation selector": ("\ufe0f", "nothing_to_see"),
}


@pytest.mark.parametrize("name", TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("field", ["account_name", "sender_name"])
def test_what_a_script_needs_is_taken(field, name):
    assert getattr(load_account(GOOD | {field: name}), field) == name


@pytest.mark.parametrize(("name", "code"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("field", ["account_name", "sender_name"])
def test_what_nobody_sees_is_refused(field, name, code):
    with pytest.raises(ValidationError) as refused:
        load_account(GOOD | {field: name})
    [problem] = refused.value.messages[field]
    assert problem.code == code


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sales", " sales "),
        ("Sales Desk", "sales  desk"),
        ("Sales\u00a0Desk", "Sales Desk"),
        ("\uff33ales", "Sales"),
        ("Sa\u200dles", "Sales"),
        ("Stra\u00dfe", "STRASSE"),
    ],
)
def test_names_that_read_the_same_have_one_key(one, other):
    assert name_key(one) == name_key(other)


def test_long_keys_fit_their_column_and_do_not_collide():
    # U+FDFA becomes eighteen characters: 80 of them are a key of 1,440.
    names = ["\ufdfa" * 79 + last for last in "abc"]
    keys = {name_key(name) for name in names}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {200}
    assert name_key("\ufdfa" * 79 + "A") in keys
