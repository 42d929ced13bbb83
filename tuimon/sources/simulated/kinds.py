"""The products that can be simulated, and what each of them has: two tables.

Figures are those of NVIDIA's data sheets and of `nvidia-smi -q` on such boards, rounded where they
differ from board to board; those of idle power and of temperature at full load are estimates.
"""

from dataclasses import dataclass, replace

from tuimon.errors import UsageError

MIB = 1024.0 * 1024.0
GIB = 1024.0 * MIB
MEGA = 1e6


@dataclass(frozen=True, slots=True)
class Product:
    """One GPU product. Clocks are in MHz, memory in MiB, as its makers write them."""

    kind: str
    """What the command line calls it."""
    name: str
    """What the driver calls it."""
    architecture: str
    capability: str
    host: str
    """Key of `HOSTS`: the machine it usually sits in."""
    memory: float
    reserved: float
    bar1: float
    bus_width: int
    cores: int
    power: float
    """Default limit in watts."""
    power_min: float
    power_max: float
    power_idle: float
    """Watts with no process on it."""
    power_held: float
    """Watts with a process that does nothing."""
    clock: float
    clock_base: float
    clock_idle: float
    memory_clock: float
    warm: float
    """Core temperature at full load in a cool room."""
    hot: float
    """Core temperature at which the driver lowers the clocks; the hardware does 3 degrees later."""
    memory_hot: float
    links: int
    link_speed: float
    """GB/s each way of one NVLink."""
    link_version: int
    pcie: int
    """Generation; all have 16 lanes but GB10."""
    fans: int
    has: frozenset[str]
    """What it supports, in the words of the column `needs` of `cells.py`."""

    @property
    def memory_bytes(self) -> float:
        """Device memory, reserved part included."""
        return self.memory * MIB

    @property
    def usable_bytes(self) -> float:
        """What processes and the driver's share of them can have."""
        return (self.memory - self.reserved) * MIB

    @property
    def slowdown(self) -> float:
        """Core temperature at which the hardware halves the clocks."""
        return self.hot + 3.0

    @property
    def link_bytes(self) -> float:
        """Bytes a second each way over one NVLink."""
        return self.link_speed * 1e9

    @property
    def pcie_bytes(self) -> float:
        """Bytes a second each way that PCIe carries, headers left out."""
        return 0.985e9 * 2.0 ** (self.pcie - 3) * 16 * 0.9


@dataclass(frozen=True, slots=True)
class Host:
    """The machine around the GPUs."""

    machine: str
    cpu: str
    architecture: str
    cpus: int
    """Logical CPUs."""
    threads: int
    """Logical CPUs a core."""
    packages: int
    memory: float
    """GiB."""
    clock: float
    """MHz."""
    ports: int
    """InfiniBand ports."""
    network: float
    """Gbit/s of the Ethernet interface."""
    governor: str = "performance"

    @property
    def memory_bytes(self) -> float:
        """Memory of the host."""
        return self.memory * GIB


def _has(words: str, *more: frozenset[str]) -> frozenset[str]:
    return frozenset(words.split()).union(*more)


# fmt: off
COMMON  = _has("memory cap energy decoder thresholds bar1 clocks pcie")
SERVER  = _has("ecc accounting virtual app-clocks", COMMON)
VOLTA   = _has("pages encoder", SERVER)
AMPERE  = _has("rows jpeg mig", SERVER)
HOPPER  = _has("gpm tlimit sram pcie-counters instant jpeg ofa confidential margin", AMPERE)
BLACKWELL = _has("smoothing profiles recovery repair", HOPPER)
ADA     = _has("rows encoder jpeg ofa tlimit instant margin", SERVER)
GEFORCE = _has("encoder jpeg ofa fans target tlimit instant margin", COMMON)
NVLINK  = _has("nvlink switch memory-temperature")

# Adding a product is one row here; a host that it needs is one more below.
PRODUCTS: tuple[Product, ...] = (
    Product("b200",    "NVIDIA B200",                 "Blackwell", "10.0", "dgx-h",   183359, 1050, 262144, 8192, 18944, 1000, 200, 1000, 140, 190, 1965, 1665, 120, 3996, 66, 87, 95, 18, 50.0,  5, 5, 0, _has("fabric recovery", BLACKWELL, NVLINK)),
    Product("h200",    "NVIDIA H200",                 "Hopper",     "9.0", "dgx-h",   143771,  612, 262144, 6144, 16896,  700, 200,  700,  76, 118, 1980, 1500, 345, 3201, 68, 87, 95, 18, 26.56, 4, 5, 0, _has("fabric recovery", HOPPER, NVLINK)),
    Product("h100",    "NVIDIA H100 80GB HBM3",       "Hopper",     "9.0", "dgx-h",    81559,  551, 131072, 5120, 16896,  700, 200,  700,  70, 115, 1980, 1590, 345, 2619, 66, 87, 95, 18, 26.56, 4, 5, 0, _has("fabric recovery", HOPPER, NVLINK)),
    Product("a100",    "NVIDIA A100-SXM4-80GB",       "Ampere",     "8.0", "dgx-a",    81920,  644, 131072, 5120,  6912,  400, 100,  400,  52,  84, 1410, 1095, 210, 1593, 63, 85, 95, 12, 25.0,  3, 4, 0, _has("", AMPERE, NVLINK)),
    Product("v100",    "Tesla V100-SXM2-32GB",        "Volta",      "7.0", "server",   32768,  258,  32768, 4096,  5120,  300, 150,  300,  42,  58, 1530, 1290, 135,  877, 60, 83, 85,  6, 25.0,  2, 3, 0, _has("nvlink memory-temperature", VOLTA)),
    Product("l40s",    "NVIDIA L40S",                 "Ada",        "8.9", "server",   46068,  512,  65536,  384, 18176,  350, 100,  350,  35,  82, 2520, 1110, 210, 9001, 69, 87, 95,  0, 0.0,   0, 4, 0, ADA),
    Product("l4",      "NVIDIA L4",                   "Ada",        "8.9", "server",   23034,  469,  32768,  192,  7424,   72,  40,   72,  13,  28, 2040,  795, 210, 6251, 70, 87, 95,  0, 0.0,   0, 4, 0, ADA),
    Product("t4",      "Tesla T4",                    "Turing",     "7.5", "server",   15360,  418,    256,  256,  2560,   70,  60,   70,  10,  27, 1590,  585, 300, 5001, 72, 85, 95,  0, 0.0,   0, 3, 0, VOLTA),
    Product("rtx5090", "NVIDIA GeForce RTX 5090",     "Blackwell", "12.0", "desktop",  32607,  480,  32768,  512, 21760,  575, 400,  600,  22,  45, 2850, 2010, 180, 14001, 70, 87, 95, 0, 0.0,   0, 5, 2, GEFORCE),
    Product("rtx4090", "NVIDIA GeForce RTX 4090",     "Ada",        "8.9", "desktop",  24564,  475,  32768,  384, 16384,  450, 150,  600,  18,  42, 2745, 2235, 210, 10501, 67, 84, 95, 0, 0.0,   0, 4, 2, GEFORCE),
    Product("gb10",    "NVIDIA GB10",                 "Blackwell", "12.1", "spark",   122571,    0,      0,  256,  6144,  100,  40,  100,   5,  12, 2415, 1665, 210, 8533, 68, 90, 95,  0, 0.0,   0, 5, 0, _has("decoder encoder instant tlimit margin clocks c2c")),
)

HOSTS: dict[str, Host] = {
    "dgx-h":   Host("NVIDIA DGX H100",                       "Intel(R) Xeon(R) Platinum 8480C",     "x86_64",  224, 2, 2, 2016, 3800, 8, 200),
    "dgx-a":   Host("NVIDIA DGX A100",                       "AMD EPYC 7742 64-Core Processor",     "x86_64",  256, 2, 2, 1008, 3400, 8, 100),
    "server":  Host("Supermicro SYS-420GP-TNR",              "AMD EPYC 7543 32-Core Processor",     "x86_64",  128, 2, 2,  504, 3700, 1, 100),
    "desktop": Host("ASUS System Product Name",              "AMD Ryzen 9 7950X 16-Core Processor", "x86_64",   32, 2, 1,  125, 5700, 0, 10, "powersave"),
    "spark":   Host("NVIDIA DGX Spark",                      "Cortex-X925",                         "aarch64",  20, 1, 1,  120, 3900, 2, 10),
}
# fmt: on
MOST = 16
"""GPUs a machine may have."""


def product(kind: str) -> Product:
    """Return the product called *kind*; case, spaces and dashes do not matter.

    Raises:
        UsageError: There is none.
    """
    wanted = kind.lower().replace("-", "").replace("_", "").replace(" ", "")
    for one in PRODUCTS:
        if one.kind == wanted:
            return one
    known = ", ".join(one.kind for one in PRODUCTS)
    raise UsageError(f"no simulated GPU called {kind!r}; there are: {known}")


def chassis(one: Product, gpus: int) -> Host:
    """Return the machine around *gpus* of them, with more CPUs and memory where they need it."""
    host = HOSTS[one.host]
    return replace(host, cpus=max(host.cpus, 12 * gpus), memory=max(host.memory, 32.0 * gpus))


def checked_number(gpus: int) -> int:
    """Return *gpus* if a machine can have as many.

    Raises:
        UsageError: It cannot.
    """
    if not 1 <= gpus <= MOST:
        raise UsageError(f"{gpus} simulated GPUs are not possible: give 1 to {MOST}")
    return gpus
