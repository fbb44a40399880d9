"""The workers of this ERP and what each may do."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...schemas.permission import SYSTEM, Permission

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Everybody's, and shown on the login page: this host runs on loopback and keeps nothing real.
PASSWORD = "contoso"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker; `may` holds permissions on mail accounts."""

    name: str
    label: str
    role: str
    may: frozenset[Permission]


WORKERS: Mapping[str, Worker] = MappingProxyType(
    {
        worker.name: worker
        for worker in (
            Worker(
                name="admin",
                label="Administrator",
                role="May set up and use mail accounts",
                may=frozenset(Permission),
            ),
            Worker(
                name="quotes",
                label="Quotations Clerk",
                role="May send quotes by e-mail, and set up nothing",
                may=frozenset({Permission.VIEW, Permission.SEND}),
            ),
            Worker(
                name="sales",
                label="Sales Worker",
                role="Has no permission for mail accounts",
                may=frozenset(),
            ),
        )
    }
)
#: Who to ask for a permission that one lacks.
ADMINISTRATOR = WORKERS["admin"].label


def may(worker: str, permission: str) -> bool:
    """Return whether `worker` has `permission`; scheduled jobs (``SYSTEM``) have every one."""
    if worker == SYSTEM:
        return True
    known = WORKERS.get(worker)
    return known is not None and permission in known.may


def log_in(name: str, password: str) -> Worker | None:
    """Return the worker if the password is right."""
    right = hmac.compare_digest(password.encode(), PASSWORD.encode())
    return WORKERS.get(name) if right else None
