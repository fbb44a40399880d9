"""Forms of a page as a browser sends them: the controls that count, and what each button adds."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import mechanicalsoup
from bs4 import BeautifulSoup, Tag

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARSER = "html.parser"
_INLINE = ["a", "abbr", "b", "code", "em", "i", "q", "span", "strong", "time", "wbr"]


@dataclass(frozen=True, slots=True)
class Button:
    """A live submit button: where it sends the form, how, and with which values."""

    label: str
    method: str
    target: str
    values: dict[str, str]


def read_buttons(page: str, url: str) -> Iterator[Button]:
    """Yield the live buttons of all forms of an HTML page that was loaded from `url`."""
    soup = BeautifulSoup(page, _PARSER)
    for form in soup.find_all("form"):
        for button in form.select("button, input[type=submit i]"):
            if _is_live(button):
                yield _pressed(form, button, url)


def page_text(page: str) -> str:
    """Return an HTML page's text as a person reads it, with single blanks."""
    soup = BeautifulSoup(page, _PARSER)
    for unseen in soup(["head", "script", "style", "template"]):
        unseen.decompose()
    # What lies within a line is read in one go; a place to break an address is no blank.
    for part in soup(_INLINE):
        part.unwrap()
    soup.smooth()
    return " ".join(soup.get_text(" ").split())


def has_element(page: str, name: str) -> bool:
    """Return whether an HTML page has an element of this name."""
    return BeautifulSoup(page, _PARSER).find(name) is not None


def _is_live(button: Tag) -> bool:
    kind = str(button.get("type") or "submit").lower()
    return kind == "submit" and not _disabled(button)


def _disabled(control: Tag) -> bool:
    return (
        control.has_attr("disabled") or control.find_parent("fieldset", disabled=True) is not None
    )


def _pressed(form: Tag, button: Tag, url: str) -> Button:
    method = str(button.get("formmethod") or form.get("method") or "get").lower()
    action = str(button.get("formaction") or form.get("action") or "")
    return Button(_label(button), method, urljoin(url, action), _values(form, button))


def _label(button: Tag) -> str:
    given = button.get("value", "Submit") if button.name == "input" else button.get_text()
    return " ".join(str(given).split())


def _values(form: Tag, button: Tag) -> dict[str, str]:
    """Return what is sent (HTML, "constructing the entry list"), of all buttons this one's only."""
    sent = copy(form)
    kept = _same_place(form, button, sent)
    for control in sent.select("input, button, select, textarea"):
        if control is not kept and (_adds_nothing(control) or _disabled(control)):
            control.decompose()
    request = mechanicalsoup.Browser.get_request_kwargs(sent, "http://localhost/")
    return dict(request["data"] if "data" in request else request["params"])


def _same_place(form: Tag, button: Tag, copied: Tag) -> Tag:
    """Return the button of a copied form."""
    place = next(i for i, each in enumerate(form.find_all(button.name)) if each is button)
    found: Tag = copied.find_all(button.name)[place]
    return found


def _adds_nothing(control: Tag) -> bool:
    kind = str(control.get("type") or "").lower()
    return control.name == "button" or kind in {"submit", "button", "image", "reset", "file"}
