"""The administrator's tutorial is what a terminal shows: from the wheel, in an empty venv."""

import pytest
from cli.empty_venv import ROOT
from cli.story import PAGE, SESSIONS, filled, sessions_of, told


@pytest.mark.timeout(600)
def test_the_tutorial_is_what_a_terminal_shows(tmp_path):
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout, so nobody knows which files belong to the wheel")
    shown = told(tmp_path)
    for name in SESSIONS:
        assert shown[name] == sessions_of(PAGE.read_text("utf-8"))[name], (
            f"session {name}; if it is right so: cd tests && python -m cli.story"
        )


def test_the_page_shows_every_session_in_its_order():
    assert tuple(sessions_of(PAGE.read_text("utf-8"))) == SESSIONS


def test_a_changed_session_changes_the_page():
    text = "A\n\n<!-- terminal: install -->\n```console\n$ old\n```\n\nB\n"
    assert filled(text, {"install": "$ new\n"}) == text.replace("old", "new")
