"""What fails for a while, or may be another's: said so, never taken for nothing."""

import os
import shutil
import threading
from pathlib import Path

import pytest
from fake_gpus import cell, read

from tuimon.drivers.procfs import start_ticks
from tuimon.errors import Reason
from tuimon.model.metric import Cadence, Kind
from tuimon.model.source import NO_INTEREST

FAST, NORMAL, INVENTORY = Cadence.FAST, Cadence.NORMAL, Cadence.INVENTORY
SELF = os.getpid()
TRANSIENT = [(4, Reason.NO_PERMISSION), (999, Reason.FAILED)]
SENT = "gpu_pcie_sent_bytes_total"
LIST = "nvmlDeviceGet{}RunningProcesses_v3"


def note(reader, cadence=FAST):
    return reader.read(cadence, NO_INTEREST).note


def test_a_hung_gpu_costs_no_other_one_its_pcie_rates(gpus):
    gpus.have(kind="a100", time=1000, gpus=2)
    readers = gpus.open()
    for name in ("nvml/0", "nvml/1"):
        read(readers[name])
    gpus.suffer("gpu 1 hang")
    stuck = threading.Thread(target=read, args=(readers["nvml/1/pcie"],), daemon=True)
    stuck.start()
    read(readers["nvml/0/pcie"])
    gpus.now += 3
    assert 4e9 < cell(read(readers["nvml/0"], NORMAL), Kind.GPU, SENT) < 7e9
    assert stuck.is_alive()
    gpus.suffer("")
    stuck.join(5)
    assert not stuck.is_alive()


def test_a_sample_of_two_turns_ago_is_late_and_never_a_rate_of_zero(gpus):
    gpus.have(kind="a100", time=1000)
    readers = gpus.open()
    read(readers["nvml/0"])
    read(readers["nvml/0/pcie"])
    sums = []
    for _ in range(3):
        gpus.now += 3
        sums.append(cell(read(readers["nvml/0"], NORMAL), Kind.GPU, SENT))
    assert sums[1] == pytest.approx(2 * sums[0])
    assert sums[0] > 0
    assert sums[2] is Reason.TIMEOUT


@pytest.mark.parametrize(("code", "reason"), TRANSIENT)
def test_processes_stay_while_their_list_fails(gpus, code, reason):
    gpus.have(pids=f"0:{SELF}:100:5")
    reader = gpus.open()["nvml/0"]
    entities = read(reader, FAST)[Kind.GPU_PROCESS][FAST].entities
    gpus.suffer(f"fail {LIST.format('Compute')} {code}")
    frames = read(reader, FAST)
    assert frames[Kind.GPU_PROCESS][FAST].entities is entities
    assert cell(frames, Kind.GPU_PROCESS, "gpu_process_memory_bytes") is reason
    assert cell(frames, Kind.GPU, "gpu_processes") is reason
    gpus.suffer("")
    frames = read(reader, FAST)
    assert cell(frames, Kind.GPU_PROCESS, "gpu_process_memory_bytes") == 100 << 20
    assert cell(frames, Kind.GPU, "gpu_processes") == 1


def test_processes_of_the_lists_that_answer_keep_their_memory(gpus):
    gpus.have(pids=f"0:{SELF}:100:5:C,0:1:7:0:G")
    reader = gpus.open()["nvml/0"]
    read(reader, FAST)
    gpus.suffer(f"fail {LIST.format('Graphics')} 999")
    frames = read(reader, FAST)
    frame = frames[Kind.GPU_PROCESS][FAST]
    assert frame.values[0][0] == 100 << 20
    assert frame.reasons[0].tolist() == [Reason.KNOWN, Reason.FAILED]
    assert cell(frames, Kind.GPU, "gpu_processes") is Reason.FAILED


def test_processes_cannot_be_counted_without_the_list_of_those_that_compute(gpus):
    names = ",".join(LIST.format("Compute")[:-1] + n for n in "23")
    gpus.have(nosup=names, pids=f"0:{SELF}:100:5:G")
    frames = read(gpus.open()["nvml/0"], FAST)
    assert cell(frames, Kind.GPU, "gpu_processes") is Reason.NOT_SUPPORTED


@pytest.mark.parametrize(("code", "reason"), TRANSIENT)
def test_links_of_unknown_state_are_not_down(gpus, code, reason):
    reader = gpus.open()["nvml/0"]
    assert cell(read(reader), Kind.GPU, "gpu_nvlink_active_links") == 18
    gpus.suffer(f"fail nvmlDeviceGetFieldValues {code}")
    assert cell(read(reader, NORMAL), Kind.GPU, "gpu_nvlink_active_links") is reason


def test_links_that_could_not_be_counted_are_counted_at_the_next_reading(gpus):
    gpus.suffer("fail nvmlDeviceGetFieldValues 999\nfail nvmlDeviceGetNvLinkState 999")
    reader = gpus.open()["nvml/0"]
    assert cell(read(reader), Kind.GPU, "gpu_nvlink_active_links") is Reason.FAILED
    gpus.suffer("")
    frames = read(reader, NORMAL)
    assert len(frames[Kind.NVLINK][NORMAL].entities) == 18
    assert cell(frames, Kind.GPU, "gpu_nvlink_active_links") == 18


def test_links_stay_while_they_cannot_be_counted(gpus):
    reader = gpus.open()["nvml/0"]
    read(reader)
    gpus.suffer("fail nvmlDeviceGetFieldValues 999\nfail nvmlDeviceGetNvLinkState 999")
    frames = read(reader)
    assert len(frames[Kind.NVLINK][NORMAL].entities) == 18
    assert cell(frames, Kind.NVLINK, "nvlink_state") is Reason.FAILED
    assert cell(frames, Kind.GPU, "gpu_nvlink_active_links") is Reason.FAILED


@pytest.mark.parametrize(("code", "reason"), TRANSIENT)
@pytest.mark.parametrize(
    "function",
    [
        "nvmlDeviceGetMigMode",
        "nvmlDeviceGetMaxMigDeviceCount",
        "nvmlDeviceGetMigDeviceHandleByIndex",
        "nvmlDeviceGetUUID",
    ],
)
def test_instances_stay_while_they_cannot_be_found(gpus, function, code, reason):
    gpus.have(mig="0:3")
    reader = gpus.open()["nvml/0"]
    entities = read(reader)[Kind.MIG][INVENTORY].entities
    gpus.suffer(f"fail {function} {code}")
    frames = read(reader, INVENTORY, NORMAL, FAST)[Kind.MIG]
    assert {frame.entities for frame in frames.values()} == {entities}
    for frame in frames.values():
        assert set(frame.reasons.flatten().tolist()) == {reason}
    gpus.suffer("")
    frames = read(reader)
    assert frames[Kind.MIG][FAST].entities is entities
    assert cell(frames, Kind.MIG, "mig_memory_total_bytes") > 0


@pytest.mark.parametrize("code", [3, 4, 15, 999])
def test_a_gpu_that_does_not_tell_its_name_is_shown_all_the_same(gpus, code):
    gpus.suffer(f"fail nvmlDeviceGetName {code}")
    reader = gpus.open()["nvml/0"]
    frames = read(reader)
    assert frames[Kind.GPU][FAST].entities[0].name == "NVIDIA GPU"
    assert cell(frames, Kind.GPU, "gpu_power_watts") > 0
    gpus.suffer("")
    assert read(reader)[Kind.GPU][FAST].entities[0].name == "NVIDIA H100 80GB HBM3"


def test_events_that_cannot_be_heard_are_told_and_asked_for_again(gpus):
    gpus.have(gpus=2)
    readers = gpus.open()
    for reader in readers.values():
        read(reader, *reader.cadences)
    events = gpus.open()
    for name in ("nvml/0", "nvml/1"):
        read(events[name])
    gpus.suffer("gpu 1 fail nvmlDeviceRegisterEvents 999")
    assert (
        note(events["nvml/events"], Cadence.EVENTS) == "XIDs of GPU 1 are not told: Unknown Error"
    )
    gpus.suffer("")
    assert note(events["nvml/events"], Cadence.EVENTS) == ""
    gpus.suffer("gpu 1 xid 79")
    assert len(events["nvml/events"].read(Cadence.EVENTS, NO_INTEREST).events) == 1


def test_a_board_without_events_is_asked_for_them_once(gpus):
    gpus.suffer("fail nvmlDeviceRegisterEvents 3")
    readers = gpus.open()
    read(readers["nvml/0"])
    for _ in range(2):
        assert note(readers["nvml/events"], Cadence.EVENTS).startswith("XIDs of GPU 0 are not told")
    assert gpus.calls("nvmlDeviceRegisterEvents") == 1


@pytest.fixture
def proc(gpus):
    """A /proc of our own making: processes 70 and 71 there, the latter with a GPU open."""
    proc = gpus.root / "proc"
    for pid in (70, 71):
        (proc / str(pid) / "fd").mkdir(parents=True)
        stat = f"{pid} (work) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 20 0 1 0 4711 99 7" + " 0" * 30
        (proc / str(pid) / "stat").write_text(stat)
        (proc / str(pid) / "status").write_text(f"Name:\twork\nTgid:\t{pid}\n")
        (proc / str(pid) / "comm").write_text("work\n")
    (proc / "71/fd/3").symlink_to("/dev/nvidia0")
    (proc / "self/ns").mkdir(parents=True)
    (proc / "self/ns/pid").symlink_to("pid:[4026531836]")
    (proc / "self/status").write_text("Name:\ttest\nNSpid:\t5\n")
    return proc


def contain(proc: Path):
    (proc / "self/ns/pid").unlink()
    (proc / "self/ns/pid").symlink_to("pid:[4026532836]")


def processes(gpus):
    gpus.have(pids="0:70:100:5,0:71:100:5")
    reading = gpus.open(root=gpus.root)["nvml/0"].read(FAST, NO_INTEREST)
    return {one.labels["process"]: one.name for one in reading.frames[0].entities}, reading.note


def test_pids_are_ours_where_the_driver_and_we_share_a_namespace(gpus, proc):
    assert processes(gpus) == ({"70-4711": "work", "71-4711": "work"}, "")


def test_in_a_container_a_pid_counts_only_with_a_gpu_open(gpus, proc):
    contain(proc)
    found, text = processes(gpus)
    assert found == {"70-?": "pid 70", "71-4711": "work"}
    assert "--pid=host" in text
    assert "1 may bear the number of another one here by chance" in text


def test_the_tree_of_the_host_is_trusted_from_within_a_container(gpus, proc):
    contain(proc)
    (proc / "self/status").write_text("Name:\ttest\nNSpid:\t4005\t5\n")
    assert processes(gpus)[1] == ""


def test_hidepid_is_not_taken_for_a_container(gpus, proc):
    shutil.rmtree(proc / "70")
    (proc / "self/mounts").write_text("proc /proc proc rw,hidepid=invisible 0 0\n")
    found, text = processes(gpus)
    assert "70-?" in found
    assert "hidepid" in text
    assert "--pid=host" not in text


def test_memory_in_use_by_nobody_is_told(gpus):
    gpus.suffer("noprocs\ngpu 0 mem_used 4096")
    reader = gpus.open()["nvml/0"]
    text = "GiB are in use, and the driver names no process: run in the host's pid namespace"
    reading = note(reader)
    assert text in reading
    assert reading.endswith(", or ask as root")
    gpus.suffer("noprocs\ngpu 0 mem_used 900")
    assert note(reader) == ""


def test_memory_that_the_host_uses_names_nobody_to_be_missed(gpus):
    gpus.have(kind="gb10")
    gpus.suffer("noprocs")
    assert note(gpus.open()["nvml/0"]) == ""


def test_the_number_of_a_thread_names_no_process(gpus):
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        gpus.have(pids=f"0:{thread.native_id}:100:5,0:{SELF}:100:5")
        entities = read(gpus.open()["nvml/0"], FAST)[Kind.GPU_PROCESS][FAST].entities
        told = [one.labels["process"] for one in entities]
        assert told == [f"{thread.native_id}-?", f"{SELF}-{start_ticks(SELF)}"]
    finally:
        stop.set()
        thread.join()
