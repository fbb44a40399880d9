"""Mail servers as far away as Microsoft's: by the kernel's netem where it has it, else by proxies.

With netem the whole run takes place in a network namespace of its own, where loopback delays every
packet, that which opens a connection too. The tests' proxy lets a connection begin at once, and
then waits for the trip that it would have taken.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection

from servers.delay import DelayProxy

from .crowd import SPAWN

_INSIDE = "M365_BENCH_NETEM"
_NETEM = "tc qdisc replace dev lo root netem limit 100000 delay"
_TRY = f"ip link set lo up && {_NETEM} 1ms"
_STOP = 10.0


def name() -> str:
    """Say by what the servers are kept apart."""
    return "netem in a network namespace" if _INSIDE in os.environ else "a proxy"


def enter_namespace() -> None:
    """Begin this program again in a namespace of its own, if netem works in one."""
    tools = all(shutil.which(tool) for tool in ("unshare", "ip", "tc"))
    if _INSIDE in os.environ or not tools or not _works(["unshare", "--net", "sh", "-c", _TRY]):
        return
    start = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", *sys.orig_argv]
    os.execvpe("unshare", ["unshare", "--net", *start], os.environ | {_INSIDE: "1"})


def _works(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def apart(ports: Sequence[int], round_trip: float) -> Iterator[list[int]]:
    """Put servers on loopback so far away, in seconds; give the ports that lead to them then."""
    if _INSIDE in os.environ:
        with _delayed(round_trip):
            yield list(ports)
    else:
        with _proxies(ports, round_trip) as theirs:
            yield theirs


@contextmanager
def _delayed(round_trip: float) -> Iterator[None]:
    # Each of the two ways passes loopback once.
    subprocess.run([*_NETEM.split(), f"{round_trip * 500:.3f}ms"], check=True)
    try:
        yield
    finally:
        subprocess.run(["tc", "qdisc", "del", "dev", "lo", "root"], check=True)


@contextmanager
def _proxies(ports: Sequence[int], round_trip: float) -> Iterator[list[int]]:
    """Run the proxies in a process of their own: they are to take no time from what is measured."""
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=_relay, args=(theirs, ports, round_trip), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        ours.close()
        process.join(_STOP)


def _relay(pipe: Connection, ports: Sequence[int], round_trip: float) -> None:
    with ExitStack() as running:
        proxies = [running.enter_context(DelayProxy(port, round_trip)) for port in ports]
        pipe.send([proxy.port for proxy in proxies])
        try:
            pipe.recv()
        except EOFError:
            return
