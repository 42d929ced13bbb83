import os
import subprocess
import time

import pytest

from tuimon.drivers import procfs
from tuimon.drivers.procfs import Proc

TAIL = b" S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 20 0 1 0 4711 99 7" + b" 0" * 30


@pytest.mark.parametrize(
    "comm",
    [b"bash", b"", b"a b", b") S 1 (", b"new\nline", b"((", b"))", "日本".encode(), b"\xff\xfe"],
)
def test_a_command_name_may_hold_anything(comm):
    name, fields = procfs.parse_stat(b"12 (" + comm + b")" + TAIL)
    assert name == comm
    assert fields[procfs.STATE] == b"S"
    assert fields[procfs.START_TICKS] == b"4711"


@pytest.mark.parametrize("stat", [b"", b"1", b"1 (a", b"1 (a)", b"1 (a) S 1 2 3", b"garbage)"])
def test_what_is_no_stat_is_a_value_error(stat):
    with pytest.raises(ValueError):  # noqa: PT011 -- no text is promised
        procfs.parse_stat(stat)


def test_our_own_start_is_known_and_that_of_nobody_is_not():
    assert procfs.start_ticks(os.getpid()) > 0
    assert procfs.start_ticks(2**22 + 1) is None


def test_the_start_of_another_tree_is_read_there(tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_bytes(b"7 (x)" + TAIL)
    assert procfs.start_ticks(7, Proc(tmp_path)) == 4711


def test_the_clock_of_a_process_counts_all_its_threads():
    before = time.process_time_ns()
    spent = time.clock_gettime_ns(procfs.clock_id(os.getpid()))
    assert before <= spent <= time.process_time_ns()


def test_a_process_that_ended_has_no_clock():
    with subprocess.Popen(["true"]) as child:
        pass
    with pytest.raises(OSError, match="Invalid argument"):
        time.clock_gettime_ns(procfs.clock_id(child.pid))


def test_a_child_is_listed_and_its_number_was_given_out():
    with subprocess.Popen(["sleep", "10"]) as child:
        assert child.pid in Proc().pids()
        assert Proc().last_pid() >= child.pid
        assert Proc().owner(child.pid) == os.geteuid()
        child.kill()


def test_the_boot_was_before_now_and_after_the_epoch():
    assert 0 < Proc().boot_time() < time.time()


def test_a_tree_that_says_nothing_gives_nothing(tmp_path):
    proc = Proc(tmp_path)
    assert proc.boot_time() == 0
    assert proc.whole("self/mounts") == b""
    assert proc.link("self/ns/pid") == ""
    assert proc.pids() == []
    with pytest.raises(OSError, match="loadavg"):
        proc.last_pid()
