"""What the subcommands share: sources, feeds and looks made from options."""

import argparse
import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from tuimon.engine import Clock, Engine, Feed, Live, SteadyClock
from tuimon.engine.engine import checked_interval
from tuimon.errors import UsageError
from tuimon.model.check import Check
from tuimon.model.source import Source

WARM = 101.0
"""Seconds that the simulated machine has been running, so that its jobs are at work."""
SETTLE = 5.0
"""Seconds that a driver may take to open before a headless command goes on without it."""
FIRST_GAP = 0.3
"""Seconds between the two readings of a headless picture: rates need both."""


def sources(options: argparse.Namespace, environ: Mapping[str, str], clock: Clock) -> list[Source]:
    """Return the sources that the options ask for, in order of precedence.

    Raises:
        UsageError: An option names what cannot be.
    """
    if options.demo:
        from tuimon.sources.simulated import SimulatedSource

        began = clock.now() - WARM
        return [
            SimulatedSource(
                options.demo_gpus, options.demo_kind, options.seed, clock.now, start=began
            )
        ]
    from tuimon.sources.host import HostSource
    from tuimon.sources.nvml import NvmlSource
    from tuimon.sources.processes import ProcessSource

    return [
        NvmlSource(
            select=[one.strip() for one in options.gpu.split(",") if one.strip()],
            cuda_visible=options.cuda_visible,
            clock=clock.now,
            environ=environ,
        ),
        HostSource(clock=clock.now),
        ProcessSource(clock=clock.now),
    ]


def live(options: argparse.Namespace, environ: Mapping[str, str]) -> Live:
    """Return a feed of live samples; the sources begin to open.

    Raises:
        UsageError: An option names what cannot be.
    """
    checked_interval(options.interval)
    clock = SteadyClock()
    chance = random.Random() if getattr(options, "jitter", False) else None  # noqa: S311 -- phases
    return Live(sources(options, environ, clock), clock, chance)


def feed(options: argparse.Namespace, environ: Mapping[str, str]) -> Feed:
    """Return the feed that the options ask for: live, simulated or a recording."""
    if not options.replay:
        return live(options, environ)
    checked_interval(options.interval)
    if not options.speed > 0:
        raise UsageError(f"a speed of {options.speed:g} is not possible: give more than 0")
    from tuimon.sources.replay import Replay

    return Replay(Path(options.replay), options.speed)


def engine(options: argparse.Namespace, environ: Mapping[str, str]) -> Engine:
    """Return an engine over `feed`."""
    return Engine(feed(options, environ), options.interval)


def checked_sort(name: str, known: Sequence[str]) -> str:
    """Return the name of a process column.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in known:
        raise UsageError(f"no column called {name!r}; there are: {', '.join(known)}")
    return name


def user(environ: Mapping[str, str]) -> str:
    """Return the name of whoever runs this, as processes show it."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return environ.get("USER", str(os.geteuid()))


def checks(options: argparse.Namespace, environ: Mapping[str, str]) -> list[Check]:
    """Look for everything that the sources need, and tell what is there."""
    if getattr(options, "replay", ""):
        return [Check("recording", ok=True, text="A replay asks for no device of this machine.")]
    if options.demo:
        return [Check("simulated machine", ok=True, text="--demo asks for no real device.")]
    from tuimon.sources.nvml.checks import checks as of_nvml

    return of_nvml(Path("/"), environ)
