import ctypes

import pynvml
import pytest

from tuimon.drivers import nvml, nvml_batches
from tuimon.errors import ReadError, Reason, SourceLost


@pytest.fixture
def handle(gpus):
    """The first of two GPUs."""
    gpus.have(gpus=2, time=1000)
    library = nvml.Library(gpus.library)
    library.join()
    yield nvml.call_of("nvmlDeviceGetHandleByIndex")(0)
    library.leave()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (pynvml.NVML_ERROR_NOT_SUPPORTED, Reason.NOT_SUPPORTED),
        (pynvml.NVML_ERROR_FUNCTION_NOT_FOUND, Reason.NOT_SUPPORTED),
        (pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH, Reason.NOT_SUPPORTED),
        (pynvml.NVML_ERROR_NO_PERMISSION, Reason.NO_PERMISSION),
        (pynvml.NVML_ERROR_TIMEOUT, Reason.TIMEOUT),
        (pynvml.NVML_ERROR_NOT_READY, Reason.NOT_YET),
        (pynvml.NVML_ERROR_UNKNOWN, Reason.FAILED),
        (123456, Reason.FAILED),
    ],
)
def test_a_code_becomes_the_reason_of_a_cell(code, reason):
    assert nvml.reason_of(code) is reason


@pytest.mark.parametrize(
    "code",
    [
        pynvml.NVML_ERROR_GPU_IS_LOST,
        pynvml.NVML_ERROR_RESET_REQUIRED,
        pynvml.NVML_ERROR_GPU_NOT_FOUND,
    ],
)
def test_a_lost_device_is_an_error_of_the_device(code):
    with pytest.raises(ReadError) as caught:
        nvml.reason_of(code)
    assert caught.value.reason is Reason.DEVICE_LOST
    assert not isinstance(caught.value, SourceLost)


@pytest.mark.parametrize(
    "code",
    [
        pynvml.NVML_ERROR_UNINITIALIZED,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
    ],
)
def test_a_driver_that_is_gone_is_an_error_of_the_source(code):
    with pytest.raises(SourceLost):
        nvml.reason_of(code)


def test_a_field_value_lies_in_memory_as_it_is_unpacked():
    members = ("valueType", "nvmlReturn", "value")
    offsets = [getattr(pynvml.c_nvmlFieldValue_t, name).offset for name in members]
    assert offsets == [24, 28, 32]
    assert ctypes.sizeof(pynvml.c_nvmlFieldValue_t) == 40


def test_a_batch_agrees_with_pynvml_field_by_field(handle):
    pairs = [(82, 0), (83, 0), (193, 0), (194, 0), (138, 0xFFFFFFFF), (9999, 0)]
    batch = nvml_batches.Fields(pairs)
    codes, numbers = batch.read(handle)
    plain = pynvml.nvmlDeviceGetFieldValues(handle, pairs)
    assert list(codes) == [one.nvmlReturn for one in plain] == [0, 0, 0, 0, 0, 3]
    assert numbers[0] == plain[0].value.uiVal
    assert numbers[2] == plain[2].value.siVal == -8
    assert numbers[3] == plain[3].value.uiVal == 2**32 - 2


def test_a_batch_learns_that_a_type_has_changed(handle):
    batch = nvml_batches.Fields([(82, 0)])
    before = batch.read(handle)
    batch._types = (0,)  # as if it had been a double
    batch._format = batch._format.__class__("<24xIid")
    assert batch.read(handle)[0] == before[0]
    assert batch._types == (1,)


def test_a_process_list_grows_until_all_fit(gpus):
    gpus.have(pids=",".join(f"0:{pid}:1:1" for pid in range(5_000_000, 5_000_200)))
    library = nvml.Library(gpus.library)
    first = nvml.call_of("nvmlDeviceGetHandleByIndex")(0)
    names = ["nvmlDeviceNoSuchFunction", "nvmlDeviceGetComputeRunningProcesses_v3"]
    listed = nvml_batches.ProcessList(names).read(first)
    assert [pid for pid, *_ in listed] == list(range(5_000_000, 5_000_200))
    library.shutdown()


def test_a_process_list_without_any_function_says_so(handle):
    with pytest.raises(nvml.Error) as caught:
        nvml_batches.ProcessList(["nvmlDeviceNoSuchFunction"]).read(handle)
    assert caught.value.value == pynvml.NVML_ERROR_FUNCTION_NOT_FOUND


def test_an_unknown_function_is_one_that_this_driver_lacks():
    with pytest.raises(nvml.Error) as caught:
        nvml.call_of("nvmlDeviceNoSuchFunction")()
    assert nvml.reason_of(caught.value.value) is Reason.NOT_SUPPORTED


def test_nvml_is_shut_down_behind_its_last_user(gpus):
    library = nvml.Library(gpus.library)
    library.join()
    library.join()
    library.leave()
    assert nvml.call_of("nvmlDeviceGetCount")() == 1
    library.leave()
    with pytest.raises(nvml.Error):
        nvml.call_of("nvmlDeviceGetCount")()


def test_the_queue_of_events_never_blocks(gpus, handle):
    queue = nvml_batches.EventQueue()
    queue.register(handle, 0xFFFF)
    assert queue.next() is None
    gpus.suffer("gpu 0 xid 31")
    assert queue.next() == (nvml_batches.address(handle), 8, 31, 0xFFFFFFFF)
    queue.close()


def test_each_reason_of_nvml_is_one_that_pynvml_knows():
    known = {getattr(pynvml, name) for name in dir(pynvml) if name.startswith("NVML_ERROR_")}
    assert set(nvml.REASONS) | nvml.LOST | nvml.VOID <= known
