"""From a quote's mail to the outbox of its account: the one place that calls the plugin's send."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from ...hooks import (
    Address,
    Attachment,
    BadRequestError,
    FormErrors,
    M365Error,
    NoSuchAccountError,
    NotAllowedError,
    OutgoingMail,
)

if TYPE_CHECKING:
    from ...hooks import Delivery
    from .host import DemoHost
    from .quote_mails import QuoteMail

log = logging.getLogger(__name__)

#: What no repetition changes.
FINAL = (BadRequestError, NoSuchAccountError, NotAllowedError)
#: Longer than a click waits: what is older was left behind by an ERP that died, in seconds.
LEFT_BEHIND = 60.0


def message_of(mail: QuoteMail) -> OutgoingMail:
    """Return the mail as the hooks take it."""
    attached = (Attachment(mail.file_name, "application/pdf", mail.file),) if mail.file else ()
    each = (part.strip() for part in re.split("[,;]", mail.recipients))
    return OutgoingMail(
        to=tuple(Address(part) for part in each if part),
        subject=mail.subject,
        text=mail.text,
        attachments=attached,
        document=f"quote:{mail.quote}",
        previewed=mail.previewed,
    )


def hand_over(host: DemoHost, mail: QuoteMail, wait: float) -> Delivery | FormErrors:
    """Queue the mail, and note its delivery. Raises as ``salesorder_mail_send`` does."""
    answer: Delivery | FormErrors | None = host.plugins.hook.salesorder_mail_send(
        host=host,
        account_id=mail.account,
        message=message_of(mail),
        worker=mail.worker,
        request_id=mail.request_id,
        wait=wait,
    )
    if answer is None:
        raise NoSuchAccountError(mail.account)
    if not isinstance(answer, FormErrors):
        host.quote_mails.settle(mail.request_id, answer.id)
    return answer


def sweep(host: DemoHost, *, left_behind: float = LEFT_BEHIND) -> None:
    """Hand over what was stored and never queued; what was queued is not queued again."""
    before = host.now().timestamp() - left_behind
    for mail in host.quote_mails.not_handed_over(before=before):
        try:
            answer = hand_over(host, mail, 0)
        except FINAL as err:
            host.quote_mails.refuse(mail.request_id, err.finding.title)
        except M365Error as err:
            log.warning("%s is not queued yet: %s", mail.request_id, err)
        else:
            if isinstance(answer, FormErrors):
                texts = [text for each in answer.errors.values() for text in each]
                host.quote_mails.refuse(mail.request_id, " ".join(texts))
