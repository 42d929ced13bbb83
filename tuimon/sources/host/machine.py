"""The host as an entity: its name, kernel, processor and surroundings, and its cores."""

import platform
import threading
from collections.abc import Callable

from tuimon.drivers.kernelfs import Tree
from tuimon.errors import ReadError, Reason
from tuimon.model.entity import Entities, Entity
from tuimon.model.metric import Cadence, Kind, Label, Metric, Type
from tuimon.sources.host.part import Cell, Findings, cpu_list, names, text
from tuimon.text import safe
from tuimon.units import Unit

HOST, CORE = Kind.HOST, Kind.CORE
COUNT, GAUGE = Unit.COUNT, Type.GAUGE
INVENTORY = Cadence.INVENTORY
_CPUS = "sys/devices/system/cpu"
_NODES = "sys/devices/system/node"


def _first(path: str, *fields: str) -> Callable[[Tree], str]:
    """Return a function that finds the first line of *path* that begins with one of *fields*."""

    def read(tree: Tree) -> str:
        found = _pairs(tree, path)
        return next((found[field] for field in fields if found.get(field)), "")

    return read


def _pairs(tree: Tree, path: str) -> dict[str, str]:
    """Return the first value of each `key: value` or `KEY="value"` line of a file."""
    try:
        lines = tree.once(path).decode("utf-8", "replace").splitlines()
    except ReadError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        key, _, value = line.replace("=", ":", 1).partition(":")
        found.setdefault(key.strip(), safe(value.strip().strip('"')))
    return found


def _governor(tree: Tree) -> str:
    return text(tree, f"{_CPUS}/cpu0/cpufreq/scaling_governor")


def _product(tree: Tree) -> str:
    folder = "sys/class/dmi/id"
    words = (text(tree, f"{folder}/sys_vendor"), text(tree, f"{folder}/product_name"))
    return " ".join(filter(None, words)) or text(tree, "proc/device-tree/model")


def _virtualization(tree: Tree) -> str:
    """Return the hypervisor's name, or `vm` where only the processor tells that there is one."""
    product = _product(tree).lower()
    for word, name in _HYPERVISORS:
        if word in product:
            return name
    kind = text(tree, "sys/hypervisor/type")
    if kind:
        return kind
    flags = _first("proc/cpuinfo", "flags")(tree).split()
    return "vm" if "hypervisor" in flags else ""


def _container(tree: Tree) -> str:
    """Return what contains us, from the marks that engines leave; a hint, not a proof."""
    for path, name in _CONTAINER_FILES:
        if tree.exists(path):
            return name
    groups = text(tree, "proc/self/cgroup") + text(tree, "proc/1/cgroup")
    return next((name for word, name in _CONTAINER_GROUPS if word in groups), "")


# fmt: off
_HYPERVISORS = (
    ("kvm", "kvm"), ("qemu", "qemu"), ("vmware", "vmware"), ("virtualbox", "virtualbox"),
    ("amazon ec2", "ec2"), ("google compute", "gce"), ("virtual machine", "hyper-v"),
    ("openstack", "openstack"), ("xen", "xen"), ("bhyve", "bhyve"),
)
_CONTAINER_FILES = (
    ("var/run/secrets/kubernetes.io", "kubernetes"),
    ("run/.containerenv",             "podman"),
    (".dockerenv",                    "docker"),
    (".singularity.d",                "apptainer"),
)
_CONTAINER_GROUPS = (("kubepods", "kubernetes"), ("docker", "docker"), ("libpod", "podman"), ("lxc", "lxc"))

# A row: a label, and how it is found. Read when the source is opened and at each inventory.
LABEL_TABLE: tuple[tuple[Label, Callable[[Tree], str]], ...] = (
    (Label("hostname",       HOST, "The machine's name.", secret=True),                                 lambda tree: text(tree, "proc/sys/kernel/hostname")),
    (Label("kernel",         HOST, "Release of the kernel."),                                           lambda tree: text(tree, "proc/sys/kernel/osrelease")),
    (Label("distribution",   HOST, "The distribution, or that of the container."),                      _first("etc/os-release", "PRETTY_NAME", "NAME")),
    (Label("architecture",   HOST, "What the processor is called in package names."),                   lambda _: platform.machine()),
    (Label("machine",        HOST, "Maker and product."),                                               _product),
    (Label("cpu_model",      HOST, "The processor's own name."),                                        _first("proc/cpuinfo", "model name", "Model", "cpu model", "Processor")),
    (Label("governor",       HOST, "The policy that sets the clock of the first CPU."),                 _governor),
    (Label("virtualization", HOST, "The hypervisor below; empty on bare metal."),                       _virtualization),
    (Label("container",      HOST, "What contains us; empty where we see the whole machine."),          _container),
)
LABELS = tuple(label for label, _ in LABEL_TABLE)

METRICS = (
    Metric("host_numa_nodes",     HOST, COUNT, GAUGE, "NUMA nodes", "NUMA nodes.",                                        INVENTORY, source="/sys/devices/system/node"),
    Metric("host_cpu_packages",   HOST, COUNT, GAUGE, "Sockets",    "Processor packages.",                                INVENTORY, source="/sys/devices/system/cpu/cpu*/topology"),
    Metric("host_physical_cores", HOST, COUNT, GAUGE, "Cores",      "Physical cores that are online, without hardware threads.", INVENTORY, source="/sys/devices/system/cpu/cpu*/topology"),
)
# fmt: on


class Machine:
    """The HOST entity and the CORE entities, shared by the lanes of the source."""

    metrics = METRICS

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._lock = threading.Lock()
        self._cores: tuple[tuple[int, ...], Entities] = ((), Entities())
        self.host = Entities()
        self.rescan()

    def rescan(self) -> None:
        """Read the labels again. Called by one lane only."""
        labels = {label.name: value for label, get in LABEL_TABLE if (value := get(self._tree))}
        name = labels.get("hostname", "host")
        if not len(self.host) or self.host[0].labels != labels:
            self.host = Entities([Entity(name, name, 0, labels)])

    def cores(self, cpus: tuple[int, ...]) -> Entities:
        """Return the entities of these CPUs, the same object while the CPUs are the same."""
        with self._lock:  # several lanes ask; what is used of the tree here keeps no state
            if cpus != self._cores[0]:
                self._cores = (cpus, _core_entities(self._tree, cpus))
            return self._cores[1]

    def online(self, tree: Tree) -> tuple[tuple[int, ...], Entities]:
        """Return the online CPUs as sysfs tells, for a lane that reads no /proc/stat."""
        cpus = tuple(cpu_list(text(tree, f"{_CPUS}/online")))
        return (cpus, self.cores(cpus)) if cpus else self._cores

    def read(self, cadence: Cadence, found: Findings) -> None:
        """See `Part.read`."""
        if cadence is not INVENTORY:
            return
        nodes = [n for n in names(self._tree, _NODES) if n.startswith("node") and n[4:].isdigit()]
        _, entities = self.online(self._tree)
        cores = {
            (e.labels.get("package"), e.labels["core"]) for e in entities if "core" in e.labels
        }
        found.host["host_numa_nodes"] = _count(nodes)
        found.host["host_cpu_packages"] = _count({package for package, _ in cores})
        found.host["host_physical_cores"] = _count(cores)


def _count(things: list[str] | set[tuple[str | None, str]] | set[str | None]) -> Cell:
    return float(len(things)) if things else Reason.NOT_SUPPORTED


def _core_entities(tree: Tree, cpus: tuple[int, ...]) -> Entities:
    """Return the entities of CPUs with what their topology tells."""
    nodes: dict[int, str] = {}
    for node in names(tree, _NODES):
        nodes.update(dict.fromkeys(cpu_list(text(tree, f"{_NODES}/{node}/cpulist")), node[4:]))
    types = dict.fromkeys(cpu_list(text(tree, "sys/devices/cpu_core/cpus")), "performance")
    types |= dict.fromkeys(cpu_list(text(tree, "sys/devices/cpu_atom/cpus")), "efficiency")
    entities: list[Entity] = []
    for cpu in cpus:
        topology = f"{_CPUS}/cpu{cpu}/topology"
        labels = {
            "package": text(tree, f"{topology}/physical_package_id"),
            "core": text(tree, f"{topology}/core_id"),
            "numa_node": nodes.get(cpu, ""),
            "type": types.get(cpu, ""),
        }
        labels = {key: value for key, value in labels.items() if value}
        entities.append(Entity(f"cpu{cpu}", str(cpu), cpu, labels))
    return Entities(entities)
