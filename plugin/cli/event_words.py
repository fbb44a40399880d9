"""What an event is called on the screen; its name, from OWASP's vocabulary, is for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...schemas.event import Event

WORDS = {
    "account_paused": "Sending paused: Microsoft refuses the account",
    "account_resumed": "Sending resumed",
    "authn_login_begin": "Sign-in started",
    "authn_login_success": "Signed in with Microsoft",
    "authn_login_fail": "Sign-in failed",
    "authn_person_changed": "Signed in as another person than before",
    "authn_token_deleted": "Disconnected",
    "authn_token_revoked": "Microsoft withdrew the sign-in",
    "authz_consent_begin": "Administrator's consent requested",
    "authz_consent_reported": "Administrator's consent reported",
    "authz_fail": "Refused: a permission is missing",
    "mail_access_given": "Access given to a program of the ERP",
    "mail_account_created": "Account created",
    "mail_account_deleted": "Account deleted",
    "mail_account_folders_mapped": "Folders mapped",
    "mail_account_generic_deleted": "Generic account replaced",
    "mail_account_generic_kept": "Generic account copied",
    "mail_account_generic_restored": "Generic account restored",
    "mail_account_tested": "Connection tested",
    "mail_account_updated": "Settings of the account saved",
    "mail_cancelled": "Mail withdrawn",
    "mail_delayed": "Mail has waited for an hour",
    "mail_failed": "Mail not sent",
    "mail_queued": "Mail queued",
    "mail_sent": "Mail sent",
    "mail_uncertain": "Mail uncertain: somebody must decide",
    "registration_refused": "Microsoft refused the registration",
    "secret_expiring": "Client secret or certificate expires soon",
}
_TESTED = {"True": "Connection tested: it works", "False": "Connection tested: it does not work"}


def words(event: Event) -> str:
    """Return what an event is called; a name without words stands for itself."""
    if event.name == "mail_account_tested":
        return _TESTED.get(event.details.get("passed", ""), WORDS[event.name])
    return WORDS.get(event.name, event.name)
