"""Settings from environment, ini file and secret files: who wins, how a problem is told."""

import base64
import traceback

import pytest
from salesorder_m365.plugin.errors import SettingsError
from salesorder_m365.plugin.settings.reading import CONFIG_VARIABLE, PREFIX, SECRETS, read_settings

RING = "k1:" + base64.b64encode(b"canary-key-of-thirty-two-bytes!!").decode()
CANARIES = ("canary", RING.partition(":")[2][:16])
GOOD = {
    "tenant": "contoso.test",
    "client_id": "00000000-0000-4000-8000-000000000001",
    "client_secret": "canary-secret",
    "base_url": "https://erp.example.com",
    "database_url": "postgresql+psycopg://erp:canary-password@db/erp",
    "key_ring": RING,
}


def environ(**values):
    return {PREFIX + name.upper(): str(value) for name, value in values.items()}


@pytest.fixture
def ini(tmp_path):
    """Write an ini file: its text, or the settings of our section."""

    def write(text=None, **values):
        lines = [f"{name} = {value}" for name, value in values.items()]
        path = tmp_path / "erp.ini"
        path.write_text(text or "\n".join(["[salesorder-m365]", *lines]), encoding="utf-8")
        return path

    return write


@pytest.fixture
def problems_of():
    """The problems that `read_settings` finds; no secret may be seen in any of them."""

    def read(env, file=None):
        with pytest.raises(SettingsError) as caught:
            read_settings(env, file)
        seen = "".join(traceback.format_exception(caught.value))
        assert [canary for canary in CANARIES if canary in seen] == []
        return caught.value.problems

    return read


def test_the_canaries_are_seen_where_nothing_hides_them():
    assert [canary for canary in CANARIES if canary in str(GOOD)] == list(CANARIES)


def test_reads_the_environment():
    settings = read_settings(environ(**GOOD, http_timeout="2.5") | {"PATH": "/bin"})
    assert (settings.tenant, settings.client_secret) == ("contoso.test", "canary-secret")
    assert settings.http_timeout == 2.5


def test_reads_the_processs_own_environment(monkeypatch):
    for name, value in environ(**GOOD).items():
        monkeypatch.setenv(name, value)
    assert read_settings().client_id == GOOD["client_id"]


def test_reads_a_file_that_is_shared_with_the_host(ini):
    file = ini("[DEFAULT]\nnonsense = 1\n[database]\npath = 100%\n" + ini(**GOOD).read_text())
    assert read_settings({}, file) == read_settings(environ(**GOOD))


def test_the_environment_names_the_file_and_wins_over_it(ini):
    file = ini(**GOOD, cloud="china")
    settings = read_settings({CONFIG_VARIABLE: str(file), **environ(cloud="dod")})
    assert (settings.cloud, settings.tenant) == ("dod", "contoso.test")


def test_an_empty_variable_counts_as_not_given(ini):
    assert read_settings(environ(cloud="", tenant=" "), ini(**GOOD)).tenant == "contoso.test"


def test_a_key_ring_may_stand_on_several_lines(ini):
    other = RING.replace("k1:", "k0:")
    ring = read_settings({}, ini(**{**GOOD, "key_ring": f"{RING}\n    {other}"})).key_ring
    assert [key.id for key in ring] == ["k1", "k0"]


@pytest.mark.parametrize("name", sorted({"client_secret", "key_ring", "database_url"}))
def test_a_secret_may_lie_in_a_file_of_its_own(tmp_path, name):
    assert name in SECRETS
    secret = tmp_path / name
    secret.write_text(GOOD[name] + "\n")
    given = {**GOOD, f"{name}_file": secret}
    del given[name]
    assert read_settings(environ(**given)) == read_settings(environ(**GOOD))


def test_a_variable_wins_over_the_files_secret_file(ini, tmp_path):
    file = ini(**{**GOOD, "client_secret": ""}, client_secret_file=tmp_path / "gone")
    with pytest.raises(SettingsError, match="client_secret_file"):
        read_settings({}, file)
    (tmp_path / "gone").write_text("of the file")
    assert read_settings(environ(client_secret="mine"), file).client_secret == "mine"


def test_every_problem_is_told_at_once_under_the_name_that_was_used(ini, problems_of):
    file = ini(tenant="common", mail_timeout="long", key_ring="canary-key", clout="china")
    problems = problems_of(environ(base_url="http://canteen", imapp="localhost"), file)
    assert set(problems) == {
        f"tenant ({file})",
        f"mail_timeout ({file})",
        f"key_ring ({file})",
        f"clout ({file})",
        PREFIX + "BASE_URL",
        PREFIX + "IMAPP",
        PREFIX + "CLIENT_ID",
        PREFIX + "CLIENT_SECRET",
        PREFIX + "DATABASE_URL",
    }
    assert problems[PREFIX + "CLIENT_ID"] == ("This setting is missing.",)


UNKNOWN = [
    ("tennant", "Do you mean SALESORDER_M365_TENANT?"),
    ("client_secret_fil", "Do you mean SALESORDER_M365_CLIENT_SECRET_FILE?"),
    ("confg", "Do you mean SALESORDER_M365_CONFIG?"),
    ("zzz", "docs/settings.md"),
]


@pytest.mark.parametrize(("name", "words"), UNKNOWN, ids=[row[0] for row in UNKNOWN])
def test_an_unknown_variable_suggests_the_nearest_name(name, words, problems_of):
    (text,) = problems_of(environ(**GOOD, **{name: "canary"}))[PREFIX + name.upper()]
    assert words in text


def test_an_unknown_key_suggests_the_nearest_key(ini, problems_of):
    file = ini(**GOOD, client_idd="1")
    assert problems_of({}, file)[f"client_idd ({file})"][0].endswith("Do you mean client_id?")


BROKEN = {
    "no-section": ("[other]\na = 1\n", "no section [salesorder-m365]"),
    "no-header": ("client_secret = canary\n", "line 1"),
    "no-equals": ("[salesorder-m365]\ncanary-secret\n", "line 2"),
    "twice": ("[salesorder-m365]\ntenant = a\ntenant = canary\n", "line 3"),
    "no-text": ("[salesorder-m365]\ntenant = \udcff\n", "not text in UTF-8"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_told_by_its_line_and_hides_nothing_else(case, tmp_path, problems_of):
    text, words = BROKEN[case]
    file = tmp_path / "erp.ini"
    file.write_bytes(text.encode(errors="surrogateescape"))
    problems = problems_of(environ(cloud="mars"), file)
    # What is missing may stand in the file that could not be read: that is not a problem yet.
    assert set(problems) == {str(file), PREFIX + "CLOUD"}
    assert words in problems[str(file)][0]


def test_a_file_that_is_not_there_is_told_under_the_variable(tmp_path, problems_of):
    problems = problems_of({CONFIG_VARIABLE: str(tmp_path / "gone.ini")})
    assert list(problems) == [CONFIG_VARIABLE]
    assert "No such file" in problems[CONFIG_VARIABLE][0]


def test_a_key_on_an_unindented_line_is_not_shown(ini, problems_of):
    secret = base64.b64encode(b"canary-key-of-thirty-two-bytes!?").decode()
    file = ini(f"[salesorder-m365]\nkey_ring = {RING},\n{secret}\n")
    seen = problems_of({}, file)
    assert "(not a setting's name)" in seen
    assert secret.lower().rstrip("=") not in str(seen)


SECRET_FILES = {
    "missing": (None, "No such file"),
    "empty": (b"\n", "is empty"),
    "not-text": (b"\xff\xfe\x00", "not text"),
}


@pytest.mark.parametrize("case", SECRET_FILES)
def test_a_secret_file_that_gives_nothing_is_one_problem(case, tmp_path, problems_of):
    content, words = SECRET_FILES[case]
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    given = {**GOOD, "key_ring": "", "key_ring_file": path}
    problems = problems_of(environ(**given))
    assert list(problems) == [PREFIX + "KEY_RING_FILE"]
    assert words in problems[PREFIX + "KEY_RING_FILE"][0]


def test_a_secret_in_place_of_its_path_is_not_shown(problems_of):
    given = {**GOOD, "client_secret": "", "client_secret_file": GOOD["client_secret"]}
    assert list(problems_of(environ(**given))) == [PREFIX + "CLIENT_SECRET_FILE"]


def test_a_secret_given_both_ways_is_refused(tmp_path, problems_of):
    problems = problems_of(environ(**GOOD, client_secret_file=tmp_path / "secret"))
    (text,) = problems[PREFIX + "CLIENT_SECRET_FILE"]
    assert "SALESORDER_M365_CLIENT_SECRET, not both" in text


def test_a_pasted_certificate_is_refused_and_not_shown(problems_of):
    pem = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----"
    problems = problems_of(environ(**{**GOOD, "client_secret": ""}, client_certificate=pem))
    assert problems[PREFIX + "CLIENT_CERTIFICATE"] == (
        "Give the path of a PEM file, not its text.",
    )


LONG = {"client_certificate": "x" * 5000, "ca_file": "y" * 5000, "base_url": "https://[::1"}


@pytest.mark.parametrize("name", LONG)
def test_values_that_the_system_chokes_on_are_problems_too(name, problems_of):
    assert PREFIX + name.upper() in problems_of(environ(**{**GOOD, name: LONG[name]}))


def test_the_reading_has_no_secret_in_its_repr():
    assert "canary" not in repr(read_settings(environ(**GOOD)))
