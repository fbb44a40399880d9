"""The faults of sending, S1 to S20: importing this registers them."""

from . import sending_limits, sending_processes, sending_replies, sending_state

__all__ = ["sending_limits", "sending_processes", "sending_replies", "sending_state"]
