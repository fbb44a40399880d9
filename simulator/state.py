"""What outlives a restart: one JSON document in a directory that only its owner may read."""

import json
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any


class StateDirectory:
    """A directory for keys and certificates, and a small document beside them.

    Without a path it is temporary and goes away with `close()`.
    """

    def __init__(self, path: Path | None) -> None:
        self._temporary = path is None
        self.path = path or Path(tempfile.mkdtemp(prefix="m365-simulator-"))
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        self._lock = threading.Lock()
        self._document = self._read()

    def _read(self) -> dict[str, Any]:
        file = self.path / "state.json"
        if not file.exists():
            return {}
        document: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return document

    def get(self, key: str, default: Any) -> Any:
        """Return what was last put under `key`."""
        return self._document.get(key, default)

    def put(self, key: str, value: object) -> None:
        """Keep a JSON value; the file is replaced as a whole, so a crash leaves the old one."""
        with self._lock:
            if self._document.get(key) == value:
                return
            self._document[key] = value
            self.write("state.json", json.dumps(self._document, indent=1).encode())

    def write(self, name: str, content: bytes) -> Path:
        """Write a file that only its owner may read, atomically."""
        draft = self.path / f".{name}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        return draft.replace(self.path / name)

    def close(self) -> None:
        """Remove a temporary directory; leave a given one alone."""
        if self._temporary:
            shutil.rmtree(self.path, ignore_errors=True)
