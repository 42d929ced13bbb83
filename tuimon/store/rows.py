"""Nouns as rows of JSON, and back. The text of a recording is untrusted, and is checked here.

Reading a row raises one of `chunk.BROKEN` where it cannot be right, and `RecordingError` where it
is right but of a version that knows more than this one.
"""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import TypeVar

import numpy as np

from tuimon import __version__
from tuimon.errors import RecordingError
from tuimon.model.entity import NO_LABELS, Entity
from tuimon.model.frame import Floats
from tuimon.model.metric import Cadence, Catalogue, Kind, Metric, Type
from tuimon.model.sample import Event, Health, Status
from tuimon.text import safe
from tuimon.units import Unit

TEXT_MOST = 4096
"""Characters of one text; command lines are longer at times, and are cut."""
LABELS_MOST = 64
LANES_MOST = 4096
METRICS_MOST = 4096
YEAR_10000 = 253402300800.0
"""Seconds since the epoch at which dates end (`datetime.MAXYEAR`)."""
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,199}")
Row = Sequence[object]
Words = tuple[tuple[str, str, str], ...]
"""Name, status and sentence of each lane."""
LaneWords = tuple[str, Status, str]
Word = TypeVar("Word", bound=Enum)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from, for the sentence that refuses them."""

    file: str
    version: str
    """The tuimon that wrote them."""


def dump(row: Row) -> str:
    """Return a row as one line of ASCII."""
    return json.dumps(row, separators=(",", ":"), allow_nan=False)


def load(line: bytes) -> Row:
    """Return the row of a line."""
    row = json.loads(line, parse_constant=_no_constant)
    if not isinstance(row, list):
        raise TypeError("a row is a list")
    return row


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def text(value: object) -> str:
    """Return a text, made safe again and cut to `TEXT_MOST`."""
    if not isinstance(value, str):
        raise TypeError("a text is expected")
    return safe(value[:TEXT_MOST])


def whole(value: object, low: int = -(2**63), high: int = 2**64) -> int:
    """Return an integer from *low* to less than *high*."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value < high:
        raise ValueError("an integer within its bounds is expected")
    return value


def moment(value: object) -> float:
    """Return seconds that can be a date."""
    seconds = real(value)
    if not 0.0 <= seconds < YEAR_10000:
        raise ValueError("a time is out of all bounds")
    return seconds


def real(value: object) -> float:
    """Return a finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("a number is expected")
    return float(value)


def rows(value: object, most: int) -> Row:
    """Return a list of at most *most* items."""
    if not isinstance(value, list) or len(value) > most:
        raise ValueError("a list within its bounds is expected")
    return value


def _word(words: type[Word], value: object, origin: Origin) -> Word:
    """Return the member of an enum that a text stands for."""
    name = text(value)
    try:
        return words(name)
    except ValueError:
        raise _newer(words.__name__.lower(), name, origin) from None


def _newer(what: str, name: str, origin: Origin) -> RecordingError:
    return RecordingError(
        f"{origin.file} holds the {what} '{name[:40]}' of tuimon {origin.version[:40]},"
        f" which tuimon {__version__} does not know: update tuimon"
    )


def catalogue_row(catalogue: Catalogue) -> Row:
    """Return all that is known of the metrics of a kind."""
    return ["catalogue", catalogue.kind.value, [_metric_row(metric) for metric in catalogue]]


def _metric_row(metric: Metric) -> Row:
    return [
        metric.name,
        metric.unit.value,
        metric.type.value,
        metric.title,
        metric.help,
        metric.cadence.name.lower(),
        metric.upto,
        metric.words,
        metric.source,
    ]


def catalogue_of(row: Row, origin: Origin) -> Catalogue:
    """Return the catalogue of a row."""
    _, kind_text, metric_rows = row
    kind = _word(Kind, kind_text, origin)
    metrics = [_metric_of(rows(one, 9), kind, origin) for one in rows(metric_rows, METRICS_MOST)]
    catalogue = Catalogue(kind, metrics)
    if len(catalogue.position) < len(metrics):
        raise ValueError("a metric is there twice")
    return catalogue


def _metric_of(row: Row, kind: Kind, origin: Origin) -> Metric:
    name, unit, kind_of, title, about, cadence, upto, words, source = row
    metric = Metric(
        name=text(name),
        kind=kind,
        unit=_word(Unit, unit, origin),
        type=_word(Type, kind_of, origin),
        title=text(title),
        help=text(about),
        cadence=_cadence(text(cadence), origin),
        upto=text(upto),
        words=tuple(_state(rows(one, 2)) for one in rows(words, 256)),
        source=text(source),
    )
    if not NAME.fullmatch(metric.name):
        raise ValueError("a metric has an impossible name")
    if metric.type is Type.COUNTER and not metric.name.endswith("_total"):
        raise ValueError("a counter is not called so")
    return metric


def _state(row: Row) -> tuple[int, str]:
    number, word = row
    return whole(number), text(word)


def _cadence(name: str, origin: Origin) -> Cadence:
    try:
        return Cadence[name.upper()]
    except KeyError:
        raise _newer("cadence", name, origin) from None


def entity_row(entity: Entity) -> Row:
    """Return all that is known of an entity."""
    labels = {name: value[:TEXT_MOST] for name, value in islice(entity.labels.items(), LABELS_MOST)}
    return ["entity", entity.id, entity.name, entity.index, labels, entity.parent]


def entity_of(row: Row) -> Entity:
    """Return the entity of a row."""
    _, entity_id, name, index, labels, parent = row
    if not isinstance(labels, dict) or len(labels) > LABELS_MOST:
        raise ValueError("labels within their bounds are expected")
    known = {text(label): text(value) for label, value in labels.items()} or NO_LABELS
    position = whole(index, -1, 2**31)
    return Entity(text(entity_id), text(name), position, known, text(parent))


def event_row(event: Event) -> Row:
    """Return an event, without a tag: it lies within the row of its sample."""
    return [event.at, event.kind.value, event.entity, event.name, event.code, event.text]


def event_of(row: Row, origin: Origin) -> Event:
    """Return the event of a row."""
    at, kind, entity, name, code, words = row
    kind_of = _word(Kind, kind, origin)
    return Event(moment(at), kind_of, text(entity), text(name), whole(code), text(words))


def words_of(health: Iterable[Health]) -> Words:
    """Return the words of all lanes; their numbers are an array, see `health_numbers`."""
    return tuple((one.lane, one.status.value, one.text) for one in health)


def health_row(words: Words) -> Row:
    """Return what `words_of` gave as a row."""
    return ["health", words]


def health_words(row: Row, origin: Origin) -> tuple[LaneWords, ...]:
    """Return the lane, the status and the sentence of each lane."""
    _, lanes = row
    found: list[LaneWords] = []
    for one in rows(lanes, LANES_MOST):
        lane, status, words = rows(one, 3)
        found.append((text(lane), _word(Status, status, origin), text(words)))
    return tuple(found)


def health_numbers(health: Iterable[Health]) -> Floats:
    """Return float64[lanes, 5]: what changes at every tick, in recorded order."""
    numbers = [
        (one.since, one.latency, one.cpu, float(one.reads), float(one.failures)) for one in health
    ]
    return np.array(numbers, np.float64).reshape(-1, 5)


def health_of(words: LaneWords, numbers: Sequence[float]) -> Health:
    """Return the health of one lane."""
    lane, status, sentence = words
    since, latency, cpu, reads, failures = numbers
    return Health(
        lane,
        status,
        sentence,
        moment(since),
        latency=latency,
        cpu=real(cpu),
        reads=whole(int(reads), 0),
        failures=whole(int(failures), 0),
    )
