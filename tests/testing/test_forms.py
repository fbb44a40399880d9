"""What a browser sends of a form, control by control."""

import pytest
from salesorder_m365.testing.forms import page_text, read_buttons

URL = "http://localhost:8000/setup/page"
CONTROLS = {
    "text": ('<input name="a" value="1">', {"a": "1"}),
    "hidden": ('<input type="hidden" name="a" value="&quot;1">', {"a": '"1'}),
    "no name": ('<input value="1">', {}),
    "disabled": ('<input name="a" value="1" disabled>', {}),
    "in a disabled fieldset": ('<fieldset disabled><input name="a"></fieldset>', {}),
    "checkbox": ('<input type="checkbox" name="a">', {}),
    "ticked": ('<input type="checkbox" name="a" checked>', {"a": "on"}),
    "radio": (
        '<input type="radio" name="a" value="1"><input type="radio" name="a" value="2" checked>',
        {"a": "2"},
    ),
    "textarea": ('<textarea name="a">1 &lt; 2</textarea>', {"a": "1 < 2"}),
    "select": (
        '<select name="a"><option value="1">One</option><option value="2">Two</option></select>',
        {"a": "1"},
    ),
    "selected": (
        '<select name="a"><option>One</option><option selected>Two</option></select>',
        {"a": "Two"},
    ),
    "other button": ('<button name="a" value="1">Other</button>', {}),
    "other submit": ('<input type="SUBMIT" name="a" value="Other">', {}),
    "push button": ('<input type="button" name="a" value="1">', {}),
    "file": ('<input type="file" name="a">', {}),
}


def button_of(page):
    found = [button for button in read_buttons(page, URL) if button.label == "Go on"]
    return found[0] if found else None


@pytest.mark.parametrize(("control", "values"), CONTROLS.values(), ids=CONTROLS)
def test_only_what_counts_is_sent(control, values):
    page = f'<form action="/x" method="POST">{control}<button>Go on</button>{control}</form>'
    found = button_of(page)
    assert (found.target, found.method, found.values) == ("http://localhost:8000/x", "post", values)


@pytest.mark.parametrize(
    ("button", "values"),
    [
        ("<button>Go\n on</button>", {}),
        ('<button name="do" value="1"><b>Go</b> on</button>', {"do": "1"}),
        ('<input type="submit" value="Go on">', {}),
        ("<button disabled>Go on</button>", None),
        ("<fieldset disabled><button>Go on</button></fieldset>", None),
        ('<button type="button">Go on</button>', None),
        ('<button type="reset">Go on</button>', None),
    ],
)
def test_a_button_is_found_by_its_label_if_it_is_live(button, values):
    found = button_of(f"<form>{button}</form>")
    assert (found.values if found else None) == values


@pytest.mark.parametrize(
    ("form", "button", "sent"),
    [
        ("", "", ("get", URL)),
        ('method="post"', "", ("post", URL)),
        ('action="other"', "", ("get", "http://localhost:8000/setup/other")),
        ('action="/x"', 'formaction="/y" formmethod="POST"', ("post", "http://localhost:8000/y")),
    ],
)
def test_a_form_goes_where_form_and_button_say(form, button, sent):
    found = button_of(f"<form {form}><button {button}>Go on</button></form>")
    assert (found.method, found.target) == sent


def test_what_stands_outside_of_a_form_is_not_in_it():
    page = '<input name="a"><form><input name="b"><button>Go on</button></form><input name="c">'
    assert button_of(page).values == {"b": ""}
    assert button_of("<button>Go on</button>") is None


def test_a_page_is_read_as_a_person_reads_it():
    page = "<head><title>T</title></head><h1>One\n &amp;</h1><p>two</p><script>three</script>"
    assert page_text(page) == "One & two"
    assert page_text("<p><b>a</b>@<wbr><span>b</span>.test</p><p>c</p>") == "a@b.test c"
