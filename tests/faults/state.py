"""The faults of the state, D1 to D9: importing this registers them."""

from . import (
    state_database,
    state_disk,
    state_keys,
    state_processes,
    state_rotation,
    state_tampering,
)

__all__ = [
    "state_database",
    "state_disk",
    "state_keys",
    "state_processes",
    "state_rotation",
    "state_tampering",
]
