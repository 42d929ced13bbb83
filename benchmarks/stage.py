"""What a measurement runs in: a population of processes, fake GPUs, an environment for programs."""

import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from usage import processes, tree

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
FAKE = ROOT / "tests/fakenvml"
GPUS = 8
CONTEXTS = 2
"""Processes on each GPU."""
PASSED_ON = ("PATH", "SHELL", "USER", "LOGNAME")


def build(folder: Path) -> Path:
    """Build the fake NVML in its place and the population into *folder*; return the latter."""
    subprocess.run(["make", "-s", "-C", FAKE], check=True, stdout=subprocess.DEVNULL)
    program = folder / "population"
    subprocess.run(["cc", "-O2", "-o", program, FOLDER / "population.c"], check=True)
    return program


@contextmanager
def population(program: Path, total: int) -> Iterator[list[int]]:
    """Let there be *total* processes, of which a fiftieth is a little busy; give those added."""
    count = max(GPUS * CONTEXTS, total - len(processes()) - 1)
    busy = max(16, count // 50)
    command = [str(program), str(count), str(busy), "150", "x" * 160]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True) as leader:
        assert leader.stdin
        assert leader.stdout
        assert leader.stdout.readline() == b"ready\n"
        time.sleep(1)
        yield tree(leader.pid)[1:]
        leader.stdin.close()


class Stage:
    """Fake GPUs, their faults, and the environment that shows them to a program."""

    def __init__(self, folder: Path, path: str) -> None:
        self._folder = folder
        self._path = path
        self._control = folder / "control"
        self._on_gpus = folder / "on_gpus"
        self.suffer("")
        self.occupy([])

    def suffer(self, faults: str) -> None:
        """Put these lines of tests/fakenvml/control.md in force."""
        self._put(self._control, faults)

    def occupy(self, pids: list[int]) -> None:
        """Put the first of these processes on the GPUs."""
        lines = [
            f"{place % GPUS}:{pid}:{1000 + 500 * place}:{40 + place}"
            for place, pid in enumerate(pids[: GPUS * CONTEXTS])
        ]
        self._put(self._on_gpus, "\n".join(lines))

    def _put(self, file: Path, text: str) -> None:
        """Replace a file at once: a program reads it at any time."""
        fresh = file.with_suffix(".new")
        fresh.write_text(text + "\n")
        fresh.replace(file)

    def environment(self, name: str) -> dict[str, str]:
        """Return variables for a program, with a home of its own."""
        home = self._folder / name
        config = home / ".config"
        config.mkdir(parents=True, exist_ok=True)
        kept = {key: value for key, value in os.environ.items() if key in PASSED_ON}
        return kept | {
            "PATH": self._path,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(config),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "LD_LIBRARY_PATH": str(FAKE),
            "FAKE_NVML_GPUS": str(GPUS),
            "FAKE_NVML_CONTROL": str(self._control),
            "FAKE_NVML_PIDS_FILE": str(self._on_gpus),
        }


def phases(seed: int, low: float, high: float) -> Iterator[float]:
    """Yield pauses without end, so that keys come at random phases of the tick."""
    chance = random.Random(seed)  # noqa: S311 -- phases
    while True:
        yield chance.uniform(low, high)
