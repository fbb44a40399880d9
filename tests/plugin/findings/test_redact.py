"""Server words become one printable line without secrets."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from salesorder_m365.plugin.findings.redact import LONGEST, one_line, printable

TOKEN = "eyJ0eXAiOiJKV1QiLCJub25jZSI6Ing.eyJhdWQiOiJodHRwcyJ9.c2lnbmF0dXJl"
SECRET = "abC8Q~thisisnotarealsecretvalue_0123456.x"


@pytest.mark.parametrize(
    "words",
    [
        f"refused Bearer {TOKEN}",
        f"refused {TOKEN}",
        f"auth={TOKEN}\x01\x01",
        f"refused {TOKEN[:20]}\u200b{TOKEN[20:]}",
        base64.b64encode(f"user=a@contoso.test\x01auth=Bearer {TOKEN}\x01\x01".encode()).decode(),
        f"?code={TOKEN}&state=x",
        f"secret {SECRET} is wrong",
        f"client_secret={SECRET}",
    ],
)
def test_secrets_are_taken_out(words):
    line = one_line(words)
    assert "[removed]" in line
    assert TOKEN[5:20] not in line
    assert TOKEN[-8:] not in line
    assert "notareal" not in line


@pytest.mark.parametrize(
    ("words", "secret"),
    [
        ("Bearer abc123 rest", "abc123"),
        ("https://erp.test/cb?code=short1&x=1", "short1"),
        ("https://erp.test/cb?x=1&state=short2", "short2"),
        ('{"refresh_token":"short3"}', "short3"),
        ("password: short4", "short4"),
        ("code_verifier=short5", "short5"),
    ],
)
def test_short_secrets_are_known_by_their_names(words, secret):
    assert secret not in one_line(words)


@pytest.mark.parametrize(
    "words",
    [
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the …",
        "Visit https://aka.ms/smtp_auth_disabled [FR3P281CA0001.DEUP281.PROD.OUTLOOK.COM]",
        "AADSTS50011: The redirect URI 'https://erp.test/cb' does not match.",
        "Trace ID: 0a1b2c3d-0000-4000-8000-1234567890ab",
        '{"status":"400","schemes":"Bearer","scope":"https://outlook.office.com/SMTP.Send"}',
        "NO Entwürfe doesn't exist.",
    ],
)
def test_what_helps_stays(words):
    assert one_line(words) == words


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (b"a\r\nb", "a b"),
        ("a\u2028b\tc", "a b c"),
        ("a\u202eb\x00c", "abc"),
        (b"\xff ok", "\ufffd ok"),
        ("", ""),
    ],
)
def test_one_line(words, line):
    assert one_line(words) == line


def test_long_words_are_cut():
    line = one_line("word " * 100_000)
    assert len(line) <= LONGEST
    assert line.endswith("…")


@given(st.text() | st.binary())
def test_any_input_gives_one_printable_line(words):
    line = one_line(words)
    assert len(line) <= LONGEST
    assert line == printable(line) == line.strip()
    assert len(line.splitlines()) <= 1
