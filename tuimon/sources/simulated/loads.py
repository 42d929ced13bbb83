"""What the GPUs have to do: a training run in step, a model server in bursts, an idle notebook."""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np

from tuimon.model.frame import Floats
from tuimon.sources.simulated.effects import Effects
from tuimon.sources.simulated.noise import noise, smooth

STEPS = 10
"""Parts of a second in which everything stands still."""
OFFSETS = np.arange(STEPS) / STEPS


class Role(IntEnum):
    """What a GPU is used for."""

    TRAIN = 0
    SERVE = 1
    HELD = 2
    """A notebook holds memory on it and does nothing."""
    EMPTY = 3


ACTIVITY = ("busy", "sm", "tensor", "dram", "nvlink", "received", "sent", "heat")
"""Columns of the rows below: shares of the most there could be; heat of the default power limit."""
STEP_TIME = 2.6
"""Seconds of a training step with nothing in its way."""
STARVED = 0.4
"""Share of a step in which the GPUs work while the loaders are too slow."""
LOADING = 8
"""Seconds from the start until the first step."""
CHECKPOINT_EVERY, CHECKPOINT_AT, CHECKPOINT_FOR = 120, 100, 9

# fmt: off
# Adding a phase is one row: the part of the working time of a step at which it ends, and its ACTIVITY.
PHASES = np.array([
    #  until  busy   sm  tensor  dram nvlink  recv  sent  heat
    (0.30,    1.00, 0.93, 0.62, 0.46, 0.02, 0.060, 0.010, 1.02),   # forward
    (0.66,    1.00, 0.95, 0.67, 0.55, 0.38, 0.020, 0.010, 1.16),   # backward; gradients begin to travel
    (0.88,    1.00, 0.38, 0.02, 0.30, 0.86, 0.010, 0.010, 0.58),   # the rest of the all-reduce
    (1.00,    1.00, 0.86, 0.04, 0.91, 0.04, 0.010, 0.010, 0.66),   # optimizer
    (np.inf,  0.00, 0.00, 0.00, 0.01, 0.00, 0.450, 0.005, 0.03),   # waits for its batch
])
START      = np.array([0.10, 0.03, 0.00, 0.12, 0.00, 0.600, 0.010, 0.06])
CHECKPOINT = np.array([0.04, 0.01, 0.00, 0.10, 0.00, 0.005, 0.420, 0.09])
SPIN       = np.array([1.00, 0.05, 0.00, 0.01, 0.00, 0.001, 0.001, 0.24])
QUIET      = np.array([0.06, 0.03, 0.01, 0.05, 0.00, 0.001, 0.001, 0.05])
DECODE     = np.array([0.98, 0.62, 0.17, 0.82, 0.12, 0.004, 0.006, 0.62])
PREFILL    = np.array([1.00, 0.91, 0.66, 0.45, 0.30, 0.020, 0.006, 1.04])
BLIP       = np.array([0.35, 0.20, 0.05, 0.12, 0.00, 0.010, 0.010, 0.20])
# fmt: on
UNTIL, PHASE_ROWS = PHASES[:, 0], PHASES[:, 1:]
TRAIN_MEMORY, SERVE_MEMORY, CACHE_MEMORY, HELD_MEMORY = 0.86, 0.50, 0.38, 0.21
"""Shares of the usable memory: of a rank, of a server without and with a full cache, of a notebook."""
TYPICAL = {
    Role.TRAIN: (0.93, 0.74, 0.36, 0.48, 0.33, 0.05, 0.04, 0.80),
    Role.SERVE: (0.60, 0.42, 0.16, 0.45, 0.10, 0.01, 0.01, 0.42),
    Role.HELD: (0.02, 0.01, 0.01, 0.01, 0.0, 0.001, 0.001, 0.01),
    Role.EMPTY: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
}
"""Mean ACTIVITY of each role in the days before the simulated time begins."""


def roles(count: int) -> tuple[Role, ...]:
    """Return what each of *count* GPUs does: on one all train, from six on all roles are there."""
    few = {
        1: "T",
        2: "TS",
        3: "TTS",
        4: "TTSH",
        5: "TTSHE",
    }
    letters = few.get(count) or "T" * (count - 4) + "SSHE"
    return tuple(Role("TSHE".index(letter)) for letter in letters)


class Load:
    """The work of all GPUs, second after second; must be asked for every second in turn."""

    def __init__(self, seed: int, parts: Sequence[Role]) -> None:
        self._seed = seed
        self._where = {role: np.flatnonzero(np.array(parts) == role) for role in Role}
        self._count = len(parts)
        self._together = float(len(self._where[Role.TRAIN]) > 1)
        """0 if there is nobody to exchange gradients with."""
        self._phase = 0.0
        self._cache = 0.35
        """How full the server's cache is."""

    def second(self, second: int, effects: Effects, pace: float) -> tuple[Floats, Floats]:
        """Return the work of one second.

        Args:
            second: Its number.
            effects: Of the script.
            pace: Clock of the slowest GPU that trains, of its highest: all wait for that one.

        Returns:
            float64[steps, 8, n] of `ACTIVITY`, and float64[steps, 6]: the signals load, starved,
            checkpoint, serve, spin and filling.
        """
        activity = np.zeros((STEPS, len(ACTIVITY), self._count))
        signals = np.zeros((STEPS, 6))
        signals[:, 5] = float(effects.filling)
        if len(self._where[Role.TRAIN]):
            rows = self._training(second, effects, pace, signals)
            rows[:, 4] *= self._together
            rows[:, 4:7] *= pace  # the same bytes a step
            activity[:, :, self._where[Role.TRAIN]] = rows[:, :, None]
        if len(self._where[Role.SERVE]):
            activity[:, :, self._where[Role.SERVE]] = self._serving(second, signals)[:, :, None]
        if second % 97 == 53:
            activity[:, :, self._where[Role.HELD]] = BLIP[:, None]
        activity *= effects.alive
        return activity, signals

    def memory(self, second: int) -> Floats:
        """Return float64[n]: the share of the usable memory that processes hold, leaks left out."""
        share = np.zeros(self._count)
        grown = min(max((second - 1) / (LOADING + 4), 0.04), 1.0)
        share[self._where[Role.TRAIN]] = TRAIN_MEMORY * grown
        share[self._where[Role.SERVE]] = SERVE_MEMORY + CACHE_MEMORY * self._cache
        share[self._where[Role.HELD]] = HELD_MEMORY
        return share

    def _training(self, second: int, effects: Effects, pace: float, signals: Floats) -> Floats:
        """Return float64[steps, 8]: what every rank does, and set its signals."""
        lost = not effects.alive[self._where[Role.TRAIN]].all()
        if second < LOADING:
            signals[:, 0] = 0.5
            return np.tile(START, (STEPS, 1))
        if effects.hung or lost:
            signals[:, 4] = 1.0
            return np.tile(SPIN, (STEPS, 1))
        if 0 <= second % CHECKPOINT_EVERY - CHECKPOINT_AT < CHECKPOINT_FOR:
            signals[:, 2] = 1.0
            return np.tile(CHECKPOINT, (STEPS, 1))
        working = STARVED if effects.starved else 0.96
        rate = pace * working / 0.96 / STEP_TIME
        inside = (self._phase + rate * OFFSETS) % 1.0
        self._phase = (self._phase + rate) % 1.0
        signals[:, 0] = 1.0
        signals[:, 1] = float(effects.starved)
        found: Floats = PHASE_ROWS[np.searchsorted(UNTIL, inside / working, side="right")]
        return found

    def _serving(self, second: int, signals: Floats) -> Floats:
        """Return float64[steps, 8]: what every part of the server does, and set its signal."""
        wave = 0.55 * smooth(self._seed, 11, second, 7.0) + 0.45 * smooth(
            self._seed, 12, second, 43.0
        )
        demand = min(max((wave - 0.28) * 2.2, 0.0), 1.0)
        self._cache += (demand - self._cache) * 0.06
        signals[:, 3] = demand
        new = noise(self._seed, 13, second * STEPS + np.arange(STEPS)) < 0.12 + 0.35 * demand
        rows = np.where(new[:, None], PREFILL, DECODE)
        found: Floats = QUIET + (rows - QUIET) * demand
        return found
