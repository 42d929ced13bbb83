"""Lanes: one device, one thread, one deadline."""

import math
import threading
import time
from queue import SimpleQueue

import pytest

from tuimon.engine.lane import LONGEST_PAUSE, PERIODS, Lane, pause_after
from tuimon.errors import ReadError, Reason, SourceLost
from tuimon.model.entity import Entities
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Catalogue, Kind, Metric, Type
from tuimon.model.sample import Event, Reading, Status
from tuimon.units import Unit

FAST, NORMAL, INVENTORY = Cadence.FAST, Cadence.NORMAL, Cadence.INVENTORY
POWER, PCIE, SIZE = "gpu_power_watts", "gpu_pcie_bytes_total", "gpu_memory_bytes"


def test_a_lane_that_was_never_asked_is_not_healthy(hand):
    assert hand.lane.outcome.health.status is Status.OPENING
    assert hand.lane.outcome.frames == {}


def test_a_reading_becomes_the_outcome(hand):
    frame = hand.turn()
    health = hand.lane.outcome.health
    assert frame.value(POWER, "GPU-0") == 1.0
    assert (health.status, health.text, health.reads, health.failures) == (Status.OK, "", 1, 0)
    assert health.latency == 0.0


def test_each_cadence_is_read_when_it_is_due(hand, reader):
    for _ in range(8):
        hand.turn(1.0)
    assert reader.asked.count(FAST) == 8
    assert reader.asked.count(NORMAL) == 4  # at once, one phase later, then every 3 s
    assert reader.asked.count(INVENTORY) == 2
    assert PERIODS[FAST] == 0


def test_several_due_cadences_are_read_in_the_readers_order(hand, reader):
    hand.turn()
    assert reader.asked == [FAST, NORMAL, INVENTORY]


def test_a_cadence_is_read_when_it_is_asked_for_always(hand, reader):
    for _ in range(3):
        hand.turn()
    reader.asked.clear()
    assert hand.ask(frozenset([INVENTORY]))
    hand.answer()
    assert INVENTORY in reader.asked


def test_a_value_of_a_slow_cadence_keeps_its_value_and_its_age(hand, reader, clock):
    hand.turn()
    hand.turn(1.0)  # the second of each, one phase after the first
    read_at = clock.now()
    reader.value = 2.0
    frame = hand.turn(1.0)
    assert frame.value(POWER, "GPU-0") == 2.0
    assert frame.value(SIZE, "GPU-0") == 1.0
    assert frame.age(SIZE, "GPU-0", clock.now()) == clock.now() - read_at == 1.0
    assert frame.age(POWER, "GPU-0", clock.now()) == 0.0


def test_a_lane_is_asked_once_at_a_time(hand, reader):
    reader.gate.clear()
    assert hand.ask()
    assert not hand.ask()
    reader.gate.set()
    hand.answer()
    assert hand.ask()
    hand.answer()


def test_a_failed_read_never_repeats_the_last_value(hand, reader):
    hand.turn()
    reader.error = ReadError(Reason.NO_PERMISSION, "ask root")
    frame = hand.turn(1.0)
    for metric in (POWER, PCIE):
        assert math.isnan(frame.value(metric, "GPU-0"))
        assert frame.reason(metric, "GPU-0") is Reason.NO_PERMISSION
    assert frame.value(SIZE, "GPU-0") == 1.0  # what it is does not end with what it does
    health = hand.lane.outcome.health
    assert (health.status, health.text, health.failures) == (Status.FAILED, "ask root", 1)


def test_an_error_of_any_kind_becomes_health_and_its_text_is_safe(hand, reader):
    hand.turn()
    reader.error = ZeroDivisionError("\x1b[2J by nought")
    frame = hand.turn(1.0)
    assert frame.reason(POWER, "GPU-0") is Reason.FAILED
    assert hand.lane.outcome.health.text == "ZeroDivisionError: ·[2J by nought"


def test_a_status_knows_since_when_it_is(hand, reader, clock):
    hand.turn()
    began = clock.now()
    hand.turn(5.0)
    assert hand.lane.outcome.health.since == began
    reader.error = ReadError(Reason.FAILED)
    hand.turn(1.0)
    assert hand.lane.outcome.health.since == clock.now()


def test_a_device_that_fails_is_left_alone_for_longer_and_longer():
    pauses = [pause_after(failures) for failures in range(9)]
    assert pauses == [0, 0, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE]
    assert pause_after(100_000) == LONGEST_PAUSE


def test_a_device_that_fails_is_not_asked_while_it_is_left_alone(hand, reader, clock):
    reader.error = ReadError(Reason.DEVICE_LOST)
    hand.turn()
    hand.turn(1.0)
    clock.move(1.9)
    assert not hand.ask()
    clock.move(0.2)
    assert hand.ask()
    hand.answer()
    clock.move(3.9)
    assert not hand.ask()


def test_a_device_that_is_back_is_read_in_full(hand, reader):
    for _ in range(3):
        hand.turn(1.0)
    reader.error = ReadError(Reason.DEVICE_LOST)
    hand.turn(1.0)
    reader.error = None
    reader.asked.clear()
    frame = hand.turn(1.0)
    assert reader.asked == [FAST, NORMAL, INVENTORY]
    assert frame.value(POWER, "GPU-0") == frame.value(PCIE, "GPU-0") == 1.0
    assert hand.lane.outcome.health.status is Status.OK


def test_back_off_begins_anew_after_a_good_read(hand, reader):
    reader.error = ReadError(Reason.FAILED)
    hand.turn(60.0)
    hand.turn(60.0)
    reader.error = None
    hand.turn(60.0)
    reader.error = ReadError(Reason.FAILED)
    hand.turn(60.0)
    assert hand.ask()  # one failure costs no pause
    hand.answer()


def test_a_hung_reader_is_late_after_its_deadline_and_shows_no_old_value(hand, reader, clock):
    hand.turn()
    reader.gate.clear()
    clock.move(1.0)
    assert hand.ask()
    assert hand.lane.late(clock.monotonic() + 0.9, 1.0).health.status is Status.OK
    clock.move(3.0)
    late = hand.lane.late(clock.monotonic(), 1.0)
    frame = late.frames[Kind.GPU]
    assert late.health.status is Status.LATE
    assert "no answer for 3 s" in late.health.text
    assert frame.reason(POWER, "GPU-0") is Reason.TIMEOUT
    assert math.isnan(frame.value(POWER, "GPU-0"))
    assert frame.value(SIZE, "GPU-0") == 1.0


def test_a_late_lane_is_struck_once_and_says_since_when(hand, reader, clock):
    hand.turn()
    reader.gate.clear()
    hand.ask()
    clock.move(2.0)
    first = hand.lane.late(clock.monotonic(), 1.0)
    clock.move(7.0)
    second = hand.lane.late(clock.monotonic(), 1.0)
    assert second.frames[Kind.GPU] is first.frames[Kind.GPU]
    assert second.health.since == first.health.since
    assert "no answer for 9 s" in second.health.text


def test_a_lane_that_answers_after_all_is_well_again_since_now(hand, reader, clock):
    hand.turn()
    reader.gate.clear()
    hand.ask()
    clock.move(9.0)
    hand.lane.late(clock.monotonic(), 1.0)
    reader.value = 7.0
    reader.gate.set()
    hand.answer()
    outcome = hand.lane.late(clock.monotonic(), 1.0)
    assert outcome.health.status is Status.OK
    assert outcome.health.since == clock.now()
    assert outcome.frames[Kind.GPU].value(POWER, "GPU-0") == 7.0


def test_latency_is_the_time_of_the_last_reading(hand, reader, clock):
    read = reader.read

    def slow(cadence, interest):
        clock.move(0.25)
        return read(cadence, interest)

    reader.read = slow
    hand.turn()
    assert hand.lane.outcome.health.latency == 0.75  # three cadences


def test_a_lane_that_hangs_at_its_first_read_is_late_with_nothing(hand, reader, clock):
    reader.gate.clear()
    hand.ask()
    clock.move(2.0)
    outcome = hand.lane.late(clock.monotonic(), 1.0)
    assert (outcome.health.status, dict(outcome.frames)) == (Status.LATE, {})


def test_events_come_once_even_if_the_read_fails_behind_them(hand, reader):
    event = Event(0.0, Kind.GPU, "GPU-0", "xid", 79)
    reader.events = (event,)
    read = reader.read

    def failing(cadence, interest):
        if cadence is NORMAL:
            raise ReadError(Reason.DEVICE_LOST)
        return read(cadence, interest)

    reader.read = failing
    hand.turn()
    assert hand.lane.events() == [event]
    assert hand.lane.events() == []


def test_a_void_source_is_told_to_its_supervisor(hand, reader):
    reader.error = SourceLost(Reason.DEVICE_LOST, "the driver is gone")
    hand.turn()
    assert hand.lane.outcome.lost_source
    reader.error = None
    hand.turn(1.0)
    assert not hand.lane.outcome.lost_source


def test_a_reader_is_closed_once_and_in_its_own_thread(hand, reader):
    hand.turn()
    hand.lane.close()
    hand.lane.join(5)
    assert reader.closed == ["lane nvml/0"]
    assert not hand.ask()


def test_a_reader_that_fails_to_close_disturbs_nobody(hand, reader):
    raised = []

    def close():
        raised.append(threading.current_thread().name)
        raise OSError("busy")

    reader.close = close
    hand.lane.close()
    hand.lane.join(5)
    assert raised == ["lane nvml/0"]


def test_closing_does_not_wait_for_a_hung_call(hand, reader):
    reader.gate.clear()
    hand.ask()
    hand.lane.close()
    assert hand.lane.busy
    assert reader.closed == []
    assert hand.lane._thread.daemon


def test_a_lanes_name_is_safe(clock, reader):
    reader.name = "nvml/\x1b[31m"
    lane = Lane(reader, {}, clock, SimpleQueue())
    assert lane.name == "nvml/·[31m"
    lane.close()


@pytest.mark.parametrize("kind", [Kind.DISK, Kind.GPU])
def test_a_frame_that_no_table_knows_is_a_failure_of_its_lane_only(hand, reader, kind):
    stray = Catalogue(kind, [Metric("x_ratio", kind, Unit.RATIO, Type.GAUGE, "X", "X.")])
    frame = Frame.of_cells(stray, Entities(), (), 0.0)
    reader.read = lambda cadence, interest: Reading((frame,))
    hand.turn()
    assert hand.lane.outcome.health.status is Status.FAILED


def test_a_slow_lane_is_not_a_dead_one(hand, reader, clock):
    reader.gate.clear()
    hand.ask()
    while not reader.asked:  # until the lane is in the call, which takes microseconds
        time.sleep(0.0005)
    clock.move(8.0)
    reader.gate.set()
    hand.answer()
    assert hand.lane.outcome.health.status is Status.OK
    assert hand.lane.outcome.health.text == "slow: a reading takes 8.0 s"
    reader.gate.clear()
    hand.ask()
    clock.move(4.0)
    shown = hand.lane.late(clock.monotonic(), 1.0)
    assert shown.frames[Kind.GPU].value(POWER, "GPU-0") == 1.0
    clock.move(8.1)
    shown = hand.lane.late(clock.monotonic(), 1.0)
    assert shown.health.status is Status.LATE
    assert shown.frames[Kind.GPU].reason(POWER, "GPU-0") is Reason.TIMEOUT
