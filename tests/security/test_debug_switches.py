"""The debug switches of the standard library, which a host may turn for reasons of its own."""

import http.client
import imaplib
import smtplib

import pytest
from salesorder_m365.simulator.identity.tokens import TokenIssuer
from support.canaries import Canaries

SWITCHES = {
    "http": (http.client.HTTPConnection, "debuglevel", 1),
    "smtp": (smtplib.SMTP, "debuglevel", 2),
    "imap": (imaplib, "Debug", 5),
}


@pytest.mark.parametrize(("owner", "name", "value"), SWITCHES.values(), ids=SWITCHES)
def test_they_print_no_secret(erp, sim, monkeypatch, mocker, capfd, owner, name, value):
    canaries = Canaries()
    canaries.add("client secret", erp.settings.client_secret)
    for kind in ("access_token", "refresh_token"):
        issue = getattr(TokenIssuer, kind)

        def issued(*args, issue=issue, kind=kind, **options):
            secret = issue(*args, **options)
            canaries.add(kind, secret)
            return secret

        mocker.patch.object(TokenIssuer, kind, issued)
    account_id = erp.connected(sim)
    erp.expire_token(account_id)
    # Only now: the browser that the test plays is a client of http.client's too.
    monkeypatch.setattr(owner, name, value)
    assert erp.test(account_id).passed
    assert canaries.names() == {"client secret", "access_token", "refresh_token"}
    printed = capfd.readouterr()
    assert canaries.found_in(printed.out + printed.err) == set()
