"""`tuimon record`: raw samples appended to a file."""

import argparse
import signal
import threading
from pathlib import Path

from tuimon.commands import wiring
from tuimon.commands.table import Environment
from tuimon.engine import Engine
from tuimon.errors import UsageError
from tuimon.text import safe


def run(options: argparse.Namespace, environment: Environment) -> int:
    """Record until the duration is over or a signal comes."""
    if not 0 <= options.duration < threading.TIMEOUT_MAX:
        raise UsageError(f"a duration of {options.duration:g} s is not possible: give 0 or more")
    if options.processes < 0:
        raise UsageError(f"{options.processes} processes are not possible: give 0 or more")
    from tuimon.store.recording import Writer

    feed = wiring.live(options, environment.variables)
    engine = Engine(feed, options.interval)
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: over.set())
    path = Path(options.output)
    doing = "adding to" if path.exists() else "recording to"
    with Writer(path, append=path.exists(), processes=options.processes) as writer:
        feed.settle(wiring.SETTLE)
        engine.record(writer.write)
        engine.on_end = over.set
        environment.stderr.write(f"{doing} {safe(options.output)}; Ctrl-C ends it\n")
        engine.start()
        over.wait(options.duration or None)
        engine.stop()
        count = writer.count
    if engine.failure is not None:
        raise engine.failure
    environment.stderr.write(f"{count} samples in {safe(options.output)}\n")
    return 0
