"""Counters to rates: the one place where a difference is divided by a time."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tuimon.errors import Reason
from tuimon.model.entity import Entities
from tuimon.model.frame import Floats, Frame
from tuimon.model.metric import Catalogue, Kind, Metric, Type
from tuimon.units import Unit

# fmt: off
# The suffix of a counter, the suffix of its rate, the rate's unit; the first that fits counts.
SUFFIXES: tuple[tuple[str, str, Unit], ...] = (
    ("_seconds_total", "_ratio",            Unit.RATIO),
    ("_joules_total",  "_watts",            Unit.WATTS),
    ("_bytes_total",   "_bytes_per_second", Unit.BYTES_PER_SECOND),
    ("_total",         "_per_second",       Unit.PER_SECOND),
)
# fmt: on
_JUMPED, _IN_FLIGHT = 3.0, 2.0
"""Most readings that are void behind a jump of the clock: with the sample that saw it, and after.

One may have been under way and stamped by the old clock; the next has nothing to be set against.
"""
_JITTER = 1.02
"""Below this a share, such as busy seconds by seconds, is at most one: two timers differ."""


def rate_of(counter: Metric) -> Metric:
    """Return the metric that is the rate of *counter*, such as watts of joules."""
    for suffix, rate, unit in SUFFIXES:
        if counter.name.endswith(suffix):
            name = counter.name.removesuffix(suffix) + rate
            text = f"{counter.help.removesuffix('.')}, per second."
            return replace(counter, name=name, unit=unit, type=Type.GAUGE, help=text, words=())
    raise ValueError(f"{counter.name} is no counter")


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the catalogue of one kind grows by its rates."""

    catalogue: Catalogue
    counters: npt.NDArray[np.intp]
    """Rows of the counters."""
    cadences: npt.NDArray[np.intp]
    """The cadence of each of them."""
    shares: npt.NDArray[np.bool_]
    """bool[m, 1]: whether its rate is at most one."""


@lru_cache(maxsize=256)
def extended(catalogue: Catalogue) -> _Plan:
    """Return the catalogue with its rates behind its own rows. Cached by identity."""
    rows = [row for row, metric in enumerate(catalogue) if metric.type is Type.COUNTER]
    counters = [catalogue.metrics[row] for row in rows]
    return _Plan(
        Catalogue(catalogue.kind, (*catalogue.metrics, *map(rate_of, counters))),
        np.array(rows, dtype=np.intp),
        np.array([metric.cadence for metric in counters], dtype=np.intp),
        np.array([[metric.upto == "1"] for metric in counters], dtype=np.bool_),
    )


@dataclass(frozen=True, slots=True)
class _Past:
    """The last reading of a kind's counters, and the rates that came of it."""

    catalogue: Catalogue
    entities: Entities
    counts: Floats
    times: Floats
    rates: Floats
    spans: Floats
    """Seconds between the last two readings of one clock; NaN where there were none."""
    wait: Floats
    """How many readings may still be void because the clock was set; 0 where none is."""


class Rates:
    """Adds the rate of every counter to frames as they come."""

    def __init__(self) -> None:
        self._past: dict[Kind, _Past] = {}

    def forget(self) -> None:
        """Set no reading of the old clock against one of the new, from the next sample on.

        A rate that is not read again for a while stays: it was right when it was made.
        """
        self._past = {
            kind: replace(past, wait=np.full(past.times.shape, _JUMPED))
            for kind, past in self._past.items()
        }

    def extend(self, frame: Frame) -> Frame:
        """Return the frame with rates behind its own rows.

        The time between is that of the readings themselves. A counter that was not read since keeps
        its rate; one that went down was reset, and its rate is not known before the next reading.
        """
        plan = extended(frame.catalogue)
        if not len(plan.counters):
            return frame
        counts = frame.values[plan.counters]
        times = frame.read_at[plan.cadences]
        past = self._aligned(frame)
        if past is None:
            rates = np.full(counts.shape, np.nan)
            wait, spans = np.zeros(counts.shape), rates.copy()
            reasons = np.full(counts.shape, Reason.NOT_YET, dtype=np.uint8)
        else:
            kept = times == past.times
            span, wait = _spans(past, times)
            spans = np.where(np.isnan(span) | kept, past.spans, span)
            with np.errstate(invalid="ignore", divide="ignore"):
                rates = (counts - past.counts) / span
                rates[~((span > 0) & (rates >= 0))] = np.nan
                rates[plan.shares & (rates > 1.0) & (rates < _JITTER)] = 1.0
            rates[kept] = past.rates[kept]
            reasons = np.where(np.isnan(rates), np.uint8(Reason.NOT_YET), np.uint8(0))
        unknown = frame.reasons[plan.counters]
        missing = unknown != Reason.KNOWN
        rates[missing] = np.nan
        reasons[missing] = unknown[missing]
        self._past[frame.kind] = _Past(
            frame.catalogue, frame.entities, counts, times, rates, spans, wait
        )
        return Frame(
            plan.catalogue,
            frame.entities,
            np.concatenate((frame.values, rates)),
            np.concatenate((frame.reasons, reasons)),
            frame.read_at,
        ).sealed()

    def _aligned(self, frame: Frame) -> _Past | None:
        """Return the last reading in the column order of *frame*; NaN for who is new."""
        past = self._past.get(frame.kind)
        if past is None or past.catalogue is not frame.catalogue:
            return None
        if past.entities is frame.entities:
            return past
        position = past.entities.position
        columns = np.fromiter(
            (position.get(entity.id, -1) for entity in frame.entities), np.intp, len(frame.entities)
        )
        if not len(past.entities):
            return None
        new = columns < 0

        def at(values: Floats) -> Floats:
            picked: Floats = values[:, columns]
            picked[:, new] = np.nan
            return picked

        wait = past.wait[:, columns]
        wait[:, new] = past.wait.max(axis=1, keepdims=True)  # theirs may be in flight as well
        return replace(
            past,
            entities=frame.entities,
            counts=at(past.counts),
            times=at(past.times),
            rates=at(past.rates),
            spans=at(past.spans),
            wait=wait,
        )


def _spans(past: _Past, times: Floats) -> tuple[Floats, Floats]:
    """Return the seconds since the last readings, NaN where clocks may differ, and the new `wait`.

    A span unlike the one before it shows that the new clock is read already; where none shows that
    the count of readings ends the wait.
    """
    span = times - past.times
    read = span != 0.0
    crossed = read & (np.abs(span - past.spans) > 1.0 + 0.1 * past.spans)
    wait = np.where(read, np.maximum(past.wait - 1.0, 0.0), past.wait)
    wait = np.where(crossed, 0.0, np.minimum(wait, _IN_FLIGHT))
    return np.where(past.wait > 0, np.nan, span), wait
