"""What the kernel tells by calls rather than files. The one importer of psutil."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from tuimon.errors import Reason
from tuimon.text import safe

T = TypeVar("T")


def addresses() -> Mapping[str, str]:
    """Return the IP addresses of each interface as one text; netlink knows them, sysfs does not."""
    import psutil

    try:
        found = psutil.net_if_addrs()
    except OSError:
        return {}
    return {
        name: safe(" ".join(a.address for a in each if a.family.name in {"AF_INET", "AF_INET6"}))
        for name, each in found.items()
    }


class Deadline(Generic[T]):
    """Calls that may never come back, each in a thread of its own.

    A thread in statvfs on a dead NFS server cannot be stopped. It is left behind, and the same
    thing is not asked again before its thread came back: at most one thread a thing.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._waiting: dict[str, threading.Thread] = {}

    def ask(self, call: Callable[[str], T], things: Sequence[str]) -> dict[str, T | Reason]:
        """Return what *call* says of each thing within the patience for all, else `TIMEOUT`."""
        answers: dict[str, T] = {}

        def answer(thing: str) -> None:
            answers[thing] = call(thing)

        self._waiting = {thing: t for thing, t in self._waiting.items() if t.is_alive()}
        asked = [thing for thing in things if thing not in self._waiting]
        for thing in asked:
            thread = threading.Thread(target=answer, args=(thing,), name="statvfs", daemon=True)
            self._waiting[thing] = thread
            thread.start()
        end = time.monotonic() + self._patience
        for thing in asked:
            self._waiting[thing].join(max(0.0, end - time.monotonic()))
        told = dict(answers)  # a late thread may still write into `answers`
        return {thing: told.get(thing, Reason.TIMEOUT) for thing in things}
