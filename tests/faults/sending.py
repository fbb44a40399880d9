"""The faults of sending, S1 to S26: importing this registers them."""

from . import sending_limits, sending_more, sending_processes, sending_replies, sending_state

__all__ = [
    "sending_limits",
    "sending_more",
    "sending_processes",
    "sending_replies",
    "sending_state",
]
