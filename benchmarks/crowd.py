"""Processes that do what they are told at the same moment, each with memory of its own."""

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, Self

SPAWN = multiprocessing.get_context("spawn")
_STOP = 10.0


class Crowd:
    """So many new interpreters; they end with the `with` block."""

    def __init__(self, count: int) -> None:
        self._members = [_Member() for _ in range(count)]

    def __enter__(self) -> Self:
        for member in self._members:
            member.start()
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members:
            member.stop()

    def __len__(self) -> int:
        return len(self._members)

    def each(self, work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Let every process do `work`, each with its own arguments; return what they return."""
        for member, given in zip(self._members, arguments, strict=True):
            member.pipe.send((work, given))
        answers = [member.pipe.recv() for member in self._members]
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers


class _Member:
    def __init__(self) -> None:
        self.pipe, theirs = SPAWN.Pipe()
        self._theirs = theirs
        self._process = SPAWN.Process(target=_serve, args=(theirs,), daemon=True)

    def start(self) -> None:
        self._process.start()
        self._theirs.close()

    def stop(self) -> None:
        self.pipe.close()
        self._process.join(_STOP)


def _serve(pipe: Connection) -> None:
    while True:
        try:
            work, arguments = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(work(*arguments))
        except Exception as err:  # noqa: BLE001 - raised again where the work was given out
            pipe.send(err)
