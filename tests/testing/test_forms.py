"""What a browser sends of a form, control by control."""

import pytest
from salesorder_m365.testing.forms import read_forms

CONTROLS = {
    "text": ('<input name="a" value="1">', {"a": "1"}),
    "hidden": ('<input type="hidden" name="a" value="&quot;1">', {"a": '"1'}),
    "no name": ('<input value="1">', {}),
    "disabled": ('<input name="a" value="1" disabled>', {}),
    "checkbox": ('<input type="checkbox" name="a">', {}),
    "ticked": ('<input type="checkbox" name="a" checked>', {"a": "on"}),
    "radio": (
        '<input type="radio" name="a" value="1"><input type="radio" name="a" value="2" checked>',
        {"a": "2"},
    ),
    "textarea": ('<textarea name="a">1 &lt; 2</textarea>', {"a": "1 < 2"}),
    "select": (
        '<select name="a"><option value="1">One<option value="2">Two</select>',
        {"a": "1"},
    ),
    "selected": (
        '<select name="a"><option value="1">One<option value="2" selected>Two</select>',
        {"a": "2"},
    ),
    "other button": ('<button name="a" value="1">Other</button>', {}),
    "file": ('<input type="file" name="a">', {}),
}


@pytest.mark.parametrize(("control", "values"), CONTROLS.values(), ids=CONTROLS)
def test_only_what_counts_is_sent(control, values):
    (form,) = read_forms(f'<form action="/x" method="POST">{control}<button>Go</button></form>')
    assert (form.action, form.method, form.values) == ("/x", "post", values)


@pytest.mark.parametrize(
    ("button", "extra"),
    [
        ("<button>Go\n on</button>", {}),
        ('<button name="do" value="1"><b>Go</b> on</button>', {"do": "1"}),
        ('<input type="submit" value="Go on">', {}),
        ("<button disabled>Go on</button>", None),
        ('<button type="button">Go on</button>', None),
    ],
)
def test_a_button_is_found_by_its_label_if_it_is_live(button, extra):
    (form,) = read_forms(f"<form>{button}</form>")
    found = form.button("Go on")
    assert (found.extra if found else None) == extra


def test_what_stands_outside_of_forms_is_in_none():
    page = '<input name="a"><form></form><button>Go</button><form><input name="b"></form>'
    first, second = read_forms(page)
    assert (first.values, first.buttons, second.values) == ({}, [], {"b": ""})
