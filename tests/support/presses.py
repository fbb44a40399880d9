"""What three presses say for each switch of the simulator's panel.

They go by hook, folder page, command line and status page. `tools/presses_table.py` prints the
table, `plugin/connection/test_presses.py` holds it.
"""

import json
from dataclasses import dataclass, fields
from typing import Any

from click.testing import CliRunner
from salesorder_m365.plugin.cli import main
from salesorder_m365.plugin.errors import M365Error
from salesorder_m365.plugin.settings.reading import PREFIX
from salesorder_m365.plugin.store.engines import dispose_engines
from salesorder_m365.schemas.settings import load_settings
from salesorder_m365.simulator.tenant.policies import Policies
from salesorder_m365.simulator.tenant.switches.sign_in import SignInSwitches

from .erp import WORKER, Erp

PRESSES = 3
SALES, OTHER = "sales@contoso.test", "purchasing@contoso.test"
WORKS = "works"
NAME = "Sales"


@dataclass(frozen=True)
class Expected:
    """The findings of one switch; the same at each press."""

    test: str = WORKS
    folders: str = WORKS
    health: str = WORKS


#: How each switch is turned: what differs from the default. Those that are not here are numbers,
#: flags and choices that concern mail on its way, and are turned by `turned`.
VALUES: dict[str, Any] = {
    "throttled": 30,
    "imap_throttled": 30_000,
    "imap_withheld": "anything",
    "imap_auth_reply": "NO Server Unavailable. 15",
    "smtp_auth_reply": "454 4.7.0 Temporary authentication failure",
    "mail_from_reply": "451 4.7.0 Temporary server error. PRX4",
    "imap_sessions": 0,
    "token_lifetime": 1200,
}
#: What a switch makes of an account that works; every other one changes nothing here, because it
#: concerns mail on its way, which Test Connection does not send.
EXPECTED: dict[str, Expected] = {
    "secret_expired": Expected(test="secret_expired", health="registration_refused"),
    "imap_disabled_for": Expected(test="imap_disabled", folders="imap_refused"),
    "authenticated_but_not_connected_for": Expected(
        test="mailbox_not_connected", folders="mailbox_not_connected"
    ),
    "imap_throttled": Expected(test="imap_throttled", folders="imap_throttled"),
    "imap_auth_reply": Expected(test="imap_unavailable", folders="imap_unavailable"),
    "imap_sessions": Expected(test="imap_unavailable", folders="imap_unavailable"),
    "smtp_auth_disabled": Expected(test="smtp_auth_disabled"),
    "smtp_auth_disabled_for": Expected(test="smtp_auth_disabled_mailbox"),
    "security_defaults": Expected(test="security_defaults"),
    "inspected": Expected(test="tls_untrusted", folders="tls_untrusted"),
    "smtp_auth_reply": Expected(test="server_busy"),
    "mail_from_reply": Expected(test="server_busy"),
}
#: The same where the stored token has run out, so that Microsoft must be asked.
EXPIRED: dict[str, Expected] = {
    "secret_expired": Expected("secret_expired", "secret_expired", "registration_refused"),
    "throttled": Expected("throttled", "throttled"),
}


@dataclass(frozen=True)
class Row:
    """One switch: what each press said, by way."""

    switch: str
    value: Any
    expired: bool
    ways: dict[str, tuple[str, ...]]

    @property
    def same(self) -> bool:
        """Whether every press said the same."""
        return all(len(set(said)) == 1 for said in self.ways.values())


def turned(name: str) -> Any:
    """Return a value for a switch that differs from its default."""
    default = getattr(Policies(), name)
    if name in VALUES:
        return VALUES[name]
    options = next(f for f in fields(Policies) if f.name == name).metadata.get("options") or {}
    if options:
        return next(option for option in options if option != default)
    if isinstance(default, bool):
        return not default
    return {SALES} if isinstance(default, set) else 1 if default is None else default + 1


def cases() -> list[tuple[str, bool]]:
    """Return every switch; those of the identity provider also with a token that has run out."""
    every = [(field.name, False) for field in fields(Policies)]
    return every + [(field.name, True) for field in fields(SignInSwitches)]


def expected(switch: str, *, expired: bool) -> Expected:
    """Return what each press must say."""
    return (EXPIRED if expired else EXPECTED).get(switch, Expected())


class Desk:
    """One account on a database of its own, and the four ways to ask how it stands."""

    def __init__(self, sim: Any, values: dict[str, str]) -> None:
        self._values = values
        self._erp = Erp(load_settings(values))
        self._account = self._erp.connected(sim)

    def run_out(self) -> None:
        """Let the stored token have run out."""
        self._erp.expire_token(self._account)

    def pressed(self, way: str) -> str:
        """Return the codes that one press of `way` gives, or that it works."""
        codes = getattr(self, f"_{way}")()
        return " ".join(sorted(set(codes))) or WORKS

    def _test(self) -> list[str]:
        return [found.code for found in self._erp.test(self._account).findings]

    def _folders(self) -> list[str]:
        try:
            self._erp.choices(self._account)
        except M365Error as err:
            return [err.finding.code]
        return []

    def _command(self) -> list[str]:
        env = {PREFIX + name.upper(): value for name, value in self._values.items()}
        result = CliRunner().invoke(main, ["accounts", "test", NAME, "--json"], env=env)
        assert "Traceback" not in result.output, result.output
        assert result.stdout.startswith("{"), result.output
        report = json.loads(result.stdout)
        assert result.exit_code == (0 if report["passed"] else 1), result.output
        return [found["code"] for found in report["findings"]]

    def _health(self) -> list[str]:
        found = self._erp.hook.salesorder_health(host=self._erp, worker=WORKER)
        return [each.code for findings in found for each in findings]


WAYS = ("test", "folders", "command", "health")


def row(sim: Any, values: dict[str, str], switch: str, *, expired: bool) -> Row:
    """Connect an account, turn one switch, and press each way three times."""
    sim.reset()
    desk = Desk(sim, values)
    value = turned(switch)
    setattr(sim.tenant.policies, switch, value)
    if expired:
        desk.run_out()
    try:
        said = [tuple(desk.pressed(way) for way in WAYS) for _ in range(PRESSES)]
    finally:
        dispose_engines()
    return Row(switch, value, expired, dict(zip(WAYS, zip(*said, strict=True), strict=True)))
