"""The worst of what the faults measured: said below their table, for a fault only holds or not."""

MEMORY = "memory grew by {:.1f} MB at most, where less than 50 are allowed"
LARGE = "sending 149 MB took {:.1f} MiB of memory over the idle process, where 40 are allowed"
LATE = "the latest answer came {:.2f} s behind its deadline, where 1 s is allowed"
EXPOSED = "{:.0f} bytes of credentials were readable before verified TLS, where none may be"
FORM = "a form of 160 kB of marks took {:.1f} ms of the processor, where 20 are allowed"
NAMES = "950 folder names of marks took {:.0f} ms of the processor, where 1,000 are allowed"

_noted: dict[str, list[float]] = {}


def note(figure: str, value: float) -> float:
    """Take note of one measurement, and return it."""
    _noted.setdefault(figure, []).append(value)
    return value


def worst() -> list[str]:
    """Return a line for each figure that something was measured for."""
    return [f"In {len(n)} calls {text.format(max(n))}." for text, n in sorted(_noted.items())]
