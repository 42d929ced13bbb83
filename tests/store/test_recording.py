"""Recordings: what is read is what was written, and damage costs what is damaged."""

import json
import os
import signal
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tuimon import __version__
from tuimon.errors import Reason, RecordingError
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import CADENCES, Frame
from tuimon.model.metric import Cadence, Catalogue, Kind, Metric, Type
from tuimon.model.sample import Event, Health, Sample, Status
from tuimon.store import chunk
from tuimon.store.bits import Bases, Planes
from tuimon.store.chunk import HEADER_SIZE, DamagedChunk, Header, Known, decode, encode
from tuimon.store.recording import HEAD, Pace, Reader, Writer
from tuimon.units import Unit

T0 = 1_760_000_000.0
GPU = Catalogue(
    Kind.GPU,
    [
        Metric("gpu_power_watts", Kind.GPU, Unit.WATTS, Type.GAUGE, "Power", "Draw.", upto="700"),
        Metric("gpu_energy_joules_total", Kind.GPU, Unit.JOULES, Type.COUNTER, "Energy", "Sum."),
        Metric(
            "gpu_mode",
            Kind.GPU,
            Unit.STATE,
            Type.GAUGE,
            "Mode",
            "State.",
            Cadence.SLOW,
            words=((0, "off"), (1, "on")),
            source="nvmlDeviceGetMode",
        ),
    ],
)
PROCESS = Catalogue(
    Kind.PROCESS,
    [
        Metric(
            "process_cpu_seconds_total", Kind.PROCESS, Unit.SECONDS, Type.COUNTER, "CPU", "Time."
        ),
        Metric("process_memory_bytes", Kind.PROCESS, Unit.BYTES, Type.GAUGE, "Memory", "RAM."),
    ],
)
ON_GPU = Catalogue(
    Kind.GPU_PROCESS,
    [
        Metric(
            "gpu_process_memory_bytes", Kind.GPU_PROCESS, Unit.BYTES, Type.GAUGE, "Mem", "Memory."
        )
    ],
)
GPUS = Entities(Entity(f"GPU-{i}", "H100", i, {"driver": "580"}, parent="box") for i in range(2))


def frame(catalogue, entities, values, at=T0):
    values = np.asarray(values, float).reshape(len(catalogue), len(entities))
    reasons = np.where(np.isnan(values), np.uint8(Reason.FAILED), np.uint8(0))
    return Frame(
        catalogue, entities, values, reasons, np.full((CADENCES, len(entities)), at)
    ).sealed()


def sample(tick, *frames, **more):
    frames = frames or (frame(GPU, GPUS, [[300 + tick, np.nan], [tick * 7, 5], [1, 0]], T0 + tick),)
    more.setdefault(
        "health", {"nvml/0": Health("nvml/0", Status.OK, "", T0, 0.001 * tick, tick * 1.0, tick, 0)}
    )
    return Sample(T0 + tick, 50.0 + tick, {one.kind: one for one in frames}, **more)


def write(path, samples, **options):
    with Writer(path, **options) as writer:
        for one in samples:
            writer.write(one)
    return path


def read(path):
    with Reader(path) as reader:
        return list(reader.samples())


def bits(array):
    return np.ascontiguousarray(array, float).view(np.uint64).tolist()


def entity_texts(entities):
    return [(one.id, one.name, one.index, dict(one.labels), one.parent) for one in entities]


def same(one, other):
    """Whether two samples hold the same to the bit; NaN latencies are compared as text."""
    if list(one.frames) != list(other.frames):
        return False
    for a, b in zip(one.frames.values(), other.frames.values(), strict=True):
        if a.catalogue.metrics != b.catalogue.metrics:
            return False
        if entity_texts(a.entities) != entity_texts(b.entities):
            return False
        if bits(a.values) != bits(b.values) or bits(a.read_at) != bits(b.read_at):
            return False
        if a.reasons.tolist() != b.reasons.tolist():
            return False
    rest = [(x.at, x.monotonic, x.events, repr(x.health), x.missed) for x in (one, other)]
    return rest[0] == rest[1]


def assert_same(found, expected):
    assert len(found) == len(expected)
    assert all(map(same, found, expected))


SIX = Pace(samples=2)


def six(path):
    """Return a file of three chunks of two samples, the samples, and the bounds of the chunks."""
    samples = [sample(tick) for tick in range(6)]
    write(path, samples, pace=SIX)
    with Reader(path) as reader:
        bounds = [(one.offset - HEADER_SIZE, one.end) for one in reader.chunks]
    assert len(bounds) == 3
    return path.read_bytes(), samples, bounds


def test_what_is_read_is_what_was_written_to_the_bit(tmp_path):
    events = (Event(T0, Kind.GPU, "GPU-0", "xid", 79, "fell off the bus"),)
    sick = {
        "host": Health("host", Status.FAILED, "gone: look", T0 + 1, failures=3),
        "nvml": Health("nvml", Status.OK, "", T0, 0.25, 1.5, 9, 0),
    }
    samples = [sample(0), sample(1, events=events, missed=3), sample(2, health=sick), sample(3)]
    assert_same(read(write(tmp_path / "a", samples)), samples)


def test_a_recording_of_one_sample_is_whole(tmp_path):
    assert_same(read(write(tmp_path / "a", [sample(0)])), [sample(0)])


def test_what_is_read_cannot_be_changed(tmp_path):
    (found,) = read(write(tmp_path / "a", [sample(0)]))
    with pytest.raises(ValueError, match="read-only"):
        found.frames[Kind.GPU].values[0, 0] = 1


def test_equal_catalogues_and_entities_are_one_object_across_chunks(tmp_path):
    found = read(write(tmp_path / "a", [sample(tick) for tick in range(25)]))
    assert len({id(one.frames[Kind.GPU].catalogue) for one in found}) == 1
    assert len({id(one.frames[Kind.GPU].entities) for one in found}) == 1


def test_two_equal_catalogues_of_one_kind_do_not_confuse_the_arrays(tmp_path):
    twin = Catalogue(Kind.GPU, GPU.metrics)
    twins = Entities(GPUS.all)
    samples = [
        sample(0),
        sample(1, frame(twin, GPUS, [[1, 2], [3, 4], [5, 6]])),
        sample(2, frame(GPU, twins, [[1, 2], [3, 4], [5, 7]])),
    ]
    assert_same(read(write(tmp_path / "a", samples)), samples)


def test_a_kind_may_change_its_catalogue_within_a_chunk(tmp_path):
    less = Catalogue(Kind.GPU, GPU.metrics[:1])
    samples = [sample(0), sample(1, frame(less, GPUS, [[8, 9]])), sample(2), sample(3)]
    assert_same(read(write(tmp_path / "a", samples)), samples)


def test_who_is_new_is_xored_with_nought():
    bases = Bases()
    bases.put(Kind.GPU, 0, GPUS, Planes.of(frame(GPU, GPUS, [[1, 2], [3, 4], [5, 6]])))
    base = bases.base(Kind.GPU, 0, Entities([Entity("GPU-9", "new"), GPUS[0]]))
    assert base is not None
    assert base.values.view(float).tolist() == [[0, 1], [0, 3], [0, 5]]
    assert base.read_at.view(float).tolist() == [[0, T0]] * CADENCES


def test_entities_that_come_and_go_keep_their_values(tmp_path):
    everybody = [Entity(f"{pid}-1", f"p{pid}", pid) for pid in range(6)]
    crowds = [[0, 1, 2], [2, 0, 3], [], [4], [5, 4, 1, 0], [5, 4, 1, 0]]
    samples = []
    for tick, pids in enumerate(crowds):
        entities = Entities(everybody[pid] for pid in pids)
        values = [[tick + pid / 7 for pid in pids], [pid * 1e9 for pid in pids]]
        samples.append(sample(tick, frame(PROCESS, entities, values)))
    assert_same(read(write(tmp_path / "a", samples)), samples)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.uint64, (3, 2)),
    hnp.arrays(np.uint64, (3, 2)),
    hnp.arrays(np.uint8, (3, 2)),
    st.permutations(range(2)),
)
def test_arrays_survive_the_codec_bit_by_bit(first, second, reasons, order):
    times = np.zeros((CADENCES, 2))
    here, there = Bases(), Bases()
    for values, entities in ((first, GPUS), (second, Entities(GPUS[i] for i in order))):
        one = Frame(GPU, entities, values.view(np.float64), reasons, times)
        plain = Planes.of(one)
        sent = plain.xor(here.base(Kind.GPU, 0, entities))
        here.put(Kind.GPU, 0, entities, plain)
        back = sent.xor(there.base(Kind.GPU, 0, entities))
        there.put(Kind.GPU, 0, entities, back)
        assert back.values.tolist() == values.tolist()
        assert back.reasons.tolist() == reasons.tolist()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        hnp.arrays(np.float64, (3, 2), elements=st.floats(allow_nan=True, allow_infinity=True)),
        min_size=1,
        max_size=4,
    )
)
def test_any_floats_survive_a_chunk(arrays):
    samples = [sample(tick, frame(GPU, GPUS, values)) for tick, values in enumerate(arrays)]
    data = encode(samples)
    assert_same(decode(data[HEADER_SIZE:], Known(), "x"), samples)


def test_a_value_that_stays_costs_next_to_nothing():
    values = np.random.default_rng(1).random((3, 2))
    once = len(encode([sample(0, frame(GPU, GPUS, values))]))
    ten = len(encode([sample(tick, frame(GPU, GPUS, values)) for tick in range(10)]))
    assert ten < once + 9 * 60


def test_a_chunk_closes_after_its_count_or_its_seconds(tmp_path):
    write(tmp_path / "a", [sample(tick) for tick in range(25)])
    write(tmp_path / "b", [sample(tick * 4) for tick in range(8)])
    with Reader(tmp_path / "a") as many, Reader(tmp_path / "b") as slow:
        assert [one.header.last - one.header.first for one in many.chunks] == [9, 9, 4]
        assert [one.header.last - one.header.first for one in slow.chunks] == [12, 12]
        assert many.span == (T0, T0 + 24)


def test_reading_begins_at_the_time_asked_for(tmp_path):
    write(tmp_path / "a", [sample(tick) for tick in range(25)])
    with Reader(tmp_path / "a") as reader:
        assert [one.at - T0 for one in reader.samples(since=T0 + 13)] == list(range(13, 25))
        assert list(reader.samples(since=T0 + 100)) == []


def test_the_disk_is_waited_for_only_now_and_then(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    time = iter(range(100))
    with Writer(
        tmp_path / "a", pace=Pace(samples=1, sync=5.0), clock=lambda: float(next(time))
    ) as writer:
        for tick in range(11):
            writer.write(sample(tick))
        assert len(synced) == 2
    assert len(synced) == 3


def test_a_chunk_is_written_with_one_call(tmp_path, monkeypatch):
    calls = []
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: calls.append(len(data)) or real(fd, data))
    write(tmp_path / "a", [sample(tick) for tick in range(20)])
    assert len(calls) == 1 + 2
    assert sum(calls) == (tmp_path / "a").stat().st_size


def test_a_writer_counts_its_samples_and_bytes(tmp_path):
    with Writer(tmp_path / "a") as writer:
        for tick in range(13):
            writer.write(sample(tick))
        assert writer.count == 13
    assert writer.written == (tmp_path / "a").stat().st_size


def test_a_recording_is_readable_by_its_owner_only(tmp_path):
    assert write(tmp_path / "a", [sample(0)]).stat().st_mode & 0o077 == 0


def test_an_existing_file_is_not_written_over(tmp_path):
    (tmp_path / "a").write_text("dear")
    with pytest.raises(RecordingError, match="exists already"):
        Writer(tmp_path / "a")
    assert (tmp_path / "a").read_text() == "dear"


def test_a_full_disk_is_told_in_one_sentence(tmp_path, monkeypatch):
    writer = Writer(tmp_path / "a", pace=Pace(samples=1))

    def full(fd, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(RecordingError, match=r"cannot write .*a: No space left on device"):
        writer.write(sample(0))
    monkeypatch.undo()
    writer.close()


@pytest.mark.parametrize("cut", [0, 1, 20, 60])
def test_a_recording_goes_on_behind_a_torn_end(tmp_path, cut):
    path = tmp_path / "a"
    data, samples, _ = six(path)
    path.write_bytes(data[: len(data) - cut])
    more = [sample(tick) for tick in range(6, 8)]
    write(path, more, append=True, pace=SIX)
    assert_same(read(path), [*(samples if not cut else samples[:4]), *more])


def test_appending_refuses_a_foreign_file(tmp_path):
    (tmp_path / "a").write_text("dear diary, this is no recording")
    with pytest.raises(RecordingError, match="not a recording"):
        Writer(tmp_path / "a", append=True)


def test_recordings_can_be_laid_one_behind_the_other(tmp_path):
    data, samples, _ = six(tmp_path / "a")
    (tmp_path / "b").write_bytes(data + data)
    with Reader(tmp_path / "b") as reader:
        assert_same(list(reader.samples()), samples + samples)
        assert reader.damaged == 0


def test_a_part_can_be_cut_out(tmp_path):
    data, samples, bounds = six(tmp_path / "a")
    begin, end = bounds[1]
    (tmp_path / "b").write_bytes(HEAD + data[begin:end])
    assert_same(read(tmp_path / "b"), samples[2:4])


def test_a_tail_torn_anywhere_costs_the_last_chunk_only(tmp_path):
    path = tmp_path / "a"
    data, samples, bounds = six(path)
    for size in range(bounds[2][0], bounds[2][1]):
        path.write_bytes(data[:size])
        with Reader(path) as reader:
            assert len(reader.chunks) == 2
            assert reader.damaged == 0
    assert_same(read(path), samples[:4])


def test_a_reader_follows_a_file_that_grows(tmp_path):
    path = tmp_path / "a"
    data, samples, bounds = six(path)
    path.write_bytes(data[: bounds[0][1] + 10])
    with Reader(path) as reader:
        walk = reader.samples()
        assert next(walk).at == samples[0].at
        for size in range(bounds[0][1] + 10, len(data) + 1):
            path.write_bytes(data[:size])
            expected = 1 if size in {end for _, end in bounds} else 0
            assert reader.refresh() == expected
        assert [one.at for one in walk] == [one.at for one in samples[1:]]
        assert reader.damaged == 0


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_flipped_bits_cost_their_chunk_only(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "flipped"
    path.unlink(missing_ok=True)
    whole, samples, bounds = six(path)
    at = data.draw(st.integers(len(HEAD), len(whole) - 1), label="at")
    broken = bytearray(whole)
    broken[at] ^= data.draw(st.integers(1, 255), label="flip")
    path.write_bytes(broken)
    hit = next(i for i, (begin, end) in enumerate(bounds) if begin <= at < end)
    with Reader(path) as reader:
        found = list(reader.samples())
        assert reader.damaged == 1
    assert_same(found, samples[: 2 * hit] + samples[2 * hit + 2 :])


def test_every_flipped_byte_of_a_header_costs_its_chunk_only(tmp_path):
    path = tmp_path / "a"
    whole, samples, bounds = six(path)
    for hit, (begin, _) in enumerate(bounds):
        for at in range(begin, begin + HEADER_SIZE):
            broken = bytearray(whole)
            broken[at] ^= 0x41
            path.write_bytes(broken)
            with Reader(path) as reader:
                found = [one.at for one in reader.samples()]
                assert reader.damaged == 1
            assert found == [one.at for one in samples[: 2 * hit] + samples[2 * hit + 2 :]]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_nothing_but_a_recording_error_comes_of_a_mangled_file(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "mangled"
    path.unlink(missing_ok=True)
    whole, _, _ = six(path)
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, min(begin + 400, len(whole))))
    path.write_bytes(whole[:begin] + data.draw(st.binary(max_size=60)) + whole[end:])
    try:
        with Reader(path) as reader:
            for one in reader.samples():
                assert one.at >= T0
    except RecordingError:
        pass


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_nothing_but_a_recording_error_comes_of_any_payload(payload):
    for data in (payload, zlib.compress(payload), zlib.compress(struct.pack("<I", 9) + payload)):
        with pytest.raises(RecordingError):
            decode(data, Known(), "x")


def test_a_recording_that_is_damaged_all_over_is_an_error(tmp_path):
    path = tmp_path / "a"
    data, _, bounds = six(path)
    broken = bytearray(data)
    for begin, _ in bounds:
        broken[begin + HEADER_SIZE] ^= 1
    path.write_bytes(broken)
    with Reader(path) as reader:
        with pytest.raises(RecordingError, match=r"nothing in .* can be read"):
            list(reader.samples())
        assert reader.damaged == 3


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty"),
        (b"\x89tui", "is not a recording"),
        (b"#!/bin/sh\necho hello world\n", "is not a recording"),
        (HEAD[:-4] + struct.pack("<I", 7), "format 7, and this tuimon reads format 1"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_in_one_sentence(tmp_path, data, sentence):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(RecordingError, match=sentence):
        Reader(tmp_path / "a")


def test_a_folder_a_pipe_and_nothing_at_all_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(RecordingError, match="not a file"):
            Reader(path)
    with pytest.raises(RecordingError, match=r"cannot read .*none: No such file"):
        Reader(tmp_path / "none")


def test_a_recording_without_samples_has_no_span(tmp_path):
    (tmp_path / "a").write_bytes(HEAD)
    with Reader(tmp_path / "a") as reader:
        assert list(reader.samples()) == []
        with pytest.raises(RecordingError, match="holds no sample"):
            _ = reader.span


def parts(samples):
    """Return the lines of a chunk's index and its arrays."""
    raw = zlib.decompress(encode(samples)[HEADER_SIZE:])
    size = struct.unpack_from("<I", raw)[0]
    return [json.loads(line) for line in raw[4 : 4 + size].split(b"\n")], raw[4 + size :]


def made(lines, arrays):
    """Return the payload of such parts."""
    index = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    raw = struct.pack("<I", len(index.encode())) + index.encode() + arrays
    return zlib.compress(raw)


def line_of(lines, tag):
    return next(line for line in lines if line[0] == tag)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda lines: line_of(lines, "catalogue")[2][0].__setitem__(1, "lux"), "unit 'lux'"),
        (lambda lines: line_of(lines, "catalogue").__setitem__(1, "tpu"), "kind 'tpu'"),
        (lambda lines: line_of(lines, "catalogue")[2][0].__setitem__(2, "sum"), "type 'sum'"),
        (lambda lines: line_of(lines, "catalogue")[2][0].__setitem__(5, "daily"), "'daily'"),
        (lambda lines: line_of(lines, "health")[1][0].__setitem__(1, "zen"), "status 'zen'"),
    ],
)
def test_words_of_a_later_version_are_refused_with_its_name(change, word):
    lines, arrays = parts([sample(0)])
    lines[0][1] = "9.1"
    change(lines)
    with pytest.raises(RecordingError, match=rf"{word} of tuimon 9\.1.*{__version__}") as caught:
        decode(made(lines, arrays), Known(), "night.rec")
    assert not isinstance(caught.value, DamagedChunk)
    assert str(caught.value).startswith("night.rec holds")


def test_metrics_and_lines_of_a_later_version_are_kept_or_passed_over():
    lines, arrays = parts([sample(0)])
    line_of(lines, "catalogue")[2][0][0] = "gpu_novel_watts"
    lines.insert(1, ["novelty", {"x": 1}])
    (found,) = decode(made(lines, arrays), Known(), "x")
    assert found.frames[Kind.GPU].value("gpu_novel_watts", "GPU-0") == 300


HOSTILE = {
    "a deep nest": lambda lines: lines.insert(1, '["entity",' + "[" * 100_000),
    "an endless number": lambda lines: lines.insert(1, '["entity",' + "9" * 10_000 + "]"),
    "NaN as a time": lambda lines: lines[-1].__setitem__(1, float("nan")),
    "a time out of all bounds": lambda lines: lines[-1].__setitem__(1, 1e300),
    "a time that is a text": lambda lines: lines[-1].__setitem__(1, "now"),
    "a truth as a time": lambda lines: lines[-1].__setitem__(1, True),
    "a negative count": lambda lines: lines[-1].__setitem__(3, -1),
    "a catalogue that is not there": lambda lines: lines[-1].__setitem__(4, [[5, 0]]),
    "a negative table": lambda lines: lines[-1].__setitem__(4, [[0, -1]]),
    "a kind twice": lambda lines: lines[-1].__setitem__(4, [[0, 0], [0, 0]]),
    "more entities than bytes": lambda lines: line_of(lines, "entities")[1].extend([0] * 9),
    "too many entities": lambda lines: line_of(lines, "entities")[1].extend([0] * 140_000),
    "fewer entities than bytes": lambda lines: line_of(lines, "entities")[1].pop(),
    "more samples than bytes": lambda lines: lines.append(lines[-1]),
    "samples without end": lambda lines: lines.extend(
        [["health", []], *[["sample", 1, 1, 0, [], 1, []]] * 2000]
    ),
    "a metric twice": lambda lines: line_of(lines, "catalogue")[2][2].__setitem__(
        0, "gpu_power_watts"
    ),
    "a counter of another name": lambda lines: line_of(lines, "catalogue")[2][1].__setitem__(
        0, "gpu_energy"
    ),
    "a name that is a command": lambda lines: line_of(lines, "catalogue")[2][0].__setitem__(
        0, "a\x1b[2J"
    ),
    "labels in a list": lambda lines: line_of(lines, "entity").__setitem__(4, ["x"]),
    "too many labels": lambda lines: line_of(lines, "entity").__setitem__(
        4, {str(i): "" for i in range(99)}
    ),
    "an index that is none": lambda lines: line_of(lines, "entity").__setitem__(3, 1.5),
    "an event without a name": lambda lines: lines[-1].__setitem__(6, [[T0, "gpu", "GPU-0"]]),
    "another head": lambda lines: lines.__setitem__(0, ["other", "1", 5]),
    "another count of cadences": lambda lines: lines.__setitem__(0, ["tuimon", "1", 9]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_index_is_a_damaged_chunk(name):
    lines, arrays = parts([sample(0)])
    HOSTILE[name](lines)
    with pytest.raises(DamagedChunk):
        decode(made(lines, arrays), Known(), "x")


def test_a_chunk_that_claims_four_gigabytes_is_skipped(tmp_path):
    path = tmp_path / "a"
    data, samples, bounds = six(path)
    boast = Header(b"SMPL", 0xFFFFFFF0, 0, T0, T0).pack()
    path.write_bytes(data[: bounds[1][0]] + boast + data[bounds[1][0] :])
    with Reader(path) as reader:
        assert_same(list(reader.samples()), samples)
        assert reader.damaged == 1


def test_a_payload_that_swells_without_end_is_a_damaged_chunk(monkeypatch):
    payload = encode([sample(0)])[HEADER_SIZE:]
    monkeypatch.setattr(chunk, "RAW_MOST", 300)
    with pytest.raises(DamagedChunk, match="too large"):
        decode(payload, Known(), "x")


def test_a_chunk_too_large_to_be_read_is_not_written(monkeypatch):
    monkeypatch.setattr(chunk, "RAW_MOST", 100)
    with pytest.raises(RecordingError, match="too large"):
        encode([sample(0)])


def test_a_payload_that_is_another_than_the_header_says_is_skipped(tmp_path):
    path = tmp_path / "a"
    data, samples, bounds = six(path)
    payload = encode([sample(99)])[HEADER_SIZE:]
    swapped = Header(b"SMPL", len(payload), 1234, T0, T0).pack() + payload
    path.write_bytes(data[: bounds[1][0]] + swapped + data[bounds[1][0] :])
    with Reader(path) as reader:
        assert_same(list(reader.samples()), samples)
        assert reader.damaged == 1


def test_chunks_of_a_later_type_are_passed_over(tmp_path):
    path = tmp_path / "a"
    data, samples, bounds = six(path)
    novel = Header(b"NOVL", 5, zlib.crc32(b"hello"), T0, T0).pack() + b"hello"
    path.write_bytes(data[: bounds[1][0]] + novel + data[bounds[1][0] :])
    with Reader(path) as reader:
        assert_same(list(reader.samples()), samples)
        assert reader.damaged == 0


def test_text_of_a_recording_is_made_safe_again():
    lines, arrays = parts([sample(0, events=(Event(T0, Kind.GPU, "g", "xid"),))])
    evil = "\x1b]0;evil\x07\u202e"
    line_of(lines, "entity")[1:5] = [evil, evil, 0, {evil: evil}]
    line_of(lines, "catalogue")[2][0][3:5] = [evil, evil]
    line_of(lines, "health")[1][0] = [evil, "ok", evil]
    lines[-1][6][0][2:4] = [evil, evil]
    (found,) = decode(made(lines, arrays), Known(), "x")
    gpu = found.frames[Kind.GPU]
    (event,) = found.events
    (health,) = found.health.values()
    texts = [gpu.entities[0].id, gpu.entities[0].name, *gpu.entities[0].labels.items()]
    texts += [gpu.catalogue.metrics[0].title, event.entity, event.name, health.lane, health.text]
    assert "\\x1b" not in repr(texts)
    assert "\\u202e" not in repr(texts)


def test_text_without_end_is_cut(tmp_path):
    long = Entities([Entity("1-1", "p", labels={"command": "x" * 100_000})])
    (found,) = read(write(tmp_path / "a", [sample(0, frame(PROCESS, long, [1, 2]))]))
    assert len(found.frames[Kind.PROCESS].entities[0].labels["command"]) == 4096


def test_a_value_is_missing_exactly_where_there_is_a_reason_even_in_a_forged_file():
    values = np.array([[1.0, np.nan], [3.0, 4.0], [np.nan, 6.0]])
    reasons = np.array([[0, 0], [5, 0], [2, 200]], np.uint8)
    forged = Frame(GPU, GPUS, values, reasons, np.zeros((CADENCES, 2)))
    (found,) = decode(encode([sample(0, forged)])[HEADER_SIZE:], Known(), "x")
    gpu = found.frames[Kind.GPU]
    assert (np.isnan(gpu.values) == (gpu.reasons != Reason.KNOWN)).all()
    assert gpu.reasons.tolist() == [[0, Reason.FAILED], [5, 0], [2, Reason.FAILED]]


def crowd(tick, count, on_gpu=(), busy=(), big=()):
    """Return a sample of processes, of which some compute, are large, or use a GPU."""
    entities = CROWDS.setdefault(
        count, Entities(Entity(f"{pid}-1", f"p{pid}", pid) for pid in range(count))
    )
    cpu = [1000.0 - pid + (tick if pid in busy else 0) for pid in range(count)]
    memory = [1e12 if pid in big else 10.0 for pid in range(count)]
    users = Entities(Entity(f"g/{pid}", "p", labels={"process": f"{pid}-1"}) for pid in on_gpu)
    return sample(
        tick, frame(PROCESS, entities, [cpu, memory]), frame(ON_GPU, users, [[1.0] * len(on_gpu)])
    )


CROWDS: dict[int, Entities] = {}


def kept(one):
    return {entity.index for entity in one.frames[Kind.PROCESS].entities}


def test_only_the_processes_that_matter_are_recorded(tmp_path):
    ticks = [crowd(tick, 500, busy={400, 401}, big={300}) for tick in range(30)]
    found = read(write(tmp_path / "a", ticks, processes=16))
    assert all(len(kept(one)) <= 16 for one in found)
    assert all({400, 401, 300} <= kept(one) for one in found[12:])


def test_every_process_on_a_gpu_is_recorded_however_many(tmp_path):
    on_gpu = range(100, 140)
    found = read(write(tmp_path / "a", [crowd(0, 500, on_gpu), crowd(1, 500, on_gpu)], processes=8))
    assert all(set(on_gpu) <= kept(one) for one in found)


def test_a_small_crowd_is_recorded_whole(tmp_path):
    ticks = [crowd(tick, 10) for tick in range(3)]
    assert_same(read(write(tmp_path / "a", ticks, processes=10)), ticks)


def test_the_chosen_processes_are_one_object_while_nobody_comes_or_goes(tmp_path):
    found = read(write(tmp_path / "a", [crowd(tick, 50) for tick in range(9)], processes=8))
    later = [one.frames[Kind.PROCESS].entities for one in found]
    assert all(a is b for a, b in pairwise(later))


def test_a_process_that_restarts_is_not_taken_for_the_one_before(tmp_path):
    old, new = (Entities([Entity(f"7-{start}", "p", 7)]) for start in (1, 2))
    ticks = [sample(0, frame(PROCESS, old, [9, 1])), sample(1, frame(PROCESS, new, [0, 1]))]
    assert_same(read(write(tmp_path / "a", ticks)), ticks)


CHILD = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_recording import Pace, Writer, sample
writer = Writer(Path(sys.argv[1]), pace=Pace(samples=3))
for tick in range(1_000_000):
    writer.write(sample(tick))
    if tick == 40:
        print("well on the way", flush=True)
"""


def test_a_writer_that_is_killed_leaves_every_closed_chunk(tmp_path):
    path = tmp_path / "a"
    here = Path(__file__).parent
    command = [sys.executable, "-c", CHILD, str(path), str(here)]
    env = {**os.environ, "PYTHONPATH": str(here.parent.parent)}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env=env)
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    found = read(path)
    assert len(found) >= 39
    assert [one.at - T0 for one in found] == list(range(len(found)))


def test_a_recorder_stops_at_nothing_but_its_own_errors(tmp_path):
    writer = Writer(tmp_path / "a")
    writer.write(sample(0))
    writer.close()
    writer.close()
    assert_same(read(tmp_path / "a"), [sample(0)])


def test_samples_on_the_way_are_not_lost_when_the_clock_goes_back(tmp_path):
    ticks = [sample(5), replace(sample(2), monotonic=1.0), sample(3)]
    found = read(write(tmp_path / "a", ticks))
    assert [one.at - T0 for one in found] == [5, 2, 3]


def test_two_writers_never_share_a_file(tmp_path):
    path = tmp_path / "a"
    with Writer(path) as writer:
        writer.write(sample(0))
        with pytest.raises(RecordingError, match=r"another tuimon records to .*: give another"):
            Writer(path, append=True)
    write(path, [sample(1)], append=True)
    assert_same(read(path), [sample(0), sample(1)])


def test_a_file_system_without_locks_is_recorded_to(tmp_path, monkeypatch):
    def unable(fd, operation):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", unable)
    assert_same(read(write(tmp_path / "a", [sample(0)])), [sample(0)])


def full_disk(monkeypatch, room=3):
    """Have the disk take *room* bytes and no more; return the descriptors that were written to."""
    left, used, real = [room], [], os.write

    def put(fd, data):
        used.append(fd)
        if not left[0]:
            raise OSError(28, "No space left on device")
        done = real(fd, data[: left[0]])
        left[0] -= done
        return done

    monkeypatch.setattr(os, "write", put)
    return used


@pytest.mark.parametrize("room", [0, 3])
def test_a_disk_that_is_full_at_the_start_leaves_nothing_behind(tmp_path, monkeypatch, room):
    used = full_disk(monkeypatch, room)
    with pytest.raises(RecordingError, match="No space left"):
        Writer(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(used[0])


def test_a_full_disk_leaves_an_empty_file_empty(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.touch()
    full_disk(monkeypatch)
    with pytest.raises(RecordingError, match="No space left"):
        Writer(path, append=True)
    assert path.read_bytes() == b""


def test_an_empty_file_may_be_recorded_to(tmp_path):
    path = tmp_path / "a"
    path.touch()
    write(path, [sample(0)], append=True)
    assert_same(read(path), [sample(0)])
