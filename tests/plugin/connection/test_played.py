"""Every row of answers.toml is said by a server, and Test Connection or Login gives its finding.

The mail servers are scripted, over TLS; Entra's answers come from the simulator's token endpoint
and by the browser. How many were played is printed at the end of the run (conftest.py).
"""

import ssl
from urllib.parse import parse_qs, urlsplit

import pytest
from salesorder_m365.plugin.findings.catalogue import entries
from salesorder_m365.plugin.findings.mail_replies import _IMAP, _SMTP, MESSAGE, RECIPIENT
from salesorder_m365.plugin.store.engines import engine_for, writing
from salesorder_m365.plugin.store.tables import grant
from salesorder_m365.schemas.report import StageStatus
from salesorder_m365.simulator.identity.error_texts import TEXTS
from salesorder_m365.simulator.identity.faults import TokenFault
from support.answers import ANSWERS
from support.erp import Erp

SALES, INFO = "sales@contoso.test", "info@contoso.test"


def entra_answers(row):
    """Yield each number of a row with each error that it comes with."""
    for number in row["numbers"]:
        own = (TEXTS[number].error,) if number in TEXTS else ()
        for error in dict.fromkeys((row["error"], *own)):
            yield number, error


@pytest.fixture
def played(record_property):
    """Return a function that counts an answer as played; conftest.py adds them up."""
    return lambda: record_property("played", 1)


@pytest.fixture
def erp_at(sim, settings_for):
    """Return a function that makes a host with a connected account, its servers elsewhere."""

    def make(sender_email=SALES, **places):
        erp = Erp(settings_for(sim, **places))
        return erp, erp.connected(sim, sender_email=sender_email, username=SALES)

    return make


@pytest.fixture
def play_mail(play, sim):
    """Return functions that start an IMAP and an SMTP server and give the setting for each."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sim.server_pem)

    def imap(words, stage):
        return f"localhost:{play(imap_script(words.encode(), stage), context).port}"

    def smtp(words, stage):
        return f"localhost:{play(smtp_script(words.encode(), stage, context)).port}"

    return {"imap": imap, "smtp": smtp}


def imap_script(words, stage):
    """Let sign in, unless `stage` is that; say `words` to the first command at `stage`."""

    def said(tag):
        return words + b"\r\n" if words.startswith(b"*") else tag + b" " + words + b"\r\n"

    def script(conversation):
        if stage == "greeting":
            conversation.send(words + b"\r\n")
            return
        conversation.send(b"* OK The Microsoft Exchange IMAP4 service is ready.\r\n")
        tag = conversation.line().split()[0]
        if stage == "sign_in":
            conversation.send(said(tag))
            return
        conversation.send(tag + b" OK AUTHENTICATE completed.\r\n")
        tag = conversation.line().split()[0]
        conversation.send(said(tag))
        conversation.send(b"* BYE Connection closed. 14\r\n" if b"not connected" in words else b"")

    return script


def smtp_script(words, stage, context):
    """Go up to `stage` as a good server does, and say `words` there."""

    def hello(conversation):
        conversation.line()
        conversation.send(b"250-localhost\r\n250-STARTTLS\r\n250 PIPELINING\r\n")

    def script(conversation):
        if stage == "tls":
            conversation.send(words + b"\r\n")
            return
        conversation.send(b"220 ready\r\n")
        hello(conversation)
        conversation.line()
        conversation.send(b"220 go ahead\r\n")
        conversation.secure(context)
        hello(conversation)
        conversation.line()
        if stage == "sign_in":
            conversation.send(words + b"\r\n")
            return
        conversation.send(b"235 2.7.0 Authentication successful\r\n")
        conversation.line()
        conversation.send(words + b"\r\n250 2.0.0 Resetting\r\n221 2.0.0 Bye\r\n")

    return script


def spoil_token(erp, account_id):
    """Let the token have run out, whatever Microsoft has said about the grant before."""
    row = grant.update().where(grant.c.account_id == account_id)
    with writing(engine_for(erp.name, erp.settings.database_url)) as connection:
        connection.execute(row.values(expires_at=1, refused=None, claims=None, not_before=0))


def check(found, row):
    assert found.code == row.get("finding", row["code"])
    assert found.actor.value == row["actor"]
    assert found.retry is row.get("retry", False)
    assert found.steps


def failed(report):
    return [(s.protocol, s.name) for s in report.stages if s.status is StageStatus.FAILED]


@pytest.mark.parametrize("row", ANSWERS["imap"], ids=lambda row: row["words"][:40])
def test_imap_says_it(erp_at, play_mail, played, row):
    erp, account_id = erp_at(imap=play_mail["imap"](row["words"], row["stage"]))
    report = erp.test(account_id)
    (found,) = report.findings
    check(found, row)
    # LIST is the one command behind the sign-in, whatever stage an answer belongs to.
    stage = "sign_in" if row["stage"] in {"greeting", "sign_in"} else "mailbox"
    assert failed(report) == [("imap", stage)]
    assert row["words"].removeprefix("* ").partition(" ")[2] in found.server_words
    played()


#: Test Connection sends no message: what refuses one is looked up in test_answers.py alone.
OF_A_CONNECTION = [row for row in ANSWERS["smtp"] if row["stage"] not in {RECIPIENT, MESSAGE}]


@pytest.mark.parametrize("row", OF_A_CONNECTION, ids=lambda row: f"{row['status']} {row['code']}")
def test_smtp_says_it(erp_at, play_mail, played, row):
    said = f"{row['status']} {row['words']}"
    erp, account_id = erp_at(smtp=play_mail["smtp"](said, row["stage"]))
    report = erp.test(account_id)
    (found,) = report.findings
    check(found, row)
    assert failed(report) == [("smtp", row["stage"])]
    assert found.server_words.startswith(said[:60])
    played()


@pytest.mark.parametrize("row", ANSWERS["pair"], ids=lambda row: " + ".join(row["findings"]))
def test_both_say_it(erp_at, play_mail, played, row):
    """What one protocol tells about the other."""
    stage = "sign_in" if row["imap"].startswith("NO") else "mailbox"
    places = {"imap": play_mail["imap"](row["imap"], stage)}
    if row["smtp"]:
        places["smtp"] = play_mail["smtp"](row["smtp"], "sign_in")
    erp, account_id = erp_at(sender_email=INFO if row.get("shared") else SALES, **places)
    assert [found.code for found in erp.test(account_id).findings] == row["findings"]
    played()


@pytest.mark.parametrize("row", ANSWERS["entra"], ids=lambda row: row["code"])
def test_entra_says_it_when_a_token_is_renewed(erp_at, sim, played, row):
    erp, account_id = erp_at()
    status = row.get("status", 400)
    for number, error in entra_answers(row):
        spoil_token(erp, account_id)
        sim.faults.add(TokenFault("refresh_token", status=status, aadsts=number, error=error))
        report = erp.test(account_id)
        (found,) = report.findings
        check(found, row | row.get("renewed", {}))
        assert failed(report) == [("token", "token")]
        if status == 400:
            assert f"AADSTS{number}" in found.server_words
            assert {"trace_id", "correlation_id"} <= found.references.keys()
        else:
            assert erp.view(account_id).state == "connected"
        played()


@pytest.mark.parametrize("row", ANSWERS["entra"], ids=lambda row: row["code"])
def test_entra_says_it_by_the_browser(sim, settings_for, played, row):
    erp = Erp(settings_for(sim))
    account_id = erp.save().id
    for number, error in entra_answers(row):
        query = {
            "state": parse_qs(urlsplit(erp.begin(account_id).url).query)["state"][0],
            "error": error,
            "error_description": f"AADSTS{number}: In Microsoft's words.",
        }
        check(erp.finish(query).finding, row)
        played()
    assert sim.count(grant_type="authorization_code") == 0


def test_every_answer_that_is_told_apart_is_played():
    """A pattern or number without a row would be a finding that no server ever gave."""
    said = [*ANSWERS["imap"], *ANSWERS["smtp"]]
    unplayed = {
        pattern.pattern
        for pattern, code in (*_IMAP, *_SMTP)
        if not any(pattern.search(row["words"]) and row["code"] == code for row in said)
    }
    assert unplayed == set()


def test_every_finding_about_an_answer_has_a_row():
    """All of IMAP's and SMTP's; the others come from sockets, TLS, settings and the database."""
    rows = [row for table in ("imap", "smtp", "entra") for row in ANSWERS[table]]
    played = {row["code"] for row in rows} | {row["finding"] for row in rows if "finding" in row}
    played |= {code for row in ANSWERS["pair"] for code in row["findings"]}
    answers = {code for code, entry in entries().items() if entry.group in {"imap", "smtp"}}
    # No known answer: what the protocol makes of the account's own values, of a greeting, and of
    # words that are not known.
    elsewhere = {"imap_preauth", "imap_unknown", "smtp_unknown", "mapped_folders_changed"}
    elsewhere |= {"xoauth2_refused", "sender_unspeakable"}
    assert answers - elsewhere - played == set()
