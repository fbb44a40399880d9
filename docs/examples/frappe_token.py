"""Frappe and ERPNext: ``EmailAccount.get_access_token`` of an override of that class.

Frappe makes the SASL string itself and reads the token once for each connection.
"""

from salesorder_m365.hooks import SYSTEM


def get_access_token(host, account_id, protocol):
    """Return the token alone; `protocol` is ``smtp`` or ``imap``."""
    return host.plugins.hook.salesorder_mail_access(
        host=host, account_id=account_id, protocol=protocol, worker=SYSTEM, rejected=None
    ).token
