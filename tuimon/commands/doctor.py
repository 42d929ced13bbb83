"""`tuimon doctor`: what works on this machine, what does not, and what to do about it."""

import argparse
import errno
import json
import math
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Mapping
from importlib import metadata, util
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from tuimon import __version__
from tuimon.commands import wiring
from tuimon.commands.catalogue import tables
from tuimon.commands.table import Environment
from tuimon.engine import Engine, Live, SteadyClock
from tuimon.errors import TuimonError
from tuimon.model.check import Check
from tuimon.model.metric import Kind
from tuimon.model.sample import Status
from tuimon.model.state import State
from tuimon.surfaces.snapshot import as_json
from tuimon.text import safe

PACKAGES = ("textual", "rich", "nvidia-ml-py", "psutil", "numpy", "plotext", "scikit-learn")
VARIABLES = ("TERM", "COLORTERM", "LANG", "LC_ALL", "NO_COLOR", "TMUX", "SSH_CONNECTION",
             "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")  # fmt: skip
PRIVATE = frozenset({"user", "comm", "container", "pod", "job", "unit", "path", "hostname"})
"""Labels that are masked in a bundle, besides those that a source calls secret."""
PATIENCE = 5.0
"""Seconds that the driver is given to answer the checks."""
NAMED = frozenset({Kind.HOST, Kind.PROCESS, Kind.GPU_PROCESS})
"""Kinds whose entities' names are masked too."""


def run(options: argparse.Namespace, environment: Environment) -> int:
    """Print every check as it is made; 1 if one failed.

    What asks a driver does so in a daemon thread: one that hangs must not keep the others.
    """
    variables = environment.variables
    checks: list[Check] = []

    def tell(found: list[Check]) -> None:
        checks.extend(found)
        if options.format == "text":
            for one in found:
                environment.stdout.write(_line(one))
            environment.stdout.flush()

    tell([*_of_program(variables), *_of_kernel(Path("/proc"))])
    local = argparse.Namespace(demo=False)
    tell(_within(PATIENCE, "NVIDIA driver", lambda: wiring.checks(local, variables)))
    state = _state(variables)
    tell(_of_lanes(state))
    if options.bundle:
        _write_bundle(Path(options.bundle), checks, state, variables)
        environment.stderr.write(f"wrote {safe(options.bundle)}: read it before you send it\n")
    if options.format == "json":
        told = [
            {"name": one.name, "ok": one.ok, "text": one.text, "advice": one.advice}
            for one in checks
        ]
        environment.stdout.write(json.dumps(told, indent=2) + "\n")
    return 0 if all(one.ok for one in checks) else 1


def _line(check: Check) -> str:
    line = safe(f"{'ok' if check.ok else 'NO':<4}{check.name}: {check.text}") + "\n"
    return line + (f"      do: {safe(check.advice)}\n" if check.advice and not check.ok else "")


def _within(seconds: float, name: str, look: Callable[[], list[Check]]) -> list[Check]:
    """Return what *look* finds, or one failed check when that takes longer than *seconds*."""
    found: SimpleQueue[list[Check]] = SimpleQueue()
    threading.Thread(target=lambda: found.put(look()), name="checks", daemon=True).start()
    try:
        return found.get(timeout=seconds)
    except Empty:
        text = f"gave no answer within {seconds:g} s"
        return [Check(name, ok=False, text=text, advice="see `dmesg` for an XID; reset the GPU")]


def _of_program(environ: Mapping[str, str]) -> list[Check]:
    import tuimon

    here = f"tuimon {__version__}, Python {platform.python_version()}, {platform.platform()}"
    checks = [Check("program", ok=True, text=here)]
    missing = [name for name in PACKAGES if _version(name) == "missing"]
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    advice = f"install them: {sys.executable} -m pip install {' '.join(missing)}"
    checks.append(Check("packages", not missing, versions, advice))
    cached = Path(util.cache_from_source(str(tuimon.__file__)))
    text = (
        "byte code is cached" if cached.exists() else "no byte code is cached: each start is slow"
    )
    where = Path(str(tuimon.__file__)).parent
    advice = f"run once, as who installed it: {sys.executable} -m compileall -q {where}"
    checks.append(Check("start", cached.exists(), text, advice))
    term = environ.get("TERM", "")
    fit = term not in {"", "dumb"}
    colours = environ.get("COLORTERM", "")
    text = safe(f"TERM={term}, COLORTERM={colours}, {sys.stdout.encoding}")
    checks.append(Check("terminal", fit, text, "use a terminal that is not dumb"))
    return checks


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _of_kernel(proc: Path) -> list[Check]:
    checks = [Check("kernel", (proc / "stat").exists(), platform.release(), "mount /proc")]
    foreign = _others(proc)
    text = "processes of other users are seen" if foreign else "no process of another user is seen"
    advice = "mount /proc without hidepid, or join the group that its gid option names"
    checks.append(Check("processes", foreign or os.geteuid() == 0, text, advice))
    pressure = (proc / "pressure" / "cpu").exists()
    text = "pressure stall information is there" if pressure else "no pressure stall information"
    checks.append(Check("pressure", pressure, text, "boot the kernel with psi=1"))
    try:
        time.clock_gettime_ns((~1 << 3) | 2)  # the CPU clock of process 1: clock_getcpuclockid(3)
        clock, text = True, "CPU clocks of processes can be read"
    except OSError as error:
        clock, text = False, f"CPU clocks of processes cannot be read ({error.strerror})"
    advice = "nothing to do: each process's stat file is read instead, which costs more"
    checks.append(Check("CPU clocks", clock, text, advice))
    return checks


def _others(proc: Path) -> bool:
    me = os.geteuid()
    for path in proc.iterdir():
        try:
            if path.name.isdecimal() and path.stat().st_uid != me:
                return True
        except OSError:
            continue
    return False


def _state(environ: Mapping[str, str]) -> State:
    """Return a state of this machine, from every source."""
    clock = SteadyClock()
    everything = argparse.Namespace(demo=False, gpu="", cuda_visible=False)
    feed = Live(wiring.sources(everything, environ, clock), clock)
    engine = Engine(feed)
    feed.settle(wiring.SETTLE)
    engine.step()
    feed.answered(wiring.SETTLE)
    state = engine.step()
    engine.stop()
    if state is None:
        raise TuimonError("no sample could be made")
    return state


def _of_lanes(state: State) -> list[Check]:
    checks: list[Check] = []
    for one in state.health.values():
        ok = one.status is Status.OK
        answered = "" if math.isnan(one.latency) else f", answered in {one.latency * 1e3:.1f} ms"
        text = one.text or f"{one.status.value}{answered}"
        checks.append(Check(f"source {one.lane}", ok, text, ""))
    return checks


def _write_bundle(
    path: Path, checks: list[Check], state: State, environ: Mapping[str, str]
) -> None:
    """Write what a bug report needs; users, commands and the like are masked."""
    secret = PRIVATE | {one.name for _, _, labels in tables() for one in labels if one.secret}
    snapshot: dict[str, Any] = json.loads(as_json(state, {}, indent=False))
    for kind in Kind:
        for entity in snapshot.get(kind.value, ()):
            _mask(kind, entity, secret)
    bundle = {
        "checks": [[one.name, one.ok, one.text, one.advice] for one in checks],
        "environment": {name: environ[name] for name in VARIABLES if name in environ},
        "snapshot": snapshot,
    }
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(bundle, file, indent=1)
    except OSError as error:
        if error.errno != errno.EEXIST:
            path.unlink(missing_ok=True)  # a part of it would only block the next try
        raise TuimonError(f"cannot write {path}: {error.strerror}") from error


def _mask(kind: Kind, entity: dict[str, Any], secret: frozenset[str]) -> None:
    """Mask an entity's labels, and its name and id where they tell who or where."""
    labels = entity["labels"]
    for name in secret & labels.keys():
        labels[name] = "masked" if labels[name] else ""
    if kind in NAMED:
        entity["name"] = "masked"
    if kind is Kind.HOST:
        entity["id"] = "masked"
