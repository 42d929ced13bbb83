"""Recordings: raw samples in an append-only file that survives being cut or damaged.

`docs/recording.md` is the page about the format; chunk.py holds its inside.
"""

import fcntl
import os
import stat
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from tuimon.errors import RecordingError
from tuimon.model.sample import Sample
from tuimon.store.chunk import (
    HEADER_SIZE,
    MARKER,
    SAMPLES,
    SAMPLES_MOST,
    DamagedChunk,
    Header,
    Known,
    decode,
    encode,
)
from tuimon.store.crowd import Crowd
from tuimon.text import safe

MAGIC = b"\x89tuimon\n"
VERSION = 1
"""Of the format; a reader takes no other."""
_HEAD = struct.Struct("<8sI")
HEAD = _HEAD.pack(MAGIC, VERSION)
"""How a recording begins."""
PRIVATE = 0o600
"""Command lines are in it, and what they hold is nobody else's."""
_WINDOW = 1 << 20
"""Bytes looked at in one go when searching for the next chunk."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When a writer writes."""

    samples: int = 10
    """Samples at which a chunk closes."""
    seconds: float = 10.0
    """Seconds after its first sample at which it does: the most that a crash can cost."""
    sync: float = 5.0
    """Seconds at least between two waits for the disk."""


DEFAULT_PACE = Pace()


class Writer:
    """Appends samples to a file. Used by one thread; a chunk costs it some milliseconds."""

    def __init__(
        self,
        path: Path,
        *,
        append: bool = False,
        processes: int = 64,
        pace: Pace = DEFAULT_PACE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the file.

        Args:
            path: A file that does not exist yet, unless *append*.
            append: Go on with a recording, whatever state its end is in.
            processes: How many processes to keep; those that use a GPU are always kept.
            pace: When to write.
            clock: Monotonic seconds.

        Raises:
            RecordingError: It cannot be written, is there already, or another writer has it.
        """
        self.path = path
        self.written = 0
        """Bytes so far."""
        self.count = 0
        """Samples so far, those of the open chunk too."""
        self._pace = replace(pace, samples=min(pace.samples, SAMPLES_MOST))
        self._clock = clock
        self._crowd = Crowd(processes)
        self._pending: list[Sample] = []
        self._synced = clock()
        self._fd, fresh = _opened(path, append=append)
        if os.fstat(self._fd).st_size:
            return
        try:
            self._put(HEAD)
        except BaseException:
            with suppress(OSError):  # what is left of the head would bar every later try
                if fresh:
                    path.unlink()
                else:
                    os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1
            raise

    def write(self, sample: Sample) -> None:
        """Add a sample, and write the chunk if it is full.

        Raises:
            RecordingError: The file cannot be written.
        """
        frames = self._crowd.restricted(sample.frames)
        self._pending.append(replace(sample, frames=frames))
        self.count += 1
        lasted = sample.monotonic - self._pending[0].monotonic
        if len(self._pending) >= self._pace.samples or not 0 <= lasted < self._pace.seconds:
            self.flush()

    def flush(self) -> None:
        """Write what there is as a chunk of its own."""
        if not self._pending:
            return
        samples, self._pending = self._pending, []
        self._crowd.mark()
        self._put(encode(samples))
        now = self._clock()
        if now - self._synced >= self._pace.sync:
            self._sync()
            self._synced = now

    def close(self) -> None:
        """Write what there is and wait until the disk has it."""
        if self._fd < 0:
            return
        try:
            self.flush()
            self._sync()
        finally:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _put(self, data: bytes) -> None:
        """Append with one call; a disk takes less than all only when it is full."""
        while data:
            try:
                done = os.write(self._fd, data)
            except OSError as error:
                raise _cannot("write", self.path, error) from error
            self.written += done
            data = data[done:]

    def _sync(self) -> None:
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise _cannot("write", self.path, error) from error


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where some samples lie in a recording."""

    offset: int
    """Of the payload, in bytes."""
    header: Header

    @property
    def end(self) -> int:
        """Where the next chunk begins."""
        return self.offset + self.header.length


class Reader:
    """Reads a recording that may be damaged, cut, untrusted, or still being written."""

    def __init__(self, path: Path) -> None:
        """Open a recording and list its chunks; nothing is unpacked.

        Raises:
            RecordingError: It is no recording, or one of a later format.
        """
        self.path = path
        self.chunks: list[Chunk] = []
        """Every complete chunk of samples in the order of the file."""
        self._name = _name(path)
        self._known = Known()
        self._holes: set[int] = set()
        self._broken: set[int] = set()
        self._end = 0
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise _cannot("read", path, error) from error
        try:
            self._check()
            self.refresh()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def damaged(self) -> int:
        """How many stretches and chunks could not be read; chunks count once they were tried."""
        return len(self._holes) + len(self._broken)

    @property
    def span(self) -> tuple[float, float]:
        """The first and the last time in it, seconds since the epoch.

        Raises:
            RecordingError: There is no sample in it.
        """
        if not self.chunks:
            raise RecordingError(f"{self._name} holds no sample")
        return (
            min(chunk.header.first for chunk in self.chunks),
            max(chunk.header.last for chunk in self.chunks),
        )

    def refresh(self) -> int:
        """List what was written since; return how many chunks there are more."""
        size = os.fstat(self._fd).st_size
        before = len(self.chunks)
        while (found := self._next(size)) is not None:
            self._end = found.end
            if found.header.type == SAMPLES:
                self.chunks.append(found)
        return len(self.chunks) - before

    def samples(self, since: float = float("-inf")) -> Iterator[Sample]:
        """Yield the samples from *since* on in the order of the file, one chunk in memory.

        Chunks that `refresh` adds meanwhile are taken along; damaged ones are left out and counted.

        Raises:
            RecordingError: Nothing at all can be read, or it is of a later version.
        """
        tried = failed = at = 0
        while at < len(self.chunks):
            chunk = self.chunks[at]
            at += 1
            if chunk.header.last < since:
                continue
            tried += 1
            try:
                samples = self._decoded(chunk)
            except DamagedChunk:
                self._broken.add(chunk.offset)
                failed += 1
                continue
            yield from (sample for sample in samples if sample.at >= since)
        if tried and failed == tried == len(self.chunks):
            raise RecordingError(f"nothing in {self._name} can be read: all of it is damaged")

    def _decoded(self, chunk: Chunk) -> list[Sample]:
        payload = os.pread(self._fd, chunk.header.length, chunk.offset)
        if len(payload) != chunk.header.length or zlib.crc32(payload) != chunk.header.crc:
            raise DamagedChunk(f"a chunk of {self._name} is damaged")
        return decode(payload, self._known, self._name)

    def _check(self) -> None:
        """Refuse what is no recording."""
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            raise RecordingError(f"{self._name} is not a file that can be read again")
        head = os.pread(self._fd, len(HEAD), 0)
        if not head:
            raise RecordingError(f"{self._name} is empty: it is not a recording")
        if len(head) < len(HEAD) or not head.startswith(MAGIC):
            raise RecordingError(f"{self._name} is not a recording of tuimon")
        self._end = self._past_head(0, head)

    def _past_head(self, position: int, head: bytes) -> int:
        """Return where a file's head ends that is at *position*; *position* if none is."""
        if len(head) < len(HEAD) or not head.startswith(MAGIC):
            return position
        version = _HEAD.unpack_from(head)[1]
        if version != VERSION:
            raise RecordingError(
                f"{self._name} is a recording of format {version}, and this tuimon reads format"
                f" {VERSION}: update tuimon"
            )
        return position + len(HEAD)

    def _next(self, size: int) -> Chunk | None:
        """Return the next complete chunk from `_end` on; None if there is none yet."""
        begin = self._past_head(self._end, os.pread(self._fd, len(HEAD), self._end))
        while size - begin >= HEADER_SIZE:
            header = self._header(begin)
            chunk = None if header is None else Chunk(begin + HEADER_SIZE, header)
            if chunk is not None and chunk.end <= size and self._starts(chunk.end, size):
                return chunk
            # Either this header is wrong, or what it announces was cut off and written over, or it
            # is the next one that is wrong: where the next good header lies tells which.
            following = self._search(begin + 1 if chunk is None else chunk.offset, size)
            if chunk is not None and chunk.end <= (size if following is None else following):
                return chunk
            if following is None:
                if chunk is None:
                    self._holes.add(begin)
                return None
            self._holes.add(begin)
            begin = following
        return None

    def _header(self, position: int) -> Header | None:
        return Header.parse(os.pread(self._fd, HEADER_SIZE, position))

    def _starts(self, position: int, size: int) -> bool:
        """Return whether something well-formed begins at *position*, as far as is written."""
        if size - position < HEADER_SIZE or self._header(position) is not None:
            return True
        return os.pread(self._fd, len(MAGIC), position) == MAGIC

    def _search(self, begin: int, size: int) -> int | None:
        """Return where the next good header from *begin* on is; None if there is none yet."""
        while size - begin >= HEADER_SIZE:
            window = os.pread(self._fd, _WINDOW, begin)
            at = window.find(MARKER)
            while at >= 0:
                if self._header(begin + at) is not None:
                    return begin + at
                at = window.find(MARKER, at + 1)
            begin += max(len(window) - len(MARKER) + 1, 1)
        return None


def _opened(path: Path, *, append: bool) -> tuple[int, bool]:
    """Return a descriptor of a file that nobody else records to, and whether the file is new."""
    fresh = not (append and path.exists())
    flags = os.O_CREAT | os.O_EXCL if fresh else 0
    if not fresh and not (path.is_file() and path.stat().st_size == 0):
        Reader(path).close()
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | flags, PRIVATE)
    except FileExistsError:
        raise RecordingError(
            f"{_name(path)} exists already: give another name, or append to it"
        ) from None
    except OSError as error:
        raise _cannot("write", path, error) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise RecordingError(
            f"another tuimon records to {_name(path)}: give another name"
        ) from None
    except OSError:
        pass  # a file system without locks, as Lustre may be
    return fd, fresh


def _name(path: Path) -> str:
    return safe(str(path))


def _cannot(what: str, path: Path, error: OSError) -> RecordingError:
    return RecordingError(f"cannot {what} {_name(path)}: {error.strerror or error}")
