"""The settings' schema: every wrong setting is named at once, and no secret stands in a message."""

import base64

import pytest
from marshmallow import ValidationError
from salesorder_m365.schemas.settings import Endpoint, load_settings

RING = "k1:" + base64.b64encode(bytes(32)).decode()
GOOD = {
    "tenant": "contoso.test",
    "client_id": "00000000-0000-4000-8000-000000000001",
    "client_secret": "canary-secret",
    "base_url": "https://erp.example.com",
    "database_url": "sqlite:///accounts.db",
    "key_ring": RING,
}


def test_loads_with_the_documented_defaults():
    settings = load_settings(GOOD)
    assert settings.redirect_uri == "https://erp.example.com/mail/m365/callback"
    assert (settings.cloud, settings.http_timeout, settings.imap) == ("worldwide", 10.0, None)
    assert settings.key_ring[0].id == "k1"


def test_no_secret_stands_in_the_repr():
    text = repr(load_settings(GOOD))
    assert "canary-secret" not in text
    assert repr(bytes(32)) not in text


def test_a_host_may_name_its_port():
    assert load_settings({**GOOD, "imap": "localhost:8993"}).imap == Endpoint(
        host="localhost", port=8993
    )


@pytest.mark.parametrize(
    ("given", "domains"),
    [
        ("contoso.com", ("contoso.com",)),
        (" @Contoso.com,\n fabrikam.com contoso.COM", ("contoso.com", "fabrikam.com")),
        ("", ()),
    ],
)
def test_mail_domains_are_separated_by_commas_or_white_space(given, domains):
    assert load_settings({**GOOD, "mail_domains": given}).mail_domains == domains


WRONG = [
    ({"tenant": "common"}, "tenant", "corporate"),
    ({"tenant": "contoso.test/.."}, "tenant", "not a tenant"),
    ({"base_url": "http://erp.example.com"}, "base_url", "https://"),
    ({"base_url": "https://user@erp.example.com"}, "base_url", "not an address"),
    ({"callback_path": "mail"}, "callback_path", "not a path"),
    ({"key_ring": "k1"}, "key_ring", "id:base64"),
    ({"key_ring": "k1:" + base64.b64encode(b"short").decode()}, "key_ring", "needs 32"),
    ({"key_ring": f"{RING},{RING}"}, "key_ring", "same id"),
    ({"cloud": "mars"}, "cloud", "Must be one of"),
    ({"imap": "host:0"}, "imap", "host:port"),
    ({"mail_domains": "contoso.com, nonsense"}, "mail_domains", "“nonsense” is not a domain"),
    ({"ca_file": "/nonexistent/ca.pem"}, "ca_file", "no file"),
    ({"client_certificate": "/nonexistent/c.pem"}, "client_secret", "either"),
    ({"nonsense": "1"}, "nonsense", "Unknown field"),
]


@pytest.mark.parametrize(("change", "name", "words"), WRONG, ids=[str(c[0])[:40] for c in WRONG])
def test_a_wrong_setting_is_named(change, name, words):
    with pytest.raises(ValidationError) as caught:
        load_settings({**GOOD, **change})
    assert words in caught.value.messages[name][0]


def test_every_wrong_setting_is_named_at_once():
    with pytest.raises(ValidationError) as caught:
        load_settings({"cloud": "mars", "key_ring": "canary-key", "tenant": "common"})
    assert {"cloud", "key_ring", "tenant", "client_id", "base_url", "database_url"} <= set(
        caught.value.messages
    )
    assert "canary-key" not in str(caught.value.messages)
