"""Django: EMAIL_BACKEND = "erp.mail.M365Backend"."""

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend
from salesorder_m365.hooks import SYSTEM, smtp_connection


class M365Backend(EmailBackend):
    def open(self):
        if self.connection:
            return False
        self.connection = smtp_connection(settings.M365_HOST, settings.M365_ACCOUNT, SYSTEM)
        return True
