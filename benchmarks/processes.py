"""What one pass over all processes costs: tuimon, a C program that reads every stat, psutil.

    python benchmarks/processes.py [--sizes 100,500,2000,5000] [--passes 9] [--pause 1.0]

Prints CPU milliseconds a pass (medians, each pass after a pause, so that caches are as cold as a
monitor meets them) and their ratio to the C program of the same run. Needs a C compiler.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).parent
PSUTIL = [
    "pid",
    "ppid",
    "name",
    "username",
    "cmdline",
    "status",
    "nice",
    "num_threads",
    "cpu_times",
    "memory_info",
    "create_time",
]
IN_VIEW = 40


def build(folder: Path, name: str) -> Path:
    """Compile one of our C programs into *folder*."""
    program = folder / name
    subprocess.run(["cc", "-O2", "-o", program, FOLDER / f"{name}.c"], check=True)
    return program


def alive() -> int:
    return sum(path.name.isdigit() for path in Path("/proc").iterdir())


@contextmanager
def population(program: Path, total: int) -> Iterator[None]:
    """Let *total* processes live, of which a fiftieth is a little busy."""
    busy = max(16, total // 50)
    command = [program, str(total), str(busy), "150", "x" * 120]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True) as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == b"ready\n"
        time.sleep(1)
        yield
        process.stdin.close()


def passes(work: Callable[[], object], count: int, pause: float) -> list[float]:
    """Return the CPU milliseconds of *count* passes."""
    costs = []
    for _ in range(count):
        time.sleep(pause)
        begin = time.process_time_ns()
        work()
        costs.append((time.process_time_ns() - begin) / 1e6)
    return costs


def tuimon(count: int, pause: float) -> dict[str, float]:
    """Measure the first pass, those that fill in names, and those after."""
    from tuimon.model.metric import Cadence
    from tuimon.model.source import NO_INTEREST, Interest
    from tuimon.sources.processes import ProcessSource

    reader = ProcessSource().open()[0]
    reader.read(Cadence.EVENTS, NO_INTEREST)
    begin = time.process_time_ns()
    frame = reader.read(Cadence.FAST, NO_INTEREST).frames[0]
    first = (time.process_time_ns() - begin) / 1e6
    filling = passes(lambda: reader.read(Cadence.FAST, NO_INTEREST), 3, pause)
    for _ in range(60):
        reader.read(Cadence.FAST, NO_INTEREST)
    steady = passes(lambda: reader.read(Cadence.FAST, NO_INTEREST), count, pause)
    view = Interest(frozenset(one.id for one in list(frame.entities)[-IN_VIEW:]))
    viewed = passes(lambda: reader.read(Cadence.FAST, view), count, pause)
    reader.close()
    return {
        "tuimon": statistics.median(steady),
        f"tuimon, {IN_VIEW} in view": statistics.median(viewed),
        "tuimon, while names come in": statistics.median(filling),
        "tuimon, first pass": first,
    }


def rivals(program: Path, count: int, pause: float) -> dict[str, float]:
    """Measure the C program and psutil."""
    import psutil

    command = [program, str(count), str(pause)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [line.split("\t") for line in text.splitlines()]
    costs = {method: float(cost) for cost, method in lines}

    def by_psutil() -> object:
        return [one.info for one in psutil.process_iter(PSUTIL)]

    by_psutil()
    costs["psutil: 11 attributes"] = statistics.median(passes(by_psutil, 3, pause))
    return costs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="100,500,2000,5000")
    parser.add_argument("--passes", type=int, default=9)
    parser.add_argument("--pause", type=float, default=1.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        floor, crowd = (build(Path(name), program) for program in ("floor", "population"))
        for size in map(int, options.sizes.split(",")):
            with population(crowd, max(0, size - alive())):
                count = alive()
                costs = rivals(floor, options.passes, options.pause)
                costs |= tuimon(options.passes, options.pause)
            print(f"\n{count} processes{'':22}ms a pass   x C stat", flush=True)
            for method, cost in costs.items():
                print(f"{method:34}{cost:11.2f}{cost / costs['C: every stat']:11.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
