"""All faults, in the order of their numbers: importing the modules registers them.

C numbers the faults of the callback and, beside them, those of what ends a grant.
"""

from . import callback, grants, mail, sending, state, surroundings, token_endpoint, tracebacks
from .registry import FAULTS, Fault, natural

__all__ = [
    "all_faults",
    "callback",
    "grants",
    "mail",
    "sending",
    "state",
    "surroundings",
    "token_endpoint",
    "tracebacks",
]


def all_faults() -> list[Fault]:
    return sorted(FAULTS, key=lambda fault: natural(fault.number))
