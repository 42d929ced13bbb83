import threading

import pytest
from fake_gpus import cell, read

from tuimon.errors import ReadError, Reason, SourceLost, UsageError
from tuimon.model.metric import Cadence, Kind
from tuimon.model.source import NO_INTEREST
from tuimon.sources.nvml.checks import checks

FAST, NORMAL = Cadence.FAST, Cadence.NORMAL
UUID = "GPU-fa4e0000-0000-4000-8000-{:012d}"


def failure(reader, cadence=FAST):
    with pytest.raises(ReadError) as caught:
        reader.read(cadence, NO_INTEREST)
    return caught.value


def test_a_lost_gpu_costs_only_itself_and_comes_back(gpus):
    gpus.have(gpus=2)
    readers = gpus.open()
    for name in ("nvml/0", "nvml/1"):
        read(readers[name])
    gpus.suffer("gpu 1 lost")
    error = failure(readers["nvml/1"])
    assert error.reason is Reason.DEVICE_LOST
    assert not isinstance(error, SourceLost)
    assert str(error).startswith("GPU 1: ")
    assert cell(read(readers["nvml/0"], FAST), Kind.GPU, "gpu_power_watts") > 0
    assert failure(readers["nvml/1"]).reason is Reason.DEVICE_LOST
    gpus.suffer("")
    assert cell(read(readers["nvml/1"], FAST), Kind.GPU, "gpu_power_watts") > 0


def test_a_gpu_that_is_lost_from_the_start_is_looked_for_again(gpus):
    gpus.have(gpus=2)
    gpus.suffer("gpu 1 lost")
    readers = gpus.open()
    assert failure(readers["nvml/1"]).reason is Reason.DEVICE_LOST
    gpus.suffer("")
    frames = read(readers["nvml/1"], FAST)
    assert frames[Kind.GPU][FAST].entities[0].id == UUID.format(1)


def test_a_gpu_that_hangs_costs_only_itself(gpus):
    gpus.have(gpus=2)
    gpus.suffer("gpu 1 hang")
    readers = gpus.open()
    stuck = threading.Thread(target=read, args=(readers["nvml/1"], FAST), daemon=True)
    stuck.start()
    assert cell(read(readers["nvml/0"], FAST), Kind.GPU, "gpu_power_watts") > 0
    assert stuck.is_alive()
    gpus.suffer("")
    stuck.join(5)
    assert not stuck.is_alive()


def test_a_driver_that_goes_takes_the_source_along_and_is_opened_again(gpus):
    source = gpus.source()
    readers = source.open()
    read(readers[0], FAST)
    gpus.suffer("driver_unloaded")
    assert isinstance(failure(readers[0]), SourceLost)
    with pytest.raises(ReadError) as caught:
        source.open()
    assert caught.value.reason is Reason.FAILED  # it was there: asked again soon
    assert "modprobe" in str(caught.value)
    gpus.suffer("")
    assert isinstance(failure(readers[0]), SourceLost)
    again = source.open()
    assert cell(read(again[0], FAST), Kind.GPU, "gpu_power_watts") > 0
    for reader in (*readers, *again):
        reader.close()


def test_void_handles_take_the_source_along(gpus):
    source = gpus.source()
    (reader, *_) = source.open()
    read(reader)
    gpus.suffer("stale")
    assert isinstance(failure(reader), SourceLost)
    (again, *_) = source.open()
    assert cell(read(again, FAST), Kind.GPU, "gpu_power_watts") > 0


def test_the_last_reader_that_closes_shuts_nvml_down(gpus):
    readers = gpus.open()
    read(readers["nvml/0"])
    before = gpus.calls("nvmlDeviceGetCount_v2")
    for reader in readers.values():
        reader.close()
    gpus.have(gpus=3)
    assert len([name for name in gpus.open() if name[5:].isdigit()]) == 3
    assert gpus.calls("nvmlDeviceGetCount_v2") > before


@pytest.mark.parametrize(
    ("fault", "reason", "advice"),
    [
        ("driver_unloaded", Reason.NOT_SUPPORTED, "modprobe nvidia"),
        ("version_mismatch", Reason.FAILED, "reboot"),
    ],
)
def test_a_source_that_cannot_be_opened_says_what_to_do(gpus, fault, reason, advice):
    gpus.suffer(fault)
    with pytest.raises(ReadError) as caught:
        gpus.open()
    assert caught.value.reason is reason
    assert advice in str(caught.value)


def test_a_machine_without_gpus_says_so(gpus):
    gpus.have(gpus=0)
    with pytest.raises(ReadError) as caught:
        gpus.open()
    assert caught.value.reason is Reason.NOT_SUPPORTED


def test_a_machine_without_the_library_says_so(gpus):
    gpus.library = "/nowhere/libnvidia-ml.so.1"
    with pytest.raises(ReadError) as caught:
        gpus.open()
    assert caught.value.reason is Reason.NOT_SUPPORTED
    assert "no NVIDIA driver" in str(caught.value)


def chosen(gpus, *select, **more):
    return [name for name in gpus.open(*select, **more) if name[5:].isdigit()]


@pytest.mark.parametrize(
    ("select", "names"),
    [
        (("1", "0"), ["nvml/1", "nvml/0"]),
        ((UUID.format(2),), ["nvml/2"]),
        ((UUID.format(3)[4:],), ["nvml/3"]),
        (("0000:2a:00.0", "1"), ["nvml/1"]),
        (("2A:00.0",), ["nvml/1"]),
    ],
)
def test_gpus_are_chosen_by_index_uuid_or_address(gpus, select, names):
    gpus.have(gpus=4)
    assert chosen(gpus, *select) == names


@pytest.mark.parametrize(
    ("select", "sentence"),
    [
        ("7", "no GPU '7'; there are: 0, 1"),
        ("GPU-x", f"no GPU 'GPU-x'; there are: 0 ({UUID.format(0)}), 1 ({UUID.format(1)})"),
        ("GPU-fa", f"GPU 'GPU-fa' may be one of {UUID.format(0)}, {UUID.format(1)}"),
    ],
)
def test_a_wrong_choice_is_told_in_a_sentence(gpus, select, sentence):
    gpus.have(gpus=2)
    with pytest.raises(UsageError) as caught:
        gpus.open(select)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("2,0", ["nvml/2", "nvml/0"]),
        (f"{UUID.format(1)}", ["nvml/1"]),
        ("1,-1,0", ["nvml/1"]),
        ("MIG-fa4e0000-0000-4000-8001-000000000003", ["nvml/3"]),
    ],
)
def test_cuda_visible_devices_is_respected_on_request(gpus, text, names):
    gpus.have(gpus=4, mig="3:2")
    environ = {"CUDA_VISIBLE_DEVICES": text}
    assert chosen(gpus, cuda_visible=True, environ=environ) == names
    assert len(chosen(gpus, environ=environ)) == 4


@pytest.fixture
def laptop(gpus):
    """A machine with one GPU that the kernel has suspended."""
    device = gpus.root / "sys/bus/pci/devices/0000:18:00.0"
    (device / "power").mkdir(parents=True)
    (device / "vendor").write_text("0x10de\n")
    (device / "class").write_text("0x030200\n")
    (device / "power/control").write_text("auto\n")
    (device / "power/runtime_status").write_text("suspended\n")
    known = gpus.root / "proc/driver/nvidia/gpus/0000:18:00.0"
    known.mkdir(parents=True)
    known.joinpath("information").write_text(
        f"Model: \t\t NVIDIA GeForce RTX 4090\nGPU UUID: \t {UUID.format(0)}\n"
    )
    return device / "power/runtime_status"


def test_a_sleeping_gpu_is_shown_and_not_woken(gpus, laptop):
    (reader,) = gpus.open(root=gpus.root).values()
    frames = read(reader)
    entity = frames[Kind.GPU][FAST].entities[0]
    assert (entity.id, entity.name) == (UUID.format(0), "NVIDIA GeForce RTX 4090")
    assert cell(frames, Kind.GPU, "gpu_power_watts") is Reason.ASLEEP
    assert gpus.calls("nvmlInitWithFlags") == 0
    laptop.write_text("active\n")
    assert isinstance(failure(reader), SourceLost)
    readers = gpus.open(root=gpus.root)
    assert cell(read(readers["nvml/0"], FAST), Kind.GPU, "gpu_power_watts") > 0


def test_a_gpu_that_falls_asleep_is_left_alone(gpus, laptop):
    laptop.write_text("active\n")
    reader = gpus.open(root=gpus.root)["nvml/0"]
    read(reader)
    laptop.write_text("suspended\n")
    before = gpus.calls("TOTAL")
    assert cell(read(reader), Kind.GPU, "gpu_power_watts") is Reason.ASLEEP
    assert gpus.calls("TOTAL") == before
    laptop.write_text("active\n")
    assert cell(read(reader, FAST), Kind.GPU, "gpu_power_watts") > 0


def test_one_sleeping_gpu_does_not_hide_the_others(gpus, laptop):
    gpus.have(gpus=2)
    other = gpus.root / "sys/bus/pci/devices/0000:2a:00.0"
    (other / "power").mkdir(parents=True)
    (other / "vendor").write_text("0x10de\n")
    (other / "class").write_text("0x030200\n")
    readers = gpus.open(root=gpus.root)
    assert cell(read(readers["nvml/0"]), Kind.GPU, "gpu_power_watts") is Reason.ASLEEP
    assert cell(read(readers["nvml/1"], FAST), Kind.GPU, "gpu_power_watts") > 0


def test_checks_say_what_is_missing_and_what_to_do(gpus):
    gpus.library = "/nowhere/libnvidia-ml.so.1"
    found = {check.name: check for check in checks(gpus.root, {}, gpus.library)}
    assert [name for name, check in found.items() if check.ok] == []
    assert all(check.advice for check in found.values())


def test_checks_find_what_is_there(gpus):
    gpus.have(gpus=2)
    gpus.suffer("gpu 1 lost")
    for place in ("dev/nvidiactl", "dev/nvidia0", "proc/driver/nvidia/version"):
        (gpus.root / place).parent.mkdir(parents=True, exist_ok=True)
        (gpus.root / place).write_text("NVRM version: 580.95.05\n")
    vendor = gpus.root / "sys/bus/pci/devices/0000:18:00.0/vendor"
    vendor.parent.mkdir(parents=True)
    vendor.write_text("0x10de\n")
    found = {check.name: check for check in checks(gpus.root, {}, gpus.library)}
    assert [name for name, check in found.items() if not check.ok] == ["GPU 1"]
    assert found["GPU 0"].text.startswith("NVIDIA H100")
    assert gpus.library in found["NVML"].text
