"""To Microsoft and back through the routes: cookie, headers, addresses, and what each refuses."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from salesorder_m365.plugin.errors import (
    BadRequestError,
    M365Error,
    MailError,
    NoSuchAccountError,
    NotAllowedError,
    RegistrationError,
    SealError,
    SettingsError,
    SignInNeededError,
    StoreError,
    TicketError,
    UnavailableError,
)
from salesorder_m365.testing.places import register
from support.erp import WORKER, Erp
from support.mail_site import MAILBOX, Site, callback

LOGIN, CALLBACK = "/oauth/login", "/oauth/callback"


def quiet(answer):
    return (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store", "no-referrer")


def test_a_worker_signs_in_and_is_led_back(kit, sim):
    left = kit.browser.open(kit.site.ticket())
    assert (left.status, quiet(left)) == (303, True)
    back = kit.browser.open(kit.back(kit.browser, left["Location"]))
    assert (back.status, quiet(back)) == (303, True)
    assert set(parse_qs(urlsplit(back["Location"]).query)) == {"state"}
    page = kit.browser.open(back["Location"])
    assert (page.status, quiet(page)) == (200, True)
    assert f"{MAILBOX} is signed in" in page.text
    assert 'href="/mail/1"' in page.body
    assert sim.count(grant_type="authorization_code") == 1
    # A reload asks Microsoft nothing and shows the same.
    assert kit.browser.open(back["Location"]).body == page.body
    assert sim.count(grant_type="authorization_code") == 1


def test_the_administrator_consents_through_the_same_routes(kit, sim):
    address = kit.site.left(kit.browser, purpose="consent")
    assert "/adminconsent?" in address
    page = kit.browser.follow(kit.back(kit.browser, address, "admin@contoso.test"))
    assert "consent" in page.text


@pytest.mark.parametrize(
    ("base_url", "secure"), [("https://erp.example.com", True), ("http://localhost:8365", False)]
)
def test_the_cookie_is_hidden_lax_short_and_for_both_routes_alone(
    sim, settings_for, base_url, secure
):
    settings = settings_for(sim, base_url=base_url, callback_path="/mail/m365/callback")
    site = Site(Erp(settings))
    cookie = site.visitor().open(site.ticket())["Set-Cookie"]
    name_value, *attributes = cookie.split("; ")
    assert re.fullmatch(r"m365_browser=[\w-]{43}", name_value)
    wanted = {"Path=/mail/m365", "Max-Age=600", "HttpOnly", "SameSite=Lax"}
    assert set(attributes) == wanted | ({"Secure"} if secure else set())


def test_two_tabs_have_one_cookie_and_both_sign_ins_end(kit, sim):
    first, second = (kit.erp.save(account_name=n, request_id=n).id for n in ("One", "Two"))
    addresses = [kit.site.left(kit.browser, account_id=each) for each in (first, second)]
    for address in addresses:
        kit.browser.follow(kit.back(kit.browser, address))
    assert [kit.erp.view(each).state for each in (first, second)] == ["connected", "connected"]


@pytest.mark.parametrize("planted", ["", "short", "a" * 44, "b" * 42 + "\xe4", "; =; m365_browser"])
def test_a_cookie_that_is_none_of_ours_is_replaced(kit, planted):
    answer = kit.browser.open(kit.site.ticket(), HTTP_COOKIE=f'odd="; m365_browser={planted}; x=')
    value = answer["Set-Cookie"].partition("=")[2].partition(";")[0]
    assert value != planted
    assert len(value) == 43


def test_an_odd_cookie_before_ours_hides_nothing(kit):
    address = kit.site.left(kit.browser)
    kit.browser.cookies = {'a="b': '{"c": 1}', "ä": "ü", **kit.browser.cookies}
    cookies = "; ".join(f"{k}={v}" for k, v in kit.browser.cookies.items())
    page = kit.browser.follow(
        kit.back(kit.browser, address), HTTP_COOKIE=cookies.encode().decode("latin-1")
    )
    assert "is signed in" in page.text


def test_without_a_session_the_page_says_to_log_in_here(kit, site):
    path = site.ticket()
    refused = site.visitor(worker=None).open(path)
    assert refused.status == 403
    assert "Log in to the ERP in this browser" in refused.text
    assert refused.all("Set-Cookie") == []
    assert kit.browser.open(path).status == 303


def test_another_workers_session_is_refused(kit, site):
    path = site.ticket()
    refused = site.visitor(worker="worker-2").open(path)
    assert (refused.status, "given to another worker" in refused.text) == (403, True)
    assert kit.browser.open(path).status == 303


@pytest.mark.parametrize("query", ["", "?ticket=", "?ticket=other:1", "?ticket=m365:x", "?x=1"])
def test_what_is_no_ticket_opens_nothing(kit, query):
    refused = kit.browser.open(LOGIN + query)
    assert (refused.status, "click Login again" in refused.text) == (403, True)


def test_a_strict_session_cookie_may_stay_behind_in_the_callback(kit):
    account_id = kit.erp.save().id
    query = kit.back(kit.browser, kit.site.left(kit.browser, account_id=account_id))
    kit.browser.worker = None
    assert "is signed in" in kit.browser.follow(query).text
    assert kit.erp.view(account_id).state == "connected"


@pytest.mark.parametrize("worker", [WORKER, "worker-2", None], ids=str)
def test_a_callback_in_another_browser_finishes_nothing(kit, sim, worker):
    account_id = kit.erp.save().id
    query = kit.back(kit.browser, kit.site.left(kit.browser, account_id=account_id))
    page = kit.site.visitor(worker).follow(query)
    assert "begun somewhere else" in page.text
    assert sim.count(grant_type="authorization_code") == 0
    assert kit.erp.view(account_id).state == "draft"
    assert "is signed in" in kit.browser.follow(query).text


@pytest.mark.parametrize(
    "query", ["", "?admin_consent=True&tenant=t", "?state=nobodys&code=c", "?code=c", "?state=%ff"]
)
def test_a_return_that_nobody_waits_for_is_explained_without_its_code(kit, query):
    back = kit.browser.open(CALLBACK + query)
    if back.status == 303:
        assert back["Location"] == CALLBACK
        back = kit.browser.open(back["Location"])
    assert (back.status, quiet(back)) == (200, True)
    assert "You are back from Microsoft" in back.text


def test_the_hosts_own_page_is_shown_and_kept_in_no_cache(kit, site):
    seen = []

    def arrived(environ, outcome):
        seen.append((environ["QUERY_STRING"], outcome.code))
        headers = [("Location", outcome.next_url), ("cache-control", "public"), ("X-Erp", "1")]
        return "303 See Other", headers, [b"", b"on"]

    site.arrived = arrived
    query = kit.back(kit.browser, site.left(kit.browser))
    last = kit.browser.open(kit.browser.open(query)["Location"])
    assert (last.status, last["Location"], last["X-Erp"], last.body) == (303, "/mail/1", "1", "on")
    assert quiet(last)
    ((asked, code),) = seen
    assert code == "connected"
    assert "code=" not in asked


@pytest.mark.parametrize(
    "page",
    [
        (200, [], b"mine"),
        ("200 OK", (), iter([b"mi", b"ne"])),
        (499, {"X": "1"}.items(), b"mine"),
    ],
    ids=["number", "line", "a status of one's own"],
)
def test_a_hosts_page_may_have_the_forms_that_frameworks_have(kit, site, page):
    site.arrived = lambda environ, outcome: page
    assert kit.browser.open(CALLBACK).body == "mine"


# Every other request ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("address", ["login", "callback"])
def test_another_method_is_refused_and_does_nothing(kit, site, method, address):
    path = site.ticket() if address == "login" else CALLBACK + "?state=s&code=c"
    refused = kit.browser.open(path, method)
    assert (refused.status, refused["Allow"], quiet(refused)) == (405, "GET", True)
    assert (refused.body == "") == (method == "HEAD")
    if address == "login":
        assert kit.browser.open(path).status == 303


@pytest.mark.parametrize(
    "path",
    ["/", "/oauth", "/oauth/", "/oauth/login/", "/x/oauth/login", "//oauth/login", "/oauth/Login"],
)
def test_another_path_is_not_found(kit, path):
    answer = kit.browser.open("http://h" + path + "?ticket=m365:1")
    assert (answer.status, answer["Content-Type"]) == (404, "text/html; charset=utf-8")


MOUNTS = {
    "whole path": ("", "/sub/mail/login"),
    "mounted at the folder": ("/sub/mail", "/login"),
    "behind a proxy that takes the path away": ("", "/mail/login"),
    "the same, mounted": ("/mail", "/login"),
}


@pytest.mark.parametrize(("script_name", "path_info"), MOUNTS.values(), ids=MOUNTS)
def test_it_is_found_wherever_it_is_mounted(sim, settings_for, script_name, path_info):
    settings = settings_for(
        sim, base_url="https://erp.example.com/sub", callback_path="/mail/callback"
    )
    site = Site(Erp(settings))
    path = site.ticket()
    assert path.startswith("/sub/mail/login?")
    answer = site.visitor().open(path, SCRIPT_NAME=script_name, PATH_INFO=path_info)
    assert (answer.status, "; Path=/sub/mail;" in answer["Set-Cookie"]) == (303, True)


def test_a_callback_may_be_called_login_too(sim, settings_for):
    site = Site(Erp(settings_for(sim, callback_path="/mail/login")))
    register(sim, site.erp.settings)
    browser = site.visitor()
    query = sim.sign_in(site.left(browser), MAILBOX)
    assert "is signed in" in browser.follow(callback(query, "/mail/login")).text


def test_the_host_header_changes_nothing(kit):
    forged = {"HTTP_HOST": "evil.example.com", "HTTP_X_FORWARDED_HOST": "evil.example.com"}
    left = kit.browser.open(kit.site.ticket(), **forged)
    back = kit.browser.open(kit.back(kit.browser, left["Location"]), **forged)
    page = kit.browser.open(back["Location"], **forged)
    for answer in (left, back, page):
        assert "evil" not in str(answer)


def test_no_host_no_route(site):
    site.erp, path = None, site.ticket()
    assert site.visitor().open(path).status == 404


# Errors ----------------------------------------------------------------------------------------

ERRORS = [
    (NotAllowedError(WORKER, "mail_accounts.connect", "m365:7"), 403),
    (TicketError("ticket_expired"), 403),
    (NoSuchAccountError("m365:7"), 404),
    (SignInNeededError("m365:7", "grant_refused"), 409),
    (UnavailableError("no answer", retry_after=29.5), 503),
    (MailError("throttled", stage="folders", server_words="<b>No"), 502),
    (RegistrationError("secret_expired"), 502),
    (BadRequestError("return_to_unusable"), 400),
    (SettingsError({"tenant": ("Missing.",)}), 500),
    (StoreError("database_silent", reason="<i>locked"), 503),
    (SealError("sealing_key_missing", key="k1"), 503),
    (M365Error("unknown"), 500),
]


@pytest.mark.parametrize(
    ("error", "status"), ERRORS, ids=lambda value: getattr(type(value), "__name__", "")
)
@pytest.mark.parametrize("address", ["login", "callback"])
def test_each_error_is_a_page_with_its_finding(kit, mocker, address, error, status):
    where = "tickets.Tickets.open" if address == "login" else "sign_in.SignIn.callback"
    mocker.patch(f"salesorder_m365.plugin.sign_in.{where}", side_effect=error)
    path = LOGIN + "?ticket=m365:1" if address == "login" else CALLBACK + "?state=s&code=c"
    page = kit.browser.open(path)
    assert (page.status, quiet(page)) == (status, True)
    text = unescape(page.text)
    for said in (error.finding.title, error.finding.what, *error.finding.steps):
        assert said in text
    waits = isinstance(error, UnavailableError)
    assert page.all("Retry-After") == (["30"] if waits else [])
    assert "Traceback" not in page.body
    assert "<b>" not in page.body
    assert "<i>" not in page.body


@pytest.mark.parametrize("broken", ["host_of", "worker_of", "arrived", "status"])
def test_a_fault_of_the_hosts_own_is_a_number_that_the_log_knows(kit, site, caplog, broken):
    def raises(*_):
        raise RuntimeError("a fault of the host")

    if broken == "status":
        site.arrived = lambda environ, outcome: ("fine", [], b"")
    else:
        setattr(site, broken, raises)
    page = kit.browser.open(CALLBACK + "?state=canary-state", QUERY_STRING="state=canary-state")
    assert (page.status, quiet(page)) == (500, True)
    assert "a fault of the host" not in page.body
    (number,) = re.findall(r"<code>(\w{8})</code>", page.body)
    assert f"error {number}" in caplog.text
    assert "canary" not in caplog.text


def test_no_frame_of_a_fault_holds_the_query(kit, site, caplog):
    def raises(environ):
        raise RuntimeError

    site.worker_of = raises
    kit.browser.open(CALLBACK + "?state=canary-state&code=canary-code")
    (record,) = [each for each in caplog.records if each.exc_info]
    frame, names = record.exc_info[2], []
    while frame:
        names.append(frame.tb_frame.f_code.co_name)
        assert "canary" not in repr(frame.tb_frame.f_locals)
        frame = frame.tb_next
    assert names[-1] == "raises"


def test_a_late_callback_is_told_as_such(kit):
    query = kit.back(kit.browser, kit.site.left(kit.browser))
    kit.erp.later = timedelta(minutes=11)
    assert "no longer open" in kit.browser.follow(query).text
