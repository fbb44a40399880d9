"""One worker process of the harness: does whatever mail work is due until it is killed."""

import logging
import time
from contextlib import suppress

from salesorder_m365.plugin.context import Context
from salesorder_m365.plugin.errors import M365Error
from salesorder_m365.plugin.mail import settling
from salesorder_m365.plugin.use_cases import UseCases
from salesorder_m365.schemas.delivery import WaitReason
from salesorder_m365.schemas.permission import SYSTEM
from support.erp import Erp

#: Imported by the process from which workers are forked, so that one lives after 10 ms.
PRELOADED = ("kills.worker", "psycopg", "imapclient", "sqlalchemy.dialects.postgresql.psycopg")


def without_the_point_of_no_return():
    """Take the guard out: what was under way is queued again, whatever was sent of it."""

    def queued_again(self, mail, why, *, owner):
        return self.put_back(mail, owner or "", reason=WaitReason.NONE)

    settling.Settlement.uncertain = queued_again


def work(settings, name, guarded):
    """Look for what is due, and do it."""
    logging.disable(logging.CRITICAL)
    if not guarded:
        without_the_point_of_no_return()
    mail = UseCases(Context(Erp(settings, name), lambda event: None)).mail
    while True:
        due = []
        with suppress(M365Error):
            due = mail.due(20, SYSTEM)
        for each in due:
            with suppress(M365Error):
                mail.run(each.kind, each.account_id, 5.0, SYSTEM)
        if not due:
            time.sleep(0.01)
