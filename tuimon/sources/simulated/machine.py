"""The simulated machine: load, power, heat and clocks, in tenths of a second, from its start on.

Everything that is counted is the integral of what is shown. A second follows from the one before,
so that what is read at one time does not depend on when else somebody has read. Passing over a long
time costs about 0.3 ms for every second of it.
"""

import threading
from dataclasses import dataclass

import numpy as np

from tuimon.model.frame import Floats
from tuimon.sources.simulated.effects import Effects
from tuimon.sources.simulated.kinds import MIB, Product, chassis
from tuimon.sources.simulated.loads import ACTIVITY, OFFSETS, STEPS, TYPICAL, Load, Role, roles
from tuimon.sources.simulated.noise import chance, noise
from tuimon.sources.simulated.script import Script

# fmt: off
# What is counted of a GPU; per second or as a share of time. Adding one: a name here, a row in `Machine._rates`.
QUANTITIES = (
    "busy", "sm", "tensor", "dram", "nvlink", "received", "sent", "joules",
    "idle", "capped", "soft", "hard", "lowered", "below_base",
)
# What is true of a GPU at a moment.
STATES = ("temperature", "memory_temperature", "power", "limit", "clock", "reasons", "memory")
# What moves the host, 0 to 1: `one` is always 1, `noise0` and so on wander.
WANDERING = 8
SIGNALS = ("one", "load", "starved", "checkpoint", "serve", "spin", "filling", *(f"noise{n}" for n in range(WANDERING)))
USUAL   = (1.0,   0.85,   0.02,      0.07,         0.4,     0.01,   0.0,       *(0.5 for _ in range(WANDERING)))
# fmt: on
SPANS = (10.0, 60.0, 300.0, 900.0)
"""Seconds over which the kernel averages load and pressure."""
UPTIME = 11.3 * 86400
"""Seconds that the machine has been up when the simulated time begins."""
IDLE, CAPPED, SLOWED, SOFT, HARD = 0x1, 0x4, 0x8, 0x20, 0x40  # nvmlClocksEventReason*
EXPONENT = 2.4
"""Power above the idle one goes with about this power of the clock, voltage included; an estimate."""
INERTIA, MEMORY_INERTIA = 28.0, 45.0
"""Seconds in which a temperature comes 63 % nearer to where it goes; estimates."""
DRIVER_SHARE = 4 * MIB
"""Memory that counts as used and belongs to no process."""
KEPT = 6
"""Seconds that are remembered."""


@dataclass(slots=True)
class Second:
    """One second of the machine: k quantities, s states and n GPUs; c signals."""

    totals: Floats
    """float64[steps + 1, k, n]: the quantities, integrated from the start on."""
    states: Floats
    """float64[steps, s, n]"""
    signals: Floats
    """float64[steps + 1, c], integrated."""
    means: Floats
    """float64[spans, c]: the signals, averaged as the kernel does, at the end."""


class Machine:
    """All that can be read of GPUs and host at any time; any thread may ask."""

    def __init__(self, product: Product, gpus: int, seed: int, script: Script) -> None:
        self.product = product
        self.script = script.of_gpus(gpus)
        self.roles = roles(gpus)
        self.chassis = chassis(product, gpus)
        self.seed = seed
        self._count = gpus
        self._lock = threading.Lock()
        occupied = np.array([role is not Role.EMPTY for role in self.roles])
        self._floor = np.where(occupied, product.power_held, product.power_idle)
        self._occupied = occupied.astype(float)
        self._ambient = np.array([27.0 + 7.0 * chance(seed, 21, gpu) for gpu in range(gpus)])
        self._resistance = (product.warm - 30.0) / product.power
        self._places = np.arange(STEPS)[:, None] * 64 + np.arange(gpus)
        self._begin()

    def _begin(self) -> None:
        """Put the machine back to its start."""
        self._load = Load(self.seed, self.roles)
        self._temperature = self._ambient + self._resistance * self._floor
        self._memory_temperature = self._temperature + 4.0
        self._held = np.ones(self._count)
        """Clock that heat allows, of the highest."""
        self._pace = 1.0
        self._totals = self._past()
        self._signals = np.array(USUAL) * UPTIME
        self._means = np.tile(np.array(USUAL), (len(SPANS), 1))
        self._next = 0
        self._seconds: dict[int, Second] = {}

    def gpu(self, time: float, gpu: int) -> Floats:
        """Return float64[2k + s] of one GPU: means over the last second, totals, states."""
        with self._lock:
            now, before, states = self._around(time)
        span = min(max(time, 1.0 / STEPS), 1.0)
        totals: Floats = now.totals_at(gpu)
        past: Floats = before.totals_at(gpu)
        return np.concatenate(((totals - past) / span, totals, states[:, gpu]))

    def host(self, time: float) -> Floats:
        """Return float64[(2 + spans) c]: the signals as means over a second, totals, long means."""
        with self._lock:
            now, before, _ = self._around(time)
        span = min(max(time, 1.0 / STEPS), 1.0)
        totals, past = now.signals(), before.signals()
        return np.concatenate(((totals - past) / span, totals, now.second.means.ravel()))

    def _around(self, time: float) -> "tuple[Moment, Moment, Floats]":
        """Return the moment, the one a second before, and the states of the moment."""
        time = max(time, 1.0 / STEPS)
        now, before = self._moment(time), self._moment(max(time - 1.0, 0.0))
        return now, before, now.second.states[min(now.step, STEPS - 1)]

    def _moment(self, time: float) -> "Moment":
        number = int(time)
        if number not in self._seconds:
            if number < self._next:
                self._begin()
            while self._next <= number:
                self._advance()
        place = (time - number) * STEPS
        step = min(int(place), STEPS - 1)
        return Moment(self._seconds[number], step, place - step)

    def _advance(self) -> None:
        """Make the next second of what was before."""
        number = self._next
        effects = Effects.of(self.script, number, self._count, self.product)
        activity, signals = self._load.second(number, effects, self._pace)
        rates, states = self._physics(number, activity, effects)
        totals = _integrated(self._totals, rates)
        wandering = self._wander(number)
        moving = np.concatenate((np.ones((STEPS, 1)), signals, wandering), axis=1)
        counted = _integrated(self._signals, moving)
        self._totals, self._signals = totals[-1], counted[-1]
        decay = np.exp(-1.0 / np.array(SPANS))[:, None]
        self._means = self._means * decay + moving.mean(axis=0) * (1.0 - decay)
        self._seconds[number] = Second(totals, states, counted, self._means)
        self._seconds.pop(number - KEPT, None)
        self._next = number + 1

    def _physics(self, number: int, activity: Floats, effects: Effects) -> tuple[Floats, Floats]:
        """Return the rates float64[steps, k, n] and the states float64[steps, s, n] of a second."""
        product, alive = self.product, effects.alive
        floor = self._floor * alive
        limit = product.power * effects.limit if "cap" in product.has else np.full_like(floor, 1e9)
        jitter = 0.97 + 0.06 * noise(self.seed, 22, number * 1000 + self._places)
        wanted = (product.power - floor) * activity[:, 7] * jitter
        share = np.minimum((limit - floor) / np.maximum(wanted, 1e-9), 1.0) ** (1.0 / EXPONENT)
        held = np.where(self._temperature >= product.slowdown, 0.5, self._held)
        ratio = np.minimum(share, held)
        power = floor + wanted * ratio**EXPONENT
        awake = self._occupied * alive
        clock = product.clock_idle + (product.clock * ratio - product.clock_idle) * awake
        hard = (self._temperature >= product.slowdown) * awake
        soft = (self._held < 1.0) * awake * (1.0 - hard)
        capped = ((share < 1.0) & (share <= held)).astype(np.float64)
        idle = 1.0 - awake
        reasons = IDLE * idle + CAPPED * capped + SOFT * soft + (HARD + SLOWED) * hard
        lowered = (ratio < 1.0) * awake
        base = (clock < product.clock_base) * awake
        rates = self._rates(activity, effects, power, (idle, capped, soft, hard, lowered, base))
        warmth = self._heat(power, activity[:, 3], effects)
        memory = self._memory(number, effects)
        states = np.empty((STEPS, len(STATES), self._count))
        for row, state in enumerate((*warmth, power, limit, clock * 1e6, reasons, memory)):
            states[:, row] = state
        train = [gpu for gpu, role in enumerate(self.roles) if role is Role.TRAIN]
        self._pace = float(ratio.mean(axis=0)[train].min()) if train else 1.0
        return rates, states

    def _rates(
        self, activity: Floats, effects: Effects, power: Floats, flags: tuple[Floats, ...]
    ) -> Floats:
        """Return float64[steps, k, n] in the order of `QUANTITIES`."""
        product = self.product
        rates = np.empty((STEPS, len(QUANTITIES), self._count))
        rates[:, :7] = activity[:, :7]
        rates[:, 4] *= product.links * product.link_bytes
        rates[:, 5:7] = np.minimum(rates[:, 5:7], effects.pcie) * product.pcie_bytes
        rates[:, 7] = power
        for row, flag in enumerate(flags, start=8):
            rates[:, row] = flag
        return rates

    def _heat(self, power: Floats, dram: Floats, effects: Effects) -> tuple[Floats, Floats]:
        """Return the temperatures float64[steps, n] of core and memory, and steer the clocks."""
        product, before = self.product, self._temperature
        mean = power.mean(axis=0)
        goal = self._ambient + self._resistance * effects.cooling * mean
        self._temperature = before + (goal - before) * (1.0 - np.exp(-1.0 / INERTIA))
        memory = self._memory_temperature
        goal = self._temperature + 3.0 + 9.0 * dram.mean(axis=0)
        self._memory_temperature = memory + (goal - memory) * (1.0 - np.exp(-1.0 / MEMORY_INERTIA))
        over = self._temperature - product.hot
        self._held = np.clip(self._held + np.where(over > 0, -0.04 * over, 0.02), 0.3, 1.0)
        along = OFFSETS[:, None]
        return (
            before + (self._temperature - before) * along,
            memory + (self._memory_temperature - memory) * along,
        )

    def _memory(self, number: int, effects: Effects) -> Floats:
        """Return float64[n]: bytes that processes hold, in pages of 2 MiB."""
        usable = self.product.usable_bytes
        held = self._load.memory(number) * usable + effects.leak * self._occupied
        pages: Floats = np.floor(np.minimum(held, 0.992 * usable) / (2 * MIB)) * 2 * MIB
        return pages

    def _wander(self, number: int) -> Floats:
        """Return float64[steps, wandering]: noise that is new every four seconds, without jumps."""
        place, inside = divmod(number, 4)
        share = (inside + OFFSETS) / 4.0
        share = (share * share * (3.0 - 2.0 * share))[:, None]
        places = place * WANDERING + np.arange(2 * WANDERING)
        ends = noise(self.seed, 23, places).reshape(2, WANDERING)
        found: Floats = ends[0] + (ends[1] - ends[0]) * share
        return found

    def _past(self) -> Floats:
        """Return float64[k, n]: what was counted before the simulated time begins."""
        product = self.product
        usual = np.array([TYPICAL[role] for role in self.roles]).T[: len(ACTIVITY)]
        flags = np.zeros(self._count)
        power = self._floor + (product.power - self._floor) * usual[7]
        capped = 0.3 * usual[7] * ("cap" in product.has)
        idle = 1.0 - self._occupied
        rates = self._rates(
            np.broadcast_to(usual, (STEPS, *usual.shape)),
            Effects.of(Script(), 0.0, self._count, product),
            np.broadcast_to(power, (STEPS, self._count)),
            (idle, capped, 0.001 * usual[7], flags, capped, 0.01 * usual[7]),
        )
        found: Floats = rates[0] * UPTIME
        return found


@dataclass(frozen=True, slots=True)
class Moment:
    """A place between two steps of a second."""

    second: Second
    step: int
    share: float
    """Of the step that has passed."""

    def totals_at(self, gpu: int) -> Floats:
        """Return float64[k]: the totals of one GPU."""
        here = self.second.totals[self.step, :, gpu]
        there = self.second.totals[self.step + 1, :, gpu]
        found: Floats = here + (there - here) * self.share
        return found

    def signals(self) -> Floats:
        """Return float64[c]: the integrals of the signals."""
        here, there = self.second.signals[self.step], self.second.signals[self.step + 1]
        found: Floats = here + (there - here) * self.share
        return found


def _integrated(before: Floats, rates: Floats) -> Floats:
    """Return *before* and behind it the running sums of *rates* over the steps of a second."""
    sums = np.empty((STEPS + 1, *before.shape))
    sums[0] = before
    np.cumsum(rates, axis=0, out=sums[1:])
    sums[1:] /= STEPS
    sums[1:] += before
    return sums
