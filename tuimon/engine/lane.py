"""Lanes: the thread of one device, with a deadline, so that a hung call costs that device only."""

import math
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import SimpleQueue

from tuimon.engine.board import Board
from tuimon.engine.clock import Clock
from tuimon.errors import ReadError, Reason, SourceLost
from tuimon.model.entity import Entities
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Catalogue, Kind
from tuimon.model.sample import Event, Health, Status
from tuimon.model.source import Interest, Reader, StandingIn
from tuimon.text import safe

# fmt: off
# Seconds between two readings of a cadence; 0 = at every tick.
PERIODS: Mapping[Cadence, float] = {
    Cadence.FAST:      0.0,
    Cadence.EVENTS:    0.0,
    Cadence.NORMAL:    3.0,
    Cadence.SLOW:      30.0,
    Cadence.INVENTORY: 300.0,
}
# fmt: on
SLACK = 1.5
"""How much longer than the last reading one may take before it counts as late."""
SLOW = 1.0
"""Seconds from which a reading is called slow."""
LONGEST_PAUSE = 60.0
"""Seconds between two tries of a device that fails, at most."""


def pause_after(failures: int) -> float:
    """Return seconds to leave a failing device alone: 0, 2, 4, 8 ... 60."""
    return 0.0 if failures < 2 else min(2.0 ** min(failures - 1, 16), LONGEST_PAUSE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a lane has to show; replaced as a whole, so any thread may read it."""

    frames: Mapping[Kind, Frame]
    health: Health
    lost_source: bool = False
    """The reader says that its whole source must be opened again."""


class Lane:
    """One reader in a daemon thread. `ask` and `take` are the engine's; the rest is its own.

    A daemon thread, because a call into a driver may never come back, and quitting must not wait.
    """

    def __init__(
        self,
        reader: Reader,
        wholes: Mapping[Kind, Catalogue],
        clock: Clock,
        done: "SimpleQueue[Lane]",
        phase: float = 0.0,
    ) -> None:
        self.name = safe(reader.name)
        self.asked_at = math.nan
        """Monotonic time of the request that is being answered; NaN while idle."""
        self.closed = False
        self._reader = reader
        self._board = Board(wholes)
        if isinstance(reader, StandingIn):
            kind, entity = reader.stands_for
            nothing = Frame.unknown(wholes[kind], Entities((entity,)), Reason.NOT_YET)
            self._board.put(nothing.sealed())
        opening = Health(self.name, Status.OPENING, since=clock.now())
        self.outcome = Outcome(self._board.frames(), opening)
        self._clock = clock
        self._done = done
        self._requests: SimpleQueue[tuple[tuple[Cadence, ...], Interest] | None] = SimpleQueue()
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._due = dict.fromkeys(reader.cadences, -math.inf)
        self._phase = phase
        self._pause_until = -math.inf
        self._late: tuple[Outcome, Outcome] | None = None
        """The outcome whose successor was late, and what was shown in its place."""
        self._notes: dict[Cadence, str] = {}
        self._cpu = 0.0
        self._in_a_row = 0
        self._thread = threading.Thread(target=self._run, name=f"lane {self.name}", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return not math.isnan(self.asked_at)

    def ask(self, now: float, interest: Interest, always: frozenset[Cadence]) -> bool:
        """Ask for what is due, if the lane is idle and not pausing; return whether it was asked.

        Args:
            now: Monotonic time.
            interest: What is looked at.
            always: Cadences that count as due whatever the time.
        """
        if self.busy or self.closed or now < self._pause_until:
            return False
        due = tuple(c for c in self._due if c in always or now >= self._due[c])
        for cadence in due:
            period = PERIODS[cadence]
            first = math.isinf(self._due[cadence])
            self._due[cadence] = now + period * (self._phase if first and period else 1.0) - 1e-3
        if due:
            self.asked_at = now
            self._requests.put((due, interest))
        return bool(due)

    def events(self) -> list[Event]:
        """Return the events since the last call."""
        return [self._events.get_nowait() for _ in range(self._events.qsize())]

    def late(self, now: float, deadline: float) -> Outcome:
        """Return what there is to show at *now*: marked as late when the deadline has passed."""
        outcome = self.outcome
        waited = now - self.asked_at
        usual = outcome.health.latency
        if usual > deadline:  # slow, which is not dead: its last values count, with their age
            deadline = min(SLACK * usual, LONGEST_PAUSE)
        if not waited >= deadline:  # NaN while idle
            return outcome
        if self._late is None or self._late[0] is not outcome:
            struck = {kind: one.struck(Reason.TIMEOUT) for kind, one in outcome.frames.items()}
            health = replace(outcome.health, status=Status.LATE, since=self._clock.now())
            self._late = (outcome, replace(outcome, frames=struck, health=health))
        late = self._late[1]
        text = f"no answer for {waited:.0f} s; only this device's values are missing"
        return replace(late, health=replace(late.health, text=text))

    def close(self) -> None:
        """Let the thread end after the call it is in, if that ever comes back."""
        self.closed = True
        self._requests.put(None)

    def join(self, timeout: float) -> None:
        """Wait for the thread's end, at most *timeout* seconds."""
        self._thread.join(timeout)

    def _run(self) -> None:
        while (request := self._requests.get()) is not None:
            began, used = self._clock.monotonic(), time.thread_time()
            outcome = self._answer(*request)
            latency = self._clock.monotonic() - began
            self._cpu += time.thread_time() - used
            health = replace(outcome.health, latency=latency, cpu=self._cpu)
            if health.status is Status.OK and latency >= SLOW:
                slow = f"slow: a reading takes {latency:.1f} s"
                health = replace(health, text=f"{slow}. {health.text}" if health.text else slow)
            self.outcome = replace(outcome, health=health)
            self.asked_at = math.nan
            self._done.put(self)
        with suppress(Exception):  # nobody is left to be told
            self._reader.close()

    def _answer(self, due: tuple[Cadence, ...], interest: Interest) -> Outcome:
        try:
            for cadence in due:
                reading = self._reader.read(cadence, interest)
                self._notes[cadence] = reading.note
                for frame in reading.frames:
                    self._board.put(frame)
                for event in reading.events:
                    self._events.put(event)
        except ReadError as error:
            return self._failed(error.reason, str(error), lost=isinstance(error, SourceLost))
        except Exception as error:  # noqa: BLE001 -- the top of the thread: it becomes health
            return self._failed(Reason.FAILED, f"{type(error).__name__}: {error}", lost=False)
        notes = " ".join(dict.fromkeys(filter(None, self._notes.values())))
        return Outcome(self._board.frames(), self._health(Status.OK, safe(notes)))

    def _failed(self, reason: Reason, text: str, *, lost: bool) -> Outcome:
        self._board.strike(reason)
        health = self._health(Status.FAILED, safe(text))
        self._due = dict.fromkeys(self._due, -math.inf)  # once it is back, everything is read
        self._pause_until = self._clock.monotonic() + pause_after(self._in_a_row)
        return Outcome(self._board.frames(), health, lost)

    def _health(self, status: Status, text: str) -> Health:
        last = self.outcome.health
        was_late = self._late is not None and self._late[0] is self.outcome
        self._in_a_row = 0 if status is Status.OK else self._in_a_row + 1
        since = last.since if last.status is status and not was_late else self._clock.now()
        failures = last.failures + (status is Status.FAILED)
        return Health(self.name, status, text, since, reads=last.reads + 1, failures=failures)
