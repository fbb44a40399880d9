"""Audit events and notices that the plugin gives to the host. None of them holds a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event; `name` follows OWASP's logging vocabulary, `details` are plain strings.

    Source: OWASP Logging Vocabulary Cheat Sheet (``authn_login_success``, ``authz_fail``, …).
    """

    name: str
    at: datetime
    worker: str
    account_id: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
