"""Which refusals end a grant, and what all others are.

Only a closed list ends one: what a gateway, a wrong setting or a busy hour at Microsoft answers
passes, and no sign-in brings it to an end sooner.
"""

from __future__ import annotations

from ..entra.refusals import GrantRefusedError
from ..errors import RegistrationError, UnavailableError
from ..findings.entra_codes import entra_code

#: The errors by which the grant itself is refused (RFC 6749 §5.2, OpenID Connect Core §3.1.2.6).
_ENDS = frozenset({"invalid_grant", "interaction_required", "login_required", "consent_required"})
#: Numbers of a busy hour, whatever the error says (learn.microsoft.com, "Microsoft Entra
#: authentication and authorization error codes").
_PASSING = frozenset({50033, 50196, 90006, 90024, 90033, 90055})
#: Errors of the request as such: every account of the registration is refused alike.
_REGISTRATION = frozenset(
    {
        "invalid_request",
        "invalid_resource",
        "invalid_scope",
        "invalid_target",
        "unsupported_grant_type",
    }
)


def ends_grant(refused: GrantRefusedError) -> bool:
    """Return whether only another sign-in can help."""
    return refused.error in _ENDS and not _PASSING.intersection(refused.aadsts)


def passing_error(refused: GrantRefusedError) -> RegistrationError | UnavailableError:
    """Return the error of a refusal that ends no grant."""
    code = entra_code(refused.error, refused.aadsts, renewing=True)
    words, references = refused.description, refused.references
    if refused.error in _REGISTRATION and not _PASSING.intersection(refused.aadsts):
        return RegistrationError(code, server_words=words, references=references)
    reason = "a refusal that says nothing about the grant"
    return UnavailableError(reason, code=code, server_words=words, references=references)


def alarm_code(err: BaseException) -> str | None:
    """Return the code that the administrator should hear of, None if it passes by itself."""
    if isinstance(err, RegistrationError):
        return err.code
    refused = err.__cause__
    if not isinstance(err, UnavailableError) or not isinstance(refused, GrantRefusedError):
        return None
    return None if _PASSING.intersection(refused.aadsts) else err.code
