"""Read the settings from the environment and an ini file; the schema checks them.

Every problem bears the name that the person used: the variable, or the key and its file.
"""

from __future__ import annotations

import configparser
import os
import re
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from marshmallow import ValidationError

from ...schemas.settings import Settings, SettingsSchema, load_settings
from ...schemas.spelling import trimmed
from ..errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "SALESORDER_M365_"
SECTION = "salesorder-m365"
#: The variable that names the ini file.
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
#: Settings that no repr shows; each may lie in a file of its own: ``client_secret_file`` etc.
SECRETS = tuple(entry.name for entry in dataclass_fields(Settings) if not entry.repr)
#: What may stand in the section, and the setting that it gives.
KEYS: Mapping[str, str] = {
    **{name: name for name in SettingsSchema().fields},
    **{f"{name}_file": name for name in SECRETS},
}

_MISSING = "Missing data for required field."
# A secret on a line of its own can be taken for a name: only what looks like one is shown.
_SHOWABLE = re.compile(r"[a-z][a-z0-9_.-]{0,31}")


def read_settings(environ: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """Return the settings of `environ` (the process's own if None) and of the ini `file`.

    Without `file`, the variable ``SALESORDER_M365_CONFIG`` may name one. The environment wins over
    the file; an empty value counts as not given.

    Raises ``SettingsError`` that names every wrong setting at once and shows no secret.
    """
    reading = _Reading(os.environ if environ is None else environ)
    reading.add_file(file)
    reading.add_environ()
    return reading.checked()


@dataclass(frozen=True)
class _Given:
    """One setting as it was given; an empty `value` is one that could not be read."""

    shown: str
    value: str = field(repr=False)


@dataclass
class _Reading:
    """What was given so far, and what is wrong with it."""

    environ: Mapping[str, str] = field(repr=False)
    given: dict[str, _Given] = field(default_factory=dict)
    problems: dict[str, tuple[str, ...]] = field(default_factory=dict)
    file_unreadable: bool = False

    def add_environ(self) -> None:
        entries = {
            name.removeprefix(PREFIX).lower(): _Given(name, value)
            for name, value in self.environ.items()
            if name.startswith(PREFIX) and name != CONFIG_VARIABLE
        }
        self._add(entries, {key: PREFIX + key.upper() for key in (*KEYS, "config")})

    def add_file(self, file: Path | None) -> None:
        named = trimmed(self.environ.get(CONFIG_VARIABLE, ""))
        path = file or (Path(named) if named else None)
        if path is None:
            return
        # "" can be no section's name, so the [DEFAULT] of a file shared with the host is not ours.
        parser = configparser.ConfigParser(interpolation=None, default_section="")
        try:
            parser.read_string(path.read_text(encoding="utf-8-sig"))
            entries = {key: _Given(f"{key} ({path})", text) for key, text in parser.items(SECTION)}
        except (OSError, ValueError, configparser.Error) as err:
            self.problems[CONFIG_VARIABLE if file is None else str(path)] = (_why(path, err),)
            self.file_unreadable = True
        else:
            self._add(entries, {key: key for key in KEYS})

    def checked(self) -> Settings:
        values = {name: found.value for name, found in self.given.items() if found.value}
        try:
            settings = load_settings(values)
        except ValidationError as err:
            self._add_messages(err.messages_dict)
        if self.problems:
            # Raised here and not in the handler: the schema's error holds the values.
            raise SettingsError(self.problems)
        return settings

    def _add(self, entries: Mapping[str, _Given], spelled: Mapping[str, str]) -> None:
        """Add one source's entries; `spelled` has its names as this source writes them."""
        found: dict[str, _Given] = {}
        for key, given in entries.items():
            if key not in KEYS:
                shown = given.shown if _SHOWABLE.fullmatch(key) else "(not a setting's name)"
                self.problems[shown] = (_unknown(key, spelled),)
            elif not trimmed(given.value):
                continue
            elif KEYS[key] in found:
                other = found[KEYS[key]].shown
                self.problems[given.shown] = (f"Give either this or {other}, not both.",)
            else:
                found[KEYS[key]] = given if key == KEYS[key] else self._from_secret_file(given)
        self.given.update(found)

    def _from_secret_file(self, given: _Given) -> _Given:
        try:
            value = trimmed(Path(trimmed(given.value)).read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as err:
            # The path stands in no message: it may be the secret, put into the wrong variable.
            value, cause = "", _why("The file", err)
        else:
            cause = "The file is empty."
        if not value:
            self.problems[given.shown] = (f"{cause} Give the path of a file with the secret.",)
        return _Given(given.shown, value)

    def _add_messages(self, messages: Mapping[str, list[str]]) -> None:
        for name, texts in messages.items():
            found = self.given.get(name)
            # What could not be read has its problem already, and may hold what seems to be missing.
            if found.value == "" if found else self.file_unreadable:
                continue
            shown = found.shown if found else PREFIX + name.upper()
            self.problems[shown] = tuple(
                "This setting is missing." if text == _MISSING else text for text in texts
            )


def _unknown(key: str, spelled: Mapping[str, str]) -> str:
    near = get_close_matches(key, spelled, n=1)
    hint = f"Do you mean {spelled[near[0]]}?" if near else "docs/settings.md lists them all."
    return f"There is no such setting. {hint}"


def _why(path: Path | str, err: Exception) -> str:
    # Not str(err): the parser quotes the line, which may hold a secret.
    match err:
        case OSError():
            return f"{path} cannot be read: {err.strerror}."
        case configparser.NoSectionError():
            return f"{path} has no section [{SECTION}]."
        case configparser.MissingSectionHeaderError():
            return f"{path}, line {err.lineno}: a [section] must stand above it."
        case configparser.ParsingError():
            lines = ", ".join(str(number) for number, _ in err.errors)
            return f"{path}, line {lines}: this is not of the form name = value."
        case configparser.DuplicateSectionError() | configparser.DuplicateOptionError():
            return f"{path}, line {err.lineno}: this section or name was given before."
        case _:
            return f"{path} is not text in UTF-8."
