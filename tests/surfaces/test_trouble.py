"""What is said of a GPU and in the top line when something is wrong."""

from dataclasses import replace

import numpy as np
import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Kind
from tuimon.model.sample import Event, Status
from tuimon.surfaces.frames.card import short_name
from tuimon.surfaces.frames.cell import Column
from tuimon.surfaces.frames.header import header
from tuimon.surfaces.frames.processes import COLUMNS, Context
from tuimon.surfaces.frames.row import plain
from tuimon.surfaces.frames.trouble import is_bad, silent, state_of
from tuimon.surfaces.frames.view import View


def _column(state, gpu=0):
    return Column(state.frames[Kind.GPU], gpu)


def _event(state, code, gpu, ago=5.0):
    return Event(state.at - ago, Kind.GPU, state.entities(Kind.GPU)[gpu].id, "xid", code)


def _top(state, width=160):
    return plain(header(state, View(), width))


# fmt: off
STATES = [
    ("gpu_clock_event_reasons",    0x48, "P0 hw hot",        "bad"),
    ("gpu_clock_event_reasons",    0x88, "P0 brake",         "bad"),
    ("gpu_clock_event_reasons",    0x0C, "P0 hw slow",       "bad"),
    ("gpu_clock_event_reasons",    0x24, "P0 sw hot",        "warn"),
    ("gpu_clock_event_reasons",    0x04, "P0 pwr cap",       "warn"),
    ("gpu_clock_event_reasons",    0x10, "P0 sync",          "warn"),
    ("gpu_clock_event_reasons",   0x400, "P0 reliability",   "warn"),
    ("gpu_clock_event_reasons",       0, "P0",               "muted"),
    ("gpu_clock_event_reasons",  np.nan, "P0",               "muted"),
    ("gpu_ecc_uncorrected_total",     3, "P0 ECC 3",         "bad"),
    ("gpu_remap_pending",             1, "P0 remap pending", "warn"),
    ("gpu_remap_failed",              1, "P0 remap failed",  "bad"),
    ("gpu_recovery_action",           1, "P0 reset needed",  "bad"),
    ("gpu_recovery_action",           5, "P0 recover IMEX domain", "bad"),
    ("gpu_utilization_ratio",    np.nan, "failed",           "bad"),
]
SILENT = [
    (Reason.DEVICE_LOST, "lost"),
    (Reason.TIMEOUT,     "no answer"),
    (Reason.FAILED,      "failed"),
]
LETTERS = "RSDZTtIXKWP"
# fmt: on


@pytest.mark.parametrize(("metric", "value", "text", "style"), STATES)
def test_the_state_of_a_gpu_is_told_in_short_words(machine, metric, value, text, style):
    column = _column(machine.changed(machine.state(2), Kind.GPU, metric, value))
    assert state_of(column) == (text, style)
    assert is_bad(column) is (style == "bad")


def test_the_worst_is_told_first(machine):
    state = machine.changed(machine.state(2), Kind.GPU, "gpu_clock_event_reasons", 0x48)
    for metric, text in (
        ("gpu_ecc_uncorrected_total", "P0 ECC 1"),
        ("gpu_remap_pending", "P0 remap pending"),
        ("gpu_remap_failed", "P0 remap failed"),
        ("gpu_recovery_action", "P0 reset needed"),
    ):
        state = machine.changed(state, Kind.GPU, metric, 1)
        assert state_of(_column(state))[0] == text
    assert state_of(_column(machine.missing(state, Kind.GPU, Reason.TIMEOUT)))[0] == "no answer"


def test_the_p_state_gives_way_to_what_is_wrong(machine):
    column = _column(machine.changed(machine.state(2), Kind.GPU, "gpu_remap_failed", 1))
    assert state_of(column, 12)[0] == "remap failed"


@pytest.mark.parametrize(("reason", "word"), SILENT)
def test_a_gpu_that_tells_nothing_has_one_word_for_it(machine, reason, word):
    column = _column(machine.missing(machine.state(2), Kind.GPU, reason, 0))
    assert state_of(column) == (word, "bad")
    assert silent(column) is reason
    assert is_bad(column)


def test_full_memory_is_bad(machine):
    state = machine.state(2)
    total = _column(state).value("gpu_memory_total_bytes")
    assert not is_bad(_column(state))
    assert is_bad(_column(machine.changed(state, Kind.GPU, "gpu_memory_used_bytes", total)))


@pytest.mark.parametrize(
    ("room", "text"),
    [(14, "H100 80GB HBM3"), (13, "H100 80GB"), (8, "H100"), (4, "H100"), (3, "")],
)
def test_a_name_is_shortened_by_whole_words(machine, room, text):
    assert short_name(_column(machine.state(2)), room) == text


@pytest.mark.parametrize("number", range(1, 12))
def test_the_state_of_a_process_has_the_letter_of_proc(machine, number):
    state = machine.changed(machine.state(2), Kind.PROCESS, "process_state", number)
    column = next(one for one in COLUMNS if one.name == "state")
    text, _ = column.text(Column(state.frames[Kind.PROCESS], 0), Context(state, {}))
    assert text == LETTERS[number - 1]


def test_an_unknown_state_of_a_process_is_no_letter(machine):
    column = next(one for one in COLUMNS if one.name == "state")
    for value in (99, np.nan):
        state = machine.changed(machine.state(2), Kind.PROCESS, "process_state", value)
        text = column.text(Column(state.frames[Kind.PROCESS], 0), Context(state, {}))[0]
        assert text == "?"


def test_gpu_cells_of_a_process_say_why_they_are_missing(machine):
    column = next(one for one in COLUMNS if one.name == "gmem")
    state = machine.missing(machine.state(2), Kind.PROCESS, Reason.TIMEOUT, 0)
    context = Context(state, {})
    assert column.text(Column(state.frames[Kind.PROCESS], 0), context) == ("late", "unknown")
    state = machine.missing(state, Kind.PROCESS, Reason.NOT_SUPPORTED, 0)
    assert column.text(Column(state.frames[Kind.PROCESS], 0), context)[0] == ""


def test_an_xid_is_told_with_the_number_of_others(machine):
    state = machine.state(8)
    events = (_event(state, 31, 2), _event(state, 79, 1, 4.0), _event(state, 79, 1, 3.0))
    assert "! XID 79 GPU 1 14:13:57 +1 " in _top(replace(state, events=events))
    assert "! XID 79 GPU 1 14:13:57  " in _top(replace(state, events=events[1:]))
    assert "XID" not in _top(replace(state, events=(_event(state, 31, 2, 700.0),)))


def test_alerts_win_the_top_line_at_every_width(machine, exact):
    state = replace(machine.state(8), events=())
    state = replace(state, events=(_event(state, 79, 1), _event(state, 31, 2)))
    state = machine.renamed(state, "a-very-long-name-of-a-host-in-a-cluster", Kind.HOST)
    for width in range(60, 200):
        row = header(state, View(), width)
        exact([row], width, 1)
        assert "! XID 31 GPU 2 14:13:55 +1" in plain(row), width
        assert "a-very-" in plain(row), width


def test_lanes_that_are_not_well_are_told_by_their_gpu(machine):
    state = machine.state(8)
    late = machine.ailing(state, "nvml/3", Status.LATE, "no answer")
    late = replace(late, sample=replace(late.sample, at=late.at + 12))
    assert "! GPU 3 no answer 12s " in _top(late)
    assert "! GPU 2 failed " in _top(machine.ailing(state, "nvml/2", Status.FAILED, "x"))
    lost = machine.missing(state, Kind.GPU, Reason.DEVICE_LOST, 2)
    assert "! GPU 2 lost " in _top(machine.ailing(lost, "nvml/2", Status.FAILED, "x"))
    assert "! host/disks no answer " in _top(machine.ailing(state, "host/disks", Status.LATE, ""))
    for gpu in range(8):
        state = machine.ailing(state, f"simulated/gpu{gpu}", Status.LATE, "no answer")
    assert "! 8 GPUs no answer " in _top(state)
