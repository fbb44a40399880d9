"""Granted scopes against the wanted ones."""

import pytest
from salesorder_m365.plugin.findings.scopes import scope_problem

OUTLOOK = "https://outlook.office.com"
IMAP, SMTP = f"{OUTLOOK}/IMAP.AccessAsUser.All", f"{OUTLOOK}/SMTP.Send"
GRAPH = "https://graph.microsoft.com"


@pytest.mark.parametrize(
    ("granted", "problem"),
    [
        pytest.param((IMAP, SMTP), None, id="both, offline_access not echoed"),
        pytest.param((SMTP, IMAP, "openid", "profile", "offline_access"), None, id="more"),
        pytest.param((IMAP.lower(), SMTP.upper().replace("HTTPS", "https")), None, id="case"),
        pytest.param(
            tuple(s.replace("office.com", "office365.com") for s in (IMAP, SMTP)), None, id="alias"
        ),
        pytest.param(("IMAP.AccessAsUser.All", "SMTP.Send"), None, id="no resource shown"),
        pytest.param((), None, id="nothing echoed"),
        pytest.param((IMAP,), ("scope_missing", "SMTP.Send"), id="no SMTP"),
        pytest.param((SMTP,), ("scope_missing", "IMAP.AccessAsUser.All"), id="no IMAP"),
        pytest.param(
            ("openid",), ("scope_missing", "IMAP.AccessAsUser.All, SMTP.Send"), id="openid only"
        ),
        pytest.param(
            (IMAP, f"{GRAPH}/SMTP.Send"), ("scope_missing", "SMTP.Send"), id="half for Graph"
        ),
        pytest.param((f"{GRAPH}/User.Read",), ("audience_wrong", f"{GRAPH}/User.Read"), id="Graph"),
        pytest.param(
            ("https://outlook.office365.us/SMTP.Send",),
            ("audience_wrong", "https://outlook.office365.us/SMTP.Send"),
            id="another cloud",
        ),
    ],
)
def test_scope_problem(granted, problem):
    assert scope_problem(granted, (IMAP, SMTP)) == problem
