"""Clients as the plugin's users have them: MSAL, IMAPClient and smtplib."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import msal
import pytest
import requests
from imapclient import IMAPClient
from salesorder_m365.simulator.simulator import Simulator
from salesorder_m365.simulator.tenant.scopes import MAIL_SCOPES

SALES = "sales@contoso.test"


@pytest.fixture
def http(sim: Simulator) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(sim.ca_file)
        yield session


@pytest.fixture
def new_app(sim: Simulator, http: requests.Session) -> Callable[..., msal.ClientApplication]:
    def make(
        tenant: str = "contoso.test",
        kind: type[msal.ClientApplication] = msal.ConfidentialClientApplication,
        credential: object = None,
    ) -> msal.ClientApplication:
        confidential = kind is msal.ConfidentialClientApplication
        return kind(
            sim.registration.client_id,
            client_credential=credential
            or (sim.registration.client_secret if confidential else None),
            authority=f"{sim.authority}/{tenant}",
            instance_discovery=False,
            http_client=http,
        )

    return make


@pytest.fixture
def begin(sim: Simulator) -> Callable[..., dict]:
    """Begin a sign-in; MSAL would rather have form_post, which loses Lax cookies."""

    def flow(app: msal.ClientApplication, **options: str) -> dict:
        uri = next(iter(sim.registration.redirect_uris))
        with pytest.warns(UserWarning, match="form_post"):
            return app.initiate_auth_code_flow(list(MAIL_SCOPES), redirect_uri=uri, **options)

    return flow


@pytest.fixture
def tokens(sim, new_app, begin) -> Callable[..., dict]:
    """Sign somebody in and return what the token endpoint answered."""

    def sign_in(username: str = SALES, app: msal.ClientApplication | None = None) -> dict:
        app = app or new_app()
        flow = begin(app, login_hint=username)
        return app.acquire_token_by_auth_code_flow(flow, sim.sign_in(flow["auth_uri"], username))

    return sign_in


@pytest.fixture
def context(sim: Simulator) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(sim.ca_file))


@pytest.fixture
def imap(sim: Simulator, context: ssl.SSLContext) -> Iterator[Callable[[], IMAPClient]]:
    with ExitStack() as stack:

        def connect() -> IMAPClient:
            client = IMAPClient("localhost", sim.imap_port, ssl_context=context, timeout=5)
            stack.callback(client.shutdown)
            return client

        yield connect


@pytest.fixture
def smtp(sim: Simulator, context: ssl.SSLContext) -> Iterator[Callable[[], smtplib.SMTP]]:
    with ExitStack() as stack:

        def connect() -> smtplib.SMTP:
            client = smtplib.SMTP("localhost", sim.smtp_port, local_hostname="erp", timeout=5)
            stack.callback(client.close)
            client.starttls(context=context)
            client.ehlo()
            return client

        yield connect
