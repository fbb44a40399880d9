"""Forms of a page as a browser sends them: the controls that count, and what each button adds."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VALUELESS = frozenset({"submit", "button", "image", "reset", "file"})
_TICKED = frozenset({"checkbox", "radio"})


@dataclass
class Button:
    """A live submit button; `extra` is what it adds to the form's values."""

    label: str
    extra: dict[str, str]


@dataclass
class Form:
    """A form with the values that it would be sent with (HTML, "constructing the entry list")."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: list[Button] = field(default_factory=list)

    def button(self, label: str) -> Button | None:
        """Return the live button with this label."""
        return next((button for button in self.buttons if button.label == label), None)


class _Reader(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._text: list[str] | None = None
        self._given: dict[str, str] = {}
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form is None or "disabled" in given:
            return
        elif tag == "input":
            self._take_input(self._form, given)
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select and ("selected" in given or self._is_first()):
            self._form.values[self._select] = given.get("value", "")
        elif tag in {"button", "textarea"}:
            self._text, self._given = [], given

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag in {"button", "textarea"} and self._form and self._text is not None:
            self._take_text(self._form, tag, "".join(self._text))
            self._text = None

    def _is_first(self) -> bool:
        return self._form is not None and self._select not in self._form.values

    def _take_input(self, form: Form, given: dict[str, str]) -> None:
        kind, name = given.get("type", "text").lower(), given.get("name", "")
        ticked = kind in _TICKED
        if kind == "submit":
            self._take_button(form, given, given.get("value", "Submit"))
        elif name and kind not in _VALUELESS and (not ticked or "checked" in given):
            form.values[name] = given.get("value", "on" if ticked else "")

    def _take_text(self, form: Form, tag: str, text: str) -> None:
        if tag == "textarea":
            form.values[self._given.get("name", "")] = text
        elif self._given.get("type", "submit").lower() == "submit":
            self._take_button(form, self._given, " ".join(text.split()))

    @staticmethod
    def _take_button(form: Form, given: dict[str, str], label: str) -> None:
        name = given.get("name")
        form.buttons.append(Button(label, {name: given.get("value", "")} if name else {}))


def read_forms(page: str) -> list[Form]:
    """Return the forms of an HTML page in their order."""
    return _Reader(page).forms
