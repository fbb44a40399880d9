"""Fixtures of the command line's tests: it runs with settings in the environment."""

import base64
import os

import pytest
from click.testing import CliRunner
from salesorder_m365.plugin.cli import main
from salesorder_m365.plugin.settings.reading import PREFIX, read_settings
from salesorder_m365.plugin.store.engines import dispose_engines
from support.erp import Erp

RING = "k1:" + base64.b64encode(b"canary-key-of-thirty-two-bytes!!").decode()


@pytest.fixture
def database(tmp_path):
    return tmp_path / "new" / "accounts.db"


@pytest.fixture
def given(database, monkeypatch):
    """Good settings, which nothing answers to."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    return {
        "tenant": "contoso.test",
        "client_id": "00000000-0000-4000-8000-000000000001",
        "client_secret": "canary-secret",
        "base_url": "https://erp.example.com",
        "database_url": f"sqlite:///{database}",
        "key_ring": RING,
    }


@pytest.fixture
def live(given, sim):
    """Good settings, which the simulator answers to."""
    return given | {
        "client_id": sim.registration.client_id,
        "client_secret": sim.registration.client_secret,
        "authority": sim.authority,
        "base_url": "http://localhost:8365",
        "callback_path": "/oauth/callback",
        "imap": f"localhost:{sim.imap_port}",
        "smtp": f"localhost:{sim.smtp_port}",
        "ca_file": str(sim.ca_file),
    }


def _runner(values):
    def run(*args, typed=None, **changes):
        env = {PREFIX + name.upper(): value for name, value in {**values, **changes}.items()}
        result = CliRunner().invoke(main, args, env=env, input=typed)
        assert "Traceback" not in result.output, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        for secret in (values["client_secret"], values["key_ring"].partition(":")[2]):
            assert secret not in result.output
        return result

    return run


@pytest.fixture
def run(given):
    """Run ``salesorder-m365`` with good settings in the environment; `changes` go over them."""
    return _runner(given)


@pytest.fixture
def run_live(live):
    """Run it with settings that the simulator answers to."""
    return _runner(live)


@pytest.fixture
def ready(run):
    """The database is set up."""
    assert run("db", "upgrade").exit_code == 0


@pytest.fixture
def erp(live):
    """An ERP on the same database, which makes the accounts as a worker would."""
    environ = {PREFIX + name.upper(): value for name, value in live.items()}
    yield Erp(read_settings(environ))
    dispose_engines()
