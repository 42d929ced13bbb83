import os

import pytest
from fake_gpus import cell, read

from tuimon.drivers.procfs import start_ticks
from tuimon.errors import Reason
from tuimon.model.metric import Cadence, Kind
from tuimon.model.source import NO_INTEREST

FAST, NORMAL, SLOW, INVENTORY = Cadence.FAST, Cadence.NORMAL, Cadence.SLOW, Cadence.INVENTORY
GPU0 = "GPU-fa4e0000-0000-4000-8000-000000000000"
SELF = os.getpid()
NOBODY = 4_194_305
"""No pid, for it is above the highest that Linux gives."""


def test_a_process_is_told_by_pid_start_and_gpu(gpus):
    gpus.have(pids=f"0:{SELF}:4096:70")
    frame = read(gpus.open()["nvml/0"], FAST)[Kind.GPU_PROCESS][FAST]
    (entity,) = frame.entities
    process = f"{SELF}-{start_ticks(SELF)}"
    assert entity.id == f"{process}@{GPU0}"
    assert entity.parent == GPU0
    assert entity.labels == {"pid": str(SELF), "process": process, "type": "C", "gpu": "0"}
    assert frame.value("gpu_process_memory_bytes", entity.id) == 4096 << 20


def test_a_process_outside_of_our_namespace_has_no_start(gpus):
    gpus.have(pids=f"0:{NOBODY}:100:5")
    reading = gpus.open()["nvml/0"].read(FAST, NO_INTEREST)
    (entity,) = reading.frames[0].entities
    assert entity.labels["process"] == f"{NOBODY}-?"
    assert entity.name == f"pid {NOBODY}"
    assert reading.note.startswith("/proc does not show 1 of the 1 processes on it: ")


def test_unknown_process_memory_is_not_sixteen_exabytes(gpus):
    gpus.have(pids=f"0:{SELF}:-1:5")
    frames = read(gpus.open()["nvml/0"], FAST)
    assert cell(frames, Kind.GPU_PROCESS, "gpu_process_memory_bytes") is Reason.NOT_SUPPORTED


def test_a_process_that_computes_and_draws_is_one(gpus):
    gpus.have(pids=f"0:{SELF}:100:5:C,0:{SELF}:100:5:G,0:{NOBODY}:7:0:G")
    frames = read(gpus.open()["nvml/0"], FAST)
    frame = frames[Kind.GPU_PROCESS][FAST]
    assert [entity.labels["type"] for entity in frame.entities] == ["C+G", "G"]
    assert frame.values[0].tolist() == [100 << 20, 7 << 20]
    assert cell(frames, Kind.GPU, "gpu_processes") == 2


def test_the_last_process_that_goes_leaves_an_empty_frame(gpus):
    gpus.have(pids=f"0:{SELF}:100:5")
    reader = gpus.open()["nvml/0"]
    assert len(read(reader, FAST)[Kind.GPU_PROCESS][FAST].entities) == 1
    gpus.suffer("noprocs")
    frames = read(reader, FAST)
    assert len(frames[Kind.GPU_PROCESS][FAST].entities) == 0
    assert cell(frames, Kind.GPU, "gpu_processes") == 0
    assert Kind.GPU_PROCESS not in read(reader, FAST)


def test_process_entities_stay_while_the_same_are_there(gpus):
    gpus.have(pids=f"0:{SELF}:100:5")
    reader = gpus.open()["nvml/0"]
    one = read(reader, FAST, NORMAL)[Kind.GPU_PROCESS]
    two = read(reader, FAST)[Kind.GPU_PROCESS]
    assert one[FAST].entities is one[NORMAL].entities is two[FAST].entities


def test_hundreds_of_processes_fit(gpus):
    gpus.have(pids=",".join(f"0:{NOBODY + n}:1:1" for n in range(300)))
    frame = read(gpus.open()["nvml/0"], FAST)[Kind.GPU_PROCESS][FAST]
    assert len(frame.entities) == 300


def test_processes_tell_what_they_use(gpus):
    gpus.have(pids=f"0:{SELF}:100:80", time=gpus.now)
    gpus.suffer("gpu 0 util 100")
    reader = gpus.open()["nvml/0"]
    frames = read(reader, FAST, NORMAL)
    used = cell(frames, Kind.GPU_PROCESS, "gpu_process_sm_ratio")
    assert used == pytest.approx(0.8, abs=0.04)
    memory = cell(frames, Kind.GPU_PROCESS, "gpu_process_memory_utilization_ratio")
    assert memory == pytest.approx(used * 0.6, abs=0.011)
    assert (
        cell(read(reader, NORMAL), Kind.GPU_PROCESS, "gpu_process_sm_ratio") == 0
    )  # nothing since


def test_use_by_processes_is_not_known_on_a_divided_gpu(gpus):
    gpus.have(pids=f"0:{SELF}:100:80", mig="0:2")
    frames = read(gpus.open()["nvml/0"], FAST, NORMAL)
    assert cell(frames, Kind.GPU_PROCESS, "gpu_process_sm_ratio") is Reason.NOT_SUPPORTED
    assert frames[Kind.GPU_PROCESS][FAST].entities[0].labels["mig"] == "1/0"


def test_each_instance_of_a_divided_gpu_is_told(gpus):
    gpus.have(mig="0:3")
    reader = gpus.open()["nvml/0"]
    frames = read(reader)
    frame = frames[Kind.MIG][INVENTORY]
    assert [entity.parent for entity in frame.entities] == [GPU0] * 3
    assert {entity.id[:4] for entity in frame.entities} == {"MIG-"}
    assert frame.entities[1].labels == {
        "uuid": frame.entities[1].id,
        "profile": "2g.20gb",
        "gpu_instance": "2",
        "compute_instance": "0",
    }
    assert cell(frames, Kind.MIG, "mig_multiprocessors") == 32
    assert 0 < cell(frames, Kind.MIG, "mig_memory_used_bytes") < 20 << 30
    assert cell(frames, Kind.GPU, "gpu_utilization_ratio") is Reason.NOT_SUPPORTED
    assert cell(frames, Kind.GPU, "gpu_mig_mode") == 1


def test_the_monitor_tells_of_instances_too(gpus):
    gpus.have(mig="0:3")
    gpus.suffer("gpu 0 util 100")
    reader = gpus.open()["nvml/0"]
    read(reader)
    gpus.now += 3
    assert cell(read(reader, NORMAL), Kind.MIG, "mig_sm_active_ratio") == pytest.approx(0.93)


def test_use_of_an_instance_is_unknown_rather_than_zero(gpus):
    gpus.have(kind="a100", mig="0:3")
    reader = gpus.open()["nvml/0"]
    read(reader)
    assert cell(read(reader), Kind.MIG, "mig_utilization_ratio") is Reason.NOT_SUPPORTED


def test_instances_come_and_go(gpus):
    gpus.suffer("gpu 0 mig 2")
    reader = gpus.open()["nvml/0"]
    assert len(read(reader)[Kind.MIG][FAST].entities) == 2
    gpus.suffer("gpu 0 mig 3")
    frames = read(reader, NORMAL, FAST)
    assert len(frames[Kind.MIG][FAST].entities) == 3
    assert cell(frames, Kind.MIG, "mig_memory_total_bytes") > 0
    gpus.suffer("")
    assert len(read(reader, NORMAL)[Kind.MIG][NORMAL].entities) == 0


def test_a_gpu_that_is_not_divided_has_no_instances(gpus):
    assert Kind.MIG not in read(gpus.open()["nvml/0"])


def test_each_link_is_told_by_one_batch(gpus):
    gpus.suffer("gpu 0 nvlink_down 3")
    reader = gpus.open()["nvml/0"]
    frames = read(reader)
    frame = frames[Kind.NVLINK][NORMAL]
    assert len(frame.entities) == 18
    assert frame.row("nvlink_state").tolist() == [1, 1, 1, 0] + [1] * 14
    assert frame.entities[3].id == f"{GPU0}/nvlink3"
    assert frame.entities[3].labels == {"link": "3", "remote": "00000000:80:00.0", "peer": "switch"}
    assert cell(frames, Kind.GPU, "gpu_nvlink_active_links") == 17
    assert cell(frames, Kind.GPU, "gpu_nvlink_links") == 18
    assert cell(frames, Kind.NVLINK, "nvlink_replay_errors_total", f"{GPU0}/nvlink3") == 7
    assert cell(frames, Kind.NVLINK, "nvlink_replay_errors_total", f"{GPU0}/nvlink2") == 0
    assert cell(frames, Kind.NVLINK, "nvlink_sent_bytes_total") > 0
    before = gpus.calls("nvmlDeviceGetFieldValues")
    read(reader, NORMAL)
    assert gpus.calls("nvmlDeviceGetFieldValues") == before + 2  # the links, and the GPU itself


def test_a_board_without_links_has_none(gpus):
    gpus.have(kind="t4")
    frames = read(gpus.open()["nvml/0"])
    assert Kind.NVLINK not in frames
    assert cell(frames, Kind.GPU, "gpu_nvlink_active_links") is Reason.NOT_SUPPORTED


def test_each_virtual_gpu_is_told(gpus):
    gpus.have(kind="a100", vgpu="0:2", time=gpus.now)
    frames = read(gpus.open()["nvml/0"])
    frame = frames[Kind.VGPU][NORMAL]
    assert len(frame.entities) == 2
    entity = frame.entities[0]
    assert entity.id.startswith("VGPU-")
    assert entity.parent == GPU0
    assert entity.labels["vm"] == "vm-1000"
    assert entity.labels["license"] == "licensed"
    assert cell(frames, Kind.VGPU, "vgpu_memory_used_bytes") == 6 << 30
    assert cell(frames, Kind.VGPU, "vgpu_memory_total_bytes") == 10 << 30
    assert cell(frames, Kind.VGPU, "vgpu_sm_ratio") == 0.4


def test_a_gpu_that_hosts_none_is_asked_for_virtual_gpus_once(gpus):
    reader = gpus.open()["nvml/0"]
    frames = read(reader)
    assert Kind.VGPU not in frames
    before = gpus.calls("nvmlDeviceGetActiveVgpus")
    read(reader, NORMAL)
    assert gpus.calls("nvmlDeviceGetActiveVgpus") == before


def test_an_xid_is_told_once(gpus):
    gpus.have(gpus=2)
    readers = gpus.open()
    for reader in readers.values():
        read(reader, *reader.cadences)
    gpus.suffer("gpu 1 xid 79\ngpu 1 xid 45")
    events = readers["nvml/events"].read(Cadence.EVENTS, NO_INTEREST).events
    assert [(event.name, event.code, event.text) for event in events] == [
        ("xid", 79, "XID 79"),
        ("xid", 45, "XID 45"),
    ]
    assert {event.entity for event in events} == {"GPU-fa4e0000-0000-4000-8000-000000000001"}
    assert {event.at for event in events} == {gpus.now}
    assert readers["nvml/events"].read(Cadence.EVENTS, NO_INTEREST).events == ()


def test_events_are_told_of_the_other_gpus_when_one_is_lost(gpus):
    gpus.have(gpus=2)
    readers = gpus.open()
    for reader in readers.values():
        read(reader, *reader.cadences)
    gpus.suffer("gpu 0 lost")
    readers["nvml/events"].read(Cadence.EVENTS, NO_INTEREST)
    gpus.suffer("gpu 0 lost\ngpu 1 xid 48")
    (event,) = readers["nvml/events"].read(Cadence.EVENTS, NO_INTEREST).events
    assert event.code == 48
