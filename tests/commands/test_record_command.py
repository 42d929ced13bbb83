"""`tuimon record` as the shell sees it."""

import signal
import subprocess
import sys
import time

import pytest

from tuimon.store.recording import Reader


def _samples(path):
    with Reader(path) as reader:
        return list(reader.samples())


def test_a_recording_can_be_replayed(here, tmp_path):
    path = tmp_path / "x.rec"
    done = here(
        "record",
        "--demo",
        "--demo-gpus",
        "1",
        "-o",
        str(path),
        "--interval",
        "0.1",
        "--duration",
        "0.5",
    )
    assert (done.returncode, done.stdout) == (0, "")
    samples = _samples(path)
    assert 2 <= len(samples) <= 8
    assert done.stderr.splitlines()[-1] == f"{len(samples)} samples in {path}"
    assert here("snapshot", "--replay", str(path)).returncode == 0


def test_a_recording_is_continued(here, tmp_path):
    path = tmp_path / "x.rec"
    for _ in range(2):
        done = here(
            "record",
            "--demo",
            "--demo-gpus",
            "1",
            "-o",
            str(path),
            "--interval",
            "0.1",
            "--duration",
            "0.2",
        )
        assert done.returncode == 0
    first = here("snapshot", "--replay", str(path), "--format", "json")
    assert first.returncode == 0
    assert len(_samples(path)) >= 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_everything_written(variables, tmp_path, number):
    path = tmp_path / "x.rec"
    process = subprocess.Popen(
        [sys.executable, "-m", "tuimon", "record", "--demo", "-o", str(path), "-d", "0.1"],
        env=variables,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "Ctrl-C ends it" in process.stderr.readline()
    time.sleep(0.3)
    process.send_signal(number)
    assert process.wait(20) == 0
    assert len(_samples(path)) >= 1
    assert "samples in" in process.stderr.read()
    process.stderr.close()


def test_a_recording_is_for_its_owner_only(here, tmp_path):
    path = tmp_path / "x.rec"
    here("record", "--demo", "--demo-gpus", "1", "-o", str(path), "--duration", "0.1")
    assert path.stat().st_mode & 0o077 == 0
