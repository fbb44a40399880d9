"""XOAUTH2: the blob, what is kept out of it, and the error challenge."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from salesorder_m365.plugin.transport.xoauth2 import challenge_text, xoauth2


def test_the_blob_is_that_of_microsofts_example():
    # Microsoft Learn, "Authenticate an IMAP, POP or SMTP connection using OAuth".
    assert xoauth2("test@contoso.onmicrosoft.com", "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA") == (
        "dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFvN0o"
        "zVmUwYmpMQldaV0NjbFJDM0VvQUEBAQ=="
    )


@pytest.mark.parametrize(
    "user",
    ["", "a@contoso.test\x01auth=Bearer other", "a\r\nb", "a\x00", "a\x7f", "\ud800"],
    ids=["empty", "second token", "line break", "nul", "delete", "half a surrogate pair"],
)
def test_a_user_that_could_break_out_is_refused(user):
    with pytest.raises(ValueError, match=r"user|surrogates"):
        xoauth2(user, "token")


@pytest.mark.parametrize("token", ["", "to ken", "to\x01ken", "to\nken", "tökén"])
def test_a_token_that_is_none_is_refused_without_being_shown(token):
    with pytest.raises(ValueError, match="access token") as caught:
        xoauth2("sales@contoso.test", token)
    assert not token or token not in str(caught.value)


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1),
)
def test_user_and_token_stand_in_their_fields(user, token):
    blob = base64.b64decode(xoauth2(user, token), validate=True)
    assert blob.split(b"\x01") == [
        f"user={user}".encode(),
        f"auth=Bearer {token}".encode(),
        b"",
        b"",
    ]


@pytest.mark.parametrize(
    ("challenge", "text"),
    [
        (base64.b64encode(b'{"status":"400"}'), '{"status":"400"}'),
        (b"", ""),
        (b"not base64!", ""),
        (base64.b64encode(b"\xff\xfe"), ""),
        (base64.b64encode(b"x" * 7000), ""),
    ],
    ids=["json", "empty", "no base64", "no text", "too long"],
)
def test_a_challenge_is_read_if_it_is_text(challenge, text):
    assert challenge_text(challenge) == text
