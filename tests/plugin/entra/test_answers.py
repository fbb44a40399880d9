"""Answers of odd shape: what is taken, what is refused, and that nothing raw comes out."""

import json
import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from salesorder_m365.plugin.entra.addresses import is_endpoint, is_page
from salesorder_m365.plugin.entra.answers import device_fields, fields_of, token_fields
from salesorder_m365.plugin.entra.refusals import (
    GrantRefusedError,
    broken,
    claims_of,
    refusal,
    seconds_of,
)
from salesorder_m365.plugin.errors import M365Error, RegistrationError, UnavailableError
from support.odd_json import json_bodies, json_values, texts

TOKEN = {"access_token": "a-token", "expires_in": 3599}
HOUR, DAY = 3600, 24 * 3600


@pytest.mark.parametrize(
    ("life", "seconds"),
    [
        (3599, 3599),
        (3599.0, 3599),
        (3599.9, 3599),
        ("3599", 3599),
        ("3599.0", 3599),
        (3.6e3, 3600),
        (None, HOUR),
        (10**30, DAY),
        (1e300, DAY),
        (1, 1),
    ],
    ids=repr,
)
def test_lifetimes_of_every_kind_of_number(life, seconds):
    assert token_fields(TOKEN | {"expires_in": life})["expires_in"] == seconds


def test_a_missing_lifetime_is_an_hour():
    assert token_fields({"access_token": "a-token"})["expires_in"] == HOUR


@pytest.mark.parametrize(
    "change",
    [
        {"expires_in": life}
        for life in (0, -1, 0.5, math.inf, -math.inf, math.nan, "soon", "", True, [], {}, "1e400")
    ]
    + [{"access_token": token} for token in (None, "", 5, True, [], {}, "\ud800", "a\nb", "é")]
    + [{"refresh_token": token} for token in (5, True, [], {}, "\ud800", "a\x00", "x" * 70000)]
    + [{"id_token": ""}, {"id_token": 5}, {"scope": ["a"]}, {"client_info": {}}],
    ids=repr,
)
def test_a_field_of_another_kind_makes_the_answer_unusable(change):
    with pytest.raises(UnavailableError) as caught:
        token_fields(TOKEN | change)
    assert caught.value.reason == "no usable answer"


@pytest.mark.parametrize("nothing", [None, ""], ids=repr)
def test_what_an_answer_lacks_is_left_out(nothing):
    found = token_fields(TOKEN | {"refresh_token": nothing, "scope": nothing, "foci": "1"})
    assert set(found) == {"access_token", "token_type", "expires_in"}


def response(status=200, body=b"{}", **headers):
    return SimpleNamespace(status_code=status, content=body, headers=headers)


DEEP = b'{"claims": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (response(200, b"<html>"), UnavailableError),
        (response(200, b""), UnavailableError),
        (response(200, b"[]"), UnavailableError),
        (response(200, b'"text"'), UnavailableError),
        (response(200, b"\xff\xfe\x00"), UnavailableError),
        (response(200, DEEP), UnavailableError),
        (response(200, b"1" * 10_000), UnavailableError),
        (response(302, b'{"access_token": "x"}'), UnavailableError),
        (response(302, b'{"error": "invalid_grant"}'), UnavailableError),
        (response(400, b'{"error": ""}'), UnavailableError),
        (response(400, b'{"error": 5}'), UnavailableError),
        (response(400, b'{"error": "invalid_grant"}'), GrantRefusedError),
        (response(200, b'{"error": "invalid_grant"}'), GrantRefusedError),
        (response(500, b'{"error": "invalid_grant"}'), UnavailableError),
        (response(401, b'{"error": "invalid_client"}'), RegistrationError),
        (response(400, b'{"error": "invalid_grant", "error_codes": 5}'), GrantRefusedError),
        (response(400, b'{"error": "x\\ud800", "trace_id": "\\ud800\\u0000"}'), GrantRefusedError),
    ],
)
def test_every_other_answer_is_an_error_of_ours(given, expected):
    with pytest.raises(expected) as caught:
        fields_of(given, token_fields)
    assert type(caught.value) is expected
    repr(caught.value).encode()


def test_the_charset_that_an_answer_names_is_not_obeyed():
    odd = response(200, json.dumps(TOKEN).encode(), **{"Content-Type": "x/y; charset=undefined"})
    assert fields_of(odd, token_fields)["access_token"] == "a-token"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("7.5", 7.5),
        ("0", 0),
        ("99999999999999999999", 3600),
        ("9999999", 3600),
        ("-7", None),
        ("1_0", None),
        ("\u0667", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("soon", None),
        ("7, 9", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ("Wed, 21 Oct 2015 07:28:00 +99999999999", None),
        ("Wed, 21 Oct 2015 07:28:00 -9999", None),
        ("Wed, 99 Oct 99999 99:99:99 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0),
    ],
)
def test_retry_after_of_every_shape(header, seconds):
    assert seconds_of(header) == seconds


@given(st.one_of(texts(), st.datetimes().map(str), st.integers().map(str)))
def test_any_retry_after_is_some_seconds_or_none(header):
    seconds = seconds_of(header)
    assert seconds is None or 0 <= seconds <= 3600


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"access_token":{}}', '{"access_token":{}}'),
        ('{"a": "\u00e9\\ud800"}', '{"a":"\\u00e9\\ud800"}'),
        ('{"a": NaN}', None),
        ('{"a": "' + "x" * 5000 + '"}', None),
        ("[" * 100_000, None),
        ("[]", None),
        ("{", None),
        ("", None),
        (None, None),
    ],
    ids=lambda text: repr(text)[:20],
)
def test_only_a_json_object_is_a_claims_request(text, kept):
    assert claims_of(text) == kept


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(5, 5), ("5", 5), (None, 5), (0, 1), (-3, 1), (86400, 60), ("soon", 5), ([], 5), (1e400, 60)],
)
def test_intervals_of_a_device_code_stay_within_reason(value, seconds):
    found = device_fields(DEVICE | {"interval": value})
    assert found["interval"] == seconds


@pytest.mark.parametrize(
    ("value", "seconds"), [(900, 900), (math.inf, 1800), (None, 900), ("600", 600), (1e300, 1800)]
)
def test_the_life_of_a_device_code_is_believed_up_to_half_an_hour(value, seconds):
    assert device_fields(DEVICE | {"expires_in": value})["expires_in"] == seconds


DEVICE = {
    "device_code": "d" * 40,
    "user_code": "ABC123DEF",
    "verification_uri": "https://login.example.com/device",
}


@pytest.mark.parametrize(
    "change",
    [
        {"device_code": None},
        {"user_code": 5},
        {"user_code": "\x1b[2J"},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "http://login.example.com/device"},
        {"expires_in": 0},
        {"expires_in": "soon"},
    ],
    ids=repr,
)
def test_a_device_code_that_cannot_be_used_is_no_answer(change):
    with pytest.raises(UnavailableError):
        device_fields(DEVICE | change)


PAGES = [
    ("https://login.microsoftonline.com/t/oauth2/v2.0/authorize", True, True),
    ("HTTPS://login.microsoftonline.com/", True, True),
    ("https://localhost:8443/x?y=z", True, True),
    ("http://localhost:8365/x", True, False),
    ("http://127.0.0.1:8365/x", True, False),
    ("http://[::1]:8365/x", True, False),
    ("http://login.microsoftonline.com/", False, False),
    ("http://127.0.0.1.example.com/", False, False),
    ("http://localhost.example.com/", False, False),
    ("javascript:alert(1)", False, False),
    ("javascript://localhost/%0aalert(1)", False, False),
    ("JavaScript:alert(1)//https://x", False, False),
    ("data:text/html,x", False, False),
    ("file:///etc/passwd", False, False),
    ("//login.microsoftonline.com/", False, False),
    ("/authorize", False, False),
    ("https:login.microsoftonline.com", False, False),
    ("https://", False, False),
    ("https://user@login.microsoftonline.com/", False, False),
    ("https://login.microsoftonline.com\\@example.com/", False, False),
    ("https://login.microsoftonline.com/\n", False, False),
    (" https://login.microsoftonline.com/", False, False),
    ("https://login.microsoftonline.com/#fragment", False, False),
    ("https://login.microsoftonline.com:99999/", False, False),
    ("https://login.microsoftonline.com:0/", False, False),
    ("https://[::1/", False, False),
    ("https://l\u043egin.microsoftonline.com/", False, False),
    ("https://x/" + "y" * 3000, False, False),
    ("", False, False),
]


@pytest.mark.parametrize(("address", "page", "endpoint"), PAGES)
def test_where_browsers_and_secrets_may_go(address, page, endpoint):
    assert (is_page(address), is_endpoint(address)) == (page, endpoint)


@given(json_bodies(), st.integers(min_value=100, max_value=599), texts(), st.booleans())
def test_any_answer_gives_clean_fields_or_an_error_of_ours(body, status, header, discovering):
    try:
        found = fields_of(
            response(status, body, **{"Retry-After": header}),
            token_fields,
            discovering=discovering,
        )
    except M365Error as err:
        str(err).encode()
        return
    assert status == 200
    assert found["access_token"].isascii()
    assert 0 < found["expires_in"] <= DAY


@given(json_values(), st.integers(min_value=0, max_value=599))
def test_any_refusal_can_be_stored_and_shown(answer, status):
    err = refusal({"error": answer}, status=status, retry_after=None)
    odd = {"error": "invalid_grant", "error_codes": answer, "error_description": answer}
    refused = GrantRefusedError(odd | {"trace_id": answer, "claims": answer})
    for text in (str(err), refused.description, *refused.references.values()):
        assert "\x00" not in text
        text.encode()
    assert all(isinstance(number, int) for number in refused.aadsts)
    assert isinstance(broken(status=status, retry_after=None), M365Error)
