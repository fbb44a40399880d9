"""Checks the links of the built site: ``python tests/tools/site_links.py build/docs``, offline.

Internal links must lead to a file and an anchor that are there. External ones are listed in
``external-links.txt`` of the same folder, with the pages they stand on, and fetched by nobody.
"""

import sys
from collections import defaultdict
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

LIST = "external-links.txt"


class _Page(HTMLParser):
    """The anchors of a page, and where it leads and looks."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.targets = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.anchors |= {named[name] for name in ("id", "name") if named.get(name)}
        self.targets += [named[name] for name in ("href", "src") if named.get(name)]


@dataclass
class Links:
    """What was found; `broken` are pairs of page and target."""

    internal: int = 0
    broken: list[tuple[str, str]] = field(default_factory=list)
    external: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def check(site):
    """Return the links of every page in the folder `site`."""
    pages = {path.resolve(): _Page(path.read_text("utf-8")) for path in site.rglob("*.html")}
    found = Links()
    for path, page in sorted(pages.items()):
        name = str(path.relative_to(site.resolve()))
        for target in page.targets:
            if urlsplit(target).scheme in {"http", "https"}:
                found.external[target].add(name)
            elif not urlsplit(target).scheme:
                found.internal += 1
                if not _leads_somewhere(path, target, pages):
                    found.broken.append((name, target))
    return found


def _leads_somewhere(page, target, pages):
    parts = urlsplit(target)
    there = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not parts.fragment or there not in pages:
        return there.exists() and not parts.fragment
    return unquote(parts.fragment) in pages[there].anchors


def listed(external):
    """Return the text of the list: one external link a line with the pages that have it."""
    return "".join(f"{link}  {_shortly(sorted(external[link]))}\n" for link in sorted(external))


def _shortly(names, most=4):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def main(site):
    found = check(site)
    (site / LIST).write_text(listed(found.external), encoding="utf-8")
    for page, target in found.broken:
        click.echo(f"{page}: {target} leads nowhere", err=True)
    click.echo(
        f"{found.internal} internal links, {len(found.broken)} broken;"
        f" {len(found.external)} external ones, not fetched: {site / LIST}"
    )
    return 1 if found.broken else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
