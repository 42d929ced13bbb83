"""The live feed: every lane is asked, none is waited for longer than a tick may take."""

import random
import threading
import time
from queue import SimpleQueue

import pytest

from tuimon.engine import feed as feed_module
from tuimon.engine.feed import EARLY, EARLY_TICKS, PATIENCE, Feed, Live
from tuimon.engine.supervisor import ABSENT_PAUSE, SOUND_AFTER
from tuimon.errors import ReadError, Reason, SourceLost, UsageError
from tuimon.model.metric import Cadence, Kind
from tuimon.model.sample import Event, Status

POWER = "gpu_power_watts"
INTERVAL = 0.4
LOST = SourceLost(Reason.DEVICE_LOST, "the driver is gone: load it again")


@pytest.fixture
def live(clock):
    """Return a maker of feeds that are open, and end with the test."""
    made = []

    def make(*sources, settle=True, jitter=None):
        one = Live(sources, clock, jitter, early=0)
        made.append((one, sources))
        if settle:
            one.settle(5)
        return one

    yield make
    for one, sources in made:
        for source in sources:
            source.gate.set()
            for reader in source.readers:
                reader.gate.set()
        one.close()


def until(claim):
    """Wait for another thread to make *claim* true; it takes microseconds unless it never does."""
    end = time.monotonic() + 5
    while not claim():
        assert time.monotonic() < end
        time.sleep(0.0005)


def powers(sample):
    return list(sample.frames[Kind.GPU].row(POWER))


def statuses(sample):
    return {lane: health.status for lane, health in sample.health.items()}


def reasons(sample):
    frame = sample.frames[Kind.GPU]
    return [frame.reason(POWER, one.id) for one in frame.entities]


def reopened(one, source, clock, seconds):
    """Say whether the source is opened again within so many seconds."""
    before = source.opened
    clock.move(seconds)
    (supervisor,) = (one for one in one._supervisors if one._source is source)
    until(lambda: supervisor.tend() or not supervisor._opening)
    return source.opened > before


def test_live_is_a_feed(live, source, readers):
    one: Feed = live(source(*readers(1)))
    assert not one.replayed


def test_every_device_is_in_the_sample(live, source, readers, clock):
    made = readers(3)
    for value, reader in enumerate(made):
        reader.value = float(value)
    sample = live(source(*made)).sample(INTERVAL)
    assert powers(sample) == [0.0, 1.0, 2.0]
    assert (sample.at, sample.monotonic, sample.missed) == (clock.now(), clock.monotonic(), 0)
    assert set(statuses(sample).values()) == {Status.OK}


def test_a_source_that_takes_long_to_open_is_not_waited_for(live, source, readers):
    slow = source(*readers(1), name="slow")
    slow.gate.clear()
    one = live(slow, settle=False)
    sample = one.sample(INTERVAL)
    assert statuses(sample) == {"slow": Status.OPENING}
    assert dict(sample.frames) == {}
    assert not one.healthy


def test_a_hung_reader_costs_its_own_frames_only(live, source, readers, clock):
    made = readers(3)
    one = live(source(*made))
    one.sample(INTERVAL)
    made[1].gate.clear()
    for _ in range(3):
        clock.move(1.0)
        for reader in made:
            reader.value += 1
        sample = one.sample(INTERVAL)
    assert statuses(sample) == {"nvml/0": Status.OK, "nvml/1": Status.LATE, "nvml/2": Status.OK}
    assert powers(sample)[0] == powers(sample)[2] == 4.0
    assert reasons(sample) == [Reason.KNOWN, Reason.TIMEOUT, Reason.KNOWN]


def test_no_tick_waits_longer_than_its_patience_and_none_for_a_known_laggard(
    live, source, readers, clock, monkeypatch
):
    waits = []

    class Watched(SimpleQueue):
        def get(self, block=True, timeout=None):
            waits.append(timeout)
            return super().get(block, timeout)

    monkeypatch.setattr(feed_module, "SimpleQueue", Watched)
    made = readers(2)
    one = live(source(*made))
    made[1].gate.clear()
    one.sample(INTERVAL)
    assert waits
    assert PATIENCE < 1
    assert max(waits) <= PATIENCE * INTERVAL + 1e-6
    waits.clear()
    clock.move(1.0)
    one.sample(INTERVAL)
    assert len(waits) == 1  # the good lane only


def test_a_lane_that_answers_after_all_is_in_the_next_sample(live, source, readers, clock):
    (reader,) = readers(1)
    one = live(source(reader))
    one.sample(INTERVAL)
    lane = one._supervisors[0].lanes[0]
    reader.gate.clear()
    clock.move(2.0)
    one.sample(INTERVAL)
    clock.move(2.0)
    assert reasons(one.sample(INTERVAL)) == [Reason.TIMEOUT]
    reader.value = 5.0
    reader.gate.set()
    until(lambda: not lane.busy)
    assert powers(one.sample(INTERVAL)) == [5.0]


def test_a_late_answer_is_not_taken_for_the_next_one(live, source, readers):
    (reader,) = readers(1)
    one = live(source(reader))
    reader.gate.clear()
    one.sample(INTERVAL)
    reader.gate.set()
    until(lambda: not one._supervisors[0].lanes[0].busy)
    read = reader.read

    def slowly(cadence, interest):
        time.sleep(0.01)
        return read(cadence, interest)

    for value in (7.0, 8.0, 9.0):
        reader.value, reader.read = value, slowly
        assert powers(one.sample(20.0)) == [value]


def test_answers_that_nobody_waits_for_do_not_pile_up(live, source, readers, clock):
    (reader,) = readers(1)
    one = live(source(reader))
    read = reader.read

    def slowly(cadence, interest):
        clock.move(0.5)
        return read(cadence, interest)

    reader.read = slowly
    lane = one._supervisors[0].lanes[0]
    for _ in range(30):
        one.sample(INTERVAL)
        until(lambda: not lane.busy)
    assert one._done.qsize() <= 1


def test_a_lost_device_takes_no_other_along_and_is_read_in_full_when_it_is_back(
    live, source, readers, clock
):
    made = readers(2)
    one = live(source(*made))
    one.sample(INTERVAL)
    made[0].error = ReadError(Reason.DEVICE_LOST, "GPU 0 fell off the bus")
    for _ in range(5):
        clock.move(1.0)
        sample = one.sample(INTERVAL)
        assert reasons(sample) == [Reason.DEVICE_LOST, Reason.KNOWN]
    assert sample.health["nvml/0"].text == "GPU 0 fell off the bus"
    made[0].error = None
    made[0].asked.clear()
    clock.move(60.0)
    assert reasons(one.sample(INTERVAL)) == [Reason.KNOWN, Reason.KNOWN]
    assert made[0].asked == [Cadence.FAST, Cadence.NORMAL, Cadence.INVENTORY]


@pytest.mark.parametrize(
    "trouble",
    [
        (ReadError(Reason.FAILED, "no answer from \x1b"), Status.FAILED, "no answer from ·", 1.0),
        (ReadError(Reason.NOT_SUPPORTED, "no GPU"), Status.ABSENT, "no GPU", ABSENT_PAUSE),
        (RuntimeError("oh"), Status.FAILED, "RuntimeError: oh", 1.0),
    ],
)
def test_a_source_that_fails_to_open_says_so_and_is_opened_again(
    live, source, readers, clock, trouble
):
    error, status, text, pause = trouble
    broken, well = source(*readers(1), name="broken"), source(*readers(1), name="well")
    broken.error = error
    one = live(broken, well)
    began = clock.now()
    sample = one.sample(INTERVAL)
    assert (sample.health["broken"].status, sample.health["broken"].text) == (status, text)
    assert powers(sample) == [1.0]
    clock.move(pause - 0.1)
    one.sample(INTERVAL)
    assert broken.opened == 1
    assert reopened(one, broken, clock, 0.2)
    health = one.sample(INTERVAL).health["broken"]
    assert (health.since, health.failures) == (began, 2)
    broken.error = None
    assert reopened(one, broken, clock, ABSENT_PAUSE)
    sample = one.sample(INTERVAL)
    assert statuses(sample) == {"nvml/0": Status.OK}


def test_what_was_asked_for_and_not_there_ends_the_program_at_the_start_only(
    live, source, readers, clock
):
    one = source(*readers(1))
    one.error = UsageError("no GPU 7")
    with pytest.raises(UsageError, match="no GPU 7"):
        live(one)
    one.error = None
    feed = live(one)
    feed.sample(INTERVAL)
    one.readers[0].error = SourceLost(Reason.FAILED, "the driver is gone")
    clock.move(INTERVAL)
    feed.sample(INTERVAL)
    one.error = UsageError("no GPU 7")
    until(lambda: feed.sample(INTERVAL).health["nvml"].status is Status.FAILED)
    assert reopened(feed, one, clock, 5.0)
    health = feed.sample(INTERVAL).health["nvml"]
    assert (health.status, health.text) == (Status.FAILED, "no GPU 7")


def test_a_source_that_hangs_as_it_opens_is_late(live, source, readers, clock):
    one = source(*readers(1))
    one.gate.clear()
    feed = live(one, settle=False)
    assert feed.sample(INTERVAL).health["nvml"].status is Status.OPENING
    clock.move(12.0)
    health = feed.sample(INTERVAL).health["nvml"]
    assert (health.status, health.since) == (Status.LATE, clock.now() - 12.0)
    assert "not answered for 12 s" in health.text


def test_a_source_that_never_opens_leaves_the_engine_alive_for_days(live, source, clock):
    broken = source(name="broken")
    broken.error = ReadError(Reason.FAILED, "no")
    one = live(broken)
    one._supervisors[0]._failures = 5000
    for _ in range(3):
        assert not reopened(one, broken, clock, 0.5)
        assert reopened(one, broken, clock, 60.0)
    assert statuses(one.sample(INTERVAL)) == {"broken": Status.FAILED}


def test_a_source_with_no_device_is_well_and_looked_at_again(live, source, clock):
    empty = source()
    one = live(empty)
    assert statuses(one.sample(INTERVAL)) == {"nvml": Status.OK}
    assert reopened(one, empty, clock, ABSENT_PAUSE + 1)


def lose(one, made, clock, reader=0):
    """Let a reader say that its source is void; return the sample behind that."""
    made[reader].error = LOST
    clock.move(1.0)
    one.sample(INTERVAL)
    sample = one.sample(INTERVAL)
    made[reader].error = None
    return sample


def test_nothing_of_a_lost_source_is_known_or_healthy(live, source, readers, clock):
    made = readers(2)
    one = live(source(*made))
    one.sample(INTERVAL)
    sample = lose(one, made, clock)
    assert reasons(sample) == [Reason.DEVICE_LOST, Reason.DEVICE_LOST]
    assert set(statuses(sample).values()) == {Status.FAILED}
    assert sample.health["nvml"].text == str(LOST)
    assert sample.frames[Kind.GPU].value("gpu_memory_bytes", "GPU-1") == 1.0
    assert not one.healthy
    until(lambda: all(len(reader.closed) == 1 for reader in made))


def test_a_lost_source_is_opened_again_and_read_in_full(live, source, readers, clock):
    made = readers(1)
    nvml = source(*made)
    one = live(nvml)
    one.sample(INTERVAL)
    lose(one, made, clock)
    made[0].asked.clear()
    assert not reopened(one, nvml, clock, 0.9)
    assert reopened(one, nvml, clock, 0.2)
    assert statuses(one.sample(INTERVAL)) == {"nvml/0": Status.OK}
    assert made[0].asked[:3] == [Cadence.FAST, Cadence.NORMAL, Cadence.INVENTORY]
    assert reasons(one.sample(INTERVAL)) == [Reason.KNOWN]


def test_a_source_that_is_lost_again_and_again_is_opened_less_and_less(
    live, source, readers, clock
):
    made = readers(2)
    nvml = source(*made)
    one = live(nvml)
    one.sample(INTERVAL)
    for pause in (1.0, 2.0, 4.0, 8.0):
        lose(one, made, clock)
        assert not reopened(one, nvml, clock, pause - 0.1)
        assert reopened(one, nvml, clock, 0.2)
    clock.move(SOUND_AFTER)
    lose(one, made, clock)
    assert reopened(one, nvml, clock, 1.1)


def test_events_of_a_lane_are_not_lost_with_it(live, source, readers, clock):
    (reader,) = readers(1)
    one = live(source(reader))
    one.sample(INTERVAL)
    event = Event(clock.now(), Kind.GPU, "GPU-0", "xid", 79)
    reader.gate.clear()
    clock.move(1.0)
    one.sample(INTERVAL)  # it hangs, and answers between two ticks
    read = reader.read

    def dying(cadence, interest):
        raise LOST

    lane = one._supervisors[0].lanes[0]
    reader.events, reader.read = (event,), dying
    lane._due[Cadence.NORMAL] = -1.0
    reader.gate.set()
    until(lambda: not lane.busy)
    clock.move(1.0)
    reader.read = read
    found = [*one.sample(INTERVAL).events, *one.sample(INTERVAL).events]
    assert found == [event]


def test_the_time_before_the_first_tick_is_not_missed(live, source, readers, clock):
    one = live(source(*readers(1)))
    clock.move(30.0)
    one.sample(1.0)
    assert one.pause(1.0) == pytest.approx(1.0)
    assert one.sample(1.0).missed == 0


def test_the_first_ticks_come_quickly(source, readers, clock):
    one = Live([source(*readers(1))], clock)
    pauses = []
    for _ in range(EARLY_TICKS + 1):
        one.sample(1.0)
        pauses.append(one.pause(1.0))
        clock.move(pauses[-1])
    assert pauses == [EARLY] * EARLY_TICKS + [pytest.approx(1.0)]
    one.close()


def test_ticks_come_on_their_turn_whatever_they_take(live, source, readers, clock):
    one = live(source(*readers(1)))
    for took in (0.3, 0.1, 0.9):
        one.sample(INTERVAL)
        clock.move(took)
        pause = one.pause(1.0)
        assert pause == pytest.approx(1.0 - took)
        clock.move(pause)


def test_missed_ticks_are_skipped_and_counted_and_never_burst(live, source, readers, clock):
    one = live(source(*readers(1)))
    one.sample(INTERVAL)
    clock.move(4.5)
    assert one.pause(1.0) == 0.0
    assert one.sample(INTERVAL).missed == 3
    pauses = []
    for _ in range(4):
        pauses.append(one.pause(1.0))
        clock.move(pauses[-1])
        assert one.sample(INTERVAL).missed == 0
    assert pauses == pytest.approx([0.5, 1.0, 1.0, 1.0])


def test_a_machine_that_slept_ticks_once_when_it_wakes(live, source, readers, clock):
    one = live(source(*readers(1)))
    one.sample(INTERVAL)
    one.pause(1.0)
    clock.move(8 * 3600)
    assert one.pause(1.0) <= 1.0
    assert one.sample(INTERVAL).missed == pytest.approx(8 * 3600, abs=2)
    assert one.pause(1.0) == pytest.approx(1.0)


def test_a_shorter_interval_counts_at_once(live, source, readers, clock):
    one = live(source(*readers(1)))
    one.sample(INTERVAL)
    assert one.pause(60.0) == pytest.approx(60.0)
    clock.move(2.0)  # the engine is woken because the interval was changed
    one.sample(INTERVAL)
    assert one.pause(1.0) == pytest.approx(1.0)
    assert one.sample(INTERVAL).missed == 0


def test_jitter_moves_each_tick_within_its_turn(live, source, readers, clock):
    one = live(source(*readers(1)), jitter=random.Random(5))  # noqa: S311 -- a phase is no secret
    one.sample(INTERVAL)
    began, phases = clock.monotonic(), []
    for turn in range(1, 40):
        clock.move(one.pause(1.0))
        phases.append(clock.monotonic() - began - turn)
    assert all(0 <= phase <= 1 for phase in phases)
    assert max(phases) > 0.8
    assert min(phases) < 0.2


def test_what_is_asked_for_always_is_read_now(live, source, readers, clock):
    (reader,) = readers(1)
    one = live(source(reader))
    for _ in range(3):
        clock.move(1.0)
        one.sample(INTERVAL)
    reader.asked.clear()
    one.sample(INTERVAL, always=frozenset(Cadence))
    assert reader.asked == [Cadence.FAST, Cadence.NORMAL, Cadence.INVENTORY]


def test_closing_waits_for_no_device(live, source, readers):
    made = readers(2)
    one = live(source(*made))
    one.sample(INTERVAL)
    made[0].gate.clear()
    one.sample(INTERVAL)
    began = time.monotonic()
    one.close()
    assert time.monotonic() - began < 5
    until(lambda: len(made[1].closed) == 1)
    assert made[0].closed == []
    assert all(one.daemon for one in threading.enumerate() if one.name.startswith("lane"))
