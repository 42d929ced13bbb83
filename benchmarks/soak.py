"""Whether memory stays: tuimon for some minutes among faults and processes that come and go.

    python benchmarks/soak.py MINUTES [--interval 0.2] [--calm]

The screen runs in a terminal of its own with fake GPUs. The past that it keeps grows until its
rings are full: how much is worked out from the same sources and taken off. Fails if memory grew by
more than 2 MB beyond that after the warm-up, or if the program ended.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stage import FOLDER, ROOT, Stage, build, population
from terminal import Terminal
from usage import cpu, resident, tree

PROCESSES = 500
ALLOWED = 2e6
"""Bytes by which memory may grow beyond the rings."""
WARM = 0.25
"""Share of the time that is warm-up, at most a minute and a half."""
STEP = 0.5
"""Seconds between changes."""
# What is wrong with the GPUs, one row after the other; between them all is well.
FAULTS = (
    "gpu 0 hang",
    "gpu 1 lost",
    "fail nvmlDeviceGetPowerUsage 999",
    "gpu 2 xid 79\ngpu 2 recovery 2",
    "latency_ms 30",
    "stale",
    "gpu 3 mig 3",
    "gpu 4 throttle 0x40\ngpu 4 nvlink_down 2",
    "noprocs",
    "driver_unloaded",
    "hang",
)
FAULTY, WELL = 4.0, 4.0
"""Seconds that a fault lasts, and seconds between faults."""
KEYS = (
    b"\x1b[B",
    b"\x1b[A",
    b"I",
    b">",
    b"<",
    b"\x1b[6~",
    b"\x1b[5~",
    b"h",
    b"\x1b",
    b"D",
    b"\x1b",
)


@dataclass
class Course:
    """Memory over time."""

    times: list[float] = field(default_factory=list)
    """Seconds since the start."""
    memory: list[float] = field(default_factory=list)
    """Bytes resident, those of the rings taken off."""

    def growth(self, warm: float) -> float:
        """Return by how many bytes the last tenth is above the first tenth after the warm-up."""
        late = [one for at, one in zip(self.times, self.memory, strict=True) if at >= warm]
        part = max(len(late) // 10, 1)
        return sorted(late[-part:])[part // 2] - sorted(late[:part])[part // 2]


class Churn:
    """Processes that come and go, some of them on GPUs."""

    def __init__(self, stage: Stage, pids: list[int]) -> None:
        self._stage = stage
        self._pids = pids
        self._running: list[subprocess.Popen[bytes]] = []
        self._chance = random.Random(3)  # noqa: S311 -- which processes

    def turn(self) -> None:
        """Start some short processes, and put others on the GPUs."""
        self._running = [one for one in self._running if one.poll() is None]
        for _ in range(4):
            self._running.append(subprocess.Popen(["sleep", f"{self._chance.uniform(0.1, 5):.1f}"]))
        own = [one.pid for one in self._running[-4:]]
        self._stage.occupy([*own, *self._chance.sample(self._pids, 8)])

    def end(self) -> None:
        for one in self._running:
            one.wait()


def rows_as_seen(stage: Stage) -> float:
    """Return `row_bytes` of a process that sees the fake GPUs."""
    command = [sys.executable, "-c", "import soak; print(soak.row_bytes())"]
    env = stage.environment("row") | {"PYTHONPATH": f"{ROOT}:{FOLDER}"}
    return float(subprocess.run(command, env=env, check=True, capture_output=True).stdout)


def row_bytes() -> float:
    """Return the bytes that one row of every ring takes on this machine."""
    from tuimon.cli import parser
    from tuimon.commands.wiring import live
    from tuimon.engine.pipeline import Pipeline
    from tuimon.model.metric import Cadence
    from tuimon.model.source import NO_INTEREST
    from tuimon.store.ring import BLOCK

    feed = live(parser().parse_args([]), os.environ)
    feed.settle(5.0)
    pipeline = Pipeline()
    for _ in range(3):
        pipeline.advance(feed.sample(1.0, always=frozenset(Cadence)), NO_INTEREST, 1.0)
    feed.close()
    return pipeline.store.nbytes / BLOCK


def kept(seconds: float, interval: float, row: float) -> float:
    """Return the bytes that the rings hold after so many seconds."""
    from tuimon.store.history import TIERS

    return sum(min(seconds / max(step, interval), count) for step, count in TIERS) * row


def faults() -> Iterator[str]:
    """Yield what is to be wrong at each turn, for ever."""
    while True:
        for fault in FAULTS:
            yield from ["gpu 0 temp 60"] * int(WELL / STEP)
            yield from [fault] * int(FAULTY / STEP)


def soak(options: argparse.Namespace, stage: Stage, pids: list[int], row: float) -> Course | None:
    """Run tuimon and change things around it; None if it ended of itself."""
    command = [sys.executable, "-m", "tuimon", "-d", f"{options.interval:g}"]
    terminal = Terminal(command, stage.environment("tuimon") | {"PYTHONPATH": str(ROOT)})
    course, churn, wrong = Course(), Churn(stage, pids), faults()
    began, turns = time.monotonic(), 0
    last = ""
    try:
        while (passed := time.monotonic() - began) < options.minutes * 60 and terminal.alive:
            terminal.pump(STEP)
            terminal.chunks.clear()
            if not options.calm:
                churn.turn()
                fault = next(wrong)
                if fault != last:
                    stage.suffer(fault)
                last = fault
                terminal.type(KEYS[turns % len(KEYS)])
            turns += 1
            course.times.append(passed)
            course.memory.append(resident([terminal.pid]) - kept(passed, options.interval, row))
            if turns % int(20 / STEP) == 0:
                told(passed, terminal, kept(passed, options.interval, row), last)
        return course if terminal.alive else None
    finally:
        stage.suffer("")
        terminal.close()
        churn.end()


def told(passed: float, terminal: Terminal, rings: float, fault: str) -> None:
    memory, used = resident([terminal.pid]), cpu(tree(terminal.pid))
    print(
        f"{passed:6.0f} s {memory / 1e6:7.1f} MB, rings {rings / 1e6:5.1f} MB,"
        f" else {(memory - rings) / 1e6:6.1f} MB {used / passed:7.1%} CPU  {fault[:24]!r}",
        flush=True,
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("minutes", type=float)
    parser.add_argument("--interval", type=float, default=0.2, help="of tuimon (default: 0.2)")
    parser.add_argument("--calm", action="store_true", help="no faults, no churn, no keys")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program, stage = build(folder), Stage(folder, os.environ["PATH"])
        with population(program, PROCESSES) as pids:
            stage.occupy(pids)
            row = rows_as_seen(stage)
            course = soak(options, stage, pids, row)
    if course is None:
        print("tuimon has ended")
        return 1
    warm = min(options.minutes * 60 * WARM, 90.0)
    growth = course.growth(warm)
    print(f"growth beyond the rings after {warm:.0f} s: {growth / 1e6:+.2f} MB")
    return int(growth > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
