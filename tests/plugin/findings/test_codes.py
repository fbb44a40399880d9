"""The codes that are raised, the catalogue and the page in the docs hold together."""

import ast
from pathlib import Path

import pytest
from salesorder_m365.plugin.findings import classify, entra_codes, mail_replies
from salesorder_m365.plugin.findings.catalogue import codes
from tools import diagnosis_page

ROOT = Path(__file__).resolve().parents[3]
#: A call of one of these gives a finding's code as the argument at this place.
RAISERS = {
    "MailError": 0,
    "RegistrationError": 0,
    "PermissionMissingError": 0,
    "SignInNeededError": 1,
    "UnfitAnswerError": 0,
    "finding": 0,
}
CODE_FUNCTIONS = {"entra_code", "imap_code", "smtp_code", "network_code", "unavailable_code"}
CODE_FUNCTIONS |= {"_tls_code", "_smtp_known"}

TABLES = ("classify.py", "entra_codes.py", "mail_replies.py")


def parsed(name):
    return ast.parse((ROOT / "plugin" / "findings" / name).read_text(encoding="utf-8"))


def modules():
    return [
        path
        for floor in ("plugin", "hooks", "demo")
        for path in sorted((ROOT / floor).rglob("*.py"))
        if path.name != "catalogue.py"
    ]


def trees():
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in modules()]


def called(node):
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def raised(tree):
    """Yield the literal codes that are passed to an error or to `finding`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in RAISERS:
            place = RAISERS[called(node)]
            named = [word.value for word in node.keywords if word.arg == "code"]
            for argument in [*node.args[place : place + 1], *named]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def strings(tree):
    """Return every string of the code, docstrings aside."""
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_the_reader_of_codes_sees_them():
    source = """
raise MailError("one", stage="x")
raise SignInNeededError(account_id, "two")
raise errors.RegistrationError(code="three")
finding(code, server_words="four")
"""
    assert sorted(raised(ast.parse(source))) == ["one", "three", "two"]


def test_every_code_that_is_raised_is_in_the_catalogue():
    unknown = {
        f"{path.relative_to(ROOT)}: {code}"
        for path, tree in trees()
        for code in raised(tree)
        if code not in codes()
    }
    assert unknown == set()


def test_every_code_of_the_tables_is_in_the_catalogue():
    given = set()
    for node in (node for name in TABLES for node in ast.walk(parsed(name))):
        if isinstance(node, ast.FunctionDef) and node.name in {
            *CODE_FUNCTIONS,
            "_tls_code",
            "_smtp_known",
        }:
            given |= {
                string
                for part in ast.walk(node)
                if isinstance(part, ast.Return | ast.Assign)
                for string in strings(part)
            }
    # What these functions look at beside what they give.
    given -= {
        "code",
        "reason",
        "verify_code",
        "",
        " ",
        "folder_missing",
        "sign_in",
        "greeting",
        "tls",
    }
    assert {"imap_unknown", "smtp_refused", "consent_withdrawn", "tls_too_old"} <= given
    assert given - codes() == set()


def tables():
    yield from (entra_codes.PERSON, entra_codes.REGISTRATION, entra_codes.PASSING)
    yield {error: code for error, (code, _) in entra_codes._ERRORS.items()}
    yield from (dict(mail_replies._IMAP), dict(mail_replies._SMTP))
    yield from (mail_replies._RESPONSES, mail_replies._UNKNOWN_AT)
    yield from (classify._CERTIFICATE, classify._TIMED_OUT, classify._UNAVAILABLE)


def test_every_row_of_the_tables_is_in_the_catalogue():
    given = {code for table in tables() for code in table.values()}
    assert len(given) > 30
    assert given - codes() == set()


def test_every_code_of_the_catalogue_can_come_about():
    said = set().union(*(strings(tree) for _, tree in trees()))
    assert codes() - said == set()


def test_the_page_is_made_of_the_catalogue():
    written = diagnosis_page.PAGE.read_text(encoding="utf-8")
    assert written == diagnosis_page.page(), "run: python tests/tools/diagnosis_page.py"


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_code_has_a_section(code):
    assert diagnosis_page.PAGE.read_text(encoding="utf-8").count(f"\n### `{code}`: ") == 1
