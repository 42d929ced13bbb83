"""Chunks: some samples as bytes, and back. `docs/recording.md` is the page about the format.

A chunk holds everything it needs, so that a broken one costs nobody else.
"""

import struct
import zlib
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

import numpy as np

from tuimon import __version__
from tuimon.errors import Reason, RecordingError
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import CADENCES, Codes, Floats, Frame
from tuimon.model.metric import Catalogue, Kind
from tuimon.model.sample import Health, Sample
from tuimon.store import rows
from tuimon.store.bits import Bases, Bits, Planes, bits_of

MARKER = b"\x9dCHK"
SAMPLES = b"SMPL"
PAYLOAD_MOST = 32 << 20
"""Bytes of a compressed payload."""
RAW_MOST = 64 << 20
"""Bytes of a payload once unpacked."""
INDEX_MOST = 16 << 20
"""Bytes of its index; Python makes some ten times as much of it."""
SAMPLES_MOST = 1000
LEVEL = 6
"""Of zlib: 9 takes 1 % fewer bytes and seven times as long, 1 takes 9 % more bytes."""
_HEAD = struct.Struct("<4s4sIIdd")
_CRC = struct.Struct("<I")
HEADER_SIZE = _HEAD.size + _CRC.size
BROKEN = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    RecursionError,
    MemoryError,
    zlib.error,
)
"""What reading of untrusted bytes may raise, each of which means that the chunk is damaged."""
T = TypeVar("T")
N = TypeVar("N", bound=Hashable)


class DamagedChunk(RecordingError):  # noqa: N818 -- the condition is the name
    """The bytes of a chunk are not what was written."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a chunk says of itself before its payload."""

    type: bytes
    length: int
    """Bytes of the payload."""
    crc: int
    """CRC-32 of the payload."""
    first: float
    """Time of the first sample, seconds since the epoch."""
    last: float

    def pack(self) -> bytes:
        """Return its bytes, which end with their own CRC-32."""
        head = _HEAD.pack(MARKER, self.type, self.length, self.crc, self.first, self.last)
        return head + _CRC.pack(zlib.crc32(head))

    @staticmethod
    def parse(data: bytes) -> "Header | None":
        """Return the header that *data* is; None if it is none."""
        if len(data) != HEADER_SIZE or not data.startswith(MARKER):
            return None
        if _CRC.unpack_from(data, _HEAD.size)[0] != zlib.crc32(data[: _HEAD.size]):
            return None
        header = Header(*_HEAD.unpack_from(data)[1:])
        sound = header.length <= PAYLOAD_MOST and 0 <= header.first <= header.last < rows.YEAR_10000
        return header if sound else None


class _Index:
    """Lines of JSON; each noun gets one the first time, and is a number from then on."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._numbers: dict[tuple[str, Hashable], int] = {}
        self._counts: dict[str, int] = {}

    def number(self, noun: N, row: Callable[[N], rows.Row]) -> int:
        """Return the number of *noun* among its like; *row* is asked for when it is new."""
        key = (type(noun).__name__, noun)
        if key not in self._numbers:
            line = rows.dump(row(noun))
            self._numbers[key] = self._counts.setdefault(key[0], 0)
            self._counts[key[0]] += 1
            self.lines.append(line)
        return self._numbers[key]

    def entities(self, entities: Entities) -> rows.Row:
        """Return the row of a table of entities, each of whom has a line before it."""
        return ["entities", [self.number(one, rows.entity_row) for one in entities]]


def encode(samples: Sequence[Sample]) -> bytes:
    """Return a whole chunk, header and all, of at least one sample.

    Raises:
        RecordingError: It is larger than a reader would accept.
    """
    index, bases, arrays = _Index(), Bases(), list[bytes]()
    index.lines.append(rows.dump(["tuimon", __version__, CADENCES]))
    for sample in samples:
        frames: list[tuple[int, int]] = []
        for frame in sample.frames.values():
            catalogue, entities = frame.catalogue, frame.entities
            here = index.number(catalogue, rows.catalogue_row)
            frames.append((here, index.number(entities, index.entities)))
            bits = Planes.of(frame)
            delta = bits.xor(bases.base(frame.kind, here, entities))
            bases.put(frame.kind, here, entities, bits)
            arrays += (array.tobytes() for array in (delta.values, delta.reasons, delta.read_at))
        health = index.number(rows.words_of(sample.health.values()), rows.health_row)
        now = bits_of(rows.health_numbers(sample.health.values()))
        arrays.append(bases.health(health, now).tobytes())
        bases.put_health(health, now)
        events = [rows.event_row(event) for event in sample.events]
        row = ("sample", sample.at, sample.monotonic, sample.missed, frames, health, events)
        index.lines.append(rows.dump(row))
    return _packed("\n".join(index.lines).encode(), arrays, [sample.at for sample in samples])


def _packed(index: bytes, arrays: Iterable[bytes], times: Sequence[float]) -> bytes:
    raw = b"".join((_CRC.pack(len(index)), index, *arrays))
    payload = zlib.compress(raw, LEVEL)
    if len(index) > INDEX_MOST or len(raw) > RAW_MOST or len(payload) > PAYLOAD_MOST:
        raise RecordingError(f"a chunk of {len(raw) >> 20} MiB is too large to be recorded")
    first, last = max(min(times), 0.0), max(*times, 0.0)
    return Header(SAMPLES, len(payload), zlib.crc32(payload), first, last).pack() + payload


class Known:
    """The nouns of this chunk and the one before, so that equal text is the same object again."""

    def __init__(self) -> None:
        self._before: dict[Hashable, object] = {}
        self._now: dict[Hashable, object] = {}

    def turn(self) -> None:
        """Begin a chunk."""
        self._before, self._now = self._now, {}

    def once(self, key: N, make: Callable[[N], T]) -> T:
        """Return what was made of *key*, and make it if nothing was."""
        found = self._now.get(key, self._before.get(key))
        if found is None:
            found = make(key)
        self._now[key] = found
        return cast("T", found)


@dataclass(slots=True)
class _Tables:
    """The nouns of a chunk by number."""

    catalogues: list[Catalogue] = field(default_factory=list)
    one: list[Entity] = field(default_factory=list)
    all: list[Entities] = field(default_factory=list)
    health: list[tuple[rows.LaneWords, ...]] = field(default_factory=list)
    samples: list[rows.Row] = field(default_factory=list)


def decode(payload: bytes, known: Known, file: str) -> list[Sample]:
    """Return the samples of a payload.

    Args:
        payload: What follows the header.
        known: The reader's; shared between its chunks.
        file: Name of the file, for a sentence about it.

    Raises:
        DamagedChunk: It is not what a writer makes.
        RecordingError: It is from a version that knows more than this one.
    """
    known.turn()
    try:
        raw = _unpacked(payload)
        size = _CRC.unpack_from(raw)[0]
        if size > min(INDEX_MOST, len(raw) - _CRC.size):
            raise ValueError("the index is longer than the payload")
        lines = raw[_CRC.size : _CRC.size + size].split(b"\n")
        tag, version, cadences = rows.load(lines[0])
        if tag != "tuimon" or cadences != CADENCES:
            raise ValueError("the index does not begin as it should")
        origin = rows.Origin(file, rows.text(version))
        tables = _read_tables(lines[1:], known, origin)
        return _Decoder(raw, _CRC.size + size, tables, origin).samples()
    except (*BROKEN, struct.error) as error:
        raise DamagedChunk(f"a chunk of {file} is damaged: {error}") from error


def _unpacked(payload: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    raw = unpacker.decompress(payload, RAW_MOST)
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("the payload is cut, or too large")
    return raw


def _read_tables(lines: Sequence[bytes], known: Known, origin: rows.Origin) -> _Tables:
    """Sort the lines of an index; a tag of a later version is passed over."""
    tables = _Tables()
    for line in lines:
        match line[2 : line.find(b'"', 2)]:
            case b"catalogue":
                catalogue = known.once(line, lambda key: rows.catalogue_of(rows.load(key), origin))
                tables.catalogues.append(catalogue)
            case b"entity":
                tables.one.append(known.once(line, lambda key: rows.entity_of(rows.load(key))))
            case b"entities":
                tables.all.append(known.once(_members(rows.load(line), tables.one), Entities))
            case b"health":
                tables.health.append(rows.health_words(rows.load(line), origin))
            case b"sample":
                tables.samples.append(rows.load(line))
    if len(tables.samples) > SAMPLES_MOST:
        raise ValueError("there are too many samples")
    return tables


def _members(row: rows.Row, entities: Sequence[Entity]) -> tuple[Entity, ...]:
    _, numbers = row
    return tuple(entities[rows.whole(one, 0)] for one in rows.rows(numbers, 1 << 17))


class _Decoder:
    """Walks along the arrays of one chunk."""

    def __init__(self, raw: bytes, offset: int, tables: _Tables, origin: rows.Origin) -> None:
        self._raw = raw
        self._offset = offset
        self._tables = tables
        self._origin = origin
        self._bases = Bases()

    def samples(self) -> list[Sample]:
        found = [self._sample(row) for row in self._tables.samples]
        if self._offset != len(self._raw):
            raise ValueError("there are more bytes than arrays")
        return found

    def _sample(self, row: rows.Row) -> Sample:
        _, at, monotonic, missed, frames, health, events = row
        made: dict[Kind, Frame] = {}
        for pair in rows.rows(frames, len(Kind)):
            catalogue, table = rows.rows(pair, 2)
            entities = self._tables.all[rows.whole(table, 0)]
            frame = self._frame(rows.whole(catalogue, 0), entities)
            if frame.kind in made:
                raise ValueError("a kind is there twice")
            made[frame.kind] = frame
        return Sample(
            rows.moment(at),
            rows.real(monotonic),
            made,
            tuple(rows.event_of(rows.rows(one, 6), self._origin) for one in _list(events)),
            self._health(rows.whole(health, 0)),
            rows.whole(missed, 0),
        )

    def _frame(self, number: int, entities: Entities) -> Frame:
        catalogue = self._tables.catalogues[number]
        m, n = len(catalogue), len(entities)
        values = self._floats(m, n)
        reasons = np.frombuffer(self._take(m * n), np.uint8).reshape(m, n)
        bits = Planes(values, reasons, self._floats(CADENCES, n))
        bits = bits.xor(self._bases.base(catalogue.kind, number, entities))
        self._bases.put(catalogue.kind, number, entities, bits)
        known, why = _agreed(bits.values.view("<f8"), bits.reasons)
        return Frame(catalogue, entities, known, why, bits.read_at.view("<f8")).sealed()

    def _health(self, number: int) -> dict[str, Health]:
        words = self._tables.health[number]
        bits = self._floats(len(words), 5)
        bits = self._bases.health(number, bits)
        self._bases.put_health(number, bits)
        numbers: list[list[float]] = bits.view("<f8").tolist()
        lanes = [rows.health_of(one, row) for one, row in zip(words, numbers, strict=True)]
        return {lane.lane: lane for lane in lanes}

    def _floats(self, m: int, n: int) -> Bits:
        return np.frombuffer(self._take(m * n * 8), "<u8").reshape(m, n)

    def _take(self, size: int) -> bytes:
        """Return the next bytes; too few are an error before anything is allocated."""
        begin, self._offset = self._offset, self._offset + size
        if self._offset > len(self._raw):
            raise ValueError("there are fewer bytes than arrays")
        return self._raw[begin : self._offset]


def _list(value: object) -> rows.Row:
    return rows.rows(value, 1 << 16)


def _agreed(values: Floats, reasons: Codes) -> tuple[Floats, Codes]:
    """Return the arrays with NaN exactly where there is a reason, and no reason unknown to us."""
    missing = reasons != Reason.KNOWN
    absent = np.isnan(values)
    strange = reasons >= len(Reason)
    if (missing == absent).all() and not strange.any():
        return values, reasons
    values, reasons = values.copy(), reasons.copy()
    values[missing] = np.nan
    reasons[(absent & ~missing) | strange] = Reason.FAILED
    return values, reasons
