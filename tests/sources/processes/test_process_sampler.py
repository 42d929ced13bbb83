import os
import subprocess
import time

import numpy as np
import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Cadence
from tuimon.sources.processes import sampler as passes
from tuimon.sources.processes.identity import Users
from tuimon.sources.processes.sampler import Sampler
from tuimon.sources.processes.table import CATALOGUE

BOOT = 1_000_000


def ids(frame):
    return [entity.id for entity in frame.entities]


def test_a_frame_holds_what_stat_and_clock_say(machine, sampler):
    machine.add(7, nanoseconds=1_500_000_000, ticks=120, pages=3, state=b"D", parent=2)
    frame = sampler.sample()
    says = {metric.name: frame.value(metric.name, "7-100") for metric in frame.catalogue}
    tick_seconds = 1 / os.sysconf("SC_CLK_TCK")
    assert says == {
        "process_cpu_seconds_total": 1.5,
        "process_state": 3.0,
        "process_memory_bytes": 3.0 * os.sysconf("SC_PAGESIZE"),
        "process_virtual_bytes": 4096.0,
        "process_threads": 4.0,
        "process_nice": -5.0,
        "process_priority": 20.0,
        "process_parent": 2.0,
        "process_start_seconds": BOOT + 100 * tick_seconds,
        "process_user_seconds_total": 120 * tick_seconds,
        "process_system_seconds_total": 0.0,
        "process_minor_faults_total": 11.0,
        "process_major_faults_total": 3.0,
        "process_processor": 2.0,
    }
    assert CATALOGUE["process_state"].word(says["process_state"]) == "disk sleep"
    assert not frame.values.flags.writeable
    assert frame.entities[0].index == 7


def test_only_who_moved_is_read_again(machine, sampler):
    for pid in range(1, 41):
        machine.add(pid, comm=b"x%d" % pid)
    machine.settle(sampler)
    machine.run(5, 1_000_000)
    machine.processes[5].pages = 77
    machine.processes[6].pages = 77
    frame = machine.tick(sampler)
    read = {name for name in machine.reads if name.endswith(b"/stat")}
    assert b"5/stat" in read
    assert len(read) <= 2  # one more by the sweep
    assert frame.value("process_cpu_seconds_total", "5-100") == 1e-3
    assert frame.value("process_memory_bytes", "5-100") == 77 * os.sysconf("SC_PAGESIZE")


def test_who_always_moves_is_read_every_third_second_but_its_clock_always(machine, sampler):
    machine.add(1)
    machine.settle(sampler)
    reads = 0
    for second in range(9):
        machine.run(1, 1_000_000)
        frame = machine.tick(sampler)
        reads += machine.count(b"stat")
        assert frame.value("process_cpu_seconds_total", "1-100") == pytest.approx(
            1e-3 * (second + 1)
        )
    assert reads == 3


def test_a_move_that_was_too_early_to_be_read_is_read_later(machine, sampler):
    machine.add(1)
    sampler.sample()
    machine.processes[1].pages = 99
    machine.run(1, 5)
    machine.tick(sampler)
    frame = machine.tick(sampler, seconds=3.0)
    assert frame.value("process_memory_bytes", "1-100") == 99 * os.sysconf("SC_PAGESIZE")


def test_a_process_in_view_is_read_in_every_pass(machine, sampler):
    for pid in range(1, 201):
        machine.add(pid)
    machine.settle(sampler)
    for pages in (50, 51, 52):
        machine.processes[150].pages = pages
        frame = machine.tick(sampler, ["150-100", "999-1", "rubbish", ""])
        assert frame.value("process_memory_bytes", "150-100") == pages * os.sysconf("SC_PAGESIZE")


def test_everybody_is_read_within_one_sweep_and_ages_are_told(machine, sampler):
    for pid in range(1, 131):
        machine.add(pid)
    begin = machine.now
    sampler.sample()
    for _ in range(passes.SWEEP):
        frame = machine.tick(sampler)
        assert machine.count(b"stat") <= 3
    assert (frame.read_at[Cadence.NORMAL] > begin).all()
    assert (frame.read_at[Cadence.FAST] == machine.now).all()
    assert frame.age("process_memory_bytes", ids(frame)[0], machine.now) <= passes.SWEEP


def test_a_new_process_is_found_without_a_list(machine, sampler):
    machine.add(1)
    sampler.sample()
    lists = machine.lists
    machine.add(5, start=300)
    assert ids(machine.tick(sampler)) == ["1-100", "5-300"]
    assert machine.lists == lists


def test_a_fork_that_was_counted_before_it_was_there_is_found_next_time(machine, sampler):
    machine.add(1)
    sampler.sample()
    machine.last = 9
    machine.tick(sampler)
    machine.add(9)
    assert "9-100" in ids(machine.tick(sampler))


def test_many_new_numbers_are_listed_and_not_probed(machine, sampler):
    machine.add(1)
    sampler.sample()
    machine.add(1_000_000)
    asked = machine.asked
    assert "1000000-100" in ids(machine.tick(sampler))
    assert machine.asked - asked < 10


def test_numbers_that_begin_anew_are_found(machine, sampler):
    machine.add(30_000)
    sampler.sample()
    machine.add(300)
    assert "300-100" in ids(machine.tick(sampler))


def test_the_pass_after_the_first_needs_no_list(machine, sampler):
    machine.add(5000)
    sampler.sample()
    machine.tick(sampler)
    assert machine.lists == 1


def test_a_last_pid_that_is_not_the_kernels_is_not_believed(machine):
    machine.mounts = b"lxcfs /proc/loadavg fuse.lxcfs rw 0 0\n"
    machine.add(1)
    users = Users(machine.names.__getitem__)
    sampler = Sampler(machine, lambda: machine.now, machine.clock, users)
    sampler.sample()
    machine.add(50)
    machine.last = 1
    assert "50-100" in ids(machine.tick(sampler))
    users.close()


def test_who_ended_is_gone_and_the_others_keep_their_values(machine, sampler):
    for pid in range(1, 301):
        machine.add(pid, nanoseconds=pid, pages=pid)
    sampler.sample()
    for pid in (1, 2, 150, 299, 300):
        del machine.processes[pid]
    frame = machine.tick(sampler)
    assert sorted(entity.index for entity in frame.entities) == sorted(machine.processes)
    page = os.sysconf("SC_PAGESIZE")
    for entity in frame.entities:
        assert frame.value("process_memory_bytes", entity.id) == entity.index * page
        assert frame.value("process_cpu_seconds_total", entity.id) == entity.index / 1e9
        assert entity.id == f"{entity.index}-100"
    for pid in (3, 149, 298):
        machine.processes[pid].pages = 9999
    frame = machine.tick(sampler, ["3-100", "149-100", "298-100"])
    for pid in (3, 149, 298):
        assert frame.value("process_memory_bytes", f"{pid}-100") == 9999 * page


def test_a_process_whose_clock_is_refused_for_a_moment_stays(machine, sampler):
    machine.add(1, nanoseconds=5)
    sampler.sample()

    def refuse(clock_id):
        raise OSError(22, "Invalid argument")

    sampler._cpu_clock = refuse
    frame = machine.tick(sampler)
    assert ids(frame) == ["1-100"]
    assert frame.reason("process_cpu_seconds_total", "1-100") is Reason.FAILED
    assert np.isnan(frame.value("process_cpu_seconds_total", "1-100"))
    sampler._cpu_clock = machine.clock
    assert machine.tick(sampler).value("process_cpu_seconds_total", "1-100") == 5e-9


@pytest.mark.parametrize(
    ("nanoseconds", "seconds"), [(0, 1.0), (10**12, 3.0)], ids=["less", "more"]
)
def test_a_number_used_again_is_another_process(machine, sampler, nanoseconds, seconds):
    machine.add(9, start=100, nanoseconds=10**9, cmdline=b"old\0")
    machine.settle(sampler)
    machine.tick(sampler, ["9-100"])
    machine.add(9, start=555, nanoseconds=nanoseconds, cmdline=b"new\0")
    frame = machine.tick(sampler, seconds=seconds)
    assert ids(frame) == ["9-555"]
    assert frame.entities[0].labels["command"] == "new"
    assert frame.value("process_cpu_seconds_total", "9-555") == nanoseconds / 1e9


def test_more_cpu_time_than_there_was_time_for_is_another_process(machine, sampler):
    machine.add(9, start=100, nanoseconds=10**9)
    machine.settle(sampler)
    machine.tick(sampler, ["9-100"])
    last = machine.last
    machine.add(9, start=555, nanoseconds=10**9 + 4_100_000_000)  # four threads, one second
    machine.last = last
    assert ids(machine.tick(sampler)) == ["9-555"]


@pytest.mark.parametrize("last", [9, 20, 5], ids=["itself", "behind it", "begun anew"])
def test_whose_number_was_given_away_again_is_read_at_once(machine, sampler, last):
    for pid in (9 if last >= 9 else 4, 300):
        machine.add(pid, start=100)
    machine.add(7, start=100)
    machine.last = 7
    machine.settle(sampler)
    pid = 9 if last >= 9 else 4
    machine.add(pid, start=555)
    machine.last = last
    assert f"{pid}-555" in ids(machine.tick(sampler))


def test_a_number_used_again_with_the_same_clock_is_found_by_the_sweep(machine, sampler):
    machine.add(9, start=100)
    machine.settle(sampler)
    machine.add(9, start=555)
    frames = [machine.tick(sampler) for _ in range(passes.SWEEP)]
    assert ids(frames[-1]) == ["9-555"]


def test_a_process_that_ends_while_it_is_read_is_gone(machine, sampler):
    machine.add(1)
    machine.add(2)
    machine.settle(sampler)
    machine.processes[2].errors["stat"] = ProcessLookupError(3, "No such process")
    assert ids(machine.tick(sampler, ["2-100"])) == ["1-100"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(13, "Permission denied"), Reason.NO_PERMISSION),
        (OSError(5, "Input/output error"), Reason.FAILED),
        (b"9 (x) S garbage", Reason.FAILED),
        (b"", Reason.FAILED),
        (b"9 (x) S" + b" 1" * 20 + b" x" + b" 1" * 30, Reason.FAILED),
    ],
)
def test_a_stat_that_cannot_be_read_costs_its_own_cells_only(machine, sampler, error, reason):
    machine.add(8, pages=5)
    machine.add(9, nanoseconds=4)
    machine.settle(sampler)
    machine.processes[9].errors["stat"] = error
    frame = machine.tick(sampler, ["8-100", "9-100"])
    assert np.isnan(frame.value("process_memory_bytes", "9-100"))
    assert frame.reason("process_memory_bytes", "9-100") is reason
    assert frame.value("process_cpu_seconds_total", "9-100") == 4e-9
    assert frame.value("process_memory_bytes", "8-100") == 5 * os.sysconf("SC_PAGESIZE")
    machine.processes[9].errors.clear()
    frame = machine.tick(sampler, ["9-100"])
    assert frame.reason("process_memory_bytes", "9-100") is Reason.KNOWN


def test_a_value_is_nan_exactly_where_it_has_a_reason(machine, sampler):
    for pid in range(1, 50):
        machine.add(pid)
    sampler.sample()
    machine.processes[9].errors["stat"] = b"?"
    frame = machine.tick(sampler, ["9-100"])
    assert (np.isnan(frame.values) == (frame.reasons != Reason.KNOWN)).all()


def test_a_process_that_is_listed_but_hidden_is_absent(machine, sampler):
    machine.add(1, errors={"stat": PermissionError(13, "Permission denied")})
    machine.add(2)
    assert ids(sampler.sample()) == ["2-100"]


def test_the_entities_are_the_same_while_nobody_comes_or_goes(machine, sampler):
    for pid in range(1, 30):
        machine.add(pid)
    machine.settle(sampler)
    first = machine.tick(sampler, ["3-100"])
    machine.run(4, 1000)
    second = machine.tick(sampler, ["3-100"], seconds=20.0)
    assert second.entities is first.entities
    machine.add(40)
    third = machine.tick(sampler)
    assert third.entities is not first.entities
    assert third.entities[3] is first.entities[3]


def test_a_frame_once_given_away_never_changes(machine, sampler):
    machine.add(1, pages=1)
    first = sampler.sample()
    before = first.values.copy()
    machine.processes[1].pages = 2
    machine.run(1, 10**9)
    machine.tick(sampler, ["1-100"])
    assert (first.values == before).all()


def test_without_clocks_stat_alone_will_do(machine):
    users = Users(machine.names.__getitem__)
    sampler = Sampler(machine, lambda: machine.now, None, users)
    machine.add(1, ticks=150)
    machine.add(2)
    sampler.sample()
    machine.processes[1].ticks = 250
    machine.processes[2].listed = False  # its number is that of a thread now: still to be read
    machine.add(3)
    frame = machine.tick(sampler)
    assert machine.asked == 0
    assert ids(frame) == ["1-100", "3-100"]
    seconds = 250 / os.sysconf("SC_CLK_TCK")
    assert frame.value("process_cpu_seconds_total", "1-100") == pytest.approx(seconds)
    assert (frame.read_at[Cadence.NORMAL] == machine.now).all()
    users.close()


def test_a_clock_that_is_set_back_stops_nothing(machine, sampler):
    one = machine.add(1)
    machine.settle(sampler)
    one.pages = 99
    machine.run(1, 1)
    frame = machine.tick(sampler, seconds=-86400.0)
    assert frame.value("process_memory_bytes", "1-100") == 99 * os.sysconf("SC_PAGESIZE")


def test_a_hundred_thousand_processes_are_taken_in_and_then_cost_little(machine, sampler):
    for pid in range(1, 100_001):
        machine.add(pid)
    assert len(sampler.sample().entities) == 100_000
    for pid in range(1, 100_001, 1000):
        machine.run(pid, 1)
    frame = machine.tick(sampler, seconds=3.0)
    assert machine.count(b"stat") <= 100 + 100_000 // passes.SWEEP + 1
    assert frame.values.shape == (len(CATALOGUE), 100_000)
    assert not np.isnan(frame.values).any()


def test_ids_in_view_that_are_dead_or_nonsense_harm_nothing(machine, sampler):
    assert ids(sampler.sample(["1-2", "", "-", "x-y", "²-1", "9" * 50 + "-1"])) == []


def test_our_own_thread_is_not_taken_for_a_process():
    """The kernel answers for the calling thread's number as if it were a process's."""
    users = Users(str)
    from threading import Thread

    from tuimon.drivers.procfs import HERE

    sampler = Sampler(HERE, time.time, time.clock_gettime_ns, users)
    sampler.sample()
    assert sampler._passes % passes.SWEEP  # the next pass probes, it does not list
    frames = []
    thread = Thread(target=lambda: frames.append(sampler.sample()))
    thread.start()
    thread.join()
    assert all(entity.index != thread.native_id for entity in frames[0].entities)
    users.close()


def test_children_that_come_and_go_quickly_leave_nothing_behind():
    from tuimon.drivers.procfs import HERE

    users = Users(str)
    sampler = Sampler(HERE, time.time, time.clock_gettime_ns, users)
    sampler.sample()
    for _ in range(5):
        with subprocess.Popen(["true"]):
            sampler.sample()
    frame = sampler.sample()
    mine = [one for one in frame.entities if frame.value("process_parent", one.id) == os.getpid()]
    assert mine == []
    users.close()
