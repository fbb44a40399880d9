"""A stand-in for Microsoft 365 in one object: start it, use it, stop it."""

from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from socket import socket
from types import TracebackType
from typing import Self

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request

from .browser import PlayedBrowser
from .certificates import Certificates, load_certificates
from .identity.application import client_routes, page_routes
from .identity.entra import Entra
from .identity.faults import Faults
from .identity.registration import Registration
from .identity.tokens import SigningKey, TokenIssuer
from .mail.access import MailAccess
from .mail.imap.server import ImapServer
from .mail.smtp.faults import SmtpFaults
from .mail.smtp.limits import Limits
from .mail.smtp.server import SmtpServer
from .panel.acts import Acts
from .panel.routes import STYLESHEET, Panel, panel_routes
from .panel.view import View
from .requests_log import RequestLog
from .serving import HOST, Loop, listen
from .state import StateDirectory
from .tenant.consents import Consents, RefreshTokens
from .tenant.mailboxes import Mailboxes
from .tenant.people import PASSWORD, PEOPLE
from .tenant.policies import Policies
from .tenant.scopes import MAIL_SCOPES, audience_of, resource_scopes
from .tenant.tenant import Tenant
from .web import HttpServer, Noted, stop_together

_HOSTS = Middleware(TrustedHostMiddleware, allowed_hosts=["localhost", HOST])


class Simulator:
    """An identity provider, IMAP and SMTP servers and a tenant, on loopback.

    `redirect_uris` are registered for the platform Web; `registration` takes those of public
    clients, and certificates. With `state_dir` keys, consents and grants outlive a restart; without
    it everything is temporary. Ports of 0 take free ones; `start()` raises PortInUse for others
    that are taken. Use it as a context manager, or call `start()` and `stop()`. The attributes are
    there once it has started.
    """

    authority: str
    browser_url: str
    imap_port: int
    smtp_port: int
    tenant: Tenant
    registration: Registration
    signing_key: SigningKey
    #: the SMTP server's scripted conduct
    smtp_faults: SmtpFaults

    def __init__(
        self,
        *,
        state_dir: Path | None = None,
        redirect_uris: Sequence[str] = (),
        port: int = 0,
        browser_port: int = 0,
        imap_port: int = 0,
        smtp_port: int = 0,
    ) -> None:
        self._state_dir = state_dir
        self._redirect_uris = tuple(redirect_uris)
        self._wanted_ports = (port, browser_port, imap_port, smtp_port)
        self._running = ExitStack()

    def start(self) -> Self:
        """Start every server and return when all of them answer."""
        with ExitStack() as stack:
            listeners = [listen(port, stack) for port in self._wanted_ports]
            state = StateDirectory(self._state_dir)
            stack.callback(state.close)
            self._set_up(state, [listener.getsockname()[1] for listener in listeners])

            async def main(servers: AsyncExitStack) -> None:
                await self._serve(listeners, servers)

            stack.callback(self.tenant.loop.stop)
            self.tenant.loop.start(main)
            self._running = stack.pop_all()
        return self

    def _set_up(self, state: StateDirectory, ports: list[int]) -> None:
        port, browser_port, self.imap_port, self.smtp_port = ports
        self.authority = f"https://localhost:{port}"
        self.browser_url = f"http://{HOST}:{browser_port}"
        self._certificates: Certificates = load_certificates(state)
        self.signing_key = SigningKey(state)
        self.registration = Registration(set(self._redirect_uris), state)
        policies, people = Policies(), dict(PEOPLE)
        mailboxes = Mailboxes(policies, state, people)
        consents, revoked = Consents(state), RefreshTokens(state)
        self.tenant = Tenant(policies, consents, revoked, mailboxes, Loop(), people)
        self.smtp_faults = SmtpFaults()
        self._limits = Limits(policies)
        issuer = TokenIssuer(self.signing_key, self.authority, self.registration.client_id)
        self._entra = Entra(
            self.tenant, self.registration, issuer, self.authority, self.browser_url
        )

    async def _serve(self, listeners: list[socket], servers: AsyncExitStack) -> None:
        await self.tenant.mailboxes.open()
        context = self._certificates.mail_context(lambda: self.tenant.policies.inspected)
        access = MailAccess(self.tenant, self.signing_key)
        tls, plain, imap, smtp = listeners

        def drop(request: Request) -> None:
            back.drop(request)

        pages = page_routes(self._entra)
        client = Starlette(routes=[*client_routes(self._entra, drop), *pages, STYLESHEET])
        acts = Acts(self.tenant, self.faults, self.smtp_faults, self.reset_here)
        panel = Panel(acts, View(self.tenant, self.smtp_faults, self.addresses()))
        person = Starlette(routes=[*panel_routes(panel), *pages], middleware=[_HOSTS])
        back = HttpServer(Noted(client, self.requests), self.server_pem)
        front = HttpServer(Noted(person, self.requests))
        servers.push_async_callback(stop_together, back, front)
        await back.start(tls)
        await front.start(plain)
        await ImapServer(access).start(imap, context, servers)
        await SmtpServer(access, self._limits, self.smtp_faults).start(smtp, context, servers)

    def stop(self) -> None:
        """Stop every server and end the thread; remove a temporary state directory."""
        self._running.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def ca_file(self) -> Path:
        """The PEM file of the certificate authority that clients must trust."""
        return self._certificates.ca_file

    @property
    def server_pem(self) -> Path:
        """The PEM file with the server's key and chain, for other servers in tests."""
        return self._certificates.server_pem

    @property
    def public_key_pem(self) -> str:
        """The public half of the key that signs tokens."""
        return self.signing_key.public_key_pem

    def addresses(self) -> dict[str, str]:
        """Return what a person needs to connect a client, by its label; no secret."""
        return {
            "Panel": self.browser_url,
            "Authority": f"{self.authority}/{self.tenant.domain}",
            "Tenant": self.tenant.id,
            "IMAP": f"localhost:{self.imap_port} (TLS)",
            "SMTP": f"localhost:{self.smtp_port} (STARTTLS)",
            "Client id": self.registration.client_id,
            "Redirect URIs": ", ".join(sorted(self.registration.all_redirect_uris)) or "none",
            "CA certificate": str(self.ca_file),
        }

    @property
    def requests(self) -> RequestLog:
        """The HTTP requests seen, oldest first; without any secret."""
        return self._entra.requests

    @property
    def faults(self) -> Faults:
        """The token endpoint's scripted answers."""
        return self._entra.faults

    def count(self, *, grant_type: str | None = None, path: str | None = None) -> int:
        """Count the requests seen, by grant type and by the path's end."""
        return self.requests.matching(grant_type=grant_type, path=path)

    def new_token(self, user: str, scope: str = " ".join(MAIL_SCOPES)) -> str:
        """Return an access token as the token endpoint would issue it."""
        scopes = resource_scopes(scope)
        life = self.tenant.policies.token_lifetime
        person = self.tenant.people[user]
        return self._entra.issuer.access_token(person, audience_of(scopes), scopes, life)

    def sign_in(
        self, auth_url: str, username: str, *, password: str = PASSWORD, consent: bool = True
    ) -> dict[str, str]:
        """Play the browser from an authorization or admin-consent URL to the callback.

        Returns the callback's query parameters and does not deliver them. Raises SignInError
        when the pages do not lead back to the client.
        """
        with PlayedBrowser(self.ca_file, (self.authority, self.browser_url)) as browser:
            return browser.sign_in(auth_url, username, password, consent=consent)

    def reset(self) -> None:
        """Put policies, consents, grants, faults and mailboxes back to the beginning."""
        self.tenant.loop.run(self.reset_here())

    async def reset_here(self) -> None:
        """Do what `reset` does, from the servers' own thread."""
        self._entra.reset()
        self.smtp_faults.clear()
        self._limits.reset()
        await self.tenant.reset()
