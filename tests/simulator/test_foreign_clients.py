"""Mail and sign-in clients of others against the simulator: they sign in, send, read a file.

From PyPI, npm (`tests/node-packages`) and Debian (`tests/system-packages`).
"""

import asyncio
import base64
import email
import email.policy
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import jwt
import msal
import pytest
import requests
from imapclient import IMAPClient
from salesorder_m365.simulator.browser import SignInError
from salesorder_m365.simulator.identity.tokens import read_access_token
from salesorder_m365.simulator.tenant.answers import Attachment
from salesorder_m365.simulator.tenant.scopes import MAIL_SCOPES
from support.client_certificate import certificate_pem
from support.submitting import Submitter, blob, connected

ROOT = Path(__file__).resolve().parents[2]
NODE = ROOT / ".make" / "node" / "node_modules"
SALES, CUSTOMER = "sales@contoso.test", "office@fabrikam.example.com"
OFFER = "<offer.4711@contoso.test>"
FILE = bytes(range(256)) * 40


@pytest.fixture
def with_file(sim, context):
    """A customer's reply with a file lies in the inbox."""
    with connected(sim, context, SALES) as client:
        client.submit(SALES, CUSTOMER)
    order = Attachment("order.pdf", "application/pdf", FILE)
    sim.tenant.reply("<offer.1@contoso.test>", "We accept.", attachments=[order])


def outside(sim):
    """The last message that left the tenant, parsed."""
    content = sim.tenant.outside.mails()[-1].content
    return email.message_from_bytes(content, policy=email.policy.default)


def only_file(message):
    (attached,) = message.iter_attachments()
    return attached.get_content()


# Reading ---------------------------------------------------------------------------------------


def test_imap_tools_reads_an_attachment(sim, context, with_file):
    imap_tools = pytest.importorskip("imap_tools", reason="imap-tools is not installed")
    box = imap_tools.MailBox("localhost", sim.imap_port, ssl_context=context, timeout=5)
    with box.xoauth2(SALES, sim.new_token(SALES)) as mailbox:
        (message,) = mailbox.fetch(imap_tools.AND(subject="Re: Offer"), mark_seen=False)
        assert (message.from_, message.subject) == (CUSTOMER, "Re: Offer")
        assert [(file.filename, file.payload) for file in message.attachments] == [
            ("order.pdf", FILE)
        ]
        assert "Sent Items" in [folder.name for folder in mailbox.folder.list()]


def test_aioimaplib_reads_an_attachment_and_idles(sim, context, with_file):
    aioimaplib = pytest.importorskip("aioimaplib", reason="aioimaplib is not installed")

    async def read():
        client = aioimaplib.IMAP4_SSL(
            host="localhost", port=sim.imap_port, timeout=5, ssl_context=context
        )
        await client.wait_hello_from_server()
        assert (await client.xoauth2(SALES, sim.new_token(SALES))).result == "OK"
        assert (await client.select("INBOX")).result == "OK"
        fetched = await client.fetch("4", "BODY.PEEK[]")
        idle = await client.idle_start(timeout=20)
        await asyncio.to_thread(sim.tenant.deliver, SALES, b"Subject: New\r\n\r\n")
        pushed = await client.wait_server_push(timeout=5)
        client.idle_done()
        await asyncio.wait_for(idle, 5)
        await client.logout()
        return bytes(fetched.lines[1]), pushed

    content, pushed = asyncio.run(read())
    assert only_file(email.message_from_bytes(content, policy=email.policy.default)) == FILE
    assert b"5 EXISTS" in pushed


# Node's ----------------------------------------------------------------------------------------


def node(script, **settings):
    if not shutil.which("node") or not (NODE / script[1]).exists():
        pytest.skip(f"{script[1]} is not installed: sh tests/node-packages")
    said = subprocess.run(
        ["node", str(ROOT / "tests" / "clients" / script[0])],
        input=json.dumps(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "NODE_PATH": str(NODE)},
    )
    return json.loads(said.stdout)


def test_nodemailer_sends_with_dsn(sim):
    said = node(
        ("send.js", "nodemailer"),
        port=sim.smtp_port,
        ca=sim.ca_file.read_text(),
        user=SALES,
        token=sim.new_token(SALES),
        to=CUSTOMER,
        bcc="nobody@contoso.test",
        messageId=OFFER,
        file=base64.b64encode(FILE).decode(),
    )
    assert said["response"].startswith(f"250 2.0.0 OK {OFFER} [Hostname=")
    assert only_file(outside(sim)) == FILE
    reports = sim.tenant.messages(SALES)[3:]
    assert [b"\r\nAction: relayed\r\n" in report for report in reports] == [True, False]
    assert all(b"Original-Envelope-Id: quote-4711" in report for report in reports)
    assert all(b"Content-Type: text/rfc822-headers" in report for report in reports)


def test_imapflow_reads_an_attachment(sim, with_file):
    said = node(
        ("read.js", "imapflow"),
        port=sim.imap_port,
        ca=sim.ca_file.read_text(),
        user=SALES,
        token=sim.new_token(SALES),
    )
    assert (said["subject"], said["name"]) == ("Re: Offer", "order.pdf")
    assert base64.b64decode(said["file"]) == FILE


# Debian's --------------------------------------------------------------------------------------


def test_msmtp_sends(sim, tmp_path):
    if not shutil.which("msmtp"):
        pytest.skip("msmtp is not installed: sh tests/system-packages")
    token = tmp_path / "token"
    token.write_text(sim.new_token(SALES))
    arguments = {
        "host": "localhost",
        "port": str(sim.smtp_port),
        "auth": "xoauth2",
        "user": SALES,
        "from": SALES,
        "tls": "on",
        "tls-starttls": "on",
        "tls-trust-file": str(sim.ca_file),
        "passwordeval": f"cat {token}",
        "timeout": "10",
    }
    message = f"From: {SALES}\nTo: {CUSTOMER}\nBcc: b@example.com\nSubject: Offer\n\nHello\n"
    options = [f"--{name}={value}" for name, value in arguments.items()]
    said = subprocess.run(
        ["msmtp", *options, "--read-recipients"],
        input=message.encode(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    arrived = sorted(mail.recipient for mail in sim.tenant.outside.mails())
    assert arrived == ["b@example.com", CUSTOMER]
    assert outside(sim)["Message-ID"]


# Sign-in ---------------------------------------------------------------------------------------


@pytest.fixture
def works(sim, context):
    """Use an access token for both protocols."""

    def use(token, user=SALES):
        assert read_access_token(sim.signing_key, token)
        client = IMAPClient("localhost", sim.imap_port, ssl_context=context, timeout=5)
        try:
            client.oauth2_login(user, token)
            assert client.select_folder("INBOX")[b"EXISTS"] == 3
        finally:
            client.shutdown()
        with Submitter("localhost", sim.smtp_port, local_hostname="erp", timeout=5) as sender:
            sender.starttls(context=context)
            sender.ehlo()
            sender.auth("XOAUTH2", lambda _=None: blob(user, token))
            assert sender.submit(user, CUSTOMER).startswith("250")

    return use


def test_msal_by_code_with_secret_and_silently(new_app, tokens, works):
    app = new_app()
    works(tokens(app=app)["access_token"])
    account = app.get_accounts()[0]
    again = app.acquire_token_silent_with_error(list(MAIL_SCOPES), account, force_refresh=True)
    works(again["access_token"])


def test_msal_by_code_with_a_certificate(sim, new_app, tokens, works):
    pem = certificate_pem()
    sim.registration.add_certificate(pem[pem.index(b"-----BEGIN CERTIFICATE") :])
    credential = {"private_key": pem.decode(), "public_certificate": pem.decode()}
    works(tokens(app=new_app(credential=credential))["access_token"])


def test_msal_by_device_code(sim, new_app, works):
    app = new_app(kind=msal.PublicClientApplication)
    flow = app.initiate_device_flow(list(MAIL_SCOPES))
    with pytest.raises(SignInError, match="You have signed in"):
        sim.sign_in(f"{flow['verification_uri']}?user_code={flow['user_code']}", SALES)
    works(app.acquire_token_by_device_flow(flow)["access_token"])


def test_msal_as_the_app_itself(new_app, works):
    app = new_app()
    answer = app.acquire_token_for_client(["https://outlook.office365.com/.default"])
    works(answer["access_token"])


def test_msal_interactively_as_a_public_client(sim, new_app, works, mocker):
    """MSAL opens a browser and listens on a free port of localhost."""
    sim.registration.public_redirect_uris.add("http://localhost")
    mocker.patch("msal.oauth2cli.authcode._browse", side_effect=lambda url, **_: browse(sim, url))
    app = new_app(kind=msal.PublicClientApplication)
    try:
        answer = app.acquire_token_interactive(list(MAIL_SCOPES), login_hint=SALES, timeout=20)
    finally:
        sim.registration.public_redirect_uris.clear()
    works(answer["access_token"])


def browse(sim, url):
    """Sign in behind the scenes, as the person at the browser would."""

    asked = dict(parse_qsl(urlsplit(url).query))

    def play():
        answer = sim.sign_in(url, SALES)
        if asked.get("response_mode") == "form_post":
            requests.post(asked["redirect_uri"], data=answer, timeout=5)
        else:
            requests.get(asked["redirect_uri"], params=answer, timeout=5)

    threading.Thread(target=play, daemon=True).start()
    return True


def test_msal_by_password_is_refused_as_it_should_be(sim, http):
    form = {"grant_type": "password", "client_id": sim.registration.client_id}
    answer = http.post(f"{sim.authority}/contoso.test/oauth2/v2.0/token", data=form, timeout=5)
    assert answer.json()["error"] == "unsupported_grant_type"


def test_authlib_with_its_defaults(sim, http, context, works):
    """Without PKCE, and the secret by HTTP Basic."""
    authlib = pytest.importorskip(
        "authlib.integrations.requests_client", reason="Authlib is not installed"
    )
    uri = next(iter(sim.registration.redirect_uris))
    session = authlib.OAuth2Session(
        sim.registration.client_id,
        sim.registration.client_secret,
        scope=f"openid offline_access {' '.join(MAIL_SCOPES)}",
        redirect_uri=uri,
    )
    session.verify, session.trust_env = str(sim.ca_file), False
    with session:
        url = f"{sim.authority}/contoso.test/v2.0/.well-known/openid-configuration"
        found = http.get(url, timeout=5).json()
        url, state = session.create_authorization_url(found["authorization_endpoint"])
        back = sim.sign_in(url, SALES)
        assert back["state"] == state
        answer = requests.Request("GET", uri, params=back).prepare().url
        token = session.fetch_token(found["token_endpoint"], authorization_response=answer)
        works(token["access_token"])
        keys = jwt.PyJWKClient(found["jwks_uri"], ssl_context=context)
        key = keys.get_signing_key_from_jwt(token["id_token"])
        client_id = sim.registration.client_id
        claims = jwt.decode(token["id_token"], key, ["RS256"], audience=client_id)
        assert claims["iss"] == found["issuer"]
        works(session.refresh_token(found["token_endpoint"])["access_token"])
