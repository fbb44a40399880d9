"""Scripted conduct of the SMTP server, stage by stage, for tests of what a client makes of it."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, get_args

#: what becomes of the reply: said, lost (the server falls silent), cut in half and closed, or
#: instead of it the connection is dropped
Ending = Literal["reply", "silence", "half", "drop"]


class Stage(StrEnum):
    """A point of the conversation at which the server answers."""

    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    #: the answer to DATA, and to a BDAT chunk that is not the last
    DATA = "data"
    #: the answer to the dot, and to the last BDAT chunk
    END_OF_DATA = "end_of_data"


@dataclass
class SmtpFault:
    """What happens at a stage instead of the usual, `times` times (None: until cleared).

    With `reply` the command is answered by it, verbatim, and not carried out; without, the
    server's own answer follows. `carried_out` says otherwise: True with a `reply` of 451 takes a
    message and denies it, False with `ending="drop"` drops the connection before acceptance.
    `delay` is in seconds and passes before the answer. `mailbox` restricts it to the sessions of
    one signed-in user, `after` lets so many others pass first.
    """

    stage: Stage
    reply: str | None = None
    ending: Ending = "reply"
    carried_out: bool | None = None
    delay: float = 0.0
    times: int | None = 1
    after: int = 0
    mailbox: str | None = None

    @property
    def is_carried_out(self) -> bool:
        """Whether the server does what the command asks for."""
        return self.reply is None if self.carried_out is None else self.carried_out

    def to_json(self) -> dict[str, Any]:
        """Return the fault as plain JSON."""
        return {**vars(self), "stage": str(self.stage)}


class SmtpFaults:
    """The faults still to come, in the order in which they were added."""

    def __init__(self) -> None:
        self._queue: deque[SmtpFault] = deque()

    def add(self, fault: SmtpFault) -> None:
        """Script the next `fault.times` matching answers."""
        self._queue.append(fault)

    def clear(self) -> None:
        """Forget all that were not used."""
        self._queue.clear()

    def __len__(self) -> int:
        return len(self._queue)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the faults still to come as plain JSON."""
        return [fault.to_json() for fault in self._queue]

    def take(self, stage: Stage, mailbox: str | None) -> SmtpFault | None:
        """Return the next fault for this stage and signed-in user, counting it as used."""
        for fault in self._queue:
            if fault.stage is not stage or fault.mailbox not in (None, mailbox):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._queue.remove(fault)
            return fault
        return None


def read_fault(values: dict[str, Any]) -> SmtpFault:
    """Return a fault from plain JSON. Raises ValueError naming what does not fit."""
    unknown = values.keys() - SmtpFault.__dataclass_fields__.keys()
    if unknown:
        raise ValueError(f"There is no {min(unknown)!r} in an SMTP fault")
    try:
        fault = SmtpFault(**{**values, "stage": Stage(values.get("stage", ""))})
    except ValueError as err:
        raise ValueError(f"'stage' must be one of {', '.join(Stage)}") from err
    for name, fits in _FITS.items():
        if not fits(getattr(fault, name)):
            raise ValueError(f"{name!r} does not take {getattr(fault, name)!r}")
    return fault


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_line(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value[:3].isdigit() and "\n" not in value)


_FITS: Mapping[str, Callable[[Any], bool]] = {
    "reply": _is_line,
    "ending": lambda value: value in get_args(Ending),
    "carried_out": lambda value: value is None or isinstance(value, bool),
    "delay": lambda value: isinstance(value, int | float) and 0 <= value <= 3600,
    "times": lambda value: value is None or (_is_count(value) and value > 0),
    "after": _is_count,
    "mailbox": lambda value: value is None or isinstance(value, str),
}
