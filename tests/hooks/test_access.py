"""Access for the host's own mail pipeline: a token, and connections that keep to the limits."""

import smtplib
import ssl
from email.message import EmailMessage

import pytest
from salesorder_m365.hooks.connections import imap_connection, smtp_connection
from salesorder_m365.plugin.errors import BadRequestError, SignInNeededError
from salesorder_m365.plugin.store.engines import engine_for, reading, writing
from salesorder_m365.plugin.store.mail_tables import connection_slot, submitter
from salesorder_m365.plugin.store.outbox import clock
from salesorder_m365.plugin.store.tables import grant
from salesorder_m365.simulator.mail.smtp.faults import SmtpFault, Stage
from sqlalchemy import func, select
from support.erp import WORKER

REFUSED = "535 5.7.3 Authentication unsuccessful"


@pytest.fixture
def account(erp, sim):
    return erp.connected(sim)


@pytest.fixture
def access(erp, account):
    def ask(protocol="smtp", rejected=None):
        return erp.hook.salesorder_mail_access(
            host=erp, account_id=account, protocol=protocol, worker=WORKER, rejected=rejected
        )

    return ask


def message(subject="Quote"):
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = (
        "sales@contoso.test",
        "buyer@fabrikam.example.com",
        subject,
    )
    made.set_content("Our quote.")
    return made


def rows(erp, statement):
    with reading(engine_for(erp.name, erp.settings.database_url)) as connection:
        return connection.execute(statement).all()


def change(erp, statement):
    with writing(engine_for(erp.name, erp.settings.database_url)) as connection:
        connection.execute(statement)


def held(erp):
    return rows(erp, select(func.count()).select_from(connection_slot))[0][0]


def test_a_value_opens_the_servers_and_hides_its_secrets(erp, access):
    given = access()
    with smtplib.SMTP(given.host, given.port, timeout=20) as smtp:
        smtp.starttls(context=ssl.create_default_context(cafile=given.ca_file))
        smtp.ehlo()
        assert smtp.docmd("AUTH", f"XOAUTH2 {given.xoauth2}")[0] == 235
    assert given.token not in repr(given)
    assert given.xoauth2 not in repr(given)
    assert access("imap").mailbox == "sales@contoso.test"


def test_an_event_is_kept_once_an_hour_for_each_worker_and_protocol(erp, access):
    for protocol in ("smtp", "smtp", "imap", "imap", "smtp"):
        access(protocol)
    assert erp.event_names().count("mail_access_given") == 2


def test_an_unknown_protocol_is_refused(access):
    with pytest.raises(BadRequestError, match="protocol"):
        access("pop3")


def test_a_token_that_was_refused_is_renewed_unless_it_is_young(erp, sim, account, access):
    first = access()
    assert access(rejected=first.token).token == first.token
    change(erp, grant.update().values(obtained_at=grant.c.obtained_at - 61))
    assert access(rejected=first.token).token != first.token


def test_mail_is_sent_over_a_connection_that_is_given_back(erp, sim, account):
    with smtp_connection(erp, account, WORKER) as smtp:
        assert held(erp) == 1
        assert smtp.send_message(message()) == {}
        assert smtp.send_message(message("Another")) == {}
    assert held(erp) == 0
    assert len(sim.tenant.submissions) == 2


@pytest.mark.parametrize("end", ["quit", "close"])
def test_each_end_gives_the_connection_back(erp, account, end):
    smtp = smtp_connection(erp, account, WORKER)
    getattr(smtp, end)()
    assert held(erp) == 0


def test_no_more_connections_are_given_than_the_settings_say(erp, account):
    with smtp_connection(erp, account, WORKER), smtp_connection(erp, account, WORKER):
        with pytest.raises(smtplib.SMTPConnectError) as refused:
            smtp_connection(erp, account, WORKER)
        assert refused.value.smtp_code == 421
    with smtp_connection(erp, account, WORKER):
        pass


def test_a_lease_that_ran_out_ends_the_connection_before_anything_is_sent(erp, sim, account):
    smtp = smtp_connection(erp, account, WORKER)
    change(erp, connection_slot.delete())
    smtp._lease._renewed = [at - 60 for at in smtp._lease._renewed]
    with pytest.raises(smtplib.SMTPServerDisconnected):
        smtp.send_message(message())
    assert len(sim.tenant.submissions) == 0


def test_a_message_without_a_place_is_answered_with_451(erp, sim, account):
    with smtp_connection(erp, account, WORKER) as smtp:
        full = {"handed": [now(erp)] * 28}
        change(erp, submitter.update().values(**full))
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            smtp.send_message(message())
        assert refused.value.smtp_code == 451
    assert len(sim.tenant.submissions) == 0


def now(erp):
    with reading(engine_for(erp.name, erp.settings.database_url)) as connection:
        return clock(connection)


def test_a_refused_token_is_renewed_once(erp, sim, account):
    change(erp, grant.update().values(obtained_at=grant.c.obtained_at - 61))
    sim.smtp_faults.add(SmtpFault(Stage.AUTH, REFUSED))
    with smtp_connection(erp, account, WORKER) as smtp:
        assert smtp.noop()[0] == 250
    assert sim.count(grant_type="refresh_token") == 1


def test_a_lasting_refusal_is_smtplibs_with_its_code(erp, sim, account):
    sim.smtp_faults.add(SmtpFault(Stage.AUTH, REFUSED, times=2))
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        smtp_connection(erp, account, WORKER)
    assert refused.value.smtp_code == 535
    assert held(erp) == 0


def test_a_busy_server_is_a_code_to_try_again_on(erp, sim, account):
    sim.smtp_faults.add(SmtpFault(Stage.GREETING, "421 4.3.2 Service not active"))
    with pytest.raises(smtplib.SMTPConnectError) as refused:
        smtp_connection(erp, account, WORKER)
    assert refused.value.smtp_code == 421
    assert held(erp) == 0


def test_a_sign_in_that_is_needed_stops_the_queue(erp):
    with pytest.raises(SignInNeededError):
        smtp_connection(erp, erp.save().id, WORKER)


def test_imap_reads_and_closes(erp, account):
    with imap_connection(erp, account, WORKER) as imap:
        assert imap.select_folder("INBOX", readonly=True)[b"EXISTS"] > 0
    imap = imap_connection(erp, account, WORKER)
    imap.logout()


def test_the_account_of_an_address(erp, sim, account):
    def found(address):
        return erp.hook.salesorder_sender_account(host=erp, address=address, worker=WORKER)

    draft = erp.save(account_name="Older draft", request_id="r2")
    assert found("SALES@contoso.test") == account
    assert found("nobody@contoso.test") is None
    assert draft.id != account
