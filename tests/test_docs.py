"""The documentation against the code: signatures, settings, examples, links, included files."""

import ast
import base64
import inspect
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from marshmallow import missing
from salesorder_m365.hooks import create_manager, spec
from salesorder_m365.plugin import errors
from salesorder_m365.plugin.cli import main as command_line
from salesorder_m365.plugin.settings.reading import KEYS, PREFIX, read_settings
from salesorder_m365.schemas.permission import Permission
from salesorder_m365.schemas.settings import Settings, SettingsSchema
from salesorder_m365.schemas.signin import LoginCode
from salesorder_m365.simulator import command
from salesorder_m365.simulator.tenant.people import PEOPLE
from salesorder_m365.simulator.tenant.policies import DESCRIPTIONS
from tools.includes import ROOT, included, markers, pages, refreshed

HOOKS = sorted(name for name in vars(spec) if name.startswith("salesorder_"))
PAGES = [str(page.relative_to(ROOT)) for page in pages()]
KEY = "k1:" + base64.b64encode(bytes(range(32))).decode()


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def sections(name, level="##"):
    """The page's sections of one level by their headings, without back-quotes."""
    parts = re.split(rf"^{level} (.+)$", read(name), flags=re.MULTILINE)
    return {head.strip("` "): body for head, body in zip(parts[1::2], parts[2::2], strict=True)}


def code_blocks(name, language="python"):
    """The page's code blocks of one language, with the line where each begins."""
    text = read(name)
    for block in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, block.start()) + 2, block[1]


def squeezed(code):
    return re.sub(r"\s+|,(?=\s*\))", "", code)


# Hooks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_has_a_section_with_its_exact_signature(hook):
    # The annotations are strings already, so their quotes are all that must go.
    signature = str(inspect.signature(getattr(spec, hook))).replace("'", "")
    assert squeezed(hook + signature) in squeezed(sections("docs/hooks.md")[hook])


@pytest.mark.parametrize("hook", HOOKS)
def test_each_section_has_an_example_and_names_the_errors_of_the_spec(hook):
    section = sections("docs/hooks.md")[hook]
    example = section.split("```python")[-1]
    assert f"manager.hook.{hook}(" in example or f"def {hook}(" in example
    raised = set(re.findall(r"\b\w+Error\b", inspect.getdoc(getattr(spec, hook)) or ""))
    raised &= set(vars(errors))
    assert {name for name in raised if name not in section} == set()


def test_no_section_is_about_a_hook_that_is_gone():
    documented = {head for head in sections("docs/hooks.md") if head.startswith("salesorder_")}
    assert documented == set(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_is_in_a_test(hook):
    tests = (path for path in (ROOT / "tests").rglob("test_*.py") if path.name != "test_docs.py")
    assert any(hook in path.read_text(encoding="utf-8") for path in tests)


@dataclass
class Host:
    """The host of the examples: everybody but the worker ``guest`` may do everything."""

    settings: Settings
    plugins: Any
    name: str = "docs"

    def allows(self, worker, permission, account_id):
        return worker != "guest"

    def now(self):
        return datetime.now(UTC)


@pytest.fixture
def example(sim, settings_for):
    """The names that the examples of docs/hooks.md begin with."""

    def sign_in(url):
        return sim.sign_in(url, "sales@contoso.test")

    manager = create_manager()
    host = Host(settings=settings_for(sim), plugins=manager)
    return {"manager": manager, "host": host, "sign_in": sign_in}


def test_the_examples_of_the_hooks_run_in_their_order(example):
    blocks = list(code_blocks("docs/hooks.md"))
    examples = [found for found in blocks if not found[1].startswith("def salesorder_")]
    assert len(examples) == len(blocks) - len(HOOKS) == len(HOOKS)
    for line, code in examples:
        # The blank lines make a failure name its line of the page.
        exec(compile("\n" * (line - 1) + code, ROOT / "docs/hooks.md", "exec"), example)


# Settings --------------------------------------------------------------------------------------


def table(name):
    """The rows of a page's tables by the code in their first cell."""
    rows = re.findall(r"^\| `([^`]+)` \|(.+)\|$", read(name), re.MULTILINE)
    return {first: [cell.strip() for cell in rest.split(" | ")] for first, rest in rows}


def test_every_setting_is_documented_with_its_default():
    declared = SettingsSchema().fields
    defaults = {
        name: "required"
        if field.required
        else "none"
        if field.load_default is missing
        else f"`{field.load_default}`"
        for name, field in declared.items()
    }
    rows = table("docs/settings.md")
    assert {name: rows[name][0] for name in declared if name in rows} == defaults
    assert {name for name in KEYS if name not in read("docs/settings.md")} == set()
    assert {name for name in rows if name in KEYS or "_" in name} - set(KEYS) == set()


def test_the_readme_names_only_settings_that_exist():
    named = set(re.findall(rf"{PREFIX}(\w+)", read("README.md"))) - {"CONFIG"}
    assert {name.lower() for name in named} <= set(KEYS)
    required = {name for name, field in SettingsSchema().fields.items() if field.required}
    assert required <= {name.lower() for name in named}


@pytest.mark.parametrize("page", ["docs/settings.md", "docs/simulator.md"])
def test_the_ini_files_of_the_documentation_are_good(page, tmp_path, monkeypatch):
    (ini,) = [code for _, code in code_blocks(page, "ini")]
    for name in re.findall(r"^\w+_file = (\S+)$", ini, re.MULTILINE):
        (tmp_path / Path(name).name).write_text(KEY)
        ini = ini.replace(name, Path(name).name)
    (tmp_path / "erp.ini").write_text(ini)
    monkeypatch.chdir(tmp_path)
    assert read_settings({}, Path("erp.ini")).key_ring[0].id == "k1"


def test_the_simulators_page_names_its_client_and_ports(sim):
    text = read("docs/simulator.md")
    assert sim.registration.client_id in text
    for port in (command.PORT, command.BROWSER_PORT, command.IMAP_PORT, command.SMTP_PORT):
        assert f":{port}`" in text


def test_the_ten_lines_of_the_readme_run(monkeypatch, tmp_path):
    given = {
        "tenant": "contoso.test",
        "client_id": "00000000-0000-4000-8000-000000000001",
        "client_secret": "1",
        "base_url": "https://erp.example.com",
        "database_url": f"sqlite:///{tmp_path / 'erp.db'}",
        "key_ring": KEY,
    }
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(PREFIX + name.upper(), value)
    (_, code), *_ = code_blocks("README.md")
    names = {"erp": SimpleNamespace(may=lambda *_: True)}
    exec(compile(code, ROOT / "README.md", "exec"), names)
    assert [kind.kind for kinds in names["kinds"] for kind in kinds] == ["m365"]


EVENTS = sorted(
    set(
        re.findall(
            r'"((?:authn|authz|mail_account)_[a-z_]+)"',
            "".join(path.read_text("utf-8") for path in (ROOT / "plugin").glob("*.py")),
        )
    )
)

# Lists that must be complete -------------------------------------------------------------------

COMPLETE = {
    "docs/host.md": [
        *(str(permission) for permission in Permission),
        *(str(code) for code in LoginCode),
        *(
            name
            for name, kind in vars(errors).items()
            if isinstance(kind, type) and issubclass(kind, errors.M365Error)
        ),
    ],
    "docs/hooks.md": EVENTS,
    "docs/simulator.md": list(PEOPLE),
    "docs/simulator-switches.md": [entry.name for entry in DESCRIPTIONS],
}


@pytest.mark.parametrize("page", COMPLETE)
def test_what_a_page_lists_it_lists_whole(page):
    text = read(page)
    assert [name for name in COMPLETE[page] if f"`{name}`" not in text] == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_a_page_names_exist(page):
    for words in re.findall(r"salesorder-m365 ((?:[a-z]+ ?)+)", "\n".join(fenced(read(page)))):
        group = command_line
        for word in words.split():
            commands = getattr(group, "commands", {})
            if word in {"simulator", "demo"} or not commands:
                break
            assert word in commands, f"{page} names salesorder-m365 {words}"
            group = commands[word]


def fenced(text):
    """What a page sets as code: blocks and words between back-quotes."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [
        *blocks,
        *re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text),
        *re.findall(r"^    .*$", text, re.MULTILINE),
    ]


# Pages -----------------------------------------------------------------------------------------


def anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def broken_links(page):
    prose = re.sub(r"^```.*?^```$", "", read(page), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", prose)
    for target in (unquote(one or other) for one, other in targets):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        if not path.exists() or (anchor and anchor not in anchors(path.read_text("utf-8"))):
            yield target


@pytest.mark.parametrize("page", PAGES)
def test_links_and_images_lead_to_files_that_exist(page):
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("page", PAGES)
def test_python_code_is_python(page):
    for line, code in code_blocks(page):
        try:
            ast.parse(code)
        except SyntaxError as err:
            pytest.fail(f"{page}, line {line}: {err}")


def test_decisions_are_numbered_listed_and_of_one_form():
    records = sorted((ROOT / "docs/decisions").glob("0*.md"))
    # Numbers are given out before records are written, so some may be missing.
    numbers = [int(record.name[:4]) for record in records]
    assert len(numbers) == len(set(numbers))
    index = read("docs/decisions/README.md")
    for record in records:
        text = record.read_text(encoding="utf-8")
        heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert heads == ["Context", "Decision", "Consequences"], record.name
        assert f"]({record.name})" in index


def test_where_each_part_is_tested_is_listed():
    text = read("CONTRIBUTING.md").partition("| what | is tested in |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| ")]
    parts = " ".join(part for part, _ in rows)
    for room in sorted(path.parent.name for path in (ROOT / "plugin").glob("*/__init__.py")):
        assert room in parts
    for place in re.findall(r"`(tests/[\w./]+)`", " ".join(where for _, where in rows)):
        assert (ROOT / place).exists()
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert {name for name in folders if f"tests/{name}" not in text} == set()
    for name in sorted(path.name for path in (ROOT / "tests").glob("test_*.py")):
        assert name in text


# Included files --------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_included_files_are_shown_as_they_are(page):
    text = read(page)
    assert len(markers(text)) == len(included(text)), "a marker has no code block behind it"
    assert refreshed(text) == text, "run: python tests/tools/includes.py"


def test_the_teaching_host_is_included():
    assert included(read("docs/host.md")) == ["tests/hooks/test_teaching_host.py"]


def test_a_changed_file_changes_its_page(tmp_path):
    (tmp_path / "a.py").write_text("old = 1\n")
    page = "Before\n\n<!-- include: a.py -->\n```python\n```\n\nAfter\n"
    filled = refreshed(page, tmp_path)
    assert filled == page.replace("python\n", "python\nold = 1\n")
    (tmp_path / "a.py").write_text("new = 2\n")
    assert refreshed(filled, tmp_path) == filled.replace("old = 1", "new = 2")


def test_a_file_that_is_gone_is_noticed(tmp_path):
    with pytest.raises(FileNotFoundError):
        refreshed("<!-- include: gone.py -->\n```python\n```\n", tmp_path)
