"""SMTP submission: what Exchange answers to whom, with smtplib."""

import base64
import smtplib

import pytest

SALES, INFO, ORDERS = "sales@contoso.test", "info@contoso.test", "orders@contoso.test"
IMAP_SCOPE = "https://outlook.office.com/IMAP.AccessAsUser.All"
MESSAGE = (
    b"From: %b\r\nTo: purchasing@contoso.test\r\nSubject: Offer\r\n"
    b"Date: Tue, 3 Mar 2026 09:00:00 +0000\r\nMessage-ID: <offer.4711@contoso.test>\r\n"
    b"\r\nHello\r\n"
)


def blob(user, token):
    return f"user={user}\x01auth=Bearer {token}\x01\x01"


def authenticate(client, user, token):
    """XOAUTH2 in one line; an error challenge is answered with an empty one."""
    encoded = base64.b64encode(blob(user, token).encode()).decode()
    code, text = client.docmd("AUTH", f"XOAUTH2 {encoded}")
    challenged = code == 334
    if challenged:
        assert b'"status": "400"' in base64.b64decode(text)
        code, text = client.docmd("")
    return code, text.decode(), challenged


@pytest.fixture
def logged_in(sim, smtp):
    def connect(user=SALES):
        client = smtp()
        assert authenticate(client, user, sim.new_token(user))[0] == 235
        return client

    return connect


def test_extensions_are_exchanges(sim, context):
    wanted = ["pipelining", "dsn", "enhancedstatuscodes", "8bitmime", "binarymime", "chunking"]
    with smtplib.SMTP("localhost", sim.smtp_port, local_hostname="erp", timeout=5) as client:
        client.ehlo()
        assert "auth" not in client.esmtp_features
        assert client.docmd("MAIL", "FROM:<sales@contoso.test>")[0] == 530
        client.starttls(context=context)
        client.ehlo()
        assert client.esmtp_features["auth"].split() == ["LOGIN", "XOAUTH2"]
        assert client.esmtp_features["size"] == "157286400"
        assert [name for name in (*wanted, "smtputf8") if name not in client.esmtp_features] == []
        assert "starttls" not in client.esmtp_features


def test_a_message_is_filed_as_sent_and_delivered(sim, logged_in):
    content = MESSAGE % SALES.encode()
    to = ["purchasing@contoso.test", "somebody@example.com"]
    logged_in().sendmail(SALES, to, content)
    (submission,) = sim.tenant.submissions
    assert (submission.user, submission.mail_from) == (SALES, SALES)
    assert submission.recipients == tuple(to)
    assert sim.tenant.messages(SALES, "Sent Items") == [content]
    delivered = sim.tenant.messages("purchasing@contoso.test")[-1]
    assert delivered.startswith(b"Received: from erp (127.0.0.1) by ")
    assert delivered.endswith(content)
    assert [mail.recipient for mail in sim.tenant.outside.mails()] == ["somebody@example.com"]
    assert "Hello" not in repr(submission)


def test_sent_mail_of_the_german_mailbox(sim, logged_in):
    user = "invoices@contoso.test"
    logged_in(user).sendmail(user, [SALES], MESSAGE % user.encode())
    assert len(sim.tenant.messages(user, "Gesendete Elemente")) == 1


TENANT = "SmtpClientAuthentication is disabled for the Tenant."
POLICIES = {
    "organization": (
        {"smtp_auth_disabled": True},
        f"5.7.139 Authentication unsuccessful, {TENANT}",
    ),
    "mailbox": ({"smtp_auth_disabled_for": [SALES]}, "disabled for the Mailbox"),
    "security defaults": (
        {"security_defaults": True},
        "user is locked by your organization's security defaults policy",
    ),
    "reply by policy": ({"smtp_auth_reply": "535 5.7.3 Authentication unsuccessful"}, "5.7.3"),
}


@pytest.mark.parametrize(("policies", "text"), POLICIES.values(), ids=POLICIES.keys())
def test_a_policy_refuses_the_sign_in(sim, smtp, policies, text):
    sim.tenant.policies.change(policies)
    code, said, challenged = authenticate(smtp(), SALES, sim.new_token(SALES))
    assert (code, challenged) == (535, True)
    assert text in said


REFUSALS = {
    "no token": (SALES, lambda sim: "junk"),
    "wrong scope": (SALES, lambda sim: sim.new_token(SALES, IMAP_SCOPE)),
    "shared mailbox as user": (INFO, lambda sim: sim.new_token(SALES)),
    "somebody else's token": (SALES, lambda sim: sim.new_token("purchasing@contoso.test")),
}


@pytest.mark.parametrize(("user", "token"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_sign_in_is_refused(sim, smtp, user, token):
    code, said, challenged = authenticate(smtp(), user, token(sim))
    assert (code, challenged) == (535, True)
    assert said.startswith("5.7.3 Authentication unsuccessful")


def test_a_passing_refusal_comes_without_challenge(sim, smtp):
    sim.tenant.policies.smtp_auth_reply = "421 4.3.2 Service not active"
    answer = authenticate(smtp(), SALES, "x")
    assert answer == (421, "4.3.2 Service not active", False)


def test_malformed_data_is_refused(smtp):
    for data in ("!!!", base64.b64encode(b"user=x").decode()):
        code, said = smtp().docmd("AUTH", f"XOAUTH2 {data}")
        assert (code, said) == (501, b"5.5.124 Invalid XOAUTH2 auth data")


def test_passwords_are_refused(smtp):
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        smtp().login(SALES, "contoso")
    assert b"5.7.139" in refused.value.smtp_error
    assert b"basic authentication is disabled" in refused.value.smtp_error


def test_mail_needs_a_sign_in(smtp):
    code, said = smtp().mail(SALES)
    assert (code, said[:6]) == (530, b"5.7.57")


def test_mail_from_may_answer_by_policy(sim, logged_in):
    sim.tenant.policies.mail_from_reply = "432 4.3.2 Concurrent connections limit exceeded"
    assert logged_in().mail(SALES) == (432, b"4.3.2 Concurrent connections limit exceeded")


def test_the_delegate_sends_as_the_shared_mailbox(sim, logged_in):
    logged_in().sendmail(INFO, ["somebody@example.com"], MESSAGE % INFO.encode())
    assert sim.tenant.submissions[0].mail_from == INFO


def test_send_as_may_be_denied_at_mail_from(sim, logged_in):
    sim.tenant.policies.send_as_checked_at = "mail_from"
    code, said = logged_in().mail(ORDERS)
    assert code == 554
    assert said.startswith(
        b"5.2.252 SendAsDenied; sales@contoso.test not allowed to send as orders@contoso.test"
    )


@pytest.mark.parametrize(
    ("checked_at", "mail_from", "header"),
    [("data", ORDERS, ORDERS), ("mail_from", SALES, ORDERS)],
    ids=["by default", "another From header"],
)
def test_send_as_is_denied_after_data(sim, logged_in, checked_at, mail_from, header):
    sim.tenant.policies.change({"send_as_checked_at": checked_at})
    client = logged_in()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        client.sendmail(mail_from, ["somebody@example.com"], MESSAGE % header.encode())
    assert refused.value.smtp_code == 554
    assert b"SendAsDenied" in refused.value.smtp_error
    assert sim.tenant.submissions == []


def test_send_as_can_be_granted(sim, logged_in):
    sim.tenant.policies.send_as_checked_at = "mail_from"
    sim.tenant.send_as.add((ORDERS, SALES))
    assert logged_in().mail(ORDERS)[0] == 250


def test_app_only_tokens_send_from_any_mailbox(new_app, smtp):
    app = new_app()
    token = app.acquire_token_for_client(["https://outlook.office365.com/.default"])
    client = smtp()
    assert authenticate(client, ORDERS, token["access_token"])[0] == 235
    assert client.mail(ORDERS)[0] == 250
