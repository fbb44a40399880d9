"""smtplib: a report of the night, sent through the account of its From address."""

from email.message import EmailMessage

from salesorder_m365.hooks import SYSTEM, smtp_connection


def send(host, message: EmailMessage) -> None:
    account = host.plugins.hook.salesorder_sender_account(
        host=host, address=message["From"].addresses[0].addr_spec, worker=SYSTEM
    )
    with smtp_connection(host, account, SYSTEM) as smtp:
        smtp.send_message(message)
