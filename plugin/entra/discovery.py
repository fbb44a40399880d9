"""The authority's discovery document (OpenID Connect Discovery 1.0), checked and kept for a day."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import UnavailableError
from .addresses import is_endpoint, is_page
from .answers import fields_of
from .asking import ask
from .claims import ForeignTokenError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .asking import HttpClient

_PATH = "/v2.0/.well-known/openid-configuration"
_KEPT_SECONDS = 24 * 3600.0
_TENANT = "{tenantid}"
_GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What is used of the document. In `issuer` ``{tenantid}`` may stand for any tenant."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    device_authorization_endpoint: str | None
    #: Whether every answer by the browser names its issuer (RFC 9207 §3).
    names_issuer: bool

    def check_issuer(self, issuer: str | None) -> None:
        """Compare the `iss` of an answer by the browser (RFC 9207 §2.4), errors included.

        Raises ``ForeignTokenError`` for another issuer: the answer is a mix-up, or forged.
        """
        if issuer is None:
            if self.names_issuer:
                raise ForeignTokenError("answer without its issuer")
            return
        expected = re.escape(self.issuer).replace(re.escape(_TENANT), _GUID)
        if not re.fullmatch(expected, issuer):
            raise ForeignTokenError("issuer of the answer")

    def check_tenant(self, tenant: str | None) -> None:
        """Compare the tenant that an administrator's consent names: it came by the browser.

        Raises ``ForeignTokenError`` for another tenant, and for none.
        """
        if tenant is None or not re.fullmatch(_GUID, tenant):
            raise ForeignTokenError("consent without its tenant")
        if _TENANT not in self.issuer and f"/{tenant.lower()}/" not in self.issuer.lower():
            raise ForeignTokenError("tenant of the consent")

    def as_msal_reads_it(self) -> str:
        """Return the document as JSON, with nothing in it that was not checked."""
        return json.dumps(
            {
                "issuer": self.issuer,
                "authorization_endpoint": self.authorization_endpoint,
                "token_endpoint": self.token_endpoint,
                "device_authorization_endpoint": self.device_authorization_endpoint,
            }
        )


class Discovery:
    """One authority's document. Safe to use from many threads: two may read it at once, no more."""

    def __init__(self, http: HttpClient, authority: str) -> None:
        self._http = http
        self._address = authority + _PATH
        self._known: tuple[float, Document] | None = None

    @property
    def known(self) -> Document | None:
        """The document if it was read within the last day in this process; no network."""
        known = self._known
        return known[1] if known and known[0] > time.monotonic() else None

    def document(self) -> Document:
        """Return the document; a faulty one is not remembered.

        Raises ``UnavailableError``, and ``RegistrationError`` for a tenant that does not exist.
        """
        if (known := self.known) is not None:
            return known
        response = ask(lambda: self._http.get(self._address))
        document = Document(**fields_of(response, _document_fields, discovering=True))
        self._known = (time.monotonic() + _KEPT_SECONDS, document)
        return document


def _document_fields(found: Mapping[str, Any]) -> dict[str, Any]:
    issuer, device = found.get("issuer"), found.get("device_authorization_endpoint")
    pages = found.get("authorization_endpoint")
    endpoints = [found.get("token_endpoint"), *([] if device is None else [device])]
    if (
        not isinstance(issuer, str)
        or not is_endpoint(issuer.replace(_TENANT, "tenant"))
        or not (isinstance(pages, str) and is_page(pages))
        or not all(isinstance(each, str) and is_endpoint(each) for each in endpoints)
    ):
        raise UnavailableError("no usable answer")
    return {
        "issuer": issuer,
        "authorization_endpoint": pages,
        "token_endpoint": found["token_endpoint"],
        "device_authorization_endpoint": device,
        "names_issuer": found.get("authorization_response_iss_parameter_supported") is True,
    }
