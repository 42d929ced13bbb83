"""The engine: asks the lanes, makes a state of every sample, hands it on."""

from tuimon.engine.clock import Clock, SteadyClock
from tuimon.engine.engine import Engine
from tuimon.engine.feed import Feed, Live

__all__ = ["Clock", "Engine", "Feed", "Live", "SteadyClock"]
