"""Errors as Entra words them: an AADSTS number, a sentence, trace and correlation ids."""

import time
import uuid
from typing import Any

from starlette.responses import JSONResponse

from .error_texts import TEXTS, Text

_SCRIPTED = Text("invalid_grant", 400, "Scripted error.")
_SUBERRORS = {50173: "bad_token", 700082: "bad_token", 65001: "consent_required"}


class EntraError(Exception):
    """An answer of Entra's other than success."""

    def __init__(self, code: int, *, error: str | None = None, **details: str) -> None:
        standard, self.status, text = TEXTS.get(code, _SCRIPTED)
        super().__init__(code)
        self.code = code
        self.error = error or standard
        self.text = text.format_map(_Blank(details))
        self.trace_id, self.correlation_id = str(uuid.uuid4()), str(uuid.uuid4())
        self.timestamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())

    @property
    def description(self) -> str:
        """The `error_description`."""
        return (
            f"AADSTS{self.code}: {self.text} Trace ID: {self.trace_id} "
            f"Correlation ID: {self.correlation_id} Timestamp: {self.timestamp}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the body of a token endpoint's answer."""
        body: dict[str, Any] = {
            "error": self.error,
            "error_description": self.description,
            "error_codes": [self.code],
            "timestamp": self.timestamp,
            "trace_id": self.trace_id,
            "correlation_id": self.correlation_id,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
        suberror = _SUBERRORS.get(self.code)
        return body | ({"suberror": suberror} if suberror else {})

    def response(self) -> JSONResponse:
        """Return the answer as the token endpoint gives it."""
        return JSONResponse(self.to_json(), self.status, {"Cache-Control": "no-store"})


class _Blank(dict[str, str]):
    """Details that a caller did not give."""

    def __missing__(self, key: str) -> str:
        return ""
