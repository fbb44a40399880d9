"""A client of the simulator's SMTP server that shows every reply."""

import base64
import smtplib
import ssl
from email.message import EmailMessage


def blob(user, token):
    return f"user={user}\x01auth=Bearer {token}\x01\x01"


class Submitter(smtplib.SMTP):
    """smtplib with the replies of each command as text, and BDAT."""

    def sign_in(self, user, token):
        encoded = base64.b64encode(blob(user, token).encode()).decode()
        code, _ = self.docmd("AUTH", f"XOAUTH2 {encoded}")
        assert code == 235
        return self

    def say(self, line):
        """Return the reply to a command."""
        self.command_encoding = "utf-8"
        code, text = self.docmd(line)
        return f"{code} {text.decode()}"

    def envelope(self, sender, *recipients, mail="", rcpt=""):
        """Say MAIL and RCPT; return the replies."""
        said = [self.say(f"MAIL FROM:<{sender}>{mail}")]
        return said + [self.say(f"RCPT TO:<{address}>{rcpt}") for address in recipients]

    def dot(self, content):
        """Send DATA and a message; return the reply to the dot."""
        code, text = self.data(content)
        return f"{code} {text.decode()}"

    def chunk(self, content, last=False):
        """Send a BDAT chunk; return its reply."""
        self.send(b"BDAT %d%b\r\n" % (len(content), b" LAST" if last else b"") + content)
        code, text = self.getreply()
        return f"{code} {text.decode()}"

    def submit(self, sender, *recipients, content=None):
        """Send a message; return the reply to its end."""
        self.envelope(sender, *recipients)
        return self.dot(content or message(sender, *recipients))


def connected(sim, context: ssl.SSLContext, user: str) -> Submitter:
    client = Submitter("localhost", sim.smtp_port, local_hostname="erp", timeout=5)
    client.starttls(context=context)
    client.ehlo()
    return client.sign_in(user, sim.new_token(user))


def message(sender, *recipients, message_id="<offer.1@contoso.test>", **headers):
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, ", ".join(recipients)
    mail["Subject"] = headers.pop("subject", "Offer")
    mail["Message-ID"], mail["Date"] = message_id, "Tue, 3 Mar 2026 09:00:00 +0000"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("Hello\n")
    return mail.as_bytes().replace(b"\n", b"\r\n")
