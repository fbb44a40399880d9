"""Known vulnerabilities in what a host installs with the package, by pip-audit.

Looks at the newest versions, which pip chooses, and at the lowest that setup.cfg allows: a host may
have either. Ends with 0 if there is none, 1 if there is, 2 if no database of vulnerabilities could
be reached: versions that were not looked up have not passed.
"""

import json
import sys

import click

from .lowest import pins
from .steps import BUILD, SHIPPED, environment, main, requirements, run, shipped

SERVICES = ("pypi", "osv")
_FOLDER = BUILD / "audit"


def frozen(subject, name):
    """Write the exact versions that the Python `subject` has; return the file."""
    versions = run(sys.executable, "-m", "pip", "--python", subject, "list", "--format", "freeze")
    lines = [line for line in versions.stdout.splitlines() if not line.startswith("salesorder")]
    path = _FOLDER / f"{name}.txt"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def asked(tools, versions, service):
    """Return what a service knows of these versions, None if it did not answer."""
    answer = _FOLDER / f"{versions.stem}-{service}.json"
    answer.unlink(missing_ok=True)
    run(
        *(tools.with_name("pip-audit"), "--requirement", versions, "--no-deps", "--disable-pip"),
        *("--vulnerability-service", service, "--progress-spinner", "off", "--timeout", "10"),
        *("--format", "json", "--output", answer),
        check=False,  # it ends with 1 for a hole and for a service that is not there
    )
    if not answer.exists():
        return None
    dependencies = json.loads(answer.read_text(encoding="utf-8"))["dependencies"]
    # A mirror that has packages only knows nothing of any: that is no answer.
    return dependencies if any("vulns" in each for each in dependencies) else None


def told(dependencies):
    """Print every vulnerability; return whether there is one."""
    holes = [(each, hole) for each in dependencies for hole in each.get("vulns", ())]
    for each, hole in holes:
        fixed = ", ".join(hole["fix_versions"]) or "no version yet"
        click.echo(f"{each['name']} {each['version']}: {hole['id']}, fixed in {fixed}")
    unknown = [each["name"] for each in dependencies if "skip_reason" in each]
    if unknown:
        click.echo(f"Not known to the database: {', '.join(unknown)}.")
    looked_at = len(dependencies) - len(unknown)
    click.echo(f"{looked_at} packages looked at, {len(holes)} known vulnerabilities.")
    return bool(holes)


def lowest_versions():
    """Return the Python of an environment with the lowest versions that setup.cfg allows."""
    constraint = _FOLDER / "lower-bounds.txt"
    constraint.write_text("".join(f"{pin}\n" for pin in pins()), encoding="utf-8")
    wanted = [line for extra in (None, *SHIPPED) for line in requirements(extra)]
    return environment(_FOLDER / "venv-lowest", "--constraint", constraint, *wanted)


def audited(tools, versions):
    """Ask the first database that answers; return whether it knows a vulnerability, None if none.

    None means that no database answered.
    """
    for service in SERVICES:
        dependencies = asked(tools, versions, service)
        if dependencies is not None:
            click.echo(f"{versions.stem.capitalize()} versions, asked: {service}.")
            return told(dependencies)
    click.echo(
        f"Nothing was audited: none of the databases {', '.join(SERVICES)} could be reached"
        f" from here. The versions to audit elsewhere: {versions}",
        err=True,
    )
    return None


def command():
    """Audit the newest versions and the lowest ones."""
    newest = frozen(shipped(_FOLDER / "venv"), "newest")
    lowest = frozen(lowest_versions(), "lowest")
    tools = environment(_FOLDER / "tools", *requirements("supply"))
    results = [audited(tools, versions) for versions in (newest, lowest)]
    return 2 if None in results else int(any(results))


if __name__ == "__main__":
    sys.exit(main(command))
