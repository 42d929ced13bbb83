"""A pseudo-terminal with one program in it: runs it, answers it, types at it, keeps what it wrote.

It answers what terminals are asked (attributes, cursor, colours, modes), so that no program waits
for it. What was written is kept with its time and the program's CPU time, and is made a screen of
only after the run, since that costs more than the programs that are measured.
"""

import fcntl
import os
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from usage import cpu_of, tree

ROWS, COLUMNS = 48, 160
READ = 1 << 16
QUIET = 2.5
"""Seconds after which a key counts as not answered."""
# What a terminal is asked, and what it says.
# fmt: off
ANSWERS: tuple[tuple[re.Pattern[bytes], bytes], ...] = (
    (re.compile(rb"\x1b\[0?c"),                      b"\x1b[?62;22c"),
    (re.compile(rb"\x1b\[>0?c"),                     b"\x1b[>1;10;0c"),
    (re.compile(rb"\x1b\[5n"),                       b"\x1b[0n"),
    (re.compile(rb"\x1b\[6n"),                       b"\x1b[1;1R"),
    (re.compile(rb"\x1b\[\?u"),                      b"\x1b[?0u"),
    (re.compile(rb"\x1b\[\?2026\$p"),                b"\x1b[?2026;2$y"),
    (re.compile(rb"\x1b\[\?2048\$p"),                b"\x1b[?2048;0$y"),
    (re.compile(rb"\x1b\]10;\?(\x07|\x1b\\)"),       b"\x1b]10;rgb:dddd/dddd/dddd\x1b\\"),
    (re.compile(rb"\x1b\]11;\?(\x07|\x1b\\)"),       b"\x1b]11;rgb:0000/0000/0000\x1b\\"),
)
# fmt: on
# Sequences that pyte would print instead of heeding them.
UNKNOWN_TO_PYTE = re.compile(
    rb"\x1b\[[<>=?][0-9;]*[A-Za-z]|\x1b\[[0-9;]*\$[a-z]|\x1b[P_^X].*?\x1b\\", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of output."""

    at: float
    """Seconds since the program was started."""
    cpu: float
    """CPU seconds that the program had used by then."""
    data: bytes


class Terminal:
    """Runs one command until `close`."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.chunks: list[Chunk] = []
        self.total = 0
        """Bytes so far."""
        self.alive = True
        self.status: int | None = None
        """As of waitpid(2), once the program has ended and was waited for."""
        self._application_keys = False
        self._fd, slave = os.openpty()
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, size)
        self._began = time.monotonic()
        self.pid = os.fork()
        if not self.pid:
            self._become(slave, command, env)
        os.close(slave)

    def _become(self, slave: int, command: Sequence[str], env: Mapping[str, str]) -> None:
        try:
            os.close(self._fd)
            os.login_tty(slave)
            os.execvpe(command[0], list(command), dict(env))  # noqa: S606 -- no shell is wanted
        except OSError as error:
            os.write(2, str(error).encode())
        finally:
            os._exit(127)

    def pump(self, seconds: float, *, until_output: bool = False) -> float | None:
        """Take output for so long, or until there is some; return when it came (monotonic)."""
        end = time.monotonic() + seconds
        while self.alive and (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self._fd], [], [], left)
            if not ready:
                break
            came = time.monotonic()
            if not self._take(came):
                break
            if until_output:
                return came
        return None

    def _take(self, came: float) -> bool:
        try:
            data = os.read(self._fd, READ)
        except OSError:  # EIO: nobody holds the other side any more
            data = b""
        if not data:
            self.alive = False
            return False
        self.chunks.append(Chunk(came - self._began, cpu_of(self.pid), data))
        self.total += len(data)
        if b"\x1b" in data:
            self._answer(data)
        return True

    def _answer(self, data: bytes) -> None:
        on, off = data.rfind(b"\x1b[?1h"), data.rfind(b"\x1b[?1l")
        if on >= 0 or off >= 0:
            self._application_keys = on > off
        for asked, answer in ANSWERS:
            for _ in asked.findall(data):
                os.write(self._fd, answer)

    def type(self, text: bytes) -> None:
        """Press keys; nothing happens if the program has ended."""
        try:
            os.write(self._fd, text)
        except OSError:
            self.alive = False

    def arrow(self, *, down: bool) -> None:
        """Press an arrow key, as the program has asked for them."""
        lead = b"\x1bO" if self._application_keys else b"\x1b["
        self.type(lead + (b"B" if down else b"A"))

    def paint_after(self, *, down: bool) -> float:
        """Press an arrow key and return the seconds to the next output, at most `QUIET`."""
        self.pump(0)
        began = time.monotonic()
        self.arrow(down=down)
        came = self.pump(QUIET, until_output=True)
        return QUIET if came is None else came - began

    def quit(self, text: bytes, patience: float = 10.0) -> float | None:
        """Press *text*; return the seconds until the process is gone, None if it stays."""
        began = time.monotonic()
        self.type(text)
        while (took := time.monotonic() - began) < patience:
            if self._reap():
                return took
            if self.alive:
                self.pump(0.001)
            else:
                time.sleep(0.001)
        return None

    def _reap(self) -> bool:
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = status if pid else None
        return self.status is not None

    def close(self) -> None:
        """End the program and everything that it has started."""
        children = [] if self.status is not None else tree(self.pid)[1:]
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._reap():
                break
            os.kill(self.pid, number)
            end = time.monotonic() + 2.0
            while not self._reap() and time.monotonic() < end:
                self.pump(0.01)
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        os.close(self._fd)


def seen(
    chunks: Sequence[Chunk], share: float, patterns: Sequence[str] = ()
) -> tuple[Chunk | None, list[str]]:
    """Replay output; return the chunk after which the screen held what is asked, and the screen.

    Args:
        chunks: Output from the start.
        share: Least share of cells that are not blank.
        patterns: Regular expressions that must all be found in some line each.
    """
    import pyte

    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    for chunk in chunks:
        stream.feed(UNKNOWN_TO_PYTE.sub(b"", chunk.data))
        lines = list(screen.display)
        full = sum(len(line.replace(" ", "")) for line in lines)
        if full > share * ROWS * COLUMNS and all(
            any(re.search(pattern, line) for line in lines) for pattern in patterns
        ):
            return chunk, lines
    return None, list(screen.display)
