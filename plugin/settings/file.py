"""The settings file: written whole or not at all, readable by its owner only.

`reading` reads it, and the schema knows what its values mean.
"""

from __future__ import annotations

import configparser
import os
import re
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import M365Error
from .reading import SECTION, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECTION_LINE = re.compile(r"\s*\[(?P<name>[^\]]*)\]")
_KEY_RING = re.compile(r"(?P<name>key_ring\s*[=:])\s*(?P<value>.*)", re.IGNORECASE)
_KEY_RING_FILE = "key_ring_file"


class SettingsFileError(M365Error):
    """The settings file cannot be read or written, or is not one that may be written over."""

    def __init__(self, reason: str) -> None:
        super().__init__("settings_file_unusable", reason=reason.removesuffix("."))


def stored_values(path: Path) -> dict[str, str]:
    """Return the values of our section as they stand in the file; nothing if there is no file.

    Raises ``SettingsFileError`` if the file holds anything else: it would be lost.
    """
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, configparser.Error) as err:
        msg = f"{path} is there, but is no settings file that can be read. Name another file."
        raise SettingsFileError(msg) from err
    if parser.sections() != [SECTION]:
        msg = f"{path} has other sections than [{SECTION}]. Give the plugin a file of its own."
        raise SettingsFileError(msg)
    return dict(parser.items(SECTION))


def write_settings(path: Path, values: Mapping[str, str], *, over: bool) -> None:
    """Write the file, readable by its owner alone; an existing one only if `over` is true.

    The old file stays until the new one is whole on the disk and reads as complete settings.
    Raises ``SettingsError`` for wrong values and ``SettingsFileError``.
    """
    # A value of several lines continues in lines that are indented.
    lines = (f"{name} = {value}".replace("\n", "\n\t") + "\n" for name, value in values.items())
    with _replaced(path, over=over) as new:
        new.write_text(f"[{SECTION}]\n{''.join(lines)}", encoding="utf-8")
        read_settings({}, new)


def add_key(path: Path, key: str) -> Path:
    """Put a key first in the file's key ring, or in the file that key_ring_file names.

    Everything else stays as it is, comments too. Returns the file that was changed. Raises
    ``SettingsError`` if the file is not right before or after, and ``SettingsFileError``.
    """
    before = read_settings({}, path).key_ring
    place = _key_ring_file(path)
    try:
        text = (place or path).read_text(encoding="utf-8-sig")
    except OSError as err:
        raise _unusable(place or path, err) from err
    with _replaced(place or path, over=True) as new:
        new.write_text(f"{key}\n{text}" if place else _with_key(text, key, path), encoding="utf-8")
        if place is None and read_settings({}, new).key_ring[1:] != before:
            raise SettingsFileError(f"{path}: key_ring was not found in the form name = value.")
    return place or path


def _key_ring_file(path: Path) -> Path | None:
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    parser.read_string(path.read_text(encoding="utf-8-sig"))
    named = parser.get(SECTION, _KEY_RING_FILE, fallback="").strip()
    return Path(named) if named else None


def _with_key(text: str, key: str, path: Path) -> str:
    lines, ours = text.splitlines(keepends=True), False
    for number, line in enumerate(lines):
        if section := _SECTION_LINE.match(line):
            ours = section["name"] == SECTION
        elif ours and (found := _KEY_RING.match(line)):
            lines[number] = f"{found['name']} {key} {found['value']}\n"
            return "".join(lines)
    raise SettingsFileError(f"{path} has no key_ring in its section [{SECTION}].")


@contextmanager
def _replaced(path: Path, *, over: bool) -> Iterator[Path]:
    """Give a new file to write; put it in the place of `path` when the block has ended well."""
    try:
        # Made with mode 0600, in the same folder: only there is a rename atomic.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
    except OSError as err:
        raise _unusable(path, err) from err
    new = Path(name)
    try:
        yield new
        _put(new, path, over=over)
    except OSError as err:
        raise _unusable(path, err) from err
    finally:
        new.unlink(missing_ok=True)


def _put(new: Path, path: Path, *, over: bool) -> None:
    _synced(new)
    if over and path.exists():
        # The ERP may run as another user than the administrator who changes its file.
        before = path.stat()
        with suppress(PermissionError, AttributeError):  # Windows has no chown
            os.chown(new, before.st_uid, before.st_gid)
        new.chmod(before.st_mode & 0o660)
    if over:
        new.replace(path)
    else:
        os.link(new, path)  # fails if another process was quicker
    if os.name == "posix":
        _synced(path.parent)  # the name too is to survive a power cut


def _synced(path: Path) -> None:
    # Windows syncs what was opened for writing only; elsewhere a folder cannot be opened so.
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unusable(path: Path, err: OSError) -> SettingsFileError:
    return SettingsFileError(f"{path} cannot be written: {err.strerror}.")
