import platform
import socket

import psutil
import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Cadence
from tuimon.sources.host import HostSource
from tuimon.sources.host.machine import Machine
from tuimon.sources.host.part import Steady, cpu_list

INVENTORY = Cadence.INVENTORY


def labels(fake):
    return Machine(fake.tree).host[0].labels


def test_the_host_says_what_it_is(fake):
    fake.machine()
    fake.write("etc/os-release", 'ID=debian\nPRETTY_NAME="Debian 12"\n')
    fake.write("proc/cpuinfo", "processor\t: 0\nmodel name\t: A CPU\n\nprocessor\t: 1\n")
    fake.files("sys/class/dmi/id", sys_vendor="Maker", product_name="Model 9")
    fake.files("sys/devices/system/cpu/cpu0/cpufreq", scaling_governor="performance")
    found = labels(fake)
    assert found["hostname"] == "node7"
    assert found["distribution"] == "Debian 12"
    assert found["cpu_model"] == "A CPU"
    assert found["machine"] == "Maker Model 9"
    assert found["governor"] == "performance"
    assert "virtualization" not in found
    assert "container" not in found


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("sys/class/dmi/id/product_name", "KVM", "kvm"),
        ("sys/class/dmi/id/sys_vendor", "Amazon EC2", "ec2"),
        ("sys/hypervisor/type", "xen", "xen"),
        ("proc/cpuinfo", "flags\t: fpu hypervisor lm\n", "vm"),
        ("proc/cpuinfo", "flags\t: fpu hypervisory lm\n", None),
    ],
)
def test_a_virtual_machine_is_known_by_its_marks(fake, path, text, expected):
    fake.machine()
    fake.write(path, text)
    assert labels(fake).get("virtualization") == expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (".dockerenv", "", "docker"),
        ("run/.containerenv", "", "podman"),
        ("proc/self/cgroup", "0::/kubepods.slice/pod1\n", "kubernetes"),
        ("proc/self/cgroup", "0::/user.slice\n", None),
    ],
)
def test_a_container_is_known_by_its_marks(fake, path, text, expected):
    fake.machine()
    fake.write(path, text)
    assert labels(fake).get("container") == expected


def test_a_hostile_name_is_made_safe(fake):
    fake.machine()
    fake.write("proc/sys/kernel/hostname", "a\x1b]0;b\x07\n")
    assert Machine(fake.tree).host[0].id == "a·]0;b·"


def test_a_machine_without_a_name_is_called_host(fake):
    fake.stat(1)
    assert Machine(fake.tree).host[0].id == "host"


def test_sockets_cores_and_nodes_are_counted(fake):
    fake.machine(cpus=8)
    frame = fake.read(cadence=INVENTORY)["host"]
    assert frame.value("host_numa_nodes", "node7") == 1
    assert frame.value("host_cpu_packages", "node7") == 2
    assert frame.value("host_physical_cores", "node7") == 4


def test_without_topology_nothing_is_counted(fake):
    fake.stat(2)
    frame = fake.read(cadence=INVENTORY)["host"]
    assert frame.reason("host_physical_cores", "host") is Reason.NOT_SUPPORTED


def test_the_host_is_the_same_object_while_its_labels_are(fake):
    fake.machine()
    machine = Machine(fake.tree)
    first = machine.host
    machine.rescan()
    assert machine.host is first
    fake.write("proc/sys/kernel/osrelease", "6.9\n")
    machine.rescan()
    assert machine.host[0].labels["kernel"] == "6.9"


def test_efficient_cores_are_marked(fake):
    fake.machine(cpus=4)
    fake.files("sys/devices/cpu_core", cpus="0-2")
    fake.files("sys/devices/cpu_atom", cpus="3")
    found = [e.labels["type"] for e in Machine(fake.tree).cores((0, 1, 2, 3))]
    assert found == ["performance"] * 3 + ["efficiency"]


def test_lists_of_cpus_are_understood_and_garbage_is_none():
    assert cpu_list("0-2,5\n") == [0, 1, 2, 5]
    assert cpu_list("") == cpu_list("x-y") == cpu_list("-") == []


def test_counters_go_on_where_they_were_when_their_members_change():
    import numpy as np

    steady = Steady()
    assert steady.through("ab", np.array([10.0]))[0] == 10
    assert steady.through("abc", np.array([1000.0]))[0] == 10
    assert steady.through("abc", np.array([1005.0]))[0] == 15
    assert steady.through("c", np.array([2.0]))[0] == 15


def test_this_machine_is_called_what_it_is():
    reader = HostSource().open()[0]
    frame = next(f for f in reader.read(INVENTORY, None).frames if f.kind == "host")
    reader.close()
    entity = frame.entities[0]
    assert entity.name == socket.gethostname()
    assert entity.labels["kernel"] == platform.release()
    cores = frame.value("host_physical_cores", entity.id)
    assert cores == (psutil.cpu_count(logical=False) or cores)
