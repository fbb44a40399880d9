"""The bill of materials in CycloneDX form: the package, what it needs, and what that needs.

Taken of an environment that holds nothing else, so that no tool of ours is in it.
"""

import json
import sys

import click
from salesorder_m365 import __version__

from .steps import BUILD, SHIPPED, environment, main, requirements, run, shipped

FILE = BUILD / "salesorder-m365.cdx.json"
_PROJECT = """\
[project]
name = "salesorder-m365"
version = "{version}"
description = "Corporate Microsoft 365 mail accounts for a Salesorder-style ERP, as a pluggy plugin"
license = "MIT"
dependencies = {dependencies}
"""


def described():
    """Write the package's name and needs where the tool looks for them; return the file."""
    # It knows pyproject.toml only; our metadata lies in setup.cfg.
    path = BUILD / "sbom" / "pyproject.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    needed = [*requirements(), *(line for extra in SHIPPED for line in requirements(extra))]
    text = _PROJECT.format(version=__version__, dependencies=json.dumps(needed))
    path.write_text(text, encoding="utf-8")
    return path


def make(subject, tools):
    """Write the bill of what the Python `subject` can import; return it."""
    run(
        *(tools.with_name("cyclonedx-py"), "environment", subject),
        *("--pyproject", described(), "--mc-type", "library"),
        *("--output-reproducible", "--output-format", "JSON", "--output-file", FILE),
    )
    return json.loads(FILE.read_text(encoding="utf-8"))


def command():
    """Make the bill and tell what is in it."""
    subject = shipped(BUILD / "sbom" / "venv")
    tools = environment(BUILD / "sbom" / "tools", *requirements("supply"))
    components = make(subject, tools)["components"]
    for part in sorted(components, key=lambda part: part["name"].lower()):
        click.echo(f"{part['name']} {part['version']}")
    click.echo(f"{len(components)} components: {FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(command))
