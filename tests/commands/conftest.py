"""Commands as the shell runs them, and in this process where that is enough."""

import io
import itertools
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fakenvml"))

from fake_gpus import fake_library, gpus

__all__ = ["fake_library", "gpus"]


@dataclass(frozen=True)
class Done:
    """What a command line came to."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def variables():
    """Return an environment that does not depend on where the tests run."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    return {**kept, "TERM": "xterm-256color", "LANG": "C.UTF-8", "TZ": "UTC"}


@pytest.fixture
def shell(variables):
    """Return what runs tuimon in a process of its own."""

    def run(*arguments, **env):
        return subprocess.run(
            [sys.executable, "-m", "tuimon", *arguments],
            env={**variables, **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def here(monkeypatch):
    """Return what runs tuimon in this process, with next to no time between two readings."""
    from tuimon.cli import run
    from tuimon.commands import wiring

    def call(*arguments, encoding="utf-8", **env):
        out, err = (
            io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)
        )
        with monkeypatch.context() as patched:
            patched.setattr(wiring, "FIRST_GAP", 0.02)
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            for name, value in env.items():
                patched.setenv(name, value)
            try:
                code = run(arguments)
            except SystemExit as end:
                code = end.code
        return Done(code, *(one.buffer.getvalue().decode(encoding) for one in (out, err)))

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield call
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def nvidia(gpus, monkeypatch):
    """The fake GPUs, for `here`: the library is found by its path."""
    from tuimon.sources import nvml

    monkeypatch.setattr(nvml.NvmlSource, "__init__", _with(gpus.library, nvml.NvmlSource.__init__))
    return gpus


def _with(library, right):
    def init(self, *arguments, **options):
        right(self, *arguments, **{**options, "library": library})

    return init


@pytest.fixture(scope="session")
def recording(tmp_path_factory):
    """Path of a recording of six seconds of a simulated machine."""
    from tuimon.engine import Engine, Live
    from tuimon.sources.simulated import NONE, SimulatedSource
    from tuimon.store.recording import Writer

    class Clock:
        wall = 1_790_000_000.0

        def now(self):
            return self.wall

        def monotonic(self):
            return self.wall - 1_789_000_000.0

        def follow(self):
            return False

    clock = Clock()
    feed = Live([SimulatedSource(2, "h100", 1, clock.now, NONE)], clock)
    engine = Engine(feed, 20.0)
    feed.settle(60)
    path = tmp_path_factory.mktemp("recording") / "night.rec"
    with Writer(path) as writer:
        engine.record(writer.write)
        for _ in itertools.repeat(None, 7):
            engine.step()
            clock.wall += 1.0
    engine.stop()
    return path
