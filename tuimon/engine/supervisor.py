"""Supervisors: open one source, keep its lanes, open it again when it was lost."""

import math
import threading
from collections.abc import Mapping
from dataclasses import replace
from queue import SimpleQueue

from tuimon.engine.clock import Clock
from tuimon.engine.lane import Lane, Outcome, pause_after
from tuimon.errors import ReadError, Reason, UsageError
from tuimon.model.frame import Frame
from tuimon.model.metric import Catalogue, Kind
from tuimon.model.sample import Event, Health, Status
from tuimon.model.source import Reader, Source
from tuimon.text import safe

ABSENT_PAUSE = 60.0
"""Seconds after which a machine without such a device is looked at again."""
SOUND_AFTER = 60.0
"""Seconds after which a source that was opened counts as sound, so that back-off starts anew."""
GOLDEN = 0.618
"""Fraction of a turn between the phases of lanes, so that their slow readings do not coincide."""


class Supervisor:
    """One source and its lanes. Every method is called by the engine's thread.

    Opening happens in a thread of its own: a driver may take seconds to wake, and the rest of the
    machine is to be seen at once.
    """

    def __init__(
        self,
        source: Source,
        wholes: Mapping[Kind, Catalogue],
        clock: Clock,
        done: "SimpleQueue[Lane]",
    ) -> None:
        self.lanes: tuple[Lane, ...] = ()
        self._source = source
        self._wholes = wholes
        self._clock = clock
        self._done = done
        self._opened: SimpleQueue[list[Reader] | ReadError | UsageError] = SimpleQueue()
        self._health = Health(source.name, Status.OPENING, since=clock.now())
        self._remains: tuple[Outcome, ...] = ()
        self._failures = 0
        self._open_at = -math.inf
        self._opened_at = -math.inf
        self._opening = False
        self._asked_at = math.nan
        """Monotonic time at which opening began."""
        self._events: list[Event] = []
        self.tend()

    @property
    def settled(self) -> bool:
        """Whether opening has succeeded or failed at least once."""
        return self._health.status is not Status.OPENING

    def tend(self) -> None:
        """Start opening if it is time, and take over what an opening has found.

        Raises:
            UsageError: The user asked the source for what it does not have. Only before it was
                opened for the first time: a device that went away later is a failure.
        """
        now = self._clock.monotonic()
        if not self._opening and not self.lanes and now >= self._open_at:
            self._opening = True
            self._asked_at = now
            name = f"open {self._source.name}"
            threading.Thread(target=self._open, name=name, daemon=True).start()
        if not self._opened.empty():
            self._opening = False
            self._take(self._opened.get())
        if any(lane.outcome.lost_source for lane in self.lanes):
            self._drop()

    def outcomes(self, now: float, deadline: float) -> list[Outcome]:
        """Return what each lane has to show, late ones marked."""
        if self.lanes:
            return [lane.late(now, deadline) for lane in self.lanes]
        health, waited = self._health, now - self._asked_at
        if self._opening and waited >= deadline:
            text = f"the driver has not answered for {waited:.0f} s; nothing of it can be shown"
            since = self._clock.now() - waited
            health = replace(health, status=Status.LATE, text=text, since=since)
        return [Outcome({}, health), *self._remains]

    def events(self) -> list[Event]:
        """Return the events since the last call, those of lost lanes too."""
        events, self._events = self._events, []
        for lane in self.lanes:
            events += lane.events()
        return events

    def close(self) -> None:
        """Let every lane end."""
        for lane in self.lanes:
            lane.close()

    def _open(self) -> None:
        try:
            self._opened.put(list(self._source.open()))
        except (ReadError, UsageError) as error:
            self._opened.put(error)
        except Exception as error:  # noqa: BLE001 -- the top of the thread: it becomes health
            self._opened.put(ReadError(Reason.FAILED, f"{type(error).__name__}: {error}"))

    def _take(self, found: list[Reader] | ReadError | UsageError) -> None:
        if isinstance(found, UsageError) and math.isinf(self._opened_at):
            raise found
        if isinstance(found, UsageError | ReadError):
            absent = isinstance(found, ReadError) and found.reason is Reason.NOT_SUPPORTED
            self._failures += 1
            pause = ABSENT_PAUSE if absent else max(1.0, pause_after(self._failures))
            self._open_at = self._clock.monotonic() + pause
            self._ail(Status.ABSENT if absent else Status.FAILED, safe(str(found)))
            return
        self._opened_at = self._clock.monotonic()
        self._remains = ()
        self._health = Health(self._source.name, Status.OK, since=self._clock.now())
        self._open_at = self._clock.monotonic() + ABSENT_PAUSE  # should there be no reader at all
        self.lanes = tuple(
            Lane(reader, self._wholes, self._clock, self._done, (GOLDEN * (place + 1)) % 1.0)
            for place, reader in enumerate(found)
        )

    def _drop(self) -> None:
        """Give up all lanes, keep what they showed as lost, and open again after a pause."""
        lost = next(lane for lane in self.lanes if lane.outcome.lost_source)
        text = lost.outcome.health.text
        self._remains = tuple(_lost(lane.outcome, text) for lane in self.lanes)
        for lane in self.lanes:
            self._events += lane.events()
        self.close()
        self.lanes = ()
        now = self._clock.monotonic()
        if now - self._opened_at >= SOUND_AFTER:
            self._failures = 0
        self._failures += 1
        self._open_at = now + max(1.0, pause_after(self._failures))
        self._ail(Status.FAILED, text)

    def _ail(self, status: Status, text: str) -> None:
        """Say what is wrong with the source as a whole."""
        last = self._health
        since = last.since if last.status is status else self._clock.now()
        self._health = Health(last.lane, status, text, since, failures=self._failures)


def _lost(outcome: Outcome, text: str) -> Outcome:
    """Return what a lane leaves when its source is lost: nothing known, and nothing healthy."""
    frames: dict[Kind, Frame] = {
        kind: frame.struck(Reason.DEVICE_LOST) for kind, frame in outcome.frames.items()
    }
    health = outcome.health
    if health.status is not Status.FAILED:
        health = replace(health, status=Status.FAILED, text=text)
    return Outcome(frames, health)
