"""The pipeline: from raw samples to states, the same for every feed."""

import math

import numpy as np
import pytest

from tuimon.engine.pipeline import EVENTS_KEPT, Pipeline
from tuimon.errors import Reason
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import CADENCES, Frame
from tuimon.model.metric import Cadence, Catalogue, Kind, Metric, Type
from tuimon.model.sample import Event, Sample
from tuimon.model.source import NO_INTEREST, Interest
from tuimon.units import Unit

T0 = 1_760_000_000.0


def metric(name, unit, kind_of=Type.GAUGE):
    kind = next(k for k in sorted(Kind, key=len, reverse=True) if name.startswith(k.value))
    return Metric(name, kind, unit, kind_of, "T", "Help.")


GPU = Catalogue(
    Kind.GPU,
    [
        metric("gpu_power_watts", Unit.WATTS),
        metric("gpu_energy_joules_total", Unit.JOULES, Type.COUNTER),
    ],
)
PROCESS = Catalogue(Kind.PROCESS, [metric("process_cpu_seconds_total", Unit.SECONDS, Type.COUNTER)])
ON_GPU = Catalogue(Kind.GPU_PROCESS, [metric("gpu_process_memory_bytes", Unit.BYTES)])
GPUS = Entities([Entity("GPU-0", "H100", 0)])
RATE = "gpu_energy_watts"


def frame(catalogue, entities, values, at):
    values = np.asarray(values, float).reshape(len(catalogue), len(entities))
    reasons = np.where(np.isnan(values), np.uint8(Reason.TIMEOUT), np.uint8(0))
    read_at = np.full((CADENCES, len(entities)), np.nan)
    read_at[Cadence.FAST] = at
    return Frame(catalogue, entities, values, reasons, read_at).sealed()


def sample(at, power=300.0, energy=None, *, steady=None, events=(), more=()):
    energy = at * 300.0 if energy is None else energy
    one = frame(GPU, GPUS, [power, energy], T0 + at)
    frames = {one.kind: one, **{other.kind: other for other in more}}
    return Sample(T0 + at, at if steady is None else steady, frames, tuple(events))


def advanced(pipeline, *samples, interest=NO_INTEREST):
    return [pipeline.advance(one, interest, 1.0) for one in samples]


def test_a_state_holds_the_raw_sample_and_frames_with_rates():
    raw = sample(1)
    _, state = advanced(Pipeline(), sample(0), raw)
    assert state.sample is raw
    assert RATE not in raw.frames[Kind.GPU].catalogue
    assert state.frames[Kind.GPU].value(RATE, "GPU-0") == pytest.approx(300.0)
    assert (state.at, state.tick, state.interval, state.replayed) == (T0 + 1, 2, 1.0, False)


def test_a_state_says_that_it_is_replayed():
    assert Pipeline().advance(sample(0), NO_INTEREST, 1.0, replayed=True).replayed


def test_a_state_that_was_published_never_changes():
    pipeline = Pipeline()
    states = advanced(pipeline, *(sample(at, power=float(at)) for at in range(50)))
    state = states[-1]
    arrays = [
        array
        for one in (*state.frames.values(), *state.sample.frames.values())
        for array in (one.values, one.reasons, one.read_at)
    ]
    before = [array.copy() for array in arrays]
    past = state.history.series(Kind.GPU, "gpu_power_watts", "GPU-0", 0.0)
    events = state.events
    advanced(
        pipeline,
        *(
            sample(at, power=-1.0, events=[Event(0.0, Kind.GPU, "x", "xid")])
            for at in range(50, 4000)
        ),
    )
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(arrays, before, strict=True))
    assert not any(array.flags.writeable for array in arrays)
    again = state.history.series(Kind.GPU, "gpu_power_watts", "GPU-0", 0.0)
    assert list(again.values) == list(past.values) == [float(at) for at in range(50)]
    assert state.events == events == ()


def test_a_value_is_missing_exactly_where_there_is_a_reason():
    host = Entities([Entity("1-1", "a")])
    users = Entities([Entity("g/2-2", "b", labels={"process": "2-2"})])
    pipeline = Pipeline()
    for at in range(4):
        more = (
            frame(PROCESS, host, [math.nan if at == 2 else at], T0 + at),
            frame(ON_GPU, users, [1e9], T0 + at),
        )
        (state,) = advanced(pipeline, sample(at, power=math.nan if at else 1.0, more=more))
        for one in state.frames.values():
            assert (np.isnan(one.values) == (one.reasons != Reason.KNOWN)).all()
            assert not np.isnan(one.reasons).any()


def test_gpu_processes_are_joined_into_the_processes():
    host = Entities([Entity("1-1", "a"), Entity("2-2", "b")])
    users = Entities([Entity("g/2-2", "b", labels={"process": "2-2"})])
    more = (frame(PROCESS, host, [1, 2], T0), frame(ON_GPU, users, [1e9], T0))
    (state,) = advanced(Pipeline(), sample(0, more=more))
    assert state.frames[Kind.PROCESS].value("process_gpu_memory_bytes", "2-2") == 1e9
    past = state.history.series(Kind.PROCESS, "process_gpu_memory_bytes", "2-2", 0.0)
    assert list(past.values) == [1e9]


def test_processes_without_gpu_processes_are_joined_too():
    more = (frame(PROCESS, Entities([Entity("1-1", "a")]), [1], T0),)
    (state,) = advanced(Pipeline(), sample(0, more=more))
    assert state.frames[Kind.PROCESS].reason("process_gpus", "1-1") is Reason.NOT_SUPPORTED


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 5.0])
def test_no_rate_spans_a_jump_of_the_clock(jump):
    pipeline = Pipeline()
    advanced(pipeline, sample(0, energy=0), sample(1, energy=300))
    first, second = advanced(
        pipeline,
        sample(2 + jump, energy=600, steady=2.0),
        sample(3 + jump, energy=900, steady=3.0),
    )
    assert first.frames[Kind.GPU].reason(RATE, "GPU-0") is Reason.NOT_YET
    assert second.frames[Kind.GPU].value(RATE, "GPU-0") == pytest.approx(300.0)
    past = second.history.series(Kind.GPU, RATE, "GPU-0", 0.0)
    assert (np.diff(past.times) > 0).all()
    known = past.values[~np.isnan(past.values)]
    assert known == pytest.approx(300.0)


def test_a_machine_that_slept_has_the_rate_of_its_sleep():
    first, second = advanced(Pipeline(), sample(0, energy=0), sample(3600, energy=3600))
    assert first.frames[Kind.GPU].reason(RATE, "GPU-0") is Reason.NOT_YET
    assert second.frames[Kind.GPU].value(RATE, "GPU-0") == pytest.approx(1.0)


def test_a_kind_that_is_not_there_for_a_while_leaves_the_others_alone():
    pipeline = Pipeline()
    bare = Sample(T0 + 1, 1.0, {})
    states = advanced(pipeline, sample(0), bare, sample(2))
    assert dict(states[1].frames) == {}
    assert len(states[2].history.series(Kind.GPU, "gpu_power_watts", "GPU-0", 0.0).times) == 2


def test_the_newest_events_are_kept_in_order():
    pipeline = Pipeline()
    for at in range(EVENTS_KEPT + 5):
        (state,) = advanced(
            pipeline, sample(at, events=[Event(T0 + at, Kind.GPU, "GPU-0", "xid", at)])
        )
    assert [event.code for event in state.events] == list(range(5, EVENTS_KEPT + 5))


def test_processes_that_are_looked_at_are_kept_before_others():
    host = Entities(Entity(f"{pid}-1", "p", pid) for pid in range(300))
    pipeline = Pipeline()
    for at in range(3):
        cpu = [pid * at for pid in range(300)]
        more = (frame(PROCESS, host, cpu, T0 + at),)
        (state,) = advanced(pipeline, sample(at, more=more), interest=Interest(frozenset(["0-1"])))
    seen = [
        pid
        for pid in range(300)
        if len(state.history.series(Kind.PROCESS, "process_cpu_ratio", f"{pid}-1", 0.0).times)
    ]
    assert 0 in seen
    assert 299 in seen
    assert len(seen) <= 48


def test_tuimon_reports_its_own_cost():
    (state,) = advanced(Pipeline(), sample(0))
    assert state.cost.memory_bytes > 1e6
    assert 0 <= state.cost.tick_seconds < 10
