"""Odoo 18 and 19: the body of ``_smtp_login__`` of a model that inherits ``ir.mail_server``.

Odoo opens the connection itself and hands it over; it does not look for 235 by itself.
"""

from smtplib import SMTPAuthenticationError

from salesorder_m365.hooks import SYSTEM


def smtp_login(host, account_id, connection, smtp_user, smtp_password):
    """Sign in with a token; `smtp_user` and `smtp_password` of the server's form are not used."""
    access = host.plugins.hook.salesorder_mail_access(
        host=host, account_id=account_id, protocol="smtp", worker=SYSTEM, rejected=None
    )
    connection.ehlo()
    status, words = connection.docmd("AUTH", f"XOAUTH2 {access.xoauth2}")
    if status == 334:  # the reason, in base64; an empty line asks for the reply itself
        status, words = connection.docmd("")
    if status != 235:
        raise SMTPAuthenticationError(status, words)


def imap_login(host, account_id, connection):
    """Sign in to IMAP, in ``_imap_login__`` of ``fetchmail.server``."""
    access = host.plugins.hook.salesorder_mail_access(
        host=host, account_id=account_id, protocol="imap", worker=SYSTEM, rejected=None
    )
    blob = f"user={access.username}\x01auth=Bearer {access.token}\x01\x01"
    connection.authenticate("XOAUTH2", lambda challenge: b"" if challenge else blob.encode())
