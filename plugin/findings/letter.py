"""The e-mail to the administrator who must act: what was seen, what helps, which ids. Pure.

It quotes the finding, whose texts lie in the catalogue. The worker sends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from ...schemas.report import Actor, Letter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...schemas.report import Finding

#: Characters of a mailto address that mail programs on Windows are sure to be handed.
LONGEST_MAILTO = 2000
_RECIPIENTS = {
    Actor.M365_ADMIN: "our Microsoft 365 administrator",
    Actor.ERP_ADMIN: "our ERP administrator",
}
_SHORTENED = "(Shortened here. The ERP shows the whole text.)"
#: What identifies the case, by the catalogue's placeholders.
_IDS = {
    "username": "Signs in",
    "mailbox": "Mailbox",
    "client_id": "App (client id)",
    "erp": "ERP",
}


def letter_for(found: Finding, values: Mapping[str, str]) -> Letter | None:
    """Return the letter about a finding, None if no administrator must act.

    `values` are those that filled the finding's texts; one not known is left out.
    """
    recipient = _RECIPIENTS.get(found.actor)
    if recipient is None:
        return None
    subject = f"Microsoft 365 in the ERP: {found.title}"
    parts = [_greeting(recipient, values.get("username", "")), *_parts(found, values)]
    return Letter(subject=subject, text="\n\n".join(parts), mailto=_mailto(subject, parts))


def _greeting(recipient: str, username: str) -> str:
    account = f"the Microsoft 365 mail account of {username}" if username else "a mail account"
    return (
        f"Hello,\n\nthe ERP has a problem with {account}, and it says that {recipient} can help."
        " This is its report:"
    )


def _parts(found: Finding, values: Mapping[str, str]) -> Iterator[str]:
    """Yield the paragraphs, the most important first."""
    yield f"{found.title}\n{found.what}\n{found.cause}"
    links = [f"{label}:\n{address}" for label, address in found.links.items()]
    yield from (link for link in links if "?" in link)  # made for this case, as the consent page
    # The worker's own steps are not for its reader; another administrator's may be.
    steps = found.steps_of(Actor.M365_ADMIN, Actor.ERP_ADMIN) or found.steps
    yield "\n".join(("What helps:", *(f"{n}. {step}" for n, step in enumerate(steps, 1))))
    if found.commands:
        yield "\n".join(("In Exchange Online PowerShell:", *found.commands))
    yield "\n".join(("For reference:", *_references(found, values)))
    yield from (link for link in links if "?" not in link)


def _references(found: Finding, values: Mapping[str, str]) -> Iterator[str]:
    yield from (f"{label}: {values[name]}" for name, label in _IDS.items() if values.get(name))
    yield from (f"{name.replace('_', ' ')}: {text}" for name, text in found.references.items())
    if found.server_words:
        yield f"The server said: {found.server_words}"
    yield f"Finding: {found.code}"


def _mailto(subject: str, parts: list[str]) -> str:
    """Return the address; the last parts give way where it would be too long (RFC 6068 §5)."""
    address = _address(subject, "\n\n".join(parts))
    kept = len(parts)
    while len(address) > LONGEST_MAILTO and kept > 1:
        kept -= 1
        address = _address(subject, "\n\n".join((*parts[:kept], _SHORTENED)))
    return address


def _address(subject: str, text: str) -> str:
    body = text.replace("\n", "\r\n")
    return f"mailto:?subject={quote(subject, safe='')}&body={quote(body, safe='')}"
