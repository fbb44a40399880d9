"""Secrets as canaries: collect them, listen to every logger, and search for them in all forms."""

import base64
import logging
import re
import threading
import traceback
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus

_SHORTEST = 16
#: A JSON Web Token begins with a header that all tokens share: what tells them apart comes later.
_JWT = re.compile(r"(?:1\.)?eyJ[\w-]+\.(.+)")


def forms(secret):
    """Return the bytes by which a secret would be found: plain, URL-encoded, base64 thrice."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    found = {raw}
    if isinstance(secret, str):
        found |= {quote(secret, safe="").encode(), quote_plus(secret).encode()}
        found.add(repr(secret)[1:-1].encode())
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + raw + b"\0" * (-(offset + len(raw)) % 3))
        # The first and the last group of four mix with the neighbours' bytes.
        inner = whole[4 if offset else 0 :]
        inner = inner[:-4] if (offset + len(raw)) % 3 else inner
        found |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def pieces(secret):
    """Return the parts that betray a secret that was cut: all of a short one, 32 of a long one."""
    if isinstance(secret, bytes):
        return {secret}
    if token := _JWT.fullmatch(secret):
        secret = token[1]
    if len(secret) < 64:
        return {secret}
    return {secret[start : start + 32] for start in range(0, len(secret) - 31, 32)}


class Canaries:
    """The secrets of a run, by name."""

    def __init__(self):
        self._needles = {}

    def add(self, name, secret):
        """Let this secret be searched for."""
        assert len(secret) >= _SHORTEST, f"{name} is too short to be told from other text"
        for piece in pieces(secret):
            for form in forms(piece):
                self._needles[form] = name

    def where(self, records):
        """Return the records that hold a secret, and by which name: to see what went wrong."""
        return [(name, record) for record in records for name in self.found_in(record)]

    def names(self):
        """Return the names of all secrets."""
        return set(self._needles.values())

    def found_in(self, haystack):
        """Return the names of the secrets that stand in `haystack` in any form."""
        data = haystack if isinstance(haystack, bytes) else str(haystack).encode()
        return {name for needle, name in self._needles.items() if needle in data}

    def found_in_files(self, folder):
        """Return what stands in the files of a folder: database, write-ahead log, the rest."""
        return {
            (file.name, name)
            for file in sorted(Path(folder).rglob("*"))
            if file.is_file()
            for name in self.found_in(file.read_bytes())
        }


_acting = threading.local()


@contextmanager
def as_a_browser():
    """Let this thread's HTTP requests be those of a browser, whose library's log is not ours."""
    _acting.browser = True
    try:
        yield
    finally:
        _acting.browser = False


class Everything(logging.Handler):
    """Listens to every logger at DEBUG; `text` is all that was said, with arguments and errors."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.records = []
        self._levels = {}

    def __enter__(self):
        logging.root.addHandler(self)
        self.turn_up()
        return self

    def __exit__(self, *_):
        logging.root.removeHandler(self)
        for logger, level in self._levels.items():
            logger.setLevel(level)

    def turn_up(self):
        """Set every logger that there is by now to DEBUG, whatever it was set to before."""
        for logger in map(logging.getLogger, [None, *logging.root.manager.loggerDict]):
            self._levels.setdefault(logger, logger.level)
            logger.setLevel(logging.DEBUG)

    def emit(self, record):
        """Keep what was said: the message, its arguments, the error with its causes."""
        if getattr(_acting, "browser", False) and record.name.startswith("urllib3"):
            return
        said = [record.name, record.levelname, record.getMessage(), repr(record.args)]
        if record.exc_info:
            said.extend(traceback.format_exception(*record.exc_info))
        self.records.append("\n".join(said))

    @property
    def text(self):
        """Everything that was said."""
        return "\n".join(self.records)

    def speakers(self):
        """Return the names of the loggers that said something."""
        return {record.partition("\n")[0] for record in self.records}
