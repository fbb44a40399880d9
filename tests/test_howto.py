"""The how-to pages do what they say: their tables, settings and commands against the code."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from salesorder_m365.plugin.findings.catalogue import finding
from salesorder_m365.plugin.findings.scopes import APP_ROLES
from salesorder_m365.plugin.settings.clouds import CLOUDS, endpoints
from salesorder_m365.plugin.settings.expiry import credential_expiry
from salesorder_m365.plugin.settings.reading import KEYS
from salesorder_m365.plugin.store.tables import metadata
from salesorder_m365.schemas.settings import load_settings

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
LEAST = {
    "tenant": "contoso.test",
    "client_id": "00000000-0000-4000-8000-000000000001",
    "base_url": "https://erp.example.com",
    "database_url": "sqlite:///erp.db",
    "key_ring": "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
}


def read(name):
    return (DOCS / name).read_text(encoding="utf-8")


def commands(name):
    """The shell commands of a page, in their order: what is set in by four blanks or more."""
    return re.findall(r"^(?:   )?    (\S.*)$", read(name).replace("\\\n", ""), re.MULTILINE)


def cells(name):
    """The rows of a page's tables, without back-quotes."""
    for row in re.findall(r"^\| (`.*) \|$", read(name), re.MULTILINE):
        yield [cell.strip(" `") for cell in row.split("|")]


def test_the_clouds_are_as_in_the_code():
    rows = {first: rest for first, *rest in cells("national-clouds.md")}
    assert {name: rest for name, rest in rows.items() if name != "cloud"} == {
        name: [cloud.authority, cloud.imap, cloud.smtp, f"https://{cloud.resource}"]
        for name, cloud in CLOUDS.items()
    }


def test_the_firewall_table_names_the_servers_of_the_worldwide_cloud():
    places = endpoints(load_settings({**LEAST, "client_secret": "1"}))
    text = read("install.md")
    assert f"`{places.imap.host}` | {places.imap.port}," in text
    assert f"`{places.smtp.host}` | {places.smtp.port}," in text
    assert f"`{CLOUDS['worldwide'].authority}` | 443" in text


@pytest.mark.parametrize("page", PAGES)
def test_ini_files_have_only_settings_that_exist(page):
    for block in re.findall(
        r"^ *\[salesorder-m365\]\n(.*?)```$", read(page), re.MULTILINE | re.DOTALL
    ):
        named = set(re.findall(r"^ *(\w+) = ", block, re.MULTILINE))
        assert named
        assert named - set(KEYS) == set()


def test_the_certificate_is_made_by_the_commands_of_its_page(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    for command in commands("certificates.md"):
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    made = tmp_path / "m365-client.pem"
    assert made.stat().st_mode & 0o077 == 0
    settings = load_settings({**LEAST, "client_certificate": str(made)})
    assert credential_expiry(settings).days_left(datetime.now(UTC).date()) in {364, 365}


def test_app_only_access_is_told_as_the_catalogue_tells_it():
    text = read("app-only.md")
    assert [role for role in APP_ROLES if f"`{role}`" not in text] == []
    shown = finding("app_not_admitted").commands
    # The commands of the finding, with its open placeholders.
    assert [command for command in shown if command not in commands("app-only.md")] == []


def test_uninstalling_drops_every_table():
    dropped = set(
        re.findall(r"m365_\w+", re.search(r"DROP TABLE.*?;", read("uninstall.md"), re.DOTALL)[0])
    )
    assert set(metadata.tables) - dropped == set()
