"""Microsoft's answers as documented and as seen in public, and the finding that each gives."""

import tomllib
from pathlib import Path
from typing import Any

ANSWERS: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("answers.toml").read_text(encoding="utf-8")
)
