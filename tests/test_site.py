"""The documentation's site: no warning, every page reachable, every internal link leading on."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tools.site_links import LIST, check, main

ROOT = Path(__file__).resolve().parent.parent


def built(source, target):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q"]
    command += ["-c", "docs", "-d", target / "doctrees", ".", target / "site"]
    return subprocess.run(
        command, cwd=source, capture_output=True, text=True, timeout=100, check=False
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("furo", reason="furo is not installed")
    target = tmp_path_factory.mktemp("docs")
    done = built(ROOT, target)
    assert done.returncode == 0, done.stdout + done.stderr
    return target / "site"


def test_every_page_is_in_it(site):
    pages = {path.relative_to(ROOT).with_suffix(".html") for path in ROOT.glob("docs/**/*.md")}
    assert {str(page) for page in pages if not (site / page).exists()} == set()


def test_the_start_leads_to_the_documentation(site):
    assert 'href="docs/index.html"' in (site / "index.html").read_text("utf-8")


def test_every_internal_link_leads_somewhere_and_external_ones_are_listed(site, capsys):
    found = check(site)
    assert found.broken == []
    assert found.internal > 1000
    assert main(site) == 0
    assert f"{len(found.external)} external ones, not fetched" in capsys.readouterr().out
    listed = (site / LIST).read_text("utf-8").splitlines()
    assert [line.split()[0] for line in listed] == sorted(found.external)


def test_a_link_that_leads_nowhere_is_found(tmp_path, capsys):
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here">1</a><a href="#gone">2</a><a href="b.html#x">3</a>'
        '<a href="c.html">4</a><img src="d.png"><a href="https://example.com/">5</a>'
    )
    (tmp_path / "b.html").write_text('<p id="y">')
    assert [target for _, target in check(tmp_path).broken] == [
        "#gone",
        "b.html#x",
        "c.html",
        "d.png",
    ]
    assert main(tmp_path) == 1
    assert "a.html: b.html#x leads nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("# A\n\n[b](gone.md)\n", "gone.md"),
        ("# A\n\n[b](#gone)\n", "gone"),
        ("# A\n\n![b](gone.png)\n", "gone.png"),
    ],
    ids=["page", "anchor", "image"],
)
def test_a_warning_fails_the_build(tmp_path, page, said):
    pytest.importorskip("furo", reason="furo is not installed")
    docs = tmp_path / "source" / "docs"
    docs.mkdir(parents=True)
    shutil.copyfile(ROOT / "docs" / "conf.py", docs / "conf.py")
    shutil.copytree(ROOT / "docs" / "_templates", docs / "_templates")
    (docs.parent / "__init__.py").write_text('__version__ = "1"\n')
    (docs / "index.md").write_text(page)
    done = built(docs.parent, tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
