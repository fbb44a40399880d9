"""The mail faults, M1 to M16, for IMAP and SMTP: importing this registers them."""

from . import mail_names, mail_size, mail_talk, mail_text, mail_unknown, mail_way

__all__ = ["mail_names", "mail_size", "mail_talk", "mail_text", "mail_unknown", "mail_way"]
