"""A terminal of our own: a pty, and what a program wrote to it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pyte
import pytest

LONG = 30.0
"""Seconds to wait for what should take one; the machine may be busy."""
MODES = {
    "alt": "1049",
    "mouse": "1000",
    "motion": "1003",
    "sgr": "1006",
    "paste": "2004",
    "focus": "1004",
}
# What pyte would draw: keyboard protocol and queries.
_STRANGE = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p")


class Terminal:
    """A program in a pty."""

    def __init__(self, command, env, size=(100, 30), *, controlling=True, ignored=()):
        self.master, self.slave = pty.openpty()
        self.size = size
        self.resize(*size, tell=False)
        self.before = termios.tcgetattr(self.slave)
        self.raw = b""

        def prepare():
            os.setsid()
            if controlling:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)

        self.process = subprocess.Popen(
            command, stdin=self.slave, stdout=self.slave, stderr=self.slave, env=env,
            preexec_fn=prepare,  # noqa: PLW1509 -- no other thread holds a lock here
        )  # fmt: skip

    def resize(self, width, height, *, tell=True):
        self.size = (width, height)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        if tell:
            self.process.send_signal(signal.SIGWINCH)

    def send(self, text):
        os.write(self.master, text.encode())

    def read(self, timeout=0.05):
        """Read what there is; return whether there was anything."""
        ready, _, _ = select.select([self.master], [], [], timeout)
        if not ready:
            return False
        try:
            data = os.read(self.master, 1 << 16)
        except OSError:
            return False
        self.raw += data
        return bool(data)

    def wait(self, condition, what=""):
        """Read until a condition holds."""
        end = time.monotonic() + LONG
        while not condition():
            assert time.monotonic() < end, f"{what or 'it'} never came: {self.raw[-800:]!r}"
            self.read()

    def wait_for(self, text):
        self.wait(lambda: any(text in line for line in self.lines), text)

    def wait_for_picture(self):
        """Wait until the live picture stands, which the first picture is not."""
        self.wait(lambda: self.raw.count(b"\x1b[?1049h") > 1, "the application mode")
        self.wait_for("PID")

    @property
    def lines(self):
        """What the terminal shows."""
        screen = pyte.Screen(*self.size)
        pyte.ByteStream(screen).feed(_STRANGE.sub(b"", self.raw))
        return screen.display

    def on(self, mode):
        """Whether a mode was last turned on."""
        found = re.findall(rb"\x1b\[\?" + MODES.get(mode, mode).encode() + rb"([hl])", self.raw)
        return bool(found) and found[-1] == b"h"

    def restored(self):
        """Assert that the terminal is as it was."""
        assert not [mode for mode in MODES if self.on(mode)]
        assert self.on("25"), "the cursor is hidden"
        assert self.on("7") or b"\x1b[?7l" not in self.raw, "lines do not wrap"
        assert len(re.findall(rb"\x1b\[>\d+u", self.raw)) == self.raw.count(b"\x1b[<u")
        assert termios.tcgetattr(self.slave) == self.before

    def end(self, timeout=LONG):
        """Wait for the end of the program, reading all that it writes; return its exit code."""
        until = time.monotonic() + timeout
        while self.process.poll() is None:
            assert time.monotonic() < until, f"it did not end: {self.raw[-300:]!r}"
            self.read()
        while self.read(0.05):
            pass
        return self.process.returncode

    @property
    def last_words(self):
        """What was written after the alternate screen was left, as lines."""
        text = self.raw.rpartition(b"\x1b[?1049l")[2].decode("utf-8", "replace")
        text = re.sub(r"\x1b\[[0-9;?<>=]*[a-zA-Z]", "", text)
        return [line for line in text.replace("\r", "").split("\n") if line.strip()]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        for number in (self.master, self.slave):
            if number >= 0:
                os.close(number)


@pytest.fixture
def variables(tmp_path):
    """Return an environment that does not depend on where the tests run."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    return {
        **kept,
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "XDG_CONFIG_HOME": str(tmp_path),
    }


@pytest.fixture
def tuimon(variables):
    """Return what starts tuimon in a terminal: `tuimon("--demo", code="...", TERM="linux")`."""
    opened = []

    def start(*arguments, code="", size=(100, 30), controlling=True, ignored=(), **env):
        chosen = {key: value for key, value in {**variables, **env}.items() if value is not None}
        run = f"import sys\n{code}\nfrom tuimon.__main__ import main\nsys.exit(main())"
        command = [sys.executable, "-c", run, *arguments]
        opened.append(Terminal(command, chosen, size, controlling=controlling, ignored=ignored))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


DEMO = ("--demo", "--demo-gpus", "2", "--interval", "0.2")


@pytest.fixture
def demo(tuimon):
    """Return what starts the simulated machine and waits for its picture."""

    def start(*arguments, **more):
        terminal = tuimon(*DEMO, *arguments, **more)
        terminal.wait_for_picture()
        return terminal

    return start
