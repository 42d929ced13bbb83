"""`tuimon snapshot` as the shell sees it."""

# ruff: noqa: E501 -- its tables are read across

import json
import os
import pty
import subprocess
import sys

import pytest

from tuimon.engine.pipeline import Pipeline
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Catalogue, Kind, Metric, Type
from tuimon.model.sample import Sample
from tuimon.model.source import NO_INTEREST
from tuimon.surfaces.snapshot import as_json
from tuimon.units import Unit


def _no_constant(name):
    raise AssertionError(name)


def _told(text):
    return json.loads(text, parse_constant=_no_constant)


def test_no_number_is_minus_zero():
    metric = Metric("host_load1", Kind.HOST, Unit.COUNT, Type.GAUGE, "Load", "Help.")
    catalogue, entities = Catalogue(Kind.HOST, [metric]), Entities([Entity("box", "box")])
    frame = Frame.of_cells(catalogue, entities, [[-0.0]], 100.0001)  # read behind the sample
    state = Pipeline().advance(Sample(100.0, 1.0, {Kind.HOST: frame}), NO_INTEREST, 1.0)
    text = as_json(state, {}, indent=False)
    assert "-0" not in text.partition('"host"')[2]
    told = _told(text)["host"][0]
    assert (told["values"], told["age_seconds"]) == ({"host_load1": 0}, {"fast": 0})


def test_piped_text_is_plain(here):
    done = here("snapshot", "--demo", "--demo-gpus", "2", "--size", "100x30", COLORTERM="truecolor")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert "GPU 1" in done.stdout
    assert "PID" in done.stdout


def _on_a_tty(variables, *arguments):
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tuimon", *arguments],
        env=variables,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    text = b""
    while True:
        try:
            part = os.read(master, 1 << 16)
        except OSError:
            break
        if not part:
            break
        text += part
    os.close(master)
    assert process.wait(30) == 0
    return text.decode()


def test_text_on_a_terminal_is_coloured(variables):
    text = _on_a_tty(
        {**variables, "COLORTERM": "truecolor"}, "snapshot", "--demo", "--size", "100x30"
    )
    assert "\x1b[0;" in text
    assert "38;2;" in text
    assert "\x1b[?" not in text


def test_no_color_is_heeded(variables):
    text = _on_a_tty({**variables, "NO_COLOR": "1"}, "snapshot", "--demo", "--size", "100x30")
    assert "38;" not in text
    assert "\x1b[0;" in text


def test_the_snapshot_of_a_seed_is_the_same_but_for_the_time(here):
    one, two = (
        _told(
            here(
                "snapshot", "--demo", "--demo-gpus", "1", "--seed", seed, "--format", "json"
            ).stdout
        )
        for seed in ("1", "2")
    )
    assert one["gpu"][0]["name"] == two["gpu"][0]["name"]
    assert one["gpu"][0]["id"] != two["gpu"][0]["id"]


def test_this_machine_is_told_as_json(shell):
    done = shell("snapshot", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    told = _told(done.stdout)
    assert told["schema"] == "tuimon.snapshot/1"
    (host,) = told["host"]
    assert host["values"]["host_memory_total_bytes"] > 2**27
    assert 0 <= host["values"]["host_cpu_busy_ratio"] <= 1.1  # clock ticks are coarse
    mine = [one for one in told["process"] if one["index"] == os.getpid()]
    assert mine[0]["values"]["process_memory_bytes"] > 2**20
    for one in [*told["process"], host]:
        assert {name for name, value in one["values"].items() if value is None} == set(
            one["missing"]
        )


def test_only_as_many_processes_as_are_asked_for_are_told(here):
    for count in (0, 2):
        told = _told(
            here("snapshot", "--demo", "--format", "json", "--processes", str(count)).stdout
        )
        assert len(told["process"]) == count


def test_gpus_are_told_by_uuid_and_in_bytes(shell, fake_library):
    done = shell(
        "snapshot", "--format", "json", LD_LIBRARY_PATH=str(fake_library.parent), FAKE_NVML_GPUS="2"
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = _told(done.stdout)
    assert [gpu["index"] for gpu in told["gpu"]] == [0, 1]
    assert len({gpu["id"] for gpu in told["gpu"]}) == 2
    for gpu in told["gpu"]:
        assert gpu["id"].startswith("GPU-")
        assert 2**30 < gpu["values"]["gpu_memory_total_bytes"] < 2**40
        assert isinstance(gpu["values"]["gpu_memory_used_bytes"], int)
        assert 0 <= gpu["values"]["gpu_utilization_ratio"] <= 1
        assert 0 < gpu["values"]["gpu_power_watts"] < 2000


# fmt: off
CHOICES = [("1", [1]), (" 1 ", [1]), ("GPU-fa4e0000-0000-4000-8000-000000000001", [1]), ("1,1", [1]), ("0,10", [0, 10]), ("10,", [10])]
# fmt: on


@pytest.mark.parametrize(("select", "chosen"), CHOICES)
def test_gpus_can_be_chosen(here, nvidia, select, chosen):
    nvidia.have(gpus=12)
    done = here("snapshot", "--format", "json", "--processes", "0", "--gpu", select)
    assert [gpu["index"] for gpu in _told(done.stdout)["gpu"]] == chosen


@pytest.mark.parametrize("command", ["snapshot", "record"])
@pytest.mark.parametrize("select", ["7", "GPU-nothing", "0,7"])
def test_a_gpu_that_is_not_there_is_a_misuse(here, nvidia, tmp_path, command, select):
    nvidia.have(gpus=2)
    more = ["-o", str(tmp_path / "x.rec")] if command == "record" else []
    done = here(command, "--gpu", select, *more)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tuimon: no GPU '")
    assert done.stderr.count("\n") == 1


def test_cuda_visible_devices_is_heeded_when_asked_for(here, nvidia):
    nvidia.have(gpus=4)
    done = here("snapshot", "--format", "json", "--cuda-visible", CUDA_VISIBLE_DEVICES="2")
    assert [gpu["index"] for gpu in _told(done.stdout)["gpu"]] == [2]


def test_a_closed_pipe_is_quiet(variables):
    command = f"{sys.executable} -m tuimon snapshot --demo --format json | head -c 1"
    done = subprocess.run(
        ["bash", "-c", command],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("{", "")
    command = f"{sys.executable} -m tuimon metrics | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""


def test_a_full_disk_is_one_line(variables):
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 -- a device
        done = subprocess.run(
            [sys.executable, "-m", "tuimon", "metrics"],
            env=variables, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("tuimon: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_any_encoding_of_the_output_will_do(here, encoding):
    for arguments in (
        ["snapshot", "--demo"],
        ["snapshot", "--demo", "--format", "json"],
        ["metrics"],
    ):
        done = here(*arguments, encoding=encoding)
        assert (done.returncode, done.stderr) == (0, ""), arguments


def test_ascii_is_ascii(here):
    assert here("snapshot", "--demo", "--ascii", "--size", "160x48").stdout.isascii()


# ---- recordings


def test_a_recording_is_told_as_of_its_end(here, recording):
    done = here("snapshot", "--replay", str(recording), "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    told = _told(done.stdout)
    assert told["replayed"] is True
    assert told["at"] == 1_790_000_006.0
    assert told["gpu"][0]["values"]["gpu_energy_watts"] > 0


# fmt: off
MOMENTS = [("+0", 0), ("+3", 3), ("-2", 4), ("-0", 6), ("", 6), ("+2.5", 2), ("2026-09-21T14:13:24", 4), ("14:13:21", 1), ("2026-09-21 14:13:24+00:00", 4)]
OUTSIDE = ["+7", "-7", "+1e9", "+nan", "-inf", "14:13:19", "23:59", "2020-01-01", "nonsense", "+", "-", "12:61", "99:99:99", "0", "2026-13-01", "+1+1", "٣:00"]
# fmt: on


@pytest.mark.parametrize(("text", "second"), MOMENTS)
def test_a_moment_of_a_recording_can_be_named(recording, text, second, utc):
    from tuimon.commands.moments import moment

    at = moment(text, 1_790_000_000.0, 1_790_000_006.0)
    assert int(at - 1_790_000_000.0) == second


@pytest.mark.parametrize("text", OUTSIDE)
def test_what_is_no_moment_is_a_misuse(text, utc):
    from tuimon.commands.moments import moment
    from tuimon.errors import UsageError

    with pytest.raises(UsageError) as caught:
        moment(text, 1_790_000_000.0, 1_790_000_006.0)
    assert text in str(caught.value)


@pytest.mark.parametrize("text", ["nonsense", "+99", "-99"])
def test_the_shell_is_told_of_a_wrong_moment(here, recording, text):
    done = here("snapshot", "--replay", str(recording), "--at", text)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tuimon: ")
    assert done.stderr.count("\n") == 1


def test_a_recording_is_drawn_with_its_past(here, recording):
    done = here("snapshot", "--replay", str(recording), "--at", "-1", "--size", "120x40")
    assert done.returncode == 0
    assert "REPLAY" in done.stdout
    assert "2026-09-21 14:13:25" in done.stdout
