"""Names of NVML's states and bits, in NVIDIA's words.

Sources: nvml.h as shipped in nvidia-ml-py 13.615 and the NVML reference,
https://docs.nvidia.com/deploy/nvml-api/.
"""

# fmt: off
OFF_ON = ((0, "off"), (1, "on"))
NO_YES = ((0, "no"), (1, "yes"))

CLOCK_EVENT_REASONS = (          # nvmlClocksEventReason*: bits
    (0x001, "idle"),
    (0x002, "application clocks"),
    (0x004, "power cap"),
    (0x008, "hardware slowdown"),
    (0x010, "sync boost"),
    (0x020, "software thermal"),
    (0x040, "hardware thermal"),
    (0x080, "power brake"),
    (0x100, "display clocks"),
    (0x200, "board limit"),
    (0x400, "reliability"),
)
PSTATES = (*((state, f"P{state}") for state in range(16)), (32, "unknown"))   # nvmlPstates_t
COMPUTE_MODES = ((0, "default"), (1, "exclusive thread"), (2, "prohibited"), (3, "exclusive process"))
RECOVERY_ACTIONS = (             # nvmlDeviceGpuRecoveryAction_t
    (0, "none"),
    (1, "reset GPU"),
    (2, "reboot node"),
    (3, "drain P2P"),
    (4, "drain and reset"),
    (5, "recover IMEX domain"),
    (6, "reset bus"),
    (7, "reboot system"),
)
VIRTUALIZATION_MODES = ((0, "none"), (1, "passthrough"), (2, "vGPU guest"), (3, "vGPU host"), (4, "vSGA host"))
POWER_SOURCES = ((0, "mains"), (1, "battery"), (2, "undersized"))
FABRIC_STATES = ((0, "not supported"), (1, "not started"), (2, "in progress"), (3, "completed"))
FABRIC_HEALTH = ((0, "not supported"), (1, "healthy"), (2, "unhealthy"), (3, "limited capacity"))
LINK_STATES = ((0, "down"), (1, "up"))
POWER_PROFILES = (               # NVML_POWER_PROFILE_*: bit n is profile n
    (1 << 0, "max-p"), (1 << 1, "max-q"), (1 << 2, "compute"), (1 << 3, "memory bound"),
    (1 << 4, "network"), (1 << 5, "balanced"), (1 << 6, "LLM inference"), (1 << 7, "LLM training"),
    (1 << 8, "RBM"), (1 << 9, "DCPCIE"), (1 << 10, "HMMA sparse"), (1 << 11, "HMMA dense"),
    (1 << 12, "sync balanced"), (1 << 13, "HPC"), (1 << 14, "MIG"), (1 << 15, "max-q 1"),
    (1 << 16, "network bound"), (1 << 17, "high throughput inference"),
    (1 << 18, "medium throughput inference"), (1 << 19, "low latency inference"),
    (1 << 20, "training"), (1 << 21, "inference"), (1 << 22, "max-q 2"), (1 << 23, "max-q 3"),
    (1 << 24, "low priority background"),
)

EVENTS = {                       # nvmlEventType*: bit to the name of the model's Event
    0x0001: "ecc_corrected",
    0x0002: "ecc_uncorrected",
    0x0004: "pstate_changed",
    0x0008: "xid",
    0x0010: "clock_changed",
    0x0080: "power_source_changed",
    0x0100: "mig_config_changed",
    0x0200: "ecc_corrected_storm",
    0x0400: "dram_retirement",
    0x0800: "dram_retirement_failed",
    0x1000: "poison_nonfatal",
    0x2000: "poison_fatal",
    0x4000: "gpu_unavailable",
    0x8000: "recovery_action",
}
EVENTS_WANTED = 0xFF8B           # not P-state and clock changes: hundreds a second under load
ARCHITECTURES = {                # NVML_DEVICE_ARCH_*
    2: "Kepler", 3: "Maxwell", 4: "Pascal", 5: "Volta", 6: "Turing", 7: "Ampere", 8: "Ada", 9: "Hopper",
    10: "Blackwell", 13: "Rubin",
}
BRANDS = {                       # NVML_BRAND_*
    1: "Quadro", 2: "Tesla", 3: "NVS", 4: "GRID", 5: "GeForce", 6: "Titan", 7: "NVIDIA vApps", 8: "NVIDIA vPC",
    9: "NVIDIA vCS", 10: "NVIDIA vWS", 11: "NVIDIA Cloud Gaming", 12: "Quadro RTX", 13: "NVIDIA RTX",
    14: "NVIDIA", 15: "GeForce RTX", 16: "Titan RTX",
}
TOPOLOGY = {                     # nvmlGpuTopologyLevel_t, in the words of `nvidia-smi topo -m`
    0: "internal", 10: "PIX", 20: "PXB", 30: "PHB", 40: "NODE", 50: "SYS",
}
# fmt: on
