"""Makes docs/diagnosis.md of the catalogue: python tests/tools/diagnosis_page.py"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from salesorder_m365.plugin.findings.catalogue import Entry, entries, finding, texts
from salesorder_m365.schemas.report import Actor, Finding

PAGE = Path(__file__).resolve().parents[2] / "docs" / "diagnosis.md"

GROUPS = {
    "sign_in": "Signing in with Microsoft",
    "registration": "The ERP's registration at Microsoft",
    "permission": "What Microsoft has permitted",
    "imap": "Receiving (IMAP)",
    "smtp": "Sending (SMTP)",
    "network": "The way to the servers",
    "erp": "The ERP itself",
    "request": "What the ERP asked of the plugin",
    "store": "The plugin's database",
    "generic": "The ERP's Generic accounts",
    "health": "The status page",
    "app": "Access without a person",
    "doctor": "The doctor",
    "mail": "Mail in the outbox",
}
#: What the texts leave open is shown in pointed brackets.
PLACES = {name.removeprefix("not_known.") for name in texts() if name.startswith("not_known.")}
ACTORS = {
    Actor.WORKER: "The worker",
    Actor.M365_ADMIN: "The Microsoft 365 administrator",
    Actor.ERP_ADMIN: "The ERP administrator",
    Actor.NOBODY: "Nobody: it passes by itself",
}
INTRODUCTION = """\
# What Test Connection and Login can find

Each finding has a code, says what was seen and what is the likely cause, who must act, and what
helps. What the server said is shown beside it, without secrets; so are Microsoft's trace and
correlation ids where there are any: quote these to Microsoft's support.

Words in pointed brackets, such as `<mailbox>`, are filled in. The commands are for
[Exchange Online PowerShell](https://learn.microsoft.com/powershell/exchange/connect-to-exchange-online-powershell):
start it with `Connect-ExchangeOnline`.

Where an administrator must act, the host can show an e-mail with all of this, ready to be sent.

Microsoft changes its admin centers now and then. Where a name has moved, search for it there.

So it looks in the reference host: [all is well](images/report.png),
[sending switched off](images/report-smtp-auth-off.png),
[consent needed](images/report-consent-needed.png),
[somebody else signed in](images/report-wrong-user.png),
[a shared mailbox without Send as](images/report-send-as-missing.png),
[a certificate that is not trusted](images/report-certificate-wrong.png).

This page is made of `plugin/findings/catalogue.toml` by `python tests/tools/diagnosis_page.py`.
"""


def page() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION]
    for group, members in groupby(entries().items(), key=lambda item: item[1].group):
        parts.append(f"\n## {GROUPS[group]}\n")
        parts.extend("\n".join(_section(code, entry)) for code, entry in members)
    return "".join(parts)


def _section(code: str, entry: Entry) -> Iterator[str]:
    found = finding(code, **{name: f"<{name.replace('_', ' ')}>" for name in PLACES})
    yield f"\n### `{code}`: {_escaped(found.title)}\n"
    yield f"{_escaped(found.what)}\n"
    yield f"*Likely cause.* {_escaped(found.cause)}\n"
    again = " Trying again can help." if entry.retry else ""
    yield f"*Who acts.* {ACTORS[found.actor]}.{again}\n"
    yield from (f"{number}. {_escaped(step)}" for number, step in enumerate(found.steps, 1))
    yield ""
    yield from _extras(found)


def _extras(found: Finding) -> Iterator[str]:
    if found.commands:
        yield "\n".join(("```powershell", *found.commands, "```\n"))
    if found.links:
        yield " · ".join(f"[{label}]({url})" for label, url in found.links.items()) + "\n"


def _escaped(text: str) -> str:
    return text.replace("<", "\\<").replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
