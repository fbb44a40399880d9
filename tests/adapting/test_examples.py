"""The examples of docs/adapting.md, by the calls that each ERP makes."""

import base64
import imaplib
import importlib.util
import os
import smtplib
import ssl
import subprocess
import sys
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from salesorder_m365.plugin.store.engines import engine_for, writing
from salesorder_m365.plugin.store.tables import grant
from salesorder_m365.simulator.mail.smtp.faults import SmtpFault, Stage
from support.erp import Erp

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
#: What a Django project has beside its settings: the plugin's host.
HOST = """\
from datetime import UTC, datetime
from salesorder_m365.hooks import create_manager, read_settings


class Host:
    name, settings, plugins = "contoso", read_settings(), create_manager()

    def allows(self, worker, permission, account_id):
        return True

    def now(self):
        return datetime.now(UTC)
"""
SEND = """\
import django

django.setup()
from django.core.mail import EmailMessage, get_connection


def mail(number):
    to = ["b@fabrikam.example.com"]
    return EmailMessage(f"Quote {number}", "Our quote.", "sales@contoso.test", to)


mail(1).send()
mail(2).send()
connection = get_connection()
connection.open()
connection.send_messages([mail(3)])
connection.close()
"""


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def erp(sim, settings_for):
    return Erp(settings_for(sim))


@pytest.fixture
def account(erp, sim):
    return erp.connected(sim)


def message():
    made = EmailMessage(policy=policy.SMTP)
    made["From"], made["To"], made["Subject"] = (
        "Sales <sales@contoso.test>",
        "b@fabrikam.example.com",
        "Quote",
    )
    made.set_content("Our quote.")
    return made


def age(erp, **columns):
    with writing(engine_for(erp.name, erp.settings.database_url)) as connection:
        connection.execute(grant.update().values(**columns))


def starttls(erp):
    smtp = smtplib.SMTP(erp.settings.smtp.host, erp.settings.smtp.port, timeout=20)
    smtp.starttls(context=ssl.create_default_context(cafile=erp.settings.ca_file))
    return smtp


def test_plain_smtplib(erp, sim, account):
    example("plain_smtplib").send(erp, message())
    assert len(sim.tenant.submissions) == 1


def test_odoo_hands_its_connections_over(erp, sim, account):
    odoo = example("odoo_mail_server")
    with starttls(erp) as smtp:
        odoo.smtp_login(erp, account, smtp, "sales@contoso.test", "not used")
        smtp.send_message(message())
    assert len(sim.tenant.submissions) == 1
    context = ssl.create_default_context(cafile=erp.settings.ca_file)
    with imaplib.IMAP4_SSL(
        erp.settings.imap.host, erp.settings.imap.port, ssl_context=context, timeout=20
    ) as imap:
        odoo.imap_login(erp, account, imap)
        assert imap.select("INBOX", readonly=True)[0] == "OK"


def test_odoo_sees_a_refusal(erp, sim, account):
    sim.smtp_faults.add(SmtpFault(Stage.AUTH, "535 5.7.3 Authentication unsuccessful"))
    with starttls(erp) as smtp, pytest.raises(smtplib.SMTPAuthenticationError):
        example("odoo_mail_server").smtp_login(erp, account, smtp, "", "")


def test_frappe_makes_the_string_itself(erp, sim, account):
    token = example("frappe_token").get_access_token(erp, account, "smtp")
    with starttls(erp) as smtp:
        smtp.ehlo()
        blob = f"user=sales@contoso.test\1auth=Bearer {token}\1\1"
        smtp.auth("XOAUTH2", lambda challenge=None: "" if challenge else blob)
        smtp.send_message(message())
    assert len(sim.tenant.submissions) == 1


@pytest.fixture
def project(tmp_path, erp, account):
    """A project as startproject makes it, with ten lines of ours; return what sends from it."""
    run = (sys.executable, "-m", "django", "startproject", "erp", str(tmp_path))
    subprocess.run(run, check=True, timeout=60)
    package = tmp_path / "erp"
    (package / "mail.py").write_text((EXAMPLES / "django_backend.py").read_text("utf-8"))
    (package / "m365.py").write_text(HOST)
    with (package / "settings.py").open("a") as settings:
        settings.write(
            "\nfrom .m365 import Host\n"
            'EMAIL_BACKEND = "erp.mail.M365Backend"\n'
            f'M365_HOST, M365_ACCOUNT = Host(), "{account}"\n'
        )
    settings = erp.settings
    ring = ",".join(f"{key.id}:{_base64(key.secret)}" for key in settings.key_ring)
    given = {
        "TENANT": settings.tenant,
        "CLIENT_ID": settings.client_id,
        "CLIENT_SECRET": str(settings.client_secret),
        "AUTHORITY": settings.authority,
        "RESOURCE": settings.resource,
        "IMAP": f"{settings.imap.host}:{settings.imap.port}",
        "SMTP": f"{settings.smtp.host}:{settings.smtp.port}",
        "CA_FILE": str(settings.ca_file),
        "BASE_URL": settings.base_url,
        "DATABASE_URL": settings.database_url,
        "KEY_RING": ring,
    }
    environ = {f"SALESORDER_M365_{name}": value for name, value in given.items() if value}
    environ |= {"DJANGO_SETTINGS_MODULE": "erp.settings"}

    def send():
        ended = subprocess.run(
            [sys.executable, "-c", SEND],
            cwd=tmp_path,
            env=os.environ | environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr

    return send


def _base64(secret):
    return base64.b64encode(secret).decode()


def test_a_django_project_sends_and_goes_on(erp, sim, project):
    project()
    assert len(sim.tenant.submissions) == 3
    erp.expire_token(erp.hook.salesorder_account_list(host=erp, worker="w")[0][0].id)
    project()
    assert len(sim.tenant.submissions) == 6
    assert sim.count(grant_type="refresh_token") == 1
    age(erp, obtained_at=grant.c.obtained_at - 61)
    sim.smtp_faults.add(SmtpFault(Stage.AUTH, "535 5.7.3 Authentication unsuccessful"))
    project()
    assert len(sim.tenant.submissions) == 9
    assert sim.count(grant_type="refresh_token") == 2
