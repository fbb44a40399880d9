"""``setup`` and ``keys add``: what is asked, what is written, and what never shows or is lost."""

import base64
import os
import re
import stat

import pytest
from click.testing import CliRunner
from salesorder_m365.plugin.cli import main
from salesorder_m365.plugin.errors import SettingsError
from salesorder_m365.plugin.settings import file as settings_file
from salesorder_m365.plugin.settings.file import SettingsFileError, add_key, write_settings
from salesorder_m365.plugin.settings.reading import PREFIX, read_settings
from support.client_certificate import certificate_pem

SECRET = "canary~secret-of-contoso"
OTHER_ID = "00000000-0000-4000-8000-000000000002"
ANSWERS = {
    "base_url": "http://localhost:8365",
    "callback_path": "/oauth/callback",
    "cloud": "",
    "tenant": "contoso.test",
    "client_id": "00000000-0000-4000-8000-000000000001",
    "kind": "",
    "client_secret": SECRET,
    "expires": "2099-06-30",
    "database": "",
    "elsewhere": "n",
    "tables": "y",
}


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    return tmp_path / "salesorder-m365.ini"


@pytest.fixture
def setup(file):
    """Answer the questions; a list answers one question several times."""

    def setup(*args, before=(), **answers):
        lines = list(before)
        for answer in {**ANSWERS, **answers}.values():
            lines += [answer] if isinstance(answer, str) else answer
        result = CliRunner().invoke(main, ["setup", *args], input="\n".join([*lines, ""]))
        assert "Traceback" not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "canary" not in result.output
        return result

    return setup


@pytest.fixture
def live(sim):
    """The answers that lead to the simulator."""
    return {
        "client_id": sim.registration.client_id,
        "client_secret": sim.registration.client_secret,
        "elsewhere": [
            "y",
            sim.authority,
            f"localhost:{sim.imap_port}",
            f"localhost:{sim.smtp_port}",
            str(sim.ca_file),
            "",
        ],
    }


def test_from_nothing_to_all_is_well(setup, file, sim, live):
    result = setup(**live)
    assert result.exit_code == 0, result.output
    assert "All is well." in result.stdout
    assert sim.registration.client_secret not in result.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings = read_settings({}, file)
    assert settings.redirect_uri == "http://localhost:8365/oauth/callback"
    assert settings.client_secret == sim.registration.client_secret
    assert len(settings.key_ring) == 1
    assert settings.key_ring[0].secret not in result.stdout.encode()
    assert f"export SALESORDER_M365_CONFIG={file}" in result.stdout


def test_the_registration_is_explained_with_the_exact_redirect_uri(setup):
    text = setup(tables="n").stdout
    explained = text[text.index("2. The registration") : text.index("3. What Entra shows")]
    assert [line.strip() for line in explained.splitlines()].count(
        "http://localhost:8365/oauth/callback"
    ) == 1
    for words in ("https://entra.microsoft.com", "platform Web", "IMAP.AccessAsUser.All", "SMTP"):
        assert words in explained


def test_what_is_found_live_is_told(setup, file, sim, live):
    result = setup(**live | {"client_secret": "canary-other"})
    assert result.exit_code == 1
    assert "[secret_wrong]" in result.stdout
    assert read_settings({}, file).client_secret == "canary-other"


def test_a_wrong_answer_is_asked_again(setup, file):
    result = setup(
        base_url=["erp.example.com", "https://erp.example.com/"],
        tenant=["common", "contoso.test"],
        expires=["tomorrow", "2099-06-30"],
        cloud=["mars", "gcc_high"],
        tables="n",
    )
    assert result.stdout.count("Error: ") == 4
    assert "https://portal.azure.us" in result.stdout
    settings = read_settings({}, file)
    assert (settings.base_url, settings.cloud) == ("https://erp.example.com", "gcc_high")


def test_a_certificate_instead(setup, file, tmp_path):
    pem = tmp_path / "client.pem"
    pem.write_bytes(certificate_pem(days=300))
    answers = {"kind": "certificate", "client_secret": "client.pem", "expires": []}
    setup(**answers, tables="n")
    assert read_settings({}, file).client_certificate == pem


def test_an_existing_file_is_not_touched_unasked(setup, file):
    setup(tables="n")
    before = file.read_bytes()
    result = setup(before=["n"])
    assert result.exit_code == 0
    assert "Nothing was changed." in result.stdout
    assert file.read_bytes() == before


def test_run_again_it_offers_what_is_there(setup, file):
    setup(tables="n")
    file.write_text(file.read_text() + "http_timeout = 33\n")
    before = read_settings({}, file)
    again = dict.fromkeys(ANSWERS, "") | {"elsewhere": "n", "tables": "n"}
    setup(before=["y"], **again | {"client_id": OTHER_ID})
    after = read_settings({}, file)
    assert after.client_id == OTHER_ID
    assert after.http_timeout == 33
    assert (after.client_secret, after.key_ring) == (before.client_secret, before.key_ring)


def test_a_key_ring_of_several_lines_is_kept(setup, file):
    setup(tables="n")
    ring = read_settings({}, file).key_ring
    old = f"k0:{base64.b64encode(bytes(32)).decode()}"
    text = re.sub(
        r"^key_ring = (.*)$", rf"key_ring =\n  \1\n  {old}", file.read_text(), flags=re.MULTILINE
    )
    file.write_text(text)
    again = dict.fromkeys(ANSWERS, "") | {"elsewhere": "n", "tables": "n"}
    setup(before=["y"], **again)
    assert read_settings({}, file).key_ring[0] == ring[0]
    assert read_settings({}, file).key_ring[1].id == "k0"


def test_a_password_in_an_address_is_never_shown(setup, file):
    url = "postgresql+psycopg://erp@localhost:1/erp"
    setup(
        database=[url, "canary/p@ss"],
        elsewhere=["y", "", "", "", "", "http://ops@localhost:1", "canary2"],
        tables="n",
    )
    settings = read_settings({}, file)
    assert settings.database_url == "postgresql+psycopg://erp:canary%2Fp%40ss@localhost:1/erp"
    assert settings.proxy == "http://ops:canary2@localhost:1"
    again = dict.fromkeys(ANSWERS, "") | {"elsewhere": ["", "", "", "", "", ""], "tables": "n"}
    result = setup(before=["y"], **again)
    assert "Database [postgresql+psycopg://erp:***@localhost:1/erp]" in result.stdout
    assert "http://ops:***@localhost:1" in result.stdout
    assert read_settings({}, file) == settings


@pytest.mark.parametrize("content", ["[erp]\nport = 1\n", "no ini file", "[salesorder-m365]\nx"])
def test_a_file_of_somebody_elses_is_never_written(setup, file, content):
    file.write_text(content)
    result = setup()
    assert result.exit_code == 1
    assert str(file) in result.stderr
    assert file.read_text() == content


def test_an_end_of_the_answers_leaves_nothing_behind(setup, file, tmp_path):
    result = setup(tenant=[], client_id=[], kind=[], client_secret=[], expires=[], database=[])
    assert result.exit_code == 2
    assert "Give the setting tenant in a file, or as SALESORDER_M365_TENANT." in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_variables_that_win_are_named(setup, monkeypatch):
    monkeypatch.setenv("SALESORDER_M365_CLOUD", "china")
    assert "win over it: SALESORDER_M365_CLOUD." in setup(tables="n").stdout


GOOD = {
    "tenant": "contoso.test",
    "client_id": "00000000-0000-4000-8000-000000000001",
    "client_secret": "1",
    "base_url": "https://erp.example.com",
    "database_url": "sqlite:///x.db",
    "key_ring": "k1:" + base64.b64encode(bytes(32)).decode(),
}


def test_wrong_values_are_not_written(file, tmp_path):
    with pytest.raises(SettingsError):
        write_settings(file, GOOD | {"tenant": "common"}, over=False)
    assert list(tmp_path.iterdir()) == []


def test_who_comes_second_does_not_write(file, tmp_path):
    file.write_text("first")
    with pytest.raises(SettingsFileError, match="cannot be written"):
        write_settings(file, GOOD, over=False)
    assert file.read_text() == "first"
    assert list(tmp_path.iterdir()) == [file]


def test_a_crash_leaves_the_old_file(file, tmp_path, monkeypatch):
    write_settings(file, GOOD, over=False)
    before = file.read_bytes()

    def crash(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(settings_file, "_synced", crash)
    with pytest.raises(KeyboardInterrupt):
        write_settings(file, GOOD | {"client_id": OTHER_ID}, over=True)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsFileError, match="No such file"):
        write_settings(tmp_path / "none" / "erp.ini", GOOD, over=False)


# keys add --------------------------------------------------------------------------------------

KEY = "k2:" + base64.b64encode(bytes(range(32))).decode()
OTHERS = "# the ERP's own\n[erp]\nkey_ring = not ours\n\n"
RINGS = {
    "one line": f"key_ring = {GOOD['key_ring']}\n",
    "colon": f"key_ring: {GOOD['key_ring']}\n",
    "several lines": f"key_ring =\n  {GOOD['key_ring']}\n",
    "commas": f"KEY_RING = {GOOD['key_ring']},k0:{base64.b64encode(bytes(32)).decode()}\n",
}


@pytest.mark.parametrize("ring", RINGS.values(), ids=RINGS)
def test_a_key_is_put_first_and_all_else_stays(file, ring):
    rest = "".join(f"{name} = {text}\n" for name, text in GOOD.items() if name != "key_ring")
    file.write_text(f"{OTHERS}[salesorder-m365]\n{rest}; ours\n{ring}")
    file.chmod(0o640)
    before = read_settings({}, file).key_ring
    assert add_key(file, KEY) == file
    after = read_settings({}, file).key_ring
    assert [key.id for key in after] == ["k2", *(key.id for key in before)]
    assert file.read_text().startswith(f"{OTHERS}[salesorder-m365]\n{rest}; ours\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_key_is_put_into_the_file_of_the_keys(file, tmp_path):
    ring = tmp_path / "ring"
    ring.write_text(GOOD["key_ring"] + "\n")
    values = {name: text for name, text in GOOD.items() if name != "key_ring"}
    write_settings(file, values | {"key_ring_file": str(ring)}, over=False)
    before = file.read_bytes()
    assert add_key(file, KEY) == ring
    assert ring.read_text() == f"{KEY}\n{GOOD['key_ring']}\n"
    assert file.read_bytes() == before


def test_the_command_shows_no_key(file):
    write_settings(file, GOOD, over=False)
    result = CliRunner().invoke(main, ["keys", "add", "--config", str(file)])
    assert result.exit_code == 0
    newest, oldest = read_settings({}, file).key_ring
    assert result.stdout.startswith(newest.id)
    assert base64.b64encode(newest.secret).decode() not in result.output
    assert oldest.id == "k1"


def test_a_key_ring_that_comes_from_elsewhere_is_not_guessed(file, monkeypatch):
    write_settings(file, GOOD, over=False)
    monkeypatch.setenv("SALESORDER_M365_CONFIG", str(file))
    monkeypatch.setenv("SALESORDER_M365_KEY_RING", GOOD["key_ring"])
    before = file.read_bytes()
    assert CliRunner().invoke(main, ["keys", "add"]).exit_code == 2
    assert file.read_bytes() == before
    monkeypatch.delenv("SALESORDER_M365_CONFIG")
    monkeypatch.delenv("SALESORDER_M365_KEY_RING")
    assert CliRunner().invoke(main, ["keys", "add"]).exit_code == 2
