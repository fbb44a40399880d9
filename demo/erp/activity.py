"""What the plugin's events say to a worker, and the host's end of ``salesorder_event``: a log.

The page's "Recent activity" shows the events that come with the account's view.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ...hooks import hookimpl

if TYPE_CHECKING:
    from ...hooks import Host
    from ...schemas.event import Event

log = logging.getLogger(__name__)

_TEXTS = {
    "mail_account_created": "Account created",
    "mail_account_updated": "Settings saved",
    "mail_account_deleted": "Account deleted",
    "mail_account_generic_kept": "Takes the place of a Generic account",
    "mail_account_generic_deleted": "Generic account replaced",
    "mail_account_generic_restored": "Generic account put back",
    "mail_account_tested": "Connection tested",
    "mail_account_folders_mapped": "Folder mappings saved",
    "authn_token_deleted": "Disconnected",
    "authn_login_begin": "Sign-in begun",
    "authn_login_success": "Signed in with Microsoft",
    "authn_login_fail": "Sign-in failed",
    "authn_token_revoked": "Microsoft took the sign-in back",
    "authz_consent_begin": "Administrator's consent asked for",
    "authz_consent_reported": "Administrator's consent reported by Microsoft's page",
    "authn_person_changed": "Another person with the same name signed in",
    # Of versions before: the plugin now tells what Microsoft's page reported.
    "authz_consent_granted": "Administrator's consent given",
    "authz_fail": "Refused: a permission is missing",
}
_TESTED = {"True": "Connection tested: it works", "False": "Connection tested: it does not work"}


def tell(event: Event) -> str:
    """Return what an event says to a worker; one that this host does not know, by its name."""
    if event.name == "mail_account_tested":
        return _TESTED.get(event.details.get("passed", ""), _TEXTS[event.name])
    if event.name == "authn_login_success" and event.details.get("username"):
        return f"{_TEXTS[event.name]} as {event.details['username']}"
    return _TEXTS.get(event.name) or event.name.replace("_", " ").capitalize()


class Activity:
    """The host's own plugin object. One process may serve many hosts: others' events are left."""

    def __init__(self, host_name: str) -> None:
        self._host_name = host_name

    @hookimpl
    def salesorder_event(self, host: Host, event: Event) -> None:
        """Write the event to the ERP's log, for its auditors."""
        if host.name == self._host_name:
            log.info("%s by %s on %s: %s", event.name, event.worker, event.account_id, tell(event))
