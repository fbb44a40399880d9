"""The commands of a release: bounds, the audit's verdicts, and a wheel that can be built again."""

import json

import pytest
from packaging.requirements import Requirement
from supply import audit, lowest, sbom, steps, wheel


@pytest.mark.parametrize(
    ("line", "pin"),
    [
        ("pluggy>=1.7,<2", "pluggy==1.7"),
        ("PyJWT[crypto]>=2.10,<3", "PyJWT==2.10"),
        ("trustme==1.2", "trustme==1.2"),
    ],
)
def test_the_lowest_version(line, pin):
    assert lowest.lowest(line) == pin


def test_a_requirement_without_a_lower_bound_is_an_error():
    with pytest.raises(steps.FailedError, match="msal<2 has no lower bound"):
        lowest.lowest("msal<2")


def test_all_that_is_shipped_has_a_lower_bound():
    pinned = {pin.partition("==")[0] for pin in lowest.pins()}
    needed = {Requirement(line).name for line in steps.requirements()}
    assert needed | lowest.RUNNER <= pinned
    assert {"psycopg", "starlette"} <= pinned


# The audit -------------------------------------------------------------------------------------

CLEAN = {"name": "msal", "version": "1.38.0", "vulns": []}
HOLE = {
    "name": "click",
    "version": "8.2.0",
    "vulns": [{"id": "PYSEC-0", "fix_versions": ["8.2.1"]}],
}
UNKNOWN = {"name": "pluggy", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("dependencies", "status", "said"),
    [
        ([CLEAN], 0, "1 packages looked at, 0 known vulnerabilities."),
        ([CLEAN, HOLE], 1, "click 8.2.0: PYSEC-0, fixed in 8.2.1"),
        ([CLEAN, UNKNOWN], 0, "Not known to the database: pluggy."),
    ],
    ids=["clean", "hole", "unknown"],
)
def test_what_the_audit_tells(dependencies, status, said, capsys):
    assert audit.told(dependencies) == status
    assert said in capsys.readouterr().out


@pytest.fixture
def database(mocker, tmp_path):
    """Return a function that sets what pip-audit writes; None for a database out of reach."""
    mocker.patch.object(audit, "_FOLDER", tmp_path)
    mocker.patch.object(audit, "shipped", autospec=True)
    mocker.patch.object(audit, "frozen", lambda _, name: tmp_path / f"{name}.txt")
    mocker.patch.object(audit, "environment", autospec=True)

    def knows(dependencies):
        def run(*command, **_):
            if dependencies is not None:
                answer = command[command.index("--output") + 1]
                answer.write_text(json.dumps({"dependencies": dependencies}))

        mocker.patch.object(audit, "run", run)

    return knows


@pytest.mark.parametrize("dependencies", [None, [UNKNOWN]], ids=["no answer", "a mirror"])
def test_what_was_not_looked_at_has_not_passed(database, dependencies, capsys):
    database(dependencies)
    assert audit.command() == 2
    assert "Nothing was audited" in capsys.readouterr().err


def test_the_first_database_that_answers_is_believed(database, capsys):
    database([CLEAN, HOLE])
    assert audit.command() == 1
    assert "asked: pypi." in capsys.readouterr().out


@pytest.mark.parametrize("vulnerable", ["newest", "lowest"])
def test_newest_and_lowest_versions_are_audited(database, mocker, tmp_path, vulnerable, capsys):
    database([CLEAN])
    mocker.patch.object(
        audit, "asked", lambda _, versions, __: [HOLE if versions.stem == vulnerable else CLEAN]
    )
    assert audit.command() == 1
    said = capsys.readouterr().out
    assert "Newest versions, asked: pypi." in said
    assert "Lowest versions, asked: pypi." in said
    bounds = (tmp_path / "lower-bounds.txt").read_text().splitlines()
    assert {"urllib3==2.6.3", "PyJWT==2.10.1", "requests==2.32.4", "starlette==0.49.1"} <= set(
        bounds
    )


# Wheel and bill --------------------------------------------------------------------------------


def test_two_builds_are_the_same_to_the_byte(tmp_path, monkeypatch, capsys):
    if not (steps.ROOT / ".git").exists():
        pytest.skip("this is no git checkout, so nobody knows which files belong to it")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    made = wheel.twice(tmp_path)
    first, second = capsys.readouterr().out.splitlines()
    assert first == second == f"sha256 {wheel.sha256(made)}"


def test_builds_that_differ_are_noticed(tmp_path, mocker):
    wheels = [tmp_path / "a.whl", tmp_path / "b.whl"]
    for number, each in enumerate(wheels):
        each.write_text(str(number))
    mocker.patch.object(wheel, "build", autospec=True, side_effect=wheels)
    with pytest.raises(steps.FailedError, match="differ"):
        wheel.twice(tmp_path)


def test_the_bill_names_all_that_is_needed(tmp_path, mocker):
    mocker.patch.object(sbom, "BUILD", tmp_path)
    text = sbom.described().read_text(encoding="utf-8")
    for line in steps.requirements():
        assert json.dumps(line) in text


def test_a_step_that_fails_tells_what_it_printed(capsys):
    def command():
        steps.run("sh", "-c", "echo broken >&2; exit 3")

    assert steps.main(command) == 1
    assert "ended with 3:\nbroken" in capsys.readouterr().err
