"""Normalised text: length first, runs of combining marks cut, equal spellings equal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError
from salesorder_m365.schemas import text_forms as module
from salesorder_m365.schemas.account import load_account
from salesorder_m365.schemas.mail_address import same_address
from salesorder_m365.schemas.text_forms import LONGEST_NORMALISED, normalised

#: Each sorts or grows when it is normalised; U+0F73 is no mark by itself but becomes two.
MARKS = {
    "two classes in turn": "\u0301\u0323",
    "one that becomes two": "\u0344",
    "no mark that becomes two": "\u0f73",
    "a letter that becomes a mark": "\uff9e",
}


@pytest.fixture
def given_to_unicodedata(monkeypatch):
    """Note what is handed to ``unicodedata.normalize``, the only costly step."""
    seen, real = [], unicodedata.normalize

    class Watched:
        combining, category = unicodedata.combining, unicodedata.category

        @staticmethod
        def normalize(form, text):
            seen.append(text)
            return real(form, text)

    monkeypatch.setattr(module, "unicodedata", Watched)
    return seen


def longest_run(text):
    run = longest = 0
    for character in unicodedata.normalize("NFKD", text):
        run = run + 1 if unicodedata.combining(character) else 0
        longest = max(run, longest)
    return longest


def form(**changes):
    values = {
        "account_name": "Sales",
        "sender_name": "Ada",
        "sender_email": "sales@contoso.test",
        "use_oauth": True,
    }
    return values | changes


@pytest.mark.parametrize("name", ["account_name", "sender_name", "sender_email", "username"])
@pytest.mark.parametrize("marks", MARKS.values(), ids=MARKS)
def test_160_kb_of_marks_are_refused_before_they_are_normalised(given_to_unicodedata, name, marks):
    text = "a" + marks * (160_000 // len(marks.encode()))
    with pytest.raises(ValidationError) as caught:
        load_account(form(**{name: text}))
    assert set(caught.value.messages) == {name}
    assert f"This has {len(text)} characters" in caught.value.messages[name][0]
    assert max(map(len, given_to_unicodedata), default=0) <= LONGEST_NORMALISED


@pytest.mark.parametrize("form", ["NFC", "NFKC", "NFKD"])
@pytest.mark.parametrize("marks", MARKS.values(), ids=MARKS)
def test_a_run_of_marks_is_cut(given_to_unicodedata, form, marks):
    normalised(form, "a" + marks * (LONGEST_NORMALISED // 2 - 1))
    # One of them may become two, and the letter brings some of its own.
    assert longest_run(given_to_unicodedata[-1]) <= 2 * 30


@pytest.mark.parametrize("form", ["NFC", "NFKC", "NFKD"])
def test_long_text_stays_as_it_came(given_to_unicodedata, form):
    text = "e\u0301" * LONGEST_NORMALISED
    assert normalised(form, text) == text
    assert given_to_unicodedata == []


@given(st.text(st.characters(blacklist_categories=["Cs", "Mn", "Mc", "Me", "Lm"]), max_size=200))
def test_ordinary_text_is_normalised_as_unicode_says(text):
    for form in ("NFC", "NFKC", "NFKD"):
        assert normalised(form, text) == unicodedata.normalize(form, text)


def test_a_name_in_any_spelling_counts_by_what_it_becomes():
    hangul = unicodedata.normalize("NFD", "\ud55c" * 80)
    assert len(hangul) == 240
    assert load_account(form(account_name=hangul)).account_name == "\ud55c" * 80


def test_addresses_of_any_length_can_be_compared(given_to_unicodedata):
    assert not same_address("\u0301\u0323" * 100_000, "sales@contoso.test")
    assert max(map(len, given_to_unicodedata), default=0) <= LONGEST_NORMALISED
