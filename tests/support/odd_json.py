"""Hypothesis strategies for what a server may send: JSON of any shape, and what is no JSON."""

import json

from hypothesis import strategies as st

#: Names that mean something to the reader of an answer, so that odd values meet them.
NAMES = (
    *("access_token", "refresh_token", "id_token", "client_info", "scope", "token_type"),
    *("expires_in", "ext_expires_in", "refresh_in", "expires_on", "foci", "interval"),
    *("error", "error_description", "error_codes", "suberror", "trace_id", "correlation_id"),
    *("timestamp", "claims", "device_code", "user_code", "verification_uri", "message"),
)


def texts(longest=60):
    """Any text, lone surrogates and controls among it, some of it looking like what is expected."""
    surrogates = st.characters(codec=None)
    return st.one_of(
        st.text(surrogates, max_size=longest),
        st.sampled_from(
            ["", "abc", "a.b.c", "0", "-1", "1e400", "3599.0", "\ud800", "null", "\x00", "é", "+"]
        ),
    )


def numbers():
    return st.one_of(
        st.integers(),
        st.floats(),
        st.sampled_from([0, -1, 3599, 3599.0, 1e400, -1e400, 10**400, True, False, None]),
    )


def json_values(leaves=12):
    """Any JSON value, numbers and texts as odd as Python's reader takes them."""
    return st.recursive(
        st.one_of(texts(), numbers()),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(st.one_of(st.sampled_from(NAMES), texts(8)), inner, max_size=6),
        ),
        max_leaves=leaves,
    )


def json_objects():
    """A JSON object whose fields are known names with values of any kind."""
    return st.dictionaries(st.sampled_from(NAMES), json_values(4), max_size=8)


def json_bodies():
    """Bodies: JSON objects mostly, cut or nested or no JSON at all at times."""
    whole = st.one_of(json_objects(), json_values()).map(lambda value: json.dumps(value).encode())
    return st.one_of(
        whole,
        whole.map(lambda body: body[: len(body) // 2]),
        st.binary(max_size=80),
        st.sampled_from(
            [
                *(b"", b"[" * 100_000, b'{"claims":' * 50_000, b"9" * 5000, b"\xef\xbb\xbf"),
                # As large as the HTTP session lets through.
                b'{"access_token":"' + b"x" * 1_000_000 + b'"}',
                b'{"error":[' + b"{}," * 300_000 + b"{}]}",
            ]
        ),
    )
