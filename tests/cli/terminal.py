"""A terminal (pty) with a shell in it, as a person sees and types at it."""

import contextlib
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from fcntl import ioctl

READY = "<<ready>>"
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x07")
_SECONDS = 60


class Terminal:
    """Runs bash; `screen` is all that was shown so far, as plain lines."""

    def __init__(self, folder, environ, columns=100, kind="dumb"):
        master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self._shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "--noediting", "-i"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            # A dumb terminal has no size of its own.
            env={
                **environ,
                "TERM": kind,
                "COLUMNS": str(columns),
                "LINES": "50",
                "PS1": f"{READY}$ ",
            },
            start_new_session=True,
        )
        os.close(slave)
        self._master = master
        self._shown = ""
        self._seen = 0
        self.expect(READY)

    @property
    def screen(self):
        """All that was shown; where a program rewrote a line, only its end is left."""
        text = _CONTROL.sub("", self._shown).replace("\r\n", "\n")
        lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n")]
        return "\n".join(lines)

    def expect(self, text):
        """Wait until `text` is shown, after what was waited for before; return what came."""
        until = time.monotonic() + _SECONDS
        while (place := self._shown.find(text, self._seen)) < 0:
            assert time.monotonic() < until, f"No {text!r} in: {self._shown[-2000:]}"
            if select.select([self._master], [], [], 0.1)[0]:
                self._shown += os.read(self._master, 65536).decode(errors="replace")
        came, self._seen = self._shown[self._seen : place + len(text)], place + len(text)
        return came

    def type(self, line):
        """Type a line, or an answer, and press Enter."""
        os.write(self._master, f"{line}\n".encode())

    def run(self, line):
        """Type a command line and wait for its end; return what it printed."""
        self.type(line)
        return self.expect(READY)

    def press_ctrl_c(self):
        os.write(self._master, b"\x03")

    def close(self):
        """End the shell and what it started: they are a process group of their own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGHUP)
        try:
            self._shell.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._shell.pid, signal.SIGKILL)
            self._shell.wait(5)
        os.close(self._master)
