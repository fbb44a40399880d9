"""What the identity provider's endpoints share: tenant, registration, grants and tokens."""

from dataclasses import dataclass, field

from starlette.requests import Request

from ..requests_log import RequestLog
from ..tenant.people import TENANT_ID
from ..tenant.tenant import Tenant
from .codes import AuthorizationCodes, DeviceCodes
from .errors import EntraError
from .faults import Faults
from .registration import Registration
from .tokens import TokenIssuer

#: tenant paths that leave open whose directory is meant
ANY_TENANT = ("common", "organizations")


@dataclass
class Entra:
    """The directory as the endpoints see it."""

    tenant: Tenant
    registration: Registration
    issuer: TokenIssuer
    authority: str
    browser_url: str
    faults: Faults = field(default_factory=Faults)
    codes: AuthorizationCodes = field(default_factory=AuthorizationCodes)
    devices: DeviceCodes = field(default_factory=DeviceCodes)
    requests: RequestLog = field(default_factory=RequestLog)

    def tenant_path(self, request: Request) -> str:
        """Return the tenant that the path names. Raises EntraError 90002 for a foreign one."""
        named: str = request.path_params["tenant"]
        if named in ANY_TENANT or self.tenant.is_own(named):
            return named
        raise EntraError(90002, tenant=named)

    def issuer_name(self, tenant_path: str) -> str:
        """Return the issuer of id tokens; Entra leaves a gap in it for /common."""
        tenant_id = "{tenantid}" if tenant_path in ANY_TENANT else TENANT_ID
        return f"{self.authority}/{tenant_id}/v2.0"

    def reset(self) -> None:
        """Forget faults, codes, devices and the requests seen; let the secret be valid."""
        self.faults.clear()
        self.codes.reset()
        self.devices.reset()
        self.requests.clear()
        self.registration.secret_expires = None
