"""Every secret of a run is a canary: none of them in logs, errors, pages, events or the database.

The run takes each way through the plugin, good and bad, with every logger at DEBUG. Controls show
that the search finds a secret in each form and place, and that what it is protected from is real.
"""

import base64
import json
import logging
import os
import traceback
from dataclasses import replace
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from click.testing import CliRunner
from salesorder_m365.plugin import cli
from salesorder_m365.plugin.context import Context
from salesorder_m365.plugin.entra import identity as identity_module
from salesorder_m365.plugin.errors import M365Error
from salesorder_m365.plugin.settings.reading import PREFIX
from salesorder_m365.plugin.store.accounts import read_accounts
from salesorder_m365.plugin.store.engines import dispose_engines, engine_for, reading, writing
from salesorder_m365.plugin.store.grants import read_grant
from salesorder_m365.plugin.store.tables import grant
from salesorder_m365.plugin.use_cases import UseCases
from salesorder_m365.schemas.plain import to_plain
from salesorder_m365.schemas.settings import Key
from salesorder_m365.simulator.identity.codes import AuthorizationCodes
from salesorder_m365.simulator.identity.faults import TokenFault
from salesorder_m365.simulator.identity.tokens import TokenIssuer
from support.canaries import Canaries, forms
from support.client_certificate import certificate_pem
from support.erp import BROWSER, FORM, WORKER

SALES, PURCHASING = "sales@contoso.test", "purchasing@contoso.test"


class Run:
    """One run: who does what, what it left behind, and the secrets that may not be in it."""

    def __init__(self, erp, sim, everything):
        self.erp, self.sim, self.everything = erp, sim, everything
        self.canaries = Canaries()
        self.left = []

    def see(self, value):
        """Keep what a caller is given, as a host may log it or show it."""
        self.left.append(repr(value))
        self.left.append(str(value))

    def attempt(self, call, *args, **options):
        """Call; keep the answer, or the error with its causes."""
        try:
            answer = call(*args, **options)
        except M365Error as err:
            self.see(err)
            self.left.extend(traceback.format_exception(err))
            return None
        self.see(answer)
        return answer

    def begin(self, account_id, **options):
        """Begin a sign-in; its state is a secret from now on, as nonce and verifier are."""
        redirect = self.erp.begin(account_id, **options)
        self.see(redirect)
        query = parse_qs(urlsplit(redirect.url).query)
        self.canaries.add("state", query["state"][0])
        self.canaries.add("nonce", query["nonce"][0])
        return redirect.url

    def come_back(self, account_id, username=SALES, *, consent=True, change=None, **finish):
        """Sign in at Microsoft and finish."""
        url = self.begin(account_id)
        query = self.sim.sign_in(change(url) if change else url, username, consent=consent)
        return self.attempt(self.erp.finish, query, **finish), query

    def refresh(self, account_id, fault=None):
        """Let the token run out, and test the connection."""
        self.erp.expire_token(account_id)
        if fault:
            self.sim.faults.add(fault)
        self.attempt(self.erp.test, account_id)
        self.attempt(self.erp.choices, account_id)
        self.sim.faults.clear()

    def found(self, folder):
        """Return every canary that got out, and where."""
        left = {"logs": self.everything.text, "values and errors": "\n".join(self.left)}
        left["events"] = json.dumps([to_plain(event) for event in self.erp.events])
        left["reprs of events"] = repr(self.erp.events)
        got_out = {
            (where, name) for where, text in left.items() for name in self.canaries.found_in(text)
        }
        return got_out | self.canaries.found_in_files(folder)


@pytest.fixture
def run(erp, sim, everything, mocker):
    """A run whose secrets are collected where they are made."""
    run = Run(erp, sim, everything)
    add = run.canaries.add
    add("client secret", erp.settings.client_secret)
    for key in erp.settings.key_ring:
        add("key", key.secret)
    add("browser", BROWSER)

    def collected(owner, method, keep):
        original = getattr(owner, method)

        def made(*args, **options):
            secret = original(*args, **options)
            keep(secret)
            return secret

        mocker.patch.object(owner, method, made)

    for kind in ("access_token", "refresh_token", "id_token"):
        collected(TokenIssuer, kind, lambda secret, kind=kind: add(kind, secret))
    collected(AuthorizationCodes, "issue", lambda code: add("code", code))

    def flow_begun(flow):
        add("verifier", flow["code_verifier"])
        add("nonce", flow["nonce"])

    collected(identity_module.Identity, "begin", flow_begun)
    return run


KINDS = {
    "client secret",
    "key",
    "browser",
    "state",
    "nonce",
    "verifier",
    "code",
    "access_token",
    "refresh_token",
    "id_token",
}


def truncated(sim):
    """An answer that is cut in the middle of a token: no JSON, but with a secret in it."""
    token = sim._entra.issuer.access_token(
        sim.tenant.people[SALES], "https://outlook.office.com", ["SMTP.Send"], 3600
    )
    return TokenFault(status=200, body=f'{{"access_token": "{token}", "refr'.encode())


def faults(sim):
    """Everything that the token endpoint may answer."""
    yield from (TokenFault(status=status) for status in (400, 408, 429, 500, 503))
    yield TokenFault(status=200, body=b"<html>")
    yield TokenFault(status=200, body={"token_type": "Bearer"})
    yield truncated(sim)
    yield TokenFault(drop=True)
    yield TokenFault(error="temporarily_unavailable")
    yield TokenFault(error="invalid_client", aadsts=7000222, status=401)
    yield TokenFault(error="invalid_request", aadsts=900144)


def sign_in_in_every_way(run, account_id):
    run.come_back(account_id, consent=False)
    run.come_back(account_id, PURCHASING)
    run.come_back(account_id, browser="another-browser-altogether")
    run.come_back(account_id, worker="worker-2")
    run.come_back(account_id, change=lambda url: url.replace("nonce=", "nonce=n"))
    for fault in faults(run.sim):
        run.sim.faults.add(fault)
        run.come_back(account_id)
        run.sim.faults.clear()
    consent = {"host": run.erp, "worker": WORKER, "browser": BROWSER, "return_to": "/mail/1"}
    run.attempt(run.erp.hook.salesorder_consent_begin, account_id=account_id, **consent)
    _, query = run.come_back(account_id)
    run.attempt(run.erp.finish, query)
    run.attempt(run.erp.finish, query | {"iss": "https://evil.example.com"})


def use_and_refresh(run, account_id):
    run.attempt(run.erp.test, account_id)
    run.attempt(run.erp.map, account_id, sent="Sent Items", junk="No such folder")
    run.refresh(account_id)
    for fault in faults(run.sim):
        run.refresh(account_id, fault)
        forget_waiting(run, account_id)
    run.sim.tenant.policies.smtp_auth_disabled = True
    run.sim.tenant.policies.imap_disabled_for.add(SALES)
    run.refresh(account_id)
    claims = {"claims": '{"access_token": {"acrs": {"essential": true, "value": "c1"}}}'}
    run.refresh(account_id, TokenFault(error="interaction_required", aadsts=50076, body=claims))
    run.come_back(account_id)
    run.sim.tenant.revoke_grants(SALES)
    run.refresh(account_id)


def forget_waiting(run, account_id):
    """After a fault the next renewal waits; a test need not."""
    statement = grant.update().where(grant.c.account_id == account_id).values(not_before=0)
    with writing(engine_for(run.erp.name, run.erp.settings.database_url)) as connection:
        connection.execute(statement)


def look_inside(run, account_id):
    """Write down what a debugger or an error tracker would show of our values."""
    use_cases = UseCases(Context(run.erp, run.erp.events.append))
    run.see(use_cases)
    run.see(use_cases.context)
    run.see(use_cases.context.ring)
    run.see(run.erp.settings)
    run.see(use_cases.vault)
    if account_id:
        run.see(run.attempt(use_cases.vault.token, account_id))
    with reading(use_cases.context.engine) as connection:
        run.see(read_accounts(connection))
        run.see(read_grant(connection, account_id))
    run.see(use_cases._identity())


def rotate_and_maintain(run):
    """Rotate the keys by the command, run every job and look at the health."""
    erp = run.erp
    fresh = Key(id="k2", secret=os.urandom(32))
    run.canaries.add("key", fresh.secret)
    old, ring = erp.settings, (fresh, *erp.settings.key_ring)
    erp.settings = replace(old, key_ring=ring)
    pairs = [f"{key.id}:{base64.b64encode(key.secret).decode()}" for key in ring]
    for pair in pairs:
        run.canaries.add("key", pair.partition(":")[2])
    env = {
        PREFIX + "TENANT": old.tenant,
        PREFIX + "CLIENT_ID": old.client_id,
        PREFIX + "CLIENT_SECRET": old.client_secret,
        PREFIX + "BASE_URL": old.base_url,
        PREFIX + "DATABASE_URL": old.database_url,
        PREFIX + "KEY_RING": " ".join(pairs),
    }
    for command, status in (("check", 0), ("rotate", 0), ("check", 0)):
        result = CliRunner().invoke(cli.main, ["keys", command], env=env)
        run.see(result.output)
        assert result.exit_code == status
    run.attempt(erp.hook.salesorder_health, host=erp, worker=WORKER)
    erp.settings = replace(old, key_ring=(fresh,))
    run.attempt(erp.hook.salesorder_health, host=erp, worker=WORKER)
    for job in erp.hook.salesorder_jobs()[0]:
        run.attempt(erp.hook.salesorder_job_run, host=erp, name=job.name, worker=WORKER)


def test_no_secret_gets_out(run, tmp_path):
    account_id = run.erp.save().id
    run.begin(account_id)
    run.everything.turn_up()  # MSAL's loggers are there by now
    sign_in_in_every_way(run, account_id)
    use_and_refresh(run, account_id)
    run.come_back(account_id)
    rotate_and_maintain(run)
    look_inside(run, account_id)
    for hook in ("salesorder_disconnect", "salesorder_account_delete"):
        run.attempt(getattr(run.erp.hook, hook), host=run.erp, account_id=account_id, worker=WORKER)
    assert run.canaries.names() == KINDS
    assert run.found(tmp_path) == set()
    assert len(run.erp.events) > 30
    heard = {
        "salesorder_m365.plugin.vault.leasing",
        "sqlalchemy.engine.Engine",
        "urllib3.connectionpool",
    }
    assert heard <= run.everything.speakers()


def test_no_secret_gets_out_with_a_certificate(run, tmp_path, tmp_path_factory, settings_for):
    file = tmp_path_factory.mktemp("certificate") / "client.pem"
    pem = certificate_pem()
    file.write_bytes(pem)
    run.sim.registration.add_certificate(pem)
    for line in pem.decode().partition("-----END")[0].splitlines()[1:-1]:
        run.canaries.add("private key", line)
    run.erp.settings = settings_for(run.sim, client_secret=None, client_certificate=str(file))
    for key in run.erp.settings.key_ring:
        run.canaries.add("key", key.secret)
    account_id = run.erp.save().id
    run.begin(account_id)
    run.everything.turn_up()
    run.come_back(account_id)
    run.refresh(account_id)
    look_inside(run, account_id)
    file.write_text("-----BEGIN PRIVATE KEY-----\nnonsense\n")
    run.attempt(run.come_back, account_id)
    file.unlink()
    run.refresh(account_id)
    assert run.found(tmp_path) == set()


def test_no_secret_on_a_page(run, front):
    """The reference host's pages, addresses apart: the one to Microsoft must hold the state."""
    add = run.canaries.add
    add("client secret", front.host.settings.client_secret)
    for key in front.host.settings.key_ring:
        add("key", key.secret)
    admin, pages = front.browser(), []

    def left_for_microsoft(page):
        url = admin.leave(page).headers["location"]
        add("state", parse_qs(urlsplit(url).query)["state"][0])
        return url

    def shown(url):
        answer = admin.get(url)
        pages.append(answer.text + str(answer.headers))
        return answer

    page = admin.new_account(FORM)
    run.everything.turn_up()
    turned = {"declined": False, "connected": True}
    for consent in turned.values():
        query = run.sim.sign_in(left_for_microsoft(page), SALES, consent=consent)
        back = admin.come_back(front.callback, query)
        shown(back.headers["location"])
    for fault in (TokenFault(status=503), truncated(run.sim)):
        run.sim.faults.add(fault)
        query = run.sim.sign_in(left_for_microsoft(page), SALES)
        back = admin.come_back(front.callback, query)
        shown(back.headers["location"])
    pages.append(admin.post_form(page, page + "/test").text)
    for url in (page, page + "/folders", page + "/state", "/", "/no-such-page"):
        shown(url)
    pages.append(admin.get(front.callback, params={"state": "x" * 43, "code": "y"}).text)
    assert len(pages) > 9
    assert run.canaries.found_in("\n".join(pages)) == set()
    assert run.canaries.where(run.everything.records) == []


PLACES = {
    "log": lambda run, folder, text: logging.getLogger("canary").debug("see %s", text),
    "log's argument": lambda run, folder, text: logging.getLogger("canary").info("%s", [text]),
    "traceback": lambda run, folder, text: run.attempt(_failing, text),
    "value": lambda run, folder, text: run.see({"token": text}),
    "event": lambda run, folder, text: Context(run.erp, run.erp.events.append).emit(
        "mail_account_tested", WORKER, None, detail=text
    ),
    "database": lambda run, folder, text: run.erp.save(account_name=text[:80]),
    "file": lambda run, folder, text: (folder / "notes.txt").write_text(text),
}
SECRET = "a+b/c=d~e f-1234567890.x"
FORMS = {str(number): form.decode() for number, form in enumerate(sorted(forms(SECRET)))}


def _failing(text):
    try:
        int(text)
    except ValueError as err:
        raise M365Error("Something else is told.") from err


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_secret_in_any_form_and_place_would_be_found(run, tmp_path, place, form):
    run.canaries.add("control", SECRET)
    assert run.found(tmp_path) == set()
    place(run, tmp_path, form)
    run.everything.turn_up()
    assert {name for _, name in run.found(tmp_path)} == {"control"}


def test_there_is_a_form_for_each_alignment_of_base64():
    assert quote(SECRET, safe="") in FORMS.values()
    assert len(FORMS) >= 6


def test_a_token_that_was_cut_would_be_found(run, tmp_path):
    token = run.sim.new_token(SALES)
    run.see(token[: len(token) // 2])
    assert {name for _, name in run.found(tmp_path)} == {"access_token"}


@pytest.mark.parametrize("kind", ["code", "verifier"])
def test_without_the_filter_msal_would_tell(run, tmp_path, monkeypatch, kind):
    """The filter on MSAL's loggers is what keeps them silent, and the run hears them."""
    account_id = run.erp.save().id
    run.begin(account_id)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("msal"):
            monkeypatch.setattr(logging.getLogger(name), "filters", [])
    run.everything.turn_up()
    run.come_back(account_id)
    assert ("logs", kind) in run.found(tmp_path)


def test_a_broken_answer_never_reaches_msal(run, tmp_path, monkeypatch):
    """MSAL's OAuth client would write the whole of it to its log."""
    account_id = run.erp.save().id
    run.begin(account_id)
    monkeypatch.setattr(logging.getLogger("msal.oauth2cli.oauth2"), "filters", [])
    run.everything.turn_up()
    run.sim.faults.add(truncated(run.sim))
    run.come_back(account_id)
    assert not {name for where, name in run.found(tmp_path) if name == "access_token"}


@pytest.fixture(autouse=True)
def _engines_end():
    yield
    dispose_engines()
