"""Replay: a recording goes through the same engine, at its own pace."""

import math

import numpy as np
import pytest

from tuimon.engine import Engine, Feed
from tuimon.errors import RecordingError, UsageError
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import CADENCES, Frame
from tuimon.model.metric import Catalogue, Kind, Metric, Type
from tuimon.model.sample import Sample
from tuimon.model.source import NO_INTEREST
from tuimon.sources.replay import Replay
from tuimon.store.recording import HEAD, Writer
from tuimon.units import Unit

T0 = 1_760_000_000.0
HOST = Catalogue(
    Kind.HOST,
    [Metric("host_sent_bytes_total", Kind.HOST, Unit.BYTES, Type.COUNTER, "Sent", "Bytes sent.")],
)
BOX = Entities([Entity("host", "box")])


class HandClock:
    """Monotonic seconds that are moved by hand."""

    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time


def sample(at, sent=0.0, monotonic=None):
    values = np.array([[sent]])
    frame = Frame(
        HOST, BOX, values, np.zeros((1, 1), np.uint8), np.full((CADENCES, 1), T0 + at)
    ).sealed()
    return Sample(T0 + at, at if monotonic is None else monotonic, {Kind.HOST: frame})


@pytest.fixture
def recording(tmp_path):
    def make(*samples):
        path = tmp_path / "night.rec"
        with Writer(path) as writer:
            for one in samples:
                writer.write(one)
        return path

    return make


def drained(feed):
    found = []
    while (one := feed.sample(1.0, NO_INTEREST)) is not None:
        found.append(one.at - T0)
    return found


def test_replay_is_a_feed_of_recorded_samples(recording):
    with Replay(recording(*(sample(at) for at in range(25)))) as replay:
        feed: Feed = replay
        assert feed.replayed
        assert drained(feed) == list(range(25))
        assert feed.sample(1.0, NO_INTEREST) is None


def test_a_pause_is_the_recorded_gap_by_the_speed(recording):
    clock = HandClock()
    replay = Replay(recording(sample(0), sample(2), sample(7)), speed=2.0, clock=clock)
    replay.sample(1.0, NO_INTEREST)
    assert replay.pause(1.0) == pytest.approx(1.0)
    clock.time += 1.0
    replay.sample(1.0, NO_INTEREST)
    assert replay.pause(1.0) == pytest.approx(2.5)
    replay.close()


def test_the_time_a_sample_takes_is_no_part_of_the_pause(recording):
    clock = HandClock()
    replay = Replay(recording(*(sample(at) for at in range(5))), clock=clock)
    for _ in range(4):
        replay.sample(1.0, NO_INTEREST)
        clock.time += 0.3
        pause = replay.pause(1.0)
        assert pause == pytest.approx(0.7)
        clock.time += pause
    replay.close()


def test_what_was_slept_through_is_not_burst(recording):
    clock = HandClock()
    replay = Replay(recording(*(sample(at) for at in range(5))), clock=clock)
    replay.sample(1.0, NO_INTEREST)
    clock.time += 1000
    assert replay.pause(1.0) == pytest.approx(1.0)
    replay.close()


def test_a_speed_of_nought_never_pauses(recording):
    with Replay(recording(sample(0), sample(9)), speed=0) as replay:
        replay.sample(1.0, NO_INTEREST)
        assert replay.pause(1.0) == 0.0


def test_a_hole_or_a_jump_in_the_recording_pauses_for_one_interval(recording):
    path = recording(sample(0), sample(9000), sample(9001, monotonic=3.0))
    clock = HandClock()
    with Replay(path, clock=clock) as replay:
        for _ in range(2):
            replay.sample(2.0, NO_INTEREST)
            assert replay.pause(2.0) == pytest.approx(2.0)
            clock.time += 2.0


@pytest.mark.parametrize("speed", [-1.0, math.nan, math.inf])
def test_an_impossible_speed_is_misuse(recording, speed):
    with pytest.raises(UsageError, match="is not possible"):
        Replay(recording(sample(0)), speed=speed)


def test_everything_up_to_a_moment_makes_its_rates_and_its_past(recording):
    path = recording(*(sample(at, sent=100.0 * at) for at in range(30)))
    with Replay(path, speed=0) as replay:
        engine = Engine(replay)
        states = [engine.advance(one) for one in replay.until(T0 + 12.5)]
    last = states[-1]
    assert last.at == T0 + 12
    assert last.replayed
    assert last.frames[Kind.HOST].value("host_sent_bytes_per_second", "host") == pytest.approx(100)
    series = last.history.series(Kind.HOST, "host_sent_bytes_per_second", "host", T0)
    assert list(series.times - T0) == list(range(13))


def test_replay_goes_on_behind_the_moment(recording):
    with Replay(recording(*(sample(at) for at in range(6)))) as replay:
        assert [one.at - T0 for one in replay.until(T0 + 2)] == [0, 1, 2]
        assert drained(replay) == [3, 4, 5]


def test_replay_begins_where_it_is_told_to(recording):
    with Replay(recording(*(sample(at) for at in range(25)))) as replay:
        replay.seek(T0 + 13.5)
        assert drained(replay) == list(range(14, 25))
        replay.seek(T0)
        assert drained(replay) == list(range(25))


@pytest.mark.parametrize("at", [T0 - 1, T0 + 25, math.nan, math.inf])
def test_a_moment_outside_of_the_recording_is_misuse_that_names_its_span(recording, at):
    with Replay(recording(*(sample(at) for at in range(25)))) as replay:
        with pytest.raises(UsageError, match=r"night.rec holds nothing of .*: it goes from 20"):
            replay.until(at)
        with pytest.raises(UsageError):
            replay.seek(at)
        assert drained(replay) == list(range(25))


def test_a_recording_without_samples_cannot_be_replayed(tmp_path):
    (tmp_path / "a").write_bytes(HEAD)
    with pytest.raises(RecordingError, match="holds no sample"):
        Replay(tmp_path / "a")


def test_a_damaged_recording_replays_what_is_left_and_counts_the_rest(recording):
    path = recording(*(sample(at) for at in range(30)))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with Replay(path) as replay:
        assert drained(replay) == [*range(10), *range(20, 30)]
        assert replay.damaged == 1


def test_a_recording_that_is_damaged_all_over_cannot_be_replayed(recording):
    path = recording(sample(0))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(RecordingError, match="nothing in"):
        Replay(path)


def test_the_engine_ends_with_the_recording(recording):
    engine = Engine(Replay(recording(*(sample(at) for at in range(5))), speed=0))
    ticks = []
    engine.subscribe(lambda state: ticks.append(state.tick))
    engine.start()
    assert engine._thread is not None
    engine._thread.join(5)
    assert not engine._thread.is_alive()
    assert engine.failure is None
    assert ticks == [1, 2, 3, 4, 5]
    engine.stop()


def test_a_replay_makes_the_states_that_were_live(machine, tmp_path):
    live = machine.states(gpus=2)
    with Writer(tmp_path / "a", processes=100_000) as writer:
        for state in live:
            writer.write(state.sample)
    with Replay(tmp_path / "a", speed=0) as replay:
        engine = Engine(replay)
        again = [engine.step() for _ in live]
    for was, now in zip(live, again, strict=True):
        assert now.health == was.health
        assert list(now.frames) == list(was.frames)
        for kind, frame in was.frames.items():
            assert np.array_equal(frame.values, now.frames[kind].values, equal_nan=True)
            assert np.array_equal(frame.reasons, now.frames[kind].reasons)
            assert [one.id for one in frame.entities] == [one.id for one in now.entities(kind)]
            assert [one.labels for one in frame.entities] == [
                one.labels for one in now.entities(kind)
            ]
