"""The whole program beside its rivals, each in a terminal of its own, with 8 fake GPUs.

    python benchmarks/screen.py [--quick] [--procs 500,5000] [--repeat 3] [--peers DIR]

Rivals are found by PATH and in the folders given by --peers; which are missing is said. Needs
Linux, a C compiler and make. What each column means: benchmarks/README.md.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from stage import GPUS, ROOT, Stage, build, phases, population
from terminal import COLUMNS, QUIET, ROWS, Terminal, seen
from usage import cpu, processes, resident, tree

INTERVAL = 1.0
HELD = 20.0
"""Presses a second of a key that is held down."""
PICTURE, FULL = 0.01, 0.04
"""Shares of cells not blank: something to look at; a screen with values on it."""
SECONDS, TENTHS = f"{INTERVAL:g}", f"{INTERVAL * 10:.0f}"
LIVE = (r"util .*\d%", r"PID USER", r"cpu .*\d%")
BTOP = ("btop/btop.conf", f"update_ms = {INTERVAL * 1000:.0f}\n")
OFFLINE = (
    "--disable-check-update",
    "--disable-plugin",
    "cloud,ip,ports,containers,vms,wifi,smart,raid",
)
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Tool:
    """A program to measure."""

    name: str
    command: tuple[str, ...]
    live: tuple[str, ...]
    """What its screen holds as soon as it shows values."""
    config: tuple[str, str] = ("", "")
    """A file below ~/.config that sets the interval, and its text."""


# Adding a rival is one row here.
# fmt: off
TOOLS: tuple[Tool, ...] = (
    Tool("tuimon",  (sys.executable, "-m", "tuimon", "-d", SECONDS),     LIVE),
    Tool("htop",    ("htop", "-d", TENTHS),                              (r"Tasks:", r"PID.*USER")),
    Tool("btop",    ("btop", "--utf-force"),                             (r"[Pp]id:",), BTOP),
    Tool("nvtop",   ("nvtop", "-d", TENTHS),                             (r"PID",)),
    Tool("nvitop",  ("nvitop", "-m", "full", "--interval", SECONDS),     (r"NVITOP", r"\d+MiB")),
    Tool("glances", ("glances", "-t", SECONDS, *OFFLINE),                (r"CPU", r"PID.*USER")),
)
# Key, heading, factor from base units, digits. Adding a column is one row here.
MEASURES: tuple[tuple[str, str, float, int], ...] = (
    ("cpu",          "CPU %",          100,  2),
    ("first_byte",   "first byte ms",  1e3,  0),
    ("picture",      "picture ms",     1e3,  0),
    ("picture_cpu",  "its CPU ms",     1e3,  0),
    ("live",         "live ms",        1e3,  0),
    ("live_cpu",     "its CPU ms",     1e3,  0),
    ("bytes",        "bytes/s",        1,    0),
    ("resident",     "RSS MB",         1e-6, 1),
    ("key_p50",      "key p50 ms",     1e3,  1),
    ("key_p99",      "key p99 ms",     1e3,  1),
    ("held_cpu",     "held CPU %",     100,  1),
    ("held_bytes",   "held bytes/s",   1,    0),
)
# What is wrong with the GPUs, in words and as lines of control.md.
STATES: tuple[tuple[str, str], ...] = (
    ("all answer",      ""),
    ("one GPU hangs",   "gpu 0 hang"),
    ("all GPUs hang",   "hang"),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Pace:
    """How long each part of a run takes."""

    warm: float = 6.0
    window: float = 15.0
    presses: int = 100
    held: float = 3.0


QUICK = Pace(warm=4.0, window=5.0, presses=20, held=1.5)


def found(path: str) -> Iterator[Tool]:
    """Yield the tools that are there, and say which are not."""
    missing = []
    for tool in TOOLS:
        program = shutil.which(tool.command[0], path=path)
        if program is None:
            missing.append(tool.name)
        else:
            yield replace(tool, command=(program, *tool.command[1:]))
    if missing:
        print(f"not installed, left out: {', '.join(missing)}")


def started(tool: Tool, stage: Stage) -> Terminal:
    """Start a tool in a terminal."""
    env = stage.environment(tool.name)
    file, text = tool.config
    if file:
        config = Path(env["XDG_CONFIG_HOME"], file)
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(text)
    if tool.name == "tuimon":
        env["PYTHONPATH"] = str(ROOT)
    return Terminal(tool.command, env)


def steady(terminal: Terminal, seconds: float) -> Figures:
    """Measure a program that is left alone."""
    pids = tree(terminal.pid)
    alive = len(processes())
    used, written, began = cpu(pids), terminal.total, time.monotonic()
    terminal.pump(seconds)
    took = time.monotonic() - began
    pids = tree(terminal.pid)
    return {
        "least": float(min(alive, len(processes()))),
        "most": float(max(alive, len(processes()))),
        "cpu": (cpu(pids) - used) / took,
        "bytes": (terminal.total - written) / took,
        "resident": resident(pids),
    }


def keys(terminal: Terminal, presses: int) -> Figures:
    """Press arrow keys at random phases of the tick."""
    waits = []
    for press, pause in enumerate(islice(phases(7, 0.08, 0.33), presses)):
        terminal.pump(pause)
        waits.append(terminal.paint_after(down=press % 2 == 0))
    waits.sort()
    return {
        "key_p50": statistics.median(waits),
        "key_p99": waits[min(int(len(waits) * 0.99), len(waits) - 1)],
        "key_most": waits[-1],
        "unanswered": float(sum(wait >= QUIET for wait in waits)),
    }


def held(terminal: Terminal, seconds: float) -> Figures:
    """Hold an arrow key down, the other one in the second half."""
    terminal.pump(1.2)
    pids = tree(terminal.pid)
    used, written, began = cpu(pids), terminal.total, time.monotonic()
    count = int(seconds * HELD)
    for press in range(count):
        terminal.arrow(down=press < count / 2)
        terminal.pump(1 / HELD)
    took = time.monotonic() - began
    return {
        "held_cpu": (cpu(pids) - used) / took,
        "held_bytes": (terminal.total - written) / took,
    }


def start(terminal: Terminal, tool: Tool) -> Figures:
    """Find the first picture and the first values in what was written."""
    figures = {"first_byte": terminal.chunks[0].at}
    for name, share, patterns in (("picture", PICTURE, ()), ("live", FULL, tool.live)):
        chunk, _ = seen(terminal.chunks, share, patterns)
        if chunk is not None:
            figures |= {name: chunk.at, f"{name}_cpu": chunk.cpu}
    return figures


def measure(tool: Tool, stage: Stage, pace: Pace) -> Figures:
    """Run a tool once."""
    terminal = started(tool, stage)
    try:
        terminal.pump(pace.warm)
        beginning = len(terminal.chunks)
        if not terminal.alive or not beginning:
            return {}
        figures = steady(terminal, pace.window)
        figures |= keys(terminal, pace.presses)
        figures |= held(terminal, pace.held)
    finally:
        terminal.close()
    del terminal.chunks[beginning:]
    return figures | start(terminal, tool)


def suffering(tool: Tool, stage: Stage, faults: str, pace: Pace) -> Figures:
    """Press keys, and quit, while GPUs hang."""
    terminal = started(tool, stage)
    try:
        terminal.pump(pace.warm)
        stage.suffer(faults)
        terminal.pump(3.0)
        figures = keys(terminal, pace.presses)
        took = terminal.quit(b"q")
        if took is not None:
            figures["quit"] = took
    finally:
        stage.suffer("")
        terminal.close()
    return figures


def middle(runs: Sequence[Figures]) -> Figures:
    """Return the median of each figure; a figure that a run lacks does not count."""
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: statistics.median(run[name] for run in runs if name in run) for name in names}


def strayed(runs: dict[tuple[int, str], list[Figures]]) -> Iterator[str]:
    """Yield what makes a ratio void: another number of processes than was asked for."""
    for (size, name), figures in runs.items():
        for run in figures:
            if "least" in run and not size * 0.95 <= run["least"] <= run["most"] <= size * 1.05:
                counted = f"{run['least']:.0f} to {run['most']:.0f}"
                yield f"VOID: {name} ran beside {counted} processes, not {size}"


def cell(figures: Figures, key: str, factor: float, digits: int) -> str:
    return f"{figures[key] * factor:.{digits}f}" if key in figures else "-"


def table(results: dict[tuple[int, str], Figures]) -> None:
    """Print one row a tool and number of processes."""
    titles = ["procs", "tool", *(row[1] for row in MEASURES)]
    titles.insert(3, "x htop")
    print("\n| " + " | ".join(titles) + " |\n|" + " --- |" * len(titles))
    for (procs, name), figures in results.items():
        cells = [str(procs), name, *(cell(figures, row[0], *row[2:]) for row in MEASURES)]
        base = results.get((procs, "htop"), {}).get("cpu", 0.0)
        ratio = f"{figures['cpu'] / base:.2f}" if base and "cpu" in figures else "-"
        cells.insert(3, ratio)
        print("| " + " | ".join(cells) + " |", flush=True)


def states_table(results: dict[str, Figures]) -> None:
    """Print how tuimon answers and ends while GPUs hang."""
    print("\n| tuimon while | key p50 ms | key p99 ms | key most ms | unanswered | quit s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, figures in results.items():
        told = [cell(figures, key, 1e3, 1) for key in ("key_p50", "key_p99", "key_most")]
        told += [cell(figures, "unanswered", 1, 0), cell(figures, "quit", 1, 2)]
        print(f"| {name} | " + " | ".join(told) + " |", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="500 processes, short windows")
    parser.add_argument("--procs", default="", help="numbers of processes (default: 500,5000)")
    parser.add_argument("--repeat", type=int, default=1, help="runs; medians are shown")
    parser.add_argument("--tools", default="", help="only these (default: all that are there)")
    parser.add_argument("--peers", default="", help="folders with rivals, separated by colons")
    parser.add_argument("--json", type=Path, help="write every run to this file")
    return parser.parse_args()


def machine() -> dict[str, str | int]:
    """Return what ratios depend on, without a name."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cores": os.cpu_count() or 0,
        "kernel": platform.release().split("-")[0],
        "python": platform.python_version(),
        "gpus": GPUS,
        "screen": f"{COLUMNS}x{ROWS}",
    }


def main() -> int:
    options = arguments()
    folders = [str(Path(one).resolve()) for one in options.peers.split(":") if one]
    path = os.pathsep.join([*folders, *(f"{one}/bin" for one in folders), os.environ["PATH"]])
    wanted = set(filter(None, options.tools.split(",")))
    tools = [tool for tool in found(path) if not wanted or tool.name in wanted]
    pace = QUICK if options.quick else Pace()
    sizes = options.procs or ("500" if options.quick else "500,5000")
    runs: dict[tuple[int, str], list[Figures]] = {}
    hung: dict[str, list[Figures]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program, stage = build(folder), Stage(folder, path)
        for size in map(int, sizes.split(",")):
            with population(program, size) as pids:
                stage.occupy(pids)
                print(f"{len(processes())} processes", flush=True)
                for tool in tools * options.repeat:
                    runs.setdefault((size, tool.name), []).append(measure(tool, stage, pace))
                if not hung and tools[0].name == "tuimon":
                    for state, faults in STATES * options.repeat:
                        one = suffering(tools[0], stage, faults, pace)
                        hung.setdefault(state, []).append(one)
    print("\n".join(strayed(runs)))
    table({key: middle(figures) for key, figures in runs.items()})
    states_table({state: middle(figures) for state, figures in hung.items()})
    if options.json:
        told = [
            {"procs": size, "tool": tool, "runs": figures} for (size, tool), figures in runs.items()
        ]
        options.json.write_text(json.dumps({**machine(), "tools": told, "states": hung}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
