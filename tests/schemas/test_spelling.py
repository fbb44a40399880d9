"""Settings as people type them: what is cut off, what is refused, and by which words."""

import base64
import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from salesorder_m365.schemas import addresses
from salesorder_m365.schemas.settings import SettingsSchema, load_settings
from salesorder_m365.schemas.spelling import a_label, trimmed

GUID = "5f0c1c1e-0000-4000-8000-0000000000ab"
SECRET = "abC8Q~canary_secret-of.contoso"
GOOD = {
    "tenant": "contoso.test",
    "client_id": GUID,
    "client_secret": SECRET,
    "client_secret_expires": "2027-06-30",
    "cloud": "worldwide",
    "base_url": "https://erp.example.com",
    "callback_path": "/mail/callback",
    "mail_domains": "contoso.test",
    "database_url": "sqlite:////var/lib/erp/m365.db",
    "key_ring": "k1:" + base64.b64encode(bytes(32)).decode(),
    "authority": "https://login.example.com",
    "resource": "https://outlook.example.com",
    "imap": "mail.example.com:993",
    "smtp": "mail.example.com:587",
    "proxy": "http://svc:canary@proxy:3128",
    "http_timeout": "10",
    "mail_timeout": "20",
}
AROUND = {
    "line end": "\n",
    "CRLF": "\r\n",
    "space": " ",
    "tab": "\t",
    "no-break space": "\xa0",
    "byte-order mark": "\ufeff",
    "zero-width space": "\u200b",
    "direction mark": "\u200e",
}
#: Lists and rings are taken apart at white space.
LISTS = {"mail_domains", "key_ring"}


def problems(**changes):
    """What is said of each setting."""
    return SettingsSchema().validate({**GOOD, **changes})


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_what_stands_around_a_value_is_cut_off_everywhere(name, around):
    assert load_settings({**GOOD, name: around + GOOD[name] + around}) == load_settings(GOOD)


INSIDE = {
    "a space": " ",
    "a tab": "\t",
    "a line end": "\r",
    "no-break space (U+00A0)": "\xa0",
    "zero width space (U+200B)": "\u200b",
    "right double quotation mark (U+201D)": "”",
    "quotation mark (U+0022)": '"',
    "apostrophe (U+0027)": "'",
    "the character U+0000": "\0",
    "right-to-left override (U+202E)": "\u202e",
}
#: A path and an SQLite address may hold spaces and quotes.
TOKENS = sorted(GOOD.keys() - LISTS - {"database_url"})


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize(("words", "char"), INSIDE.items(), ids=INSIDE)
def test_what_stands_inside_is_refused_by_name(name, words, char):
    text = GOOD[name]
    (said,) = problems(**{name: text[:1] + char + text[1:]})[name]
    assert f"There is {words} in it." in said
    assert "canary" not in said


@pytest.mark.parametrize("name", sorted(GOOD.keys() - LISTS))
@pytest.mark.parametrize("quotes", ['""', "''", "“”"])
def test_quotes_around_a_value_are_refused(name, quotes):
    (said,) = problems(**{name: quotes[0] + GOOD[name] + quotes[1]})[name]
    assert "in quotes" in said


WRONG = [
    # Names and ids.
    ("client_id", "not-a-guid", "not an id like"),
    ("client_id", GUID.replace("-", ""), "not an id like"),
    ("client_id", f"{{{GUID}}}", "not an id like"),
    ("client_id", GUID.replace("-", "\u2013"), "en dash (U+2013)"),
    ("client_id", GUID[:-1], "not an id like"),
    ("client_secret", GUID, "This is the Secret ID"),
    ("client_secret", GUID.upper(), "This is the Secret ID"),
    ("client_secret", "sécret", "latin small letter e with acute"),
    ("tenant", "gmail", "not a tenant's id"),
    ("tenant", "Consumers", "corporate"),
    ("tenant", "https://contoso.test", "not a tenant's id"),
    ("tenant", "contoso..test", "not a tenant's id"),
    ("tenant", "10.0.0.1", "not a tenant's id"),
    ("tenant", GUID, "This is the Application (client) ID"),
    ("cloud", "Worldwide", "Must be one of"),
    ("client_secret_expires", "30.06.2027", "not a date"),
    ("client_secret_expires", "2027-02-30", "not a date"),
    ("client_secret_expires", "20270630", "not a date"),
    ("client_secret_expires", "\uff12027-06-30", "not a date"),
    # Servers.
    ("imap", "mail:²", "host:port"),
    ("imap", "mail:٣", "host:port"),
    ("imap", "mail:", "host:port"),
    ("imap", "mail:65536", "host:port"),
    ("imap", "mail:+993", "host:port"),
    ("imap", "imaps://mail", "host:port"),
    ("imap", "a..b", "host:port"),
    ("smtp", "-mail:587", "host:port"),
    ("smtp", "1.2.3.400:587", "host:port"),
    # Addresses.
    ("base_url", "https://erp.example.com:99999", "not an address"),
    ("base_url", "https://erp.example.com:0", "not an address"),
    ("base_url", "https://erp.example\r\n.com", "a line end"),
    ("base_url", "https://erp.example.com/\nX: y", "a line end"),
    ("base_url", "https://erp.example.com?", "not an address"),
    ("base_url", "https://erp.example.com/#", "not an address"),
    ("base_url", "https://erp.example.com/../x", "not an address"),
    ("base_url", "https://a@erp.example.com", "not an address"),
    ("base_url", "https://erp\\example.com", "not an address"),
    ("base_url", "https://erp .example.com", "a space"),
    ("base_url", "erp.example.com", "not an address"),
    ("base_url", "http://erp.example.com", "must begin with https://"),
    ("base_url", "ftp://localhost", "must begin with https://"),
    ("authority", "https://login.example.com/contoso", "with nothing behind it"),
    ("authority", "http://localhost:8367", "must begin with https://"),
    ("callback_path", "/mail/../callback", "not a path"),
    ("callback_path", "//erp.example.com", "not a path"),
    ("callback_path", "/mail?x", "not a path"),
    ("proxy", "proxy:3128", "not an address like http://proxy:3128"),
    ("proxy", "socks5://proxy:1080", "not an address like http://proxy:3128"),
    ("proxy", "http://CORP\\svc:pw@proxy:3128", "http://CORP%5Cname:password@proxy:3128"),
    ("proxy", "http://svc:p@ss@proxy:3128", "@ as %40"),
    ("proxy", "http://svc:p/ss@proxy:3128", "/ as %2F"),
    ("proxy", "http://svc:p#ss@proxy:3128", "# as %23"),
    ("proxy", "http://svc:100%@proxy:3128", "% as %25"),
    ("proxy", "http://proxy:99999", "not an address"),
    ("proxy", "http://proxy:3128/path", "not an address"),
    # Databases.
    ("database_url", "mysql://erp@db/erp", "SQLite or PostgreSQL only"),
    ("database_url", "postgres://erp@db/erp", "postgresql+psycopg:// in place of"),
    ("database_url", "postgresql+asyncpg://erp@db/erp", "postgresql+psycopg://"),
    ("database_url", "postgresql+psycopg://erp@db:port/erp", "port"),
    ("database_url", "postgresql+psycopg://erp@db:99999/erp", "port"),
    ("database_url", "postgresql+psycopg://erp:p@ss@db/erp", "@ as %40"),
    ("database_url", "postgresql+psycopg://erp:p w@db/erp", "a space"),
    ("database_url", "accounts.db", "perhaps a path"),
    ("database_url", "/var/lib/accounts.db", "perhaps a path"),
    ("database_url", ":memory:", "perhaps a path"),
    ("database_url", "sqlite://", "names no file"),
    ("database_url", "sqlite:///", "names no file"),
    ("database_url", "sqlite:///:memory:", "names no file"),
    ("database_url", "sqlite:///file:x?mode=memory&uri=true", "names no file"),
    ("database_url", "sqlite://var/lib/accounts.db", "Three slashes"),
    ("database_url", "sqlite+aiosqlite:////var/lib/m365.db", "sqlite://"),
    ("database_url", "sqlite:///~/accounts.db", "~"),
    ("database_url", "sqlite:////var/lib/erp/", "a folder"),
    # Numbers.
    ("http_timeout", "1_0", "number of seconds"),
    ("http_timeout", "1e1", "number of seconds"),
    ("http_timeout", "nan", "number of seconds"),
    ("http_timeout", "10s", "number of seconds"),
    ("http_timeout", "1,5", "number of seconds"),
    ("mail_timeout", "-5", "number of seconds"),
    ("mail_timeout", True, "not text"),
    ("mail_domains", "contoso", "not a domain"),
    ("mail_domains", "contoso.com, a@b.test", "not a domain"),
    ("tenant", ["contoso.test"], "not text"),
]


@pytest.mark.parametrize(("name", "text", "words"), WRONG, ids=[f"{w[0]} {w[1]}" for w in WRONG])
def test_a_wrong_value_is_told_with_its_remedy(name, text, words):
    (said,) = problems(**{name: text})[name]
    assert words in said


RIGHT = [
    ("client_id", GUID.upper(), GUID),
    ("tenant", "Contoso.OnMicrosoft.com", "contoso.onmicrosoft.com"),
    ("tenant", "Organizations", "organizations"),
    ("base_url", "HTTPS://ERP.Example.com:8443/erp/", "https://erp.example.com:8443/erp"),
    ("base_url", "https://bücher.example", "https://xn--bcher-kva.example"),
    ("base_url", "http://[::1]:8365", "http://[::1]:8365"),
    ("base_url", "https://my_erp.intern", "https://my_erp.intern"),
    ("proxy", "http://CORP%5Csvc:p%40ss@proxy:3128", "http://CORP%5Csvc:p%40ss@proxy:3128"),
    ("proxy", "http://proxy", "http://proxy"),
    ("database_url", "sqlite:////srv/my erp/O'Brien.db", "sqlite:////srv/my erp/O'Brien.db"),
    ("database_url", "postgresql+psycopg:///erp", "postgresql+psycopg:///erp"),
    (
        "database_url",
        "postgresql+psycopg://erp:p/w%40@[::1]:5432/erp?sslmode=require",
        "postgresql+psycopg://erp:p/w%40@[::1]:5432/erp?sslmode=require",
    ),
    ("client_secret_expires", date(2027, 6, 30), date(2027, 6, 30)),
    ("http_timeout", 2, 2.0),
    ("mail_domains", "@Bücher.example; xn--bcher-kva.example", ("xn--bcher-kva.example",)),
]


@pytest.mark.parametrize(("name", "text", "used"), RIGHT, ids=[f"{r[0]} {r[1]}" for r in RIGHT])
def test_a_right_value_is_used_in_its_one_spelling(name, text, used):
    assert getattr(load_settings({**GOOD, name: text}), name) == used


MISSING = {
    "postgresql+psycopg://erp@db/erp": "pip install 'salesorder-m365[postgresql]'",
    "postgresql://erp@db/erp": "Write postgresql+psycopg://",
}


@pytest.mark.parametrize("url", MISSING)
def test_a_missing_driver_is_told_with_the_line_that_installs_it(url, mocker):
    mocker.patch.object(addresses, "find_spec", return_value=None)
    (said,) = problems(database_url=url)["database_url"]
    assert MISSING[url] in said


@pytest.mark.parametrize("domain", ["a" * 64 + ".test", "a." * 200 + "test", "-a.test", "a b.test"])
def test_what_is_no_domain_has_no_a_label(domain):
    with pytest.raises(ValueError, match=r".+"):
        a_label(domain)


TEXT = st.text(st.characters(codec="utf-8"), max_size=40) | st.text(
    st.sampled_from(string.printable + "“\xa0\u200b²٣\u017f\\@:/[]%"), max_size=40
)


@pytest.mark.parametrize("name", GOOD)
@given(text=TEXT, place=st.integers(0, 40), kept=st.booleans())
def test_whatever_is_typed_is_taken_or_told(name, text, place, kept):
    """A value or ``ValidationError``; what was taken is taken again, unchanged."""
    typed = GOOD[name][:place] + text + GOOD[name][place:] if kept else text
    wrong = SettingsSchema().validate({**GOOD, name: typed})
    assert list(wrong) in ([], [name])
    if wrong:
        return
    settings = load_settings({**GOOD, name: typed})
    used = getattr(settings, name)
    if isinstance(used, str):
        assert used == trimmed(used)
        assert getattr(load_settings({**GOOD, name: used}), name) == used
        assert not {"\r", "\n", "\0"} & set(used)
