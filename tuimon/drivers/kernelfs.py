"""Files of /proc and /sys, read as bytes under a root that is handed in."""

import errno
import os
from pathlib import Path

from tuimon.errors import ReadError, Reason

CHUNK = 1 << 16
"""Bytes asked for at once: more than /proc/stat of a machine with 256 cores."""

# fmt: off
REASONS = {
    errno.ENOENT:     Reason.NOT_SUPPORTED,
    errno.ENOTDIR:    Reason.NOT_SUPPORTED,
    errno.EOPNOTSUPP: Reason.NOT_SUPPORTED,  # /proc/pressure of a kernel started with psi=0
    errno.ENODATA:    Reason.NOT_SUPPORTED,  # a hwmon channel without a sensor
    errno.EACCES:     Reason.NO_PERMISSION,
    errno.EPERM:      Reason.NO_PERMISSION,
    errno.ENODEV:     Reason.DEVICE_LOST,
    errno.ENXIO:      Reason.DEVICE_LOST,
    errno.ETIMEDOUT:  Reason.TIMEOUT,
}
# fmt: on


def reason_of(error: OSError) -> Reason:
    """Return why a value is missing when the kernel answers with *error*."""
    return REASONS.get(error.errno or 0, Reason.FAILED)


class Tree:
    """The kernel's files below one root. Paths are relative to it, without a leading slash.

    Used by one thread. Every method raises `ReadError` with the reason when a file gives nothing.
    """

    def __init__(self, root: Path) -> None:
        self.root = str(root).rstrip("/") + "/"
        self._kept: dict[str, int] = {}
        self._missing: set[str] = set()

    def read(self, path: str) -> bytes:
        """Return a whole file through a descriptor that stays open: for what is read every tick.

        The descriptor is opened again when it fails, as it does after a device came back. A file
        that is not there is not looked for again until `forget`.
        """
        descriptor = self._kept.get(path)
        if descriptor is not None:
            try:
                return _whole(descriptor)
            except OSError:
                os.close(self._kept.pop(path))
        if path in self._missing:
            raise ReadError(Reason.NOT_SUPPORTED, f"/{path} is not there")
        try:
            descriptor = os.open(self.root + path, os.O_RDONLY | os.O_CLOEXEC)
            self._kept[path] = descriptor
            return _whole(descriptor)
        except OSError as error:
            self._drop(path)
            reason = reason_of(error)
            if reason is Reason.NOT_SUPPORTED:
                self._missing.add(path)
            raise ReadError(reason, f"/{path}: {error.strerror}") from error

    def once(self, path: str) -> bytes:
        """Return a whole file, opened and closed: for what is read seldom or is one of many."""
        try:
            descriptor = os.open(self.root + path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return _whole(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise ReadError(reason_of(error), f"/{path}: {error.strerror}") from error

    def names(self, path: str) -> list[str]:
        """Return the sorted names in a folder."""
        try:
            return sorted(os.listdir(self.root + path))  # noqa: PTH208 -- names are all that is asked for
        except OSError as error:
            raise ReadError(reason_of(error), f"/{path}: {error.strerror}") from error

    def exists(self, path: str) -> bool:
        """Say whether something of that name is there and may be seen."""
        return os.path.exists(self.root + path)  # noqa: PTH110 -- a Path costs more than the call

    def target(self, path: str) -> str:
        """Return the last part of where a link points to; "" where it is none."""
        try:
            return os.readlink(self.root + path).rstrip("/").rpartition("/")[2]  # noqa: PTH115 -- as above
        except OSError:
            return ""

    def forget(self) -> None:
        """Let every missing file be looked for again."""
        self._missing.clear()

    def close(self) -> None:
        """Close all descriptors."""
        for path in list(self._kept):
            self._drop(path)

    def _drop(self, path: str) -> None:
        descriptor = self._kept.pop(path, None)
        if descriptor is not None:
            os.close(descriptor)


def _whole(descriptor: int) -> bytes:
    """Read from the start to the end; the kernel may hand out a page at a time."""
    first = os.pread(descriptor, CHUNK, 0)
    chunks, size = [first], len(first)
    while chunks[-1]:
        chunks.append(os.pread(descriptor, CHUNK, size))
        size += len(chunks[-1])
    return first if len(chunks) <= 2 else b"".join(chunks)
