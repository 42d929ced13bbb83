"""Who the simulated GPUs are: names, numbers and versions, made of the seed."""

from tuimon.model.entity import Entity
from tuimon.model.metric import Kind, Label
from tuimon.sources.simulated.kinds import Product
from tuimon.sources.simulated.machine import Machine
from tuimon.sources.simulated.noise import mixed

SIMULATED = {"simulated": "yes"}
LABELS: tuple[Label, ...] = tuple(
    Label("simulated", kind, "`yes`: made up by tuimon --demo, nothing here is hardware.")
    for kind in (Kind.GPU, Kind.HOST)
)
DRIVER, CUDA = "580.95.05", "13.0"
BRANDS = {"Tesla": "Tesla", "NVIDIA GeForce": "GeForce RTX"}


def host_name(machine: Machine) -> str:
    """Return the name of the host, such as `demo-h100-8`."""
    return f"demo-{machine.product.kind}-{len(machine.roles)}"


def numa_node(machine: Machine, gpu: int) -> int:
    """Return the socket that a GPU hangs on: the first half of them on the first."""
    packages = machine.chassis.packages
    return gpu * packages // len(machine.roles)


def uuid(seed: int, product: Product, gpu: int) -> str:
    """Return a UUID that is the same for the same seed, product and index."""
    number = mixed(seed * 7919 + gpu) << 64 | mixed(sum(product.kind.encode()) * 104729 + gpu)
    digits = f"{number:032x}"
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "GPU-" + "-".join(parts)


def gpu_entity(machine: Machine, gpu: int) -> Entity:
    """Return the entity of one GPU."""
    product, count = machine.product, len(machine.roles)
    node = numa_node(machine, gpu)
    cpus = machine.chassis.cpus // machine.chassis.packages
    others = [other for other in range(count) if other != gpu]
    name = uuid(machine.seed, product, gpu)
    labels = {
        "uuid": name,
        "bus_id": f"0000:{0x18 + 0x11 * gpu:02x}:00.0",
        "minor": str(gpu),
        "serial": f"165{mixed(machine.seed * 31 + gpu) % 10**10:010d}",
        "vbios": "96.00.74.00.01",
        "brand": next(
            (b for start, b in BRANDS.items() if product.name.startswith(start)), "NVIDIA"
        ),
        "architecture": product.architecture,
        "compute_capability": product.capability,
        "driver": DRIVER,
        "cuda": CUDA,
        "nvml": f"13.{DRIVER}",
        "numa_node": str(node),
        "cpus": f"{node * cpus}-{node * cpus + cpus - 1}",
        **SIMULATED,
    }
    if product.links:
        labels["module"] = str(gpu + 1)
    if "memory" not in product.has:
        labels["memory"] = "shared with the host"
    if "pcie" in product.has:
        labels["pcie"] = "counter" if "pcie-counters" in product.has else "mean between readings"
    if others:
        labels["topology"] = " ".join(f"{other}={_way(machine, gpu, other)}" for other in others)
    if others and product.links:
        labels["p2p"] = " ".join(map(str, others))
    return Entity(name, product.name, gpu, labels)


def _way(machine: Machine, here: int, there: int) -> str:
    """Return the way between two GPUs in the words of `nvidia-smi topo -m`."""
    if machine.product.links:
        return f"NV{machine.product.links}"
    return "NODE" if numa_node(machine, here) == numa_node(machine, there) else "SYS"
