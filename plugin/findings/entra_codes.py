"""Which finding a refusal of Microsoft's identity platform stands for: tables, pure.

Source: Microsoft Learn, "Microsoft Entra authentication and authorization error codes". The texts
lie in the catalogue.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def _numbered(rows: Mapping[str, Iterable[int]]) -> Mapping[int, str]:
    return MappingProxyType({number: code for code, numbers in rows.items() for number in numbers})


# The numbers of AADSTS… errors: what each says about the person, the registration, the moment.
PERSON = _numbered(
    {
        "account_foreign": (50020, 50034, 90072, 500208, 700005),
        "account_unusable": (50053, 50055, 50057, 50126),
        "interaction_required": (50074, 50076, 50079, 50158, 70043),
        "blocked_by_policy": (
            *(53000, 53001, 53002, 53003, 53004, 53008, 53009, 53010, 53011),
            *(530021, 530031, 530032, 530034, 530035, 530036, 530084),
        ),
        "administrator_needed": (65001, 90093, 90094, 90095, 650056),
        "basic_permission_missing": (90008,),
        "declined": (65004,),
        "user_not_assigned": (50105,),
        "grant_refused": (50089, 50173, 70000, 70008, 700081, 700082, 700084),
        "code_spent": (54005, 501481),
        "request_loop": (50196,),
        "exchange_not_in_tenant": (500011, 500014, 650052),
        "permission_not_registered": (65005, 650053, 650057),
    }
)
REGISTRATION = _numbered(
    {
        "redirect_uri_unknown": (50011, 500112, 500113, 900971, 9002325),
        "client_id_unknown": (700016,),
        "tenant_unknown": (90002,),
        "single_tenant": (50194,),
        "secret_wrong": (7000215,),
        "secret_expired": (7000222,),
        "secret_missing": (7000218,),
        "public_client": (700025,),
        "certificate_refused": (700027,),
        "clock_wrong": (700024,),
        "administrator_needed": (650056,),
        "exchange_not_in_tenant": (500011, 500014, 650052),
        "permission_not_registered": (65005, 650053, 650057),
        "request_malformed": (28003, 70011, 700022, 900144, 9002313),
    }
)
PASSING = _numbered(
    {
        "microsoft_unavailable": (50033, 90006, 90024, 90033),
        "throttled": (90055,),
        "request_loop": (50196,),
    }
)
_LASTING = MappingProxyType({**PERSON, **REGISTRATION})
#: Conditional Access and its relatives: Microsoft adds a number now and then.
_POLICIES = (range(53000, 54000), range(530000, 531000))
#: The numbers by which Microsoft says that no person of the tenant can consent for themselves. Any
#: other missing consent was there when the grant was given, so the person can give it again.
_ADMINISTRATORS = frozenset({90093, 90094, 90095, 650056})

#: The OAuth ``error`` gives the finding, and says which numbers may refine it (RFC 6749 §4.1.2.1
#: and §5.2, RFC 8628 §3.5, OpenID Connect Core §3.1.2.6): a number never makes a passing fault a
#: lasting one.
_ERRORS: Mapping[str, tuple[str, Mapping[int, str]]] = MappingProxyType(
    {
        "access_denied": ("declined", _LASTING),
        "authorization_declined": ("declined", _LASTING),
        # What Microsoft's page for administrators says after Cancel.
        "permission_denied": ("consent_declined", _LASTING),
        "consent_required": ("administrator_needed", _LASTING),
        "interaction_required": ("interaction_required", _LASTING),
        "login_required": ("interaction_required", _LASTING),
        "invalid_grant": ("grant_refused", _LASTING),
        "invalid_client": ("registration_refused", REGISTRATION),
        "unauthorized_client": ("registration_refused", REGISTRATION),
        "invalid_request": ("request_malformed", _LASTING),
        "invalid_resource": ("request_malformed", _LASTING),
        "invalid_scope": ("request_malformed", _LASTING),
        "unsupported_grant_type": ("request_malformed", _LASTING),
        "unsupported_response_type": ("request_malformed", _LASTING),
        "server_error": ("microsoft_unavailable", PASSING),
        "slow_down": ("throttled", PASSING),
        "temporarily_unavailable": ("microsoft_unavailable", PASSING),
    }
)
#: The finding where nothing more is known: it says whom to ask, and accuses nobody.
_UNKNOWN = "sign_in_refused"
#: Findings that say what a person did. Only a refusal without any number, or with the number that
#: says so, stands for one of them.
_DEEDS = frozenset({"declined", "consent_declined"})


def entra_code(error: str, aadsts: Sequence[int], *, renewing: bool = False) -> str:
    """Return the finding for an OAuth `error`; `aadsts` numbers choose a closer one of its kind.

    `renewing`: there was a grant, so that a missing consent is one that was withdrawn.
    """
    code, refined = _ERRORS.get(error, (_UNKNOWN, _LASTING))
    closer = next((refined[number] for number in aadsts if number in refined), None)
    if closer is None and refined is _LASTING and any(map(_is_policy, aadsts)):
        closer = "blocked_by_policy"
    if closer is None and aadsts and code in _DEEDS:
        return _UNKNOWN
    found = closer or code
    if renewing and found == "administrator_needed" and _ADMINISTRATORS.isdisjoint(aadsts):
        return "consent_withdrawn"
    return found


def _is_policy(number: int) -> bool:
    return any(number in numbers for numbers in _POLICIES)
