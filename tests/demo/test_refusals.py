"""What the hooks raise becomes a page with a remedy, never a traceback."""

import pytest
from salesorder_m365.demo.pages.menus import ACCOUNTS, account_path
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
    UnavailableError,
)

PAGE = account_path("m365:7")
ERRORS = [
    (
        NotAllowedError("admin", "mail_accounts.view", "m365:7"),
        403,
        "the permission mail_accounts.view is needed",
    ),
    (NoSuchAccountError("m365:7"), 404, "It may have been deleted"),
    (SignInNeededError("m365:7", "grant_refused"), 409, "press Login"),
    (UnavailableError("no answer", retry_after=29.5), 503, "Wait about 30 seconds"),
    (UnavailableError("no answer", retry_after=0.2), 503, "Wait about 1 second before"),
    (MailError("throttled", stage="folders", server_words="<b>No"), 502, "The server said: <b>No"),
    (MailError("throttled", stage="folders", retry_after=12), 502, "Wait about 12 seconds"),
    (RegistrationError("secret_expired"), 502, "new secret or certificate"),
    (BadRequestError("return_to_unusable"), 400, "return_to must be a path of the host itself"),
    (SettingsError({"tenant": ("Missing.",)}), 500, "tenant: Missing."),
    (StoreError("database_silent", reason="locked"), 500, "did not answer: locked"),
    (SealError("sealing_key_missing", key="k1"), 500, "Key k1 is not in the key ring"),
    (M365Error("unknown"), 500, "Something unexpected went wrong"),
]


@pytest.mark.parametrize(
    ("error", "status", "words"), ERRORS, ids=lambda value: getattr(type(value), "__name__", "")
)
def test_each_error_has_its_page(admin, mail, text_of, error, status, words):
    mail.error = error
    page = admin.get(PAGE)
    assert page.status_code == status
    assert words in text_of(page)
    assert "Traceback" not in page.text
    wait = getattr(error, "retry_after", 0)
    assert ("retry-after" in page.headers) == bool(wait)


def test_an_unexpected_error_gets_a_number_that_the_log_knows(admin, mail, text_of, caplog):
    mail.error = RuntimeError("a secret")
    page = admin.get(PAGE)
    assert page.status_code == 500
    assert "a secret" not in page.text
    number = page.text.partition("<code>")[2].partition("</code>")[0]
    assert f"error {number} at GET {PAGE}" in caplog.text


def test_the_callbacks_query_stands_in_no_log(admin, mail, caplog):
    mail.error = RuntimeError("broken")
    admin.get("/mail/m365/callback", params={"code": "canary-code", "state": "canary-state"})
    assert "error" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", ACCOUNTS + "/new/unknown", 404),
        ("GET", account_path("other:7"), 404),
        ("DELETE", ACCOUNTS, 405),
    ],
)
def test_the_hosts_own_refusals_are_pages_too(admin, method, path, status):
    page = admin.request(method, path)
    assert page.status_code == status
    assert 'class="card card-bad"' in page.text


def test_a_worker_without_permission_is_told_who_can_help(erp, mail, text_of):
    mail.error = NotAllowedError("sales", "mail_accounts.view", None)
    with erp.visit() as sales:
        sales.log_in("sales")
        page = sales.get(ACCOUNTS)
    assert page.status_code == 403
    assert "Ask the ERP's Administrator" in text_of(page)


@pytest.mark.parametrize(("worker", "allowed"), [("admin", True), ("sales", False), ("x", False)])
def test_permissions_follow_the_worker(erp, worker, allowed):
    assert erp.host.allows(worker, "mail_accounts.view", None) is allowed
    assert erp.host.allows(worker, "mail_accounts.connect", "m365:7") is allowed
    assert erp.host.allows(worker, "something.else", None) is False
