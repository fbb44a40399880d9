"""All faults, in the order of their numbers: importing the modules registers them."""

from . import callback, mail, state, token_endpoint
from .registry import FAULTS, Fault, natural

__all__ = ["all_faults", "callback", "mail", "state", "token_endpoint"]


def all_faults() -> list[Fault]:
    return sorted(FAULTS, key=lambda fault: natural(fault.number))
