import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tuimon.drivers.procfs import Proc
from tuimon.errors import ReadError, Reason
from tuimon.model.metric import Cadence, Type
from tuimon.model.source import NO_INTEREST, Interest
from tuimon.sources.processes import ProcessSource, clock_agrees, unseen
from tuimon.sources.processes.table import CATALOGUE, LABELS, STAT, STATES

STATUS = {
    psutil.STATUS_RUNNING: "running",
    psutil.STATUS_SLEEPING: "sleeping",
    psutil.STATUS_DISK_SLEEP: "disk sleep",
    psutil.STATUS_ZOMBIE: "zombie",
    psutil.STATUS_STOPPED: "stopped",
    psutil.STATUS_IDLE: "idle",
}
TAIL = b" S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 20 0 1 0 4711 99 7" + b" 0" * 30


@pytest.fixture
def reader():
    found = ProcessSource().open()[0]
    yield found
    found.close()


def all_of(reader):
    """Return a frame in which everything was read now."""
    ids = frozenset(one.id for one in frame_of(reader).entities)
    return frame_of(reader, ids)


def frame_of(reader, ids=frozenset()):
    return reader.read(Cadence.FAST, Interest(ids)).frames[0]


def entity_of(frame, pid):
    return next(one for one in frame.entities if one.index == pid)


@contextmanager
def python(code):
    """Run a program that says `ready` and then waits for its input to close."""
    code = f"import sys\n{code}\nprint('ready', flush=True)\nsys.stdin.read()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdin=pipe, stdout=pipe) as child:
        assert child.stdout.readline() == b"ready\n"
        yield child
        child.stdin.close()


BUSY = "x = 0\nfor i in range(3_000_000): x += i"
THREADS = """
import threading
wait = threading.Event()
for _ in range(4): threading.Thread(target=wait.wait, daemon=True).start()
"""
ENDED_THREADS = """
import threading
def spin():
    for i in range(1_000_000): pass
one = threading.Thread(target=spin)
one.start()
one.join()
"""


@pytest.mark.parametrize("code", ["", BUSY, THREADS, ENDED_THREADS])
def test_a_child_is_what_psutil_says_it_is(reader, code):
    with python(code) as child:
        frame = all_of(reader)
        oracle = psutil.Process(child.pid)
        entity = entity_of(frame, child.pid)

        def value(name):
            return frame.value(name, entity.id)

        times, memory = oracle.cpu_times(), oracle.memory_info()
        tick = 1 / os.sysconf("SC_CLK_TCK")
        assert value("process_cpu_seconds_total") == pytest.approx(
            times.user + times.system, abs=3 * tick
        )
        assert value("process_user_seconds_total") == pytest.approx(times.user, abs=2 * tick)
        assert value("process_system_seconds_total") == pytest.approx(times.system, abs=2 * tick)
        assert value("process_memory_bytes") == pytest.approx(memory.rss, abs=1 << 20)
        assert value("process_virtual_bytes") == memory.vms
        assert value("process_threads") == oracle.num_threads()
        assert value("process_nice") == oracle.nice()
        assert value("process_parent") == os.getpid()
        assert value("process_start_seconds") == pytest.approx(oracle.create_time(), abs=0.02)
        assert value("process_processor") in range(os.cpu_count())
        assert entity.name == oracle.name()
        assert entity.labels["user"] == oracle.username()
        assert entity.labels["command"] == " ".join(oracle.cmdline()).replace("\n", "·")
        assert entity.labels["comm"] == oracle.name()[:15]


def test_all_processes_are_those_of_psutil(reader):
    def oracle():
        names = ["pid", "ppid", "nice", "create_time"]
        return {one.info["pid"]: one.info for one in psutil.process_iter(names)}

    before, frame, after = oracle(), all_of(reader), oracle()
    steady = [pid for pid in before if before[pid] == after.get(pid)]
    ours = {one.index: one for one in frame.entities}
    assert len(steady) > 5
    for pid in steady:
        info, entity = before[pid], ours[pid]
        assert frame.value("process_parent", entity.id) == info["ppid"]
        assert frame.value("process_nice", entity.id) == info["nice"]
        started = frame.value("process_start_seconds", entity.id)
        assert started == pytest.approx(info["create_time"], abs=0.02)
    assert not frame.reasons.any()


def test_states_are_those_of_psutil(reader):
    with python("") as child, subprocess.Popen(["true"]) as zombie:
        os.kill(child.pid, 19)
        wait_for(lambda: psutil.Process(child.pid).status() == psutil.STATUS_STOPPED)
        wait_for(lambda: psutil.Process(zombie.pid).status() == psutil.STATUS_ZOMBIE)
        frame = all_of(reader)
        for pid in (child.pid, zombie.pid):
            code = frame.value("process_state", entity_of(frame, pid).id)
            assert CATALOGUE["process_state"].word(code) == STATUS[psutil.Process(pid).status()]
        assert entity_of(frame, zombie.pid).name == "true"
        os.kill(child.pid, 18)


def wait_for(claim):
    for _ in range(1000):
        if claim():
            return
        time.sleep(0.002)
    pytest.fail("it did not come true")


def test_a_renamed_child_gets_its_new_name(reader):
    code = "import ctypes\nsys.stdin.readline()\n"
    code += "ctypes.CDLL(None).prctl(15, b'[bold]\\x1b]52;x', 0, 0, 0)"
    pipe = subprocess.PIPE
    code = f"import sys\n{code}\nprint('ready', flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdin=pipe, stdout=pipe) as child:
        before = entity_of(frame_of(reader), child.pid)
        child.stdin.write(b"go\n")
        child.stdin.flush()
        child.stdout.readline()
        after = entity_of(frame_of(reader, frozenset({before.id})), child.pid)
        assert after.id == before.id
        assert after.name == "[bold]·]52;x"
        child.stdin.close()


def test_a_child_that_calls_exec_gets_its_new_command_line(reader):
    with subprocess.Popen(["sh", "-c", "read x; exec cat -u"], stdin=subprocess.PIPE) as child:
        wait_for(lambda: psutil.Process(child.pid).name() == "sh")
        before = entity_of(frame_of(reader), child.pid)
        assert before.labels["command"] == "sh -c read x; exec cat -u"
        child.stdin.write(b"go\n")
        child.stdin.flush()
        wait_for(lambda: psutil.Process(child.pid).name() == "cat")
        after = entity_of(frame_of(reader, frozenset({before.id})), child.pid)
        assert (after.id, after.name, after.labels["command"]) == (before.id, "cat", "cat -u")
        child.stdin.close()


def test_a_python_that_becomes_another_python_is_seen_by_its_stack(reader):
    first = "import os, sys; sys.stdin.readline(); "
    first += "os.execv(sys.executable, [sys.executable, '-S', '-c', "
    first += repr("print('ready', flush=True); import sys; sys.stdin.read()") + "])"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-S", "-c", first], stdin=pipe, stdout=pipe) as child:
        before = entity_of(frame_of(reader), child.pid)
        child.stdin.write(b"go\n")
        child.stdin.flush()
        child.stdout.readline()
        after = entity_of(frame_of(reader, frozenset({before.id})), child.pid)
        assert after.labels["command"].endswith("sys.stdin.read()")
        assert after.labels["command"] != before.labels["command"]
        child.stdin.close()


def test_our_own_name_may_be_anything(reader):
    comm = Path(f"/proc/{os.getpid()}/comm")
    old = comm.read_bytes().rstrip(b"\n")
    try:
        for raw, text in ((b") R 1 (", ") R 1 ("), (b"a\nb", "a·b"), ("日本🚀".encode(), "日本🚀")):
            comm.write_bytes(raw)
            assert entity_of(all_of(reader), os.getpid()).name == text
    finally:
        comm.write_bytes(old)


def test_threads_of_the_kernel_stand_in_brackets(reader):
    frame = all_of(reader)
    if not any(one.index == 2 and one.name == "[kthreadd]" for one in frame.entities):
        pytest.skip("no threads of the kernel are seen in this container")
    mine = [one for one in frame.entities if frame.value("process_parent", one.id) == 2]
    assert mine
    assert all(one.name[0] + one.name[-1] == "[]" and "command" not in one.labels for one in mine)


def test_the_reader_answers_to_fast_with_all_it_knows(reader):
    assert reader.cadences == (Cadence.FAST,)
    assert reader.read(Cadence.SLOW, NO_INTEREST).frames == ()
    frame = frame_of(reader)
    assert frame.catalogue is CATALOGUE
    assert set(ProcessSource.metrics) == set(frame.catalogue)
    names = {label.name for label in LABELS}
    for entity in frame.entities:
        assert set(entity.labels) <= names
        assert entity.id.startswith(f"{entity.index}-")


def test_without_a_cpu_clock_the_live_machine_reads_the_same(reader):
    other = ProcessSource(cpu_clock=None).open()[0]
    with python(BUSY) as child:
        exact, coarse = all_of(reader), all_of(other)
        name = "process_cpu_seconds_total"
        entity = entity_of(exact, child.pid)
        assert coarse.value(name, entity.id) == pytest.approx(
            exact.value(name, entity.id), abs=0.03
        )
        assert coarse.value(name, entity.id) > 0
    other.close()


def test_the_table_is_whole():
    assert len(CATALOGUE.position) == len(CATALOGUE)
    for metric in CATALOGUE:
        assert metric.name.startswith("process_")
        assert metric.name.endswith("_total") == (metric.type is Type.COUNTER)
    assert len({letter for letter, _, _ in STATES}) == len(STATES)
    assert len({field for _, field, _ in STAT}) == len(STAT)


@pytest.fixture
def tree(tmp_path):
    """A proc file system of files: process 7 and ourselves, as number 42."""
    for pid in ("7", "42"):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "stat").write_bytes(pid.encode() + b" (x" + pid.encode() + b")" + TAIL)
    (tmp_path / "self").symlink_to("42")
    (tmp_path / "loadavg").write_text("0.1 0.1 0.1 1/2 42\n")
    (tmp_path / "stat").write_text("cpu 1\nbtime 1000\n")
    return tmp_path


def mount(tree, options):
    (tree / "42" / "mounts").write_text(f"dev / ext4 rw 0 0\nproc /proc proc {options} 0 0\n")


def test_a_made_up_tree_is_read_by_stat_alone(tree):
    reader = ProcessSource(tree, clock=lambda: 5000.0).open()[0]
    reading = reader.read(Cadence.FAST, NO_INTEREST)
    frame = reading.frames[0]
    assert sorted(one.id for one in frame.entities) == ["42-4711", "7-4711"]
    seconds = (11 + 12) / os.sysconf("SC_CLK_TCK")
    assert frame.value("process_cpu_seconds_total", "7-4711") == pytest.approx(seconds)
    assert (frame.read_at[Cadence.FAST] == 5000.0).all()
    assert reading.note == ""
    reader.close()


def test_clocks_are_used_only_where_they_are_those_of_the_tree(tree):
    seconds = (11 + 12) / os.sysconf("SC_CLK_TCK")
    assert clock_agrees(Proc(tree), lambda _: int(seconds * 1e9))
    assert not clock_agrees(Proc(tree), lambda _: int(9e9))
    assert clock_agrees(Proc(), time.clock_gettime_ns)

    def refused(_):
        raise PermissionError(1, "Operation not permitted")

    assert not clock_agrees(Proc(), refused)
    assert not clock_agrees(Proc(tree / "nothing"), time.clock_gettime_ns)


@pytest.mark.parametrize("options", ["rw,hidepid=2", "rw,hidepid=invisible", "rw,hidepid=1,gid=4"])
def test_hidden_processes_are_spoken_of(tree, options):
    mount(tree, options)
    reader = ProcessSource(tree).open()[0]
    assert "hides the processes of other users" in reader.read(Cadence.FAST, NO_INTEREST).note
    reader.close()


@pytest.mark.parametrize("options", ["rw", "rw,hidepid=0", "rw,hidepid=off"])
def test_nothing_is_said_where_nothing_is_hidden(tree, options):
    mount(tree, options)
    assert unseen(Proc(tree)) == ""


def test_who_sees_process_1_is_hidden_nothing(tree):
    mount(tree, "rw,hidepid=2")
    (tree / "1").mkdir()
    (tree / "1" / "stat").write_bytes(b"1 (init)" + TAIL)
    (tree / "1" / "status").write_text("Name:\tinit\nTgid:\t1\n")
    assert unseen(Proc(tree)) == ""


def test_a_container_is_spoken_of(tree):
    (tree / "42" / "ns").mkdir()
    (tree / "42" / "ns" / "pid").symlink_to("pid:[4026532000]")
    status = tree / "42" / "status"
    status.write_text("Name:\tx\nNSpid:\t42\nThreads:\t1\n")
    assert "outside of this container" in unseen(Proc(tree))
    status.write_text("Name:\tx\nNSpid:\t42\t1\nThreads:\t1\n")  # the tree is that of the host
    assert unseen(Proc(tree)) == ""
    status.unlink()
    (tree / "42" / "ns" / "pid").unlink()
    (tree / "42" / "ns" / "pid").symlink_to("pid:[4026531836]")
    assert unseen(Proc(tree)) == ""


@pytest.fixture
def forbidden(tree):
    """The stat file of process 7 is nobody's to read."""
    (tree / "7" / "stat").chmod(0)


@pytest.fixture
def nobody(tree):
    """The rights of an ordinary user, who may look into the tree; root may read everything."""
    me = os.geteuid()
    if me != 0:
        yield
        return
    for folder in (*tree.parents, *tree.rglob("*"), tree):
        if folder.is_dir() and folder.owner() == "root" and "pytest" in str(folder):
            folder.chmod(0o755)
    os.seteuid(65534)
    yield
    os.seteuid(me)


def test_a_tree_with_forbidden_files_shows_the_others(tree, forbidden, nobody):
    reader = ProcessSource(tree).open()[0]
    assert [one.index for one in reader.read(Cadence.FAST, NO_INTEREST).frames[0].entities] == [42]


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_no_processes_at_all_is_said_with_what_to_do(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="mount the proc file system") as error:
        ProcessSource(tmp_path / name).open()
    assert error.value.reason is Reason.NOT_SUPPORTED


def test_a_tree_that_goes_away_is_a_failed_reading(tree):
    reader = ProcessSource(tree).open()[0]
    tree.rename(tree.with_name("gone"))
    with pytest.raises(ReadError, match="cannot be listed"):
        reader.read(Cadence.FAST, NO_INTEREST)
    reader.close()
