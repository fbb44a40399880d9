"""Switches of the identity provider."""

from dataclasses import dataclass, field

from .kinds import shown


@dataclass
class SignInSwitches:
    """What an administrator or a bad day changes at Entra."""

    admin_consent_required: bool = field(
        default=False,
        metadata=shown(
            label="Only administrators may consent",
            imitates="Entra, Consent and permissions: “Do not allow user consent”.",
            words="AADSTS90094",
            source="Microsoft Learn, Entra error codes",
        ),
    )
    pkce_required: bool = field(
        default=False,
        metadata=shown(
            label="PKCE is demanded",
            imitates="A redirect URI of a single-page application; Entra leaves PKCE to web "
            "applications.",
            words="AADSTS9002325",
            source="Microsoft Learn, authorization code flow; Entra error codes",
        ),
    )
    secret_expired: bool = field(
        default=False,
        metadata=shown(
            label="Client secret expired",
            imitates="The date of the client secret has passed.",
            words="AADSTS7000222: The provided client secret keys",
            source="Microsoft Learn, Entra error codes",
        ),
    )
    throttled: int | None = field(
        default=None,
        metadata=shown(
            label="Throttled, Retry-After in seconds",
            imitates="The token endpoint answers 429 with Retry-After.",
            words="AADSTS90055",
            source="Microsoft Learn, Entra error codes",
        ),
    )
    token_lifetime: int = field(
        default=3600,
        metadata=shown(
            label="Life of an access token in seconds",
            imitates="A token lifetime policy.",
            source="Microsoft Learn, configurable token lifetimes",
        ),
    )
    refresh_tokens_once: bool = field(
        default=False,
        metadata=shown(
            label="Refresh tokens work once",
            imitates="A stricter server: Entra itself keeps the old refresh token valid.",
            words="AADSTS70000",
            source="RFC 9700, section 4.14",
        ),
    )
