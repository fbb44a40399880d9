"""The panel's forms as the values that an act takes."""

from typing import Any

from starlette.datastructures import FormData

from ..tenant.policies import DESCRIPTIONS, Description


def posted(act: str, form: FormData) -> dict[str, Any]:
    """Return what a form says; fields left empty are left out."""
    if act == "policies":
        return _policies(form)
    values: dict[str, Any] = {name: str(value) for name, value in form.items() if value}
    if act == "people":
        return {"count": _number(values.get("count"))}
    if act == "faults/smtp":
        return _script(values)
    return values


def _script(values: dict[str, Any]) -> dict[str, Any]:
    """Return a script; the outcome of the command is one choice on the page."""
    ending, _, carried_out = values.pop("ending", "reply").partition(" ")
    given = {**values, "ending": ending}
    if carried_out:
        given["carried_out"] = carried_out == "accepted"
    if "times" in given:
        given["times"] = _number(given["times"])
    if "delay" in given:
        given["delay"] = _number(given["delay"])
    return given


def _policies(form: FormData) -> dict[str, Any]:
    group = form.get("group")
    return {
        described.name: _policy(form, described)
        for described in DESCRIPTIONS
        if described.group == group
    }


def _policy(form: FormData, described: Description) -> Any:
    if described.widget == "mailboxes":
        return [str(address) for address in form.getlist(described.name)]
    if described.widget == "switch":
        return described.name in form
    text = str(form.get(described.name, "")).strip()
    if described.widget == "addresses":
        return text.replace(",", " ").split()
    return _number(text) if described.widget == "number" else text or None


def _number(text: Any) -> Any:
    """Return a number; other text as it is, so that the act names it; nothing as None."""
    stripped = str(text or "").replace(",", "").strip()
    return int(stripped) if stripped.isascii() and stripped.isdigit() else stripped or None
