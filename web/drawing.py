"""HTML from texts, escaped: one column that fits a telephone, light and dark, without scripts."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING

from ..schemas.report import Actor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..schemas.report import Finding

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; padding: 1.5rem 1rem; font: 1rem/1.5 system-ui, sans-serif;
  color: #1c1b19; background: #f4f3f0; overflow-wrap: break-word; }
main { max-width: 38rem; margin: 0 auto; padding: 1.25rem 1.5rem; background: #fff;
  border: 1px solid #d3d0c9; border-radius: .5rem; }
h1 { margin: 0 0 .75rem; font-size: 1.4rem; line-height: 1.25; }
h2 { margin: 1.25rem 0 .25rem; font-size: 1rem; }
p, ol, dl { margin: .5rem 0; }
ol { padding-left: 1.5rem; }
dt { font-weight: 600; }
dd { margin: 0 0 .25rem; }
code { display: block; margin: .5rem 0; padding: .5rem; background: #eeece7;
  font-size: .875rem; white-space: pre-wrap; overflow-wrap: anywhere; }
a { color: #0b57a4; }
a:focus-visible { outline: 3px solid #0b57a4; outline-offset: 2px; }
.on { display: inline-block; margin-top: .75rem; padding: .5rem 1rem; color: #fff;
  background: #0b57a4; border-radius: .25rem; text-decoration: none; }
@media (prefers-color-scheme: dark) {
  body { color: #ebe9e4; background: #1a1917; }
  main { background: #262422; border-color: #4a4742; }
  code { background: #33302d; }
  a { color: #8ec2f5; }
  a:focus-visible { outline-color: #8ec2f5; }
  .on { color: #10253a; background: #8ec2f5; }
}
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
#: Nothing but the style of these pages, by its hash: no script, picture, frame or form.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_ACTORS = {
    Actor.WORKER: "You can do this",
    Actor.M365_ADMIN: "Your Microsoft 365 administrator must act",
    Actor.ERP_ADMIN: "The ERP administrator must act",
    Actor.NOBODY: "Nobody has to do anything: it passes",
}


def document(title: str, blocks: Iterable[str]) -> str:
    """Return a whole page of blocks that are HTML already."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n" + "\n".join(blocks) + "\n</main>\n</body>\n"
        "</html>\n"
    )


def paragraph(text: str) -> str:
    """Return a paragraph; nothing for no text."""
    return f"<p>{escape(text)}</p>" if text else ""


def way_on(path: str, label: str) -> str:
    """Return the link that leads on."""
    return f'<p><a class="on" href="{escape(path)}">{escape(label)}</a></p>'


def facts(named: Mapping[str, str | None]) -> str:
    """Return names with their values; those without one are left out."""
    rows = (
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in named.items() if value
    )
    found = "".join(rows)
    return f"<dl>{found}</dl>" if found else ""


def explained(finding: Finding) -> list[str]:
    """Return the blocks of a finding, below its title: what, why, what to do, who must act."""
    steps = "".join(f"<li>{escape(step)}</li>" for step in finding.steps)
    words = f"The server said: {finding.server_words}" if finding.server_words else ""
    return [
        paragraph(finding.what),
        paragraph(finding.cause),
        paragraph(words),
        f"<h2>What to do</h2>{paragraph(_ACTORS[finding.actor] + '.')}" if steps else "",
        f"<ol>{steps}</ol>" if steps else "",
        *(f"<code>{escape(command)}</code>" for command in finding.commands),
        *(_link(label, address) for label, address in finding.links.items()),
        facts(finding.references),
    ]


def _link(label: str, address: str) -> str:
    if not address.startswith("https://"):
        return facts({label: address})
    return f'<p><a href="{escape(address)}" rel="noreferrer">{escape(label)}</a></p>'
