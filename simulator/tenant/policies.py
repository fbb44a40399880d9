"""The tenant's policies: all switches together, read and changed as plain JSON.

A group's switches stand in a module of `switches`.
"""

from dataclasses import dataclass, fields
from typing import Any

from .switches.delivery import DeliverySwitches
from .switches.imap import ImapSwitches
from .switches.kinds import checked, kind_of
from .switches.limits import LimitSwitches
from .switches.sign_in import SignInSwitches
from .switches.smtp import SmtpSwitches

#: the groups in the order in which the panel shows them, by name and heading
GROUPS = {
    "sign_in": ("Sign-in", SignInSwitches),
    "imap": ("Reading over IMAP", ImapSwitches),
    "smtp": ("Sending over SMTP", SmtpSwitches),
    "limits": ("Limits of sending", LimitSwitches),
    "delivery": ("Delivery and reports", DeliverySwitches),
}


@dataclass
class Policies(DeliverySwitches, LimitSwitches, SmtpSwitches, ImapSwitches, SignInSwitches):
    """The tenant's policies. Every one may be changed at any time and takes effect at once."""

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self.__dataclass_fields__:
            raise AttributeError(f"There is no policy {name!r}")
        object.__setattr__(self, name, value)

    def reset(self) -> None:
        """Go back to what a new tenant begins with."""
        for name, value in vars(Policies()).items():
            setattr(self, name, value)

    def to_json(self) -> dict[str, Any]:
        """Return every policy as plain JSON; sets become sorted lists."""
        return {
            name: sorted(value) if isinstance(value, set) else value
            for name, value in vars(self).items()
        }

    def changed(self) -> dict[str, Any]:
        """Return the policies that differ from those of a new tenant, as plain JSON."""
        first = Policies().to_json()
        return {name: value for name, value in self.to_json().items() if value != first[name]}

    def change(self, values: dict[str, Any]) -> None:
        """Set several policies at once from plain JSON, or none of them.

        Raises ValueError naming the policy whose value does not fit.
        """
        found = {name: _checked(name, value) for name, value in values.items()}
        for name, value in found.items():
            setattr(self, name, value)


def _checked(name: str, value: Any) -> Any:
    entry = Policies.__dataclass_fields__.get(name)
    if entry is None:
        raise ValueError(f"There is no policy {name!r}")
    return checked(entry, value)


@dataclass(frozen=True)
class Description:
    """How the panel and the documentation show a policy."""

    name: str
    group: str
    widget: str
    label: str
    imitates: str
    words: str
    source: str
    options: dict[str, str]


DESCRIPTIONS = tuple(
    Description(entry.name, group, kind_of(entry).widget, **entry.metadata)
    for group, (_, switches) in GROUPS.items()
    for entry in fields(switches)
)
