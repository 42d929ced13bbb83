import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Cadence
from tuimon.sources.host.pressure import METRICS, Pressure


def test_means_are_ratios_and_totals_are_seconds(fake):
    fake.machine()
    host = fake.part(Pressure(fake.tree), Cadence.NORMAL).host
    assert host["host_pressure_cpu_some_ratio"] == pytest.approx(0.125)
    assert host["host_pressure_memory_full_avg300_ratio"] == pytest.approx(0.0005)
    assert host["host_pressure_io_full_stall_seconds_total"] == pytest.approx(1.0)


def test_a_kernel_without_irq_pressure_still_tells_the_rest(fake):
    fake.machine()
    host = fake.part(Pressure(fake.tree), Cadence.NORMAL).host
    assert host["host_pressure_irq_full_ratio"] is Reason.NOT_SUPPORTED


def test_an_old_kernel_has_no_full_for_the_cpu(fake):
    fake.machine()
    fake.write("proc/pressure/cpu", "some avg10=1.00 avg60=0.00 avg300=0.00 total=5\n")
    host = fake.part(Pressure(fake.tree), Cadence.NORMAL).host
    assert host["host_pressure_cpu_some_ratio"] == pytest.approx(0.01)
    assert host["host_pressure_cpu_full_ratio"] is Reason.NOT_SUPPORTED


def test_a_kernel_without_pressure_has_none(fake):
    fake.stat(1)
    host = fake.part(Pressure(fake.tree), Cadence.NORMAL).host
    assert host == {metric.name: Reason.NOT_SUPPORTED for metric in METRICS}


@pytest.mark.parametrize("text", ["", "some\n", "some avg10=high\n", "\n\n"])
def test_garbage_is_a_failure(fake, text):
    fake.machine()
    fake.write("proc/pressure/io", text)
    host = fake.part(Pressure(fake.tree), Cadence.NORMAL).host
    assert host["host_pressure_io_some_ratio"] is Reason.FAILED
