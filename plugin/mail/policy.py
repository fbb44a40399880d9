"""The e-mail policy of what is built here: RFC 5322 folding, but ids stay as they are.

The standard library's policy turns an id of 79 characters and more into an encoded-word (RFC 2047
§5 forbids that), and the thread breaks: Outlook's ids have 79 and 80.
"""

from __future__ import annotations

from email.policy import EmailPolicy

#: RFC 5322 §3.6.4 and §3.6.6.
_ID_FIELDS = frozenset(
    {"message-id", "in-reply-to", "references", "resent-message-id", "content-id"}
)


class MailPolicy(EmailPolicy):
    """`EmailPolicy`, except that fields of ids are folded between the ids only."""

    def _fold(self, name: str, value: str, refold_binary: bool = False) -> str:  # noqa: FBT001, FBT002 - email.policy's signature
        if name.lower() not in _ID_FIELDS:
            folded: str = super()._fold(name, value, refold_binary)  # type: ignore[misc]
            return folded
        ids = f"{self.linesep} ".join(str(value).split())
        return f"{name}: {ids}{self.linesep}"


#: For every header that we write: CR LF, ASCII by encoded-words, lines of 78 where possible.
POLICY = MailPolicy(linesep="\r\n", max_line_length=78, raise_on_defect=False)
#: The same with UTF-8 headers, where every server on the way offers SMTPUTF8 (RFC 6532).
UTF8_POLICY = POLICY.clone(utf8=True)
