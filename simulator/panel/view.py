"""What the panel shows: what is switched, the switches by group, what can be done by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from .. import replies
from ..mail.smtp.faults import SmtpFaults, Stage
from ..pages import page
from ..tenant.policies import DESCRIPTIONS, GROUPS, Description
from ..tenant.tenant import Tenant

#: more people than this are counted, not listed
_MOST_LISTED = 12
_MOST_MAILS = 5
#: how a scripted stage may end, in the words of the form
ENDINGS = {
    "reply": "answer with the reply",
    "drop refused": "drop the connection before acceptance",
    "drop accepted": "drop the connection after acceptance",
    "silence": "carry out and never answer",
    "half": "carry out and send half of the answer",
}


@dataclass(frozen=True)
class Changed:
    """A switch that is not as a new tenant has it."""

    described: Description
    value: str


class View:
    """Makes the page. `addresses` are what a client needs to connect, by their labels."""

    def __init__(
        self, tenant: Tenant, smtp_faults: SmtpFaults, addresses: Mapping[str, str]
    ) -> None:
        self._tenant = tenant
        self._smtp_faults = smtp_faults
        self._addresses = addresses

    def page(self, done: str, message: str, opened: str) -> Response:
        """Return the panel; `opened` is the section that was used last."""
        people = list(self._tenant.people.values())
        return page(
            "panel",
            done=done,
            message=message,
            opened=opened,
            policies=self._tenant.policies.to_json(),
            changed=self._changed(),
            groups=GROUPS,
            descriptions=DESCRIPTIONS,
            scripts=self._smtp_faults.to_json(),
            stages=list(Stage),
            endings=ENDINGS,
            passing=replies.PASSING,
            people=people[:_MOST_LISTED],
            unlisted=len(people) - len(people[:_MOST_LISTED]),
            outside=self._tenant.outside.mails()[-_MOST_MAILS:][::-1],
            addresses=self._addresses,
        )

    def _changed(self) -> list[Changed]:
        values = self._tenant.policies.changed()
        return [
            Changed(described, _worded(described, values[described.name]))
            for described in DESCRIPTIONS
            if described.name in values
        ]


def _worded(described: Description, value: Any) -> str:
    if described.widget == "switch":
        return "on" if value else "off"
    if described.widget == "choice":
        return described.options[value]
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "none" if value is None else str(value)
