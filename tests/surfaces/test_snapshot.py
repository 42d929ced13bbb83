"""The snapshot: text like the screen, and JSON whose form is a promise."""

import json
import math
from datetime import datetime

import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Kind
from tuimon.model.sample import Event, Status
from tuimon.surfaces.ansi import Depth
from tuimon.surfaces.frames.overview import overview
from tuimon.surfaces.frames.row import plain
from tuimon.surfaces.frames.view import View
from tuimon.surfaces.snapshot import SCHEMA, as_json, as_text
from tuimon.surfaces.themes import load

VIEW = View(charts=False, cursor=False)


def _no_constant(name):
    raise AssertionError(name)


def _document(state, columns=None, **options):
    text = as_json(state, columns or {}, **({"indent": False} | options))
    return json.loads(text, parse_constant=_no_constant)


def test_the_text_is_the_screen_without_its_bottom_line(machine):
    state = machine.state(2)
    text = as_text(state, VIEW, load("tuimon"), Depth.PLAIN, (120, 36))
    rows = [plain(row).rstrip() for row in overview(state, VIEW, (), 120, 36)[:-1]]
    while not rows[-1]:
        rows.pop()
    assert text == "\n".join(rows) + "\n"


def test_the_text_looks_like_this(machine, golden):
    golden("snapshot", as_text(machine.state(2), VIEW, load("tuimon"), Depth.PLAIN, (120, 30)))


def test_the_document_says_what_was_measured(machine):
    state = machine.state(2)
    told = _document(state)
    assert told["schema"] == SCHEMA == "tuimon.snapshot/1"
    assert set(told) >= {
        "tuimon",
        "at",
        "time",
        "replayed",
        "health",
        "events",
        "gpu",
        "host",
        "process",
    }
    assert told["at"] == state.at
    assert datetime.fromisoformat(told["time"]).timestamp() == state.at
    assert [one["index"] for one in told["gpu"]] == [0, 1]
    frame = state.frames[Kind.GPU]
    for gpu, entity in zip(told["gpu"], frame.entities, strict=True):
        assert set(gpu) == {
            "id",
            "name",
            "index",
            "parent",
            "labels",
            "values",
            "missing",
            "age_seconds",
        }
        assert gpu["id"] == entity.id
        for name, value in gpu["values"].items():
            known = frame.value(name, entity.id)
            assert (value is None) == math.isnan(known)
            assert value is None or value == pytest.approx(known, rel=1e-11)


def test_every_null_has_its_reason_and_nothing_else_has(machine):
    state = machine.missing(machine.state(8), Kind.GPU, Reason.DEVICE_LOST, 3)
    told = _document(state)
    for kind in Kind:
        for one in told.get(kind.value, ()):
            empty = {name for name, value in one["values"].items() if value is None}
            assert empty == set(one["missing"])
            assert set(one["missing"].values()) <= {reason.label for reason in Reason if reason}
    assert told["gpu"][3]["missing"]["gpu_power_watts"] == "DeviceLost"
    assert told["gpu"][3]["values"]["gpu_power_watts"] is None


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e300, 2.0**53, -0.0, 1e-9])
def test_numbers_that_json_lacks_are_not_written(machine, value):
    state = machine.changed(machine.state(1), Kind.GPU, "gpu_power_watts", value)
    (gpu,) = _document(state)["gpu"]
    told = gpu["values"]["gpu_power_watts"]
    assert told is None if math.isinf(value) else told == value
    assert ("gpu_power_watts" in gpu["missing"]) == math.isinf(value)


def test_whole_numbers_have_no_point(machine):
    state = machine.changed(machine.state(1), Kind.GPU, "gpu_memory_used_bytes", 65380810752.0)
    assert '"gpu_memory_used_bytes": 65380810752,' in as_json(state, {}, indent=False)


def test_only_the_chosen_entities_are_told(machine):
    state = machine.state(2)
    told = _document(state, {Kind.PROCESS: [3, 1]})
    frame = state.frames[Kind.PROCESS]
    assert [one["id"] for one in told["process"]] == [frame.entities[3].id, frame.entities[1].id]
    assert _document(state, {Kind.PROCESS: []})["process"] == []


def test_what_is_not_there_has_no_field(machine):
    assert "gpu" not in _document(machine.without(machine.state(1), Kind.GPU))
    assert set(_document(machine.empty(machine.state(1)))) == {
        "schema", "tuimon", "at", "time", "replayed", "health", "events",
    }  # fmt: skip


def test_health_and_events_are_told(machine):
    from dataclasses import replace

    state = machine.ailing(machine.state(1), "nvml/1", Status.FAILED, "it is lost")
    gpu = state.entities(Kind.GPU)[0].id
    state = replace(state, events=(Event(state.at, Kind.GPU, gpu, "xid", 79, "fell off the bus"),))
    told = _document(state)
    ailing = {"lane": "nvml/1", "status": "failed", "text": "it is lost", "latency_seconds": None}
    assert ailing in told["health"]
    assert told["events"] == [
        {
            "at": state.at,
            "kind": "gpu",
            "entity": gpu,
            "name": "xid",
            "code": 79,
            "text": "fell off the bus",
        }
    ]


def test_ages_are_never_below_0(machine):
    told = _document(machine.state(8))
    ages = [
        age
        for kind in Kind
        for one in told.get(kind.value, ())
        for age in one["age_seconds"].values()
    ]
    assert ages
    assert min(ages) >= 0


def test_names_of_every_script_survive(machine):
    name = '学習 "quoted" \\ [bold] é'
    (gpu,) = _document(machine.renamed(machine.state(1), name, Kind.GPU))["gpu"]
    assert gpu["name"] == name


def test_into_a_stream_of_ascii_the_document_is_ascii(machine):
    state = machine.renamed(machine.state(1), "学習", Kind.GPU)
    text = as_json(state, {}, indent=False, ascii_only=True)
    assert text.isascii()
    assert json.loads(text)["gpu"][0]["name"] == "学習"
