"""The fixture `gpus`: a machine with the GPUs that a test asks for, and their faults."""

import ctypes
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tuimon.drivers.procfs import contained

HERE = Path(__file__).parent
CLOCK = 1_700_000_000.0


class Gpus:
    """The fake NVML, in this process. Describe the machine, open the source, inject faults."""

    def __init__(self, library, folder, monkeypatch):
        self.library = str(library)
        self.root = folder / "root"
        self.now = CLOCK
        self._control = folder / "control"
        self._calls = library.parent / "calls"  # the library maps it once
        self._base = Counter(self._counted())
        self._monkeypatch = monkeypatch
        self.have(control=self._control, calls=self._calls, check_ms=0, gpus=1)

    def have(self, **told):
        """Describe the machine by the variables of fakenvml.c; before the source is opened."""
        for name, value in told.items():
            self._monkeypatch.setenv(f"FAKE_NVML_{name.upper()}", str(value))
        return self

    def suffer(self, text):
        """Put these lines of control.md in force at once."""
        fresh = self._control.with_suffix(".new")
        fresh.write_text(text + "\n")
        fresh.replace(self._control)

    def source(self, *select, **more):
        from tuimon.sources.nvml import NvmlSource

        more = {"root": Path("/"), "environ": {}} | more
        return NvmlSource(select, clock=lambda: self.now, library=self.library, **more)

    def open(self, *select, **more):
        """Return the readers by name."""
        return {reader.name: reader for reader in self.source(*select, **more).open()}

    def calls(self, function):
        """Return how often a function was called in this test."""
        return self._counted().get(function, 0) - self._base[function]

    def _counted(self):
        records = self._calls.read_bytes() if self._calls.exists() else b""
        parts = (records[start : start + 64] for start in range(0, len(records), 64))
        return {
            one[:56].rstrip(b"\0").decode(): int.from_bytes(one[56:], "little") for one in parts
        }


def read(reader, *cadences):
    """Read a reader at these cadences, all of its own by default; the last frame of each kind."""
    from tuimon.model.source import NO_INTEREST

    frames = {}
    for cadence in cadences or reader.cadences:
        for frame in reader.read(cadence, NO_INTEREST).frames:
            frames.setdefault(frame.kind, {})[cadence] = frame
    return frames


def cell(frames, kind, name, entity=None):
    """Return the value of a metric, or its reason; of the first entity unless told."""
    from tuimon.errors import Reason

    for frame in frames[kind].values():
        if name in frame.catalogue:
            row = frame.catalogue.position[name]
            column = 0 if entity is None else frame.entities.position[entity]
            reason = Reason(int(frame.reasons[row, column]))
            return reason or float(frame.values[row, column])
    raise AssertionError(f"{name} was not read")


@pytest.fixture(scope="session")
def fake_library(tmp_path_factory):
    """Path of the library, built once."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        message = "there is no C compiler to build tests/fakenvml with"
        if os.environ.get("TUIMON_CI") == "1":
            pytest.fail(message)
        pytest.skip(message)
    folder = tmp_path_factory.mktemp("fakenvml")
    for name in ("fakenvml.c", "genstubs.py", "names.txt"):
        shutil.copy(HERE / name, folder)
    subprocess.run([sys.executable, "genstubs.py"], cwd=folder, check=True)
    built = folder / "libnvidia-ml.so.1"
    command = [compiler, "-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fvisibility=hidden"]
    command += ["-shared", "-Wl,-soname,libnvidia-ml.so.1", "-o", str(built), "fakenvml.c"]
    subprocess.run([*command, "-lm", "-lpthread"], cwd=folder, check=True)
    return built


@pytest.fixture
def gpus(fake_library, tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("FAKE_NVML_")]:
        monkeypatch.delenv(name)
    machine = Gpus(fake_library, tmp_path, monkeypatch)
    monkeypatch.setattr(  # the fake tells pids of our own namespace, in a container too
        "tuimon.sources.nvml.readers.seen.contained",
        lambda proc: proc.root != Path("/proc") and contained(proc),
    )
    yield machine
    machine.suffer("")
    library = ctypes.CDLL(str(fake_library))
    while library.nvmlShutdown() == 0:
        pass
