"""Text that is costly to normalise, M16: length is looked at first, and other threads go on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from marshmallow import ValidationError
from salesorder_m365.plugin.folders.choices import folder_choices
from salesorder_m365.plugin.transport.listing import ListedFolder
from salesorder_m365.schemas.account import load_account

from .bench import Bench
from .figures import FORM, NAMES, note
from .registry import SQLITE, Facts, fault

#: Sorts for seconds where it is normalised as it is; the second is no mark by itself.
_MARKS = {"marks of two classes": "\u0301\u0323", "marks that become two": "\u0f73"}
_FORM = {"sender_name": "Ada", "sender_email": "sales@contoso.test", "use_oauth": True}
#: Milliseconds of this thread, and of the longest wait of another one.
_CPU, _WAIT = 20.0, 50.0
_FOLDERS_CPU = 1000.0


def _milliseconds(work: Callable[[], Any]) -> float:
    before = time.thread_time()
    work()
    return 1000 * (time.thread_time() - before)


@contextmanager
def _another_thread() -> Iterator[list[float]]:
    """Let a thread wake every millisecond; give the longest wait of it, in milliseconds."""
    longest, stop = [0.0], threading.Event()

    def look() -> None:
        while not stop.is_set():
            before = time.monotonic()
            time.sleep(0.001)
            longest[0] = max(longest[0], 1000 * (time.monotonic() - before))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield longest
    finally:
        stop.set()
        thread.join()


@fault(
    "M16",
    "a form of 160 kB of {}",
    expected={"refused": "account_name", "CPU": "under 20 ms", "other threads": "wait under 50 ms"},
    on=(SQLITE,),
    cases=_MARKS,
)
def a_form_of_marks(_bench: Bench, marks: str) -> Facts:
    refused = []

    def load() -> None:
        try:
            load_account(_FORM | {"account_name": "a" + marks * (160_000 // len(marks.encode()))})
        except ValidationError as err:
            refused.extend(err.messages)

    with _another_thread() as longest:
        took = _milliseconds(load)
        time.sleep(0.02)
    note(FORM, took)
    return {
        "refused": " ".join(refused),
        "CPU": "under 20 ms" if took < _CPU else f"{took:.0f} ms",
        "other threads": "wait under 50 ms" if longest[0] < _WAIT else f"wait {longest[0]:.0f} ms",
    }


@fault(
    "M16",
    "950 folder names of thousands of {}",
    expected={"folders": 950, "CPU": "under 1 s"},
    on=(SQLITE,),
    cases=_MARKS,
)
def folders_of_marks(_bench: Bench, marks: str) -> Facts:
    names = [f"{number}{marks * 1900}"[:3900] for number in range(950)]
    listed = [ListedFolder(name, (name,), "/", frozenset()) for name in names]
    shown: list[int] = []
    took = _milliseconds(
        lambda: shown.append(len(folder_choices("m365:1", listed, [], {}).folders))
    )
    note(NAMES, took)
    return {"folders": shown[0], "CPU": "under 1 s" if took < _FOLDERS_CPU else f"{took:.0f} ms"}
