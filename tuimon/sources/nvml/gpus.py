"""The table of GPU metrics and labels. Adding a metric is one row here, and nothing else.

A row names its NVML call or field id; `readers/plan.py` makes one call of all rows that share it and one
batch of all fields that are due. Field ids and enums: nvml.h, as in nvidia-ml-py 13.615.
"""

from functools import partial

from tuimon.model.metric import Cadence, Kind, Label
from tuimon.sources.nvml import words
from tuimon.sources.nvml.rows import (
    ALL_LINKS,
    KIB,
    MEGA,
    MIB,
    MILLI,
    NANO,
    PERCENT,
    Call,
    Field,
    Gpm,
    Own,
    Row,
    Sampled,
    catalogues,
    row,
)
from tuimon.units import Unit

FAST, NORMAL, SLOW, INVENTORY = Cadence.FAST, Cadence.NORMAL, Cadence.SLOW, Cadence.INVENTORY
RATIO, BYTES, WATTS, CELSIUS, HERTZ = Unit.RATIO, Unit.BYTES, Unit.WATTS, Unit.CELSIUS, Unit.HERTZ
SECONDS, COUNT, STATE, FLAGS, RPM = Unit.SECONDS, Unit.COUNT, Unit.STATE, Unit.FLAGS, Unit.RPM
JOULES, TRANSFERS = Unit.JOULES, Unit.TRANSFERS_PER_SECOND

gpu = partial(row, Kind.GPU)

MODULE, MEMORY = 1, 2  # NVML_POWER_SCOPE_*
CORRECTED, UNCORRECTED, VOLATILE, AGGREGATE = (
    0,
    1,
    0,
    1,
)  # nvmlMemoryErrorType_t, nvmlEccCounterType_t
SRAM = 7  # NVML_MEMORY_LOCATION_SRAM
FANS = 4
"""As many fans as we have seen on one board, and one more."""
# fmt: off
ECC_PLACES = (
    ("l1",        "L1",   "L1 cache",        7),
    ("l2",        "L2",   "L2 cache",        9),
    ("dram",      "dram", "device memory",  11),
    ("registers", "regs", "register file",  13),
    ("texture",   "tex",  "texture memory", 15),
)
# fmt: on
"""Name, title, words and the first of four field ids: volatile corrected, +1 volatile uncorrected, +11 and +12 the aggregate ones."""


def _memory(pick: str) -> tuple[Call | Own, ...]:
    """Ways to read a member of the memory answer; version 1 counts reserved memory as used."""
    new = Call("nvmlDeviceGetMemoryInfo_v2", (), pick)
    if pick == "reserved":
        return (new,)
    return new, Call("nvmlDeviceGetMemoryInfo", (), pick), Own("/proc/meminfo")


def _ecc(place: str, title: str, spoken: str, first: int) -> tuple[Row, ...]:
    """The four counters of one place that has field ids."""
    return (
        gpu(
            f"gpu_ecc_{place}_corrected_total",
            COUNT,
            SLOW,
            f"ECC {title} c",
            f"Corrected errors in {spoken} since the driver was loaded.",
            Field(first),
        ),
        gpu(
            f"gpu_ecc_{place}_uncorrected_total",
            COUNT,
            SLOW,
            f"ECC {title} u",
            f"Uncorrected errors in {spoken} since the driver was loaded.",
            Field(first + 1),
        ),
        gpu(
            f"gpu_ecc_{place}_aggregate_corrected_total",
            COUNT,
            SLOW,
            f"ECC {title} C",
            f"Corrected errors in {spoken} over the life of the board.",
            Field(first + 11),
        ),
        gpu(
            f"gpu_ecc_{place}_aggregate_uncorrected_total",
            COUNT,
            SLOW,
            f"ECC {title} U",
            f"Uncorrected errors in {spoken} over the life of the board.",
            Field(first + 12),
        ),
    )


# fmt: off
TABLE: tuple[Row, ...] = (
    # load
    gpu("gpu_utilization_ratio",              RATIO,   FAST,   "GPU",        "Share of time in which at least one kernel ran; not how full the GPU was.", Call("nvmlDeviceGetUtilizationRates", pick="gpu", scale=PERCENT), upto="1"),
    gpu("gpu_memory_utilization_ratio",       RATIO,   FAST,   "Mem ctl",    "Share of time in which device memory was read or written; not how much of it is used.", Call("nvmlDeviceGetUtilizationRates", pick="memory", scale=PERCENT), upto="1"),
    gpu("gpu_encoder_ratio",                  RATIO,   FAST,   "Encoder",    "Use of the video encoders.", Call("nvmlDeviceGetEncoderUtilization", pick=0, scale=PERCENT), upto="1"),
    gpu("gpu_decoder_ratio",                  RATIO,   FAST,   "Decoder",    "Use of the video decoders.", Call("nvmlDeviceGetDecoderUtilization", pick=0, scale=PERCENT), upto="1"),
    gpu("gpu_jpeg_ratio",                     RATIO,   NORMAL, "JPEG",       "Use of the JPEG engines.", Call("nvmlDeviceGetJpgUtilization", pick=0, scale=PERCENT), upto="1"),
    gpu("gpu_optical_flow_ratio",             RATIO,   NORMAL, "OFA",        "Use of the optical flow accelerators.", Call("nvmlDeviceGetOfaUtilization", pick=0, scale=PERCENT), upto="1"),
    gpu("gpu_encoder_sessions",               COUNT,   NORMAL, "Enc sess",   "Video encoder sessions.", Call("nvmlDeviceGetEncoderStats", pick=0)),
    gpu("gpu_encoder_latency_seconds",        SECONDS, NORMAL, "Enc lat",    "Mean latency of the encoder sessions.", Call("nvmlDeviceGetEncoderStats", pick=2, scale=1e-6)),
    gpu("gpu_processes",                      COUNT,   FAST,   "Procs",      "Processes that hold a context on the GPU, as far as the driver tells them.", Own("nvmlDeviceGetComputeRunningProcesses_v3, nvmlDeviceGetGraphicsRunningProcesses_v3")),

    # memory
    gpu("gpu_memory_used_bytes",              BYTES,   FAST,   "Mem",        "Device memory that processes hold, without what the driver reserves (with it on drivers before 510).", *_memory("used"), upto="gpu_memory_total_bytes"),
    gpu("gpu_memory_total_bytes",             BYTES,   FAST,   "Mem total",  "Device memory, reserved part included; the host's memory where the GPU shares it.", *_memory("total")),
    gpu("gpu_memory_free_bytes",              BYTES,   FAST,   "Mem free",   "Device memory that can still be allocated.", *_memory("free"), upto="gpu_memory_total_bytes"),
    gpu("gpu_memory_reserved_bytes",          BYTES,   FAST,   "Mem rsvd",   "Device memory that driver and firmware keep for themselves.", *_memory("reserved"), upto="gpu_memory_total_bytes"),
    gpu("gpu_bar1_used_bytes",                BYTES,   NORMAL, "BAR1",       "Memory mapped through PCIe BAR1, which peer and network transfers use.", Call("nvmlDeviceGetBAR1MemoryInfo", pick="bar1Used"), upto="gpu_bar1_total_bytes"),
    gpu("gpu_bar1_total_bytes",               BYTES,   SLOW,   "BAR1 total", "Size of the PCIe BAR1 window.", Call("nvmlDeviceGetBAR1MemoryInfo", pick="bar1Total")),

    # temperature
    gpu("gpu_temperature_celsius",            CELSIUS, FAST,   "Temp",       "Temperature of the GPU core.", Call("nvmlDeviceGetTemperatureV", (0,)), Call("nvmlDeviceGetTemperature", (0,)), upto="gpu_temperature_slowdown_celsius"),
    gpu("gpu_memory_temperature_celsius",     CELSIUS, FAST,   "Mem temp",   "Temperature of the device memory.", Field(82), upto="gpu_memory_temperature_max_celsius"),
    gpu("gpu_temperature_margin_celsius",     CELSIUS, FAST,   "Margin",     "Degrees left to the temperature at which the clocks are lowered (T-limit).", Call("nvmlDeviceGetMarginTemperature")),
    gpu("gpu_temperature_shutdown_celsius",   CELSIUS, SLOW,   "Shutdown",   "Core temperature at which the GPU shuts down.", Call("nvmlDeviceGetTemperatureThreshold", (0,))),
    gpu("gpu_temperature_slowdown_celsius",   CELSIUS, SLOW,   "Slowdown",   "Core temperature at which the hardware slows the clocks.", Call("nvmlDeviceGetTemperatureThreshold", (1,))),
    gpu("gpu_memory_temperature_max_celsius", CELSIUS, SLOW,   "Mem max",    "Memory temperature at which the driver slows the clocks.", Call("nvmlDeviceGetTemperatureThreshold", (2,))),
    gpu("gpu_temperature_max_celsius",        CELSIUS, SLOW,   "Max temp",   "Core temperature at which the driver slows the clocks.", Call("nvmlDeviceGetTemperatureThreshold", (3,))),
    gpu("gpu_temperature_target_min_celsius", CELSIUS, SLOW,   "Target min", "Lowest target temperature that can be set.", Call("nvmlDeviceGetTemperatureThreshold", (4,))),
    gpu("gpu_temperature_target_celsius",     CELSIUS, SLOW,   "Target",     "Temperature that the driver steers to by fans and clocks.", Call("nvmlDeviceGetTemperatureThreshold", (5,)), upto="gpu_temperature_target_max_celsius"),
    gpu("gpu_temperature_target_max_celsius", CELSIUS, SLOW,   "Target max", "Highest target temperature that can be set.", Call("nvmlDeviceGetTemperatureThreshold", (6,))),
    gpu("gpu_tlimit_shutdown_celsius",        CELSIUS, SLOW,   "TL shut",    "Margin, usually below zero, at which the GPU shuts down.", Field(193)),
    gpu("gpu_tlimit_slowdown_celsius",        CELSIUS, SLOW,   "TL slow",    "Margin, usually below zero, at which the hardware slows the clocks.", Field(194)),
    gpu("gpu_tlimit_memory_max_celsius",      CELSIUS, SLOW,   "TL mem",     "Margin of the memory at which the driver slows the clocks.", Field(195)),
    gpu("gpu_tlimit_max_celsius",             CELSIUS, SLOW,   "TL max",     "Margin at which the driver slows the clocks.", Field(196)),

    # power
    gpu("gpu_power_watts",                    WATTS,   FAST,   "Power",      "Board draw, averaged by the driver over up to a second on most boards.", Call("nvmlDeviceGetPowerUsage", scale=MILLI), Field(185, scale=MILLI), Field(186, scale=MILLI), upto="gpu_power_limit_watts"),
    gpu("gpu_power_average_watts",            WATTS,   FAST,   "Power avg",  "Board draw, averaged over a second.", Field(185, scale=MILLI), upto="gpu_power_limit_watts"),
    gpu("gpu_power_instant_watts",            WATTS,   FAST,   "Power now",  "Board draw at this moment; may be above the limit.", Field(186, scale=MILLI), upto="gpu_power_limit_watts"),
    gpu("gpu_module_power_watts",             WATTS,   FAST,   "Module",     "Draw of the whole module, with the processor that shares it.", Field(186, MODULE, MILLI), upto="gpu_module_power_limit_watts"),
    gpu("gpu_memory_power_watts",             WATTS,   FAST,   "Mem power",  "Draw of the device memory.", Field(186, MEMORY, MILLI)),
    gpu("gpu_power_limit_watts",              WATTS,   SLOW,   "Limit",      "Power limit in force: the lowest of all that apply.", Call("nvmlDeviceGetEnforcedPowerLimit", scale=MILLI), Field(190, scale=MILLI), upto="gpu_power_max_limit_watts"),
    gpu("gpu_power_management_limit_watts",   WATTS,   SLOW,   "Set limit",  "Power limit that was asked for.", Call("nvmlDeviceGetPowerManagementLimit", scale=MILLI), Field(192, scale=MILLI), upto="gpu_power_max_limit_watts"),
    gpu("gpu_power_default_limit_watts",      WATTS,   SLOW,   "Default",    "Power limit after a start.", Call("nvmlDeviceGetPowerManagementDefaultLimit", scale=MILLI), Field(189, scale=MILLI)),
    gpu("gpu_power_min_limit_watts",          WATTS,   SLOW,   "Min limit",  "Lowest power limit that can be set.", Call("nvmlDeviceGetPowerManagementLimitConstraints", pick=0, scale=MILLI), Field(187, scale=MILLI)),
    gpu("gpu_power_max_limit_watts",          WATTS,   SLOW,   "Max limit",  "Highest power limit that can be set.", Call("nvmlDeviceGetPowerManagementLimitConstraints", pick=1, scale=MILLI), Field(188, scale=MILLI)),
    gpu("gpu_module_power_limit_watts",       WATTS,   SLOW,   "Mod limit",  "Power limit of the whole module.", Field(190, MODULE, MILLI)),
    gpu("gpu_energy_joules_total",            JOULES,  FAST,   "Energy",     "Energy used since the driver was loaded.", Field(83, scale=MILLI), Call("nvmlDeviceGetTotalEnergyConsumption", scale=MILLI)),
    gpu("gpu_power_source",                   STATE,   SLOW,   "Source",     "What the board is fed from.", Call("nvmlDeviceGetPowerSource"), words=words.POWER_SOURCES),
    gpu("gpu_power_smoothing",                STATE,   SLOW,   "Smoothing",  "Whether power smoothing is on.", Field(251), words=words.OFF_ON),
    gpu("gpu_power_smoothing_profile",        COUNT,   SLOW,   "Smooth no",  "Number of the power smoothing profile in force.", Field(264)),
    gpu("gpu_power_profiles",                 FLAGS,   SLOW,   "Profiles",   "Workload power profiles in force.", Call("nvmlDeviceWorkloadPowerProfileGetCurrentProfiles", pick=2), words=words.POWER_PROFILES),
    gpu("gpu_power_profiles_requested",       FLAGS,   SLOW,   "Prof asked", "Workload power profiles that were asked for.", Call("nvmlDeviceWorkloadPowerProfileGetCurrentProfiles", pick=1), words=words.POWER_PROFILES),
    gpu("gpu_power_profiles_available",       FLAGS,   INVENTORY, "Prof have", "Workload power profiles that the board has.", Call("nvmlDeviceWorkloadPowerProfileGetCurrentProfiles", pick=0), words=words.POWER_PROFILES),

    # clocks
    gpu("gpu_sm_clock_hertz",                 HERTZ,   FAST,   "SM clock",   "Clock of the streaming multiprocessors.", Call("nvmlDeviceGetClockInfo", (1,), scale=MEGA), upto="gpu_sm_clock_max_hertz"),
    gpu("gpu_memory_clock_hertz",             HERTZ,   FAST,   "Mem clock",  "Clock of the device memory.", Call("nvmlDeviceGetClockInfo", (2,), scale=MEGA), upto="gpu_memory_clock_max_hertz"),
    gpu("gpu_graphics_clock_hertz",           HERTZ,   NORMAL, "Gfx clock",  "Clock of the graphics domain.", Call("nvmlDeviceGetClockInfo", (0,), scale=MEGA), upto="gpu_graphics_clock_max_hertz"),
    gpu("gpu_video_clock_hertz",              HERTZ,   NORMAL, "Vid clock",  "Clock of the video engines.", Call("nvmlDeviceGetClockInfo", (3,), scale=MEGA), upto="gpu_video_clock_max_hertz"),
    gpu("gpu_sm_clock_max_hertz",             HERTZ,   INVENTORY, "SM max",  "Highest clock of the streaming multiprocessors.", Call("nvmlDeviceGetMaxClockInfo", (1,), scale=MEGA)),
    gpu("gpu_memory_clock_max_hertz",         HERTZ,   INVENTORY, "Mem max",  "Highest clock of the device memory.", Call("nvmlDeviceGetMaxClockInfo", (2,), scale=MEGA)),
    gpu("gpu_graphics_clock_max_hertz",       HERTZ,   INVENTORY, "Gfx max",  "Highest clock of the graphics domain.", Call("nvmlDeviceGetMaxClockInfo", (0,), scale=MEGA)),
    gpu("gpu_video_clock_max_hertz",          HERTZ,   INVENTORY, "Vid max",  "Highest clock of the video engines.", Call("nvmlDeviceGetMaxClockInfo", (3,), scale=MEGA)),
    gpu("gpu_application_graphics_clock_hertz", HERTZ, SLOW,   "App gfx",    "Graphics clock that applications ask for.", Call("nvmlDeviceGetApplicationsClock", (0,), scale=MEGA), upto="gpu_graphics_clock_max_hertz"),
    gpu("gpu_application_memory_clock_hertz", HERTZ,   SLOW,   "App mem",    "Memory clock that applications ask for.", Call("nvmlDeviceGetApplicationsClock", (2,), scale=MEGA), upto="gpu_memory_clock_max_hertz"),
    gpu("gpu_application_graphics_clock_default_hertz", HERTZ, INVENTORY, "App gfx d", "Graphics clock that applications ask for after a start.", Call("nvmlDeviceGetDefaultApplicationsClock", (0,), scale=MEGA)),
    gpu("gpu_application_memory_clock_default_hertz", HERTZ, INVENTORY, "App mem d", "Memory clock that applications ask for after a start.", Call("nvmlDeviceGetDefaultApplicationsClock", (2,), scale=MEGA)),
    gpu("gpu_boost_clock_max_hertz",          HERTZ,   INVENTORY, "Boost max", "Highest graphics clock that a user may set.", Call("nvmlDeviceGetMaxCustomerBoostClock", (0,), scale=MEGA)),
    gpu("gpu_pstate",                         STATE,   FAST,   "P-state",    "Performance state, P0 is the highest.", Call("nvmlDeviceGetPerformanceState"), words=words.PSTATES),

    # why the clocks are not higher
    gpu("gpu_clock_event_reasons",            FLAGS,   FAST,   "Throttle",   "Why the clocks are not higher at this moment.", Call("nvmlDeviceGetCurrentClocksEventReasons"), Call("nvmlDeviceGetCurrentClocksThrottleReasons"), words=words.CLOCK_EVENT_REASONS),
    gpu("gpu_clock_event_reasons_supported",  FLAGS,   INVENTORY, "Can tell", "Which reasons this board can tell.", Call("nvmlDeviceGetSupportedClocksEventReasons"), Call("nvmlDeviceGetSupportedClocksThrottleReasons"), words=words.CLOCK_EVENT_REASONS),
    gpu("gpu_clock_power_cap_seconds_total",          SECONDS, FAST, "By power",   "Time spent with clocks held down by the power limit.", Field(74, scale=NANO)),
    gpu("gpu_clock_thermal_seconds_total",            SECONDS, FAST, "By heat",    "Time spent with clocks held down by temperature.", Field(75, scale=NANO)),
    gpu("gpu_clock_sync_boost_seconds_total",         SECONDS, FAST, "By sync",    "Time spent with clocks held to those of a sync boost group.", Field(76, scale=NANO)),
    gpu("gpu_clock_board_limit_seconds_total",        SECONDS, FAST, "By board",   "Time spent with clocks held down by a limit of the board.", Field(77, scale=NANO)),
    gpu("gpu_clock_low_utilization_seconds_total",    SECONDS, FAST, "By idling",  "Time spent with clocks held down because there was little to do.", Field(78, scale=NANO)),
    gpu("gpu_clock_reliability_seconds_total",        SECONDS, FAST, "By voltage", "Time spent with clocks held down by the reliability limit on voltage.", Field(79, scale=NANO)),
    gpu("gpu_clock_below_application_seconds_total",  SECONDS, FAST, "Below app",  "Time spent below the application clocks, for whatever reason.", Field(80, scale=NANO)),
    gpu("gpu_clock_below_base_seconds_total",         SECONDS, FAST, "Below base", "Time spent below the base clocks, for whatever reason.", Field(81, scale=NANO)),
    gpu("gpu_clock_software_thermal_seconds_total",   SECONDS, FAST, "SW thermal", "Time spent with clocks lowered by the driver because of temperature.", Field(269, scale=NANO)),
    gpu("gpu_clock_hardware_thermal_seconds_total",   SECONDS, FAST, "HW thermal", "Time spent with clocks halved by the hardware because of temperature.", Field(270, scale=NANO)),
    gpu("gpu_clock_power_brake_seconds_total",        SECONDS, FAST, "Power brake", "Time spent with clocks halved by the power brake of the chassis.", Field(271, scale=NANO)),

    # inside of the multiprocessors: Hopper and later
    gpu("gpu_graphics_active_ratio",          RATIO,   NORMAL, "Gr active",  "Share of time in which the graphics or compute engine was active.", Gpm(1), upto="1"),
    gpu("gpu_sm_active_ratio",                RATIO,   NORMAL, "SM active",  "Share of multiprocessors with at least one warp, averaged over time.", Gpm(2), upto="1"),
    gpu("gpu_sm_occupancy_ratio",             RATIO,   NORMAL, "Occupancy",  "Warps that were resident, of the most there could be.", Gpm(3), upto="1"),
    gpu("gpu_integer_active_ratio",           RATIO,   NORMAL, "Integer",    "Share of time in which the integer pipe was busy.", Gpm(4), upto="1"),
    gpu("gpu_tensor_active_ratio",            RATIO,   NORMAL, "Tensor",     "Share of time in which any tensor pipe was busy.", Gpm(5), upto="1"),
    gpu("gpu_tensor_dfma_active_ratio",       RATIO,   NORMAL, "DFMA",       "Share of time in which the FP64 tensor pipe was busy.", Gpm(6), upto="1"),
    gpu("gpu_tensor_hmma_active_ratio",       RATIO,   NORMAL, "HMMA",       "Share of time in which the half precision tensor pipe was busy.", Gpm(7), upto="1"),
    gpu("gpu_tensor_imma_active_ratio",       RATIO,   NORMAL, "IMMA",       "Share of time in which the integer tensor pipe was busy.", Gpm(9), upto="1"),
    gpu("gpu_tensor_stall_ratio",             RATIO,   NORMAL, "MMA stall",  "Share of time in which the tensor pipes waited.", Field(297, scale=PERCENT), upto="1"),
    gpu("gpu_dram_active_ratio",              RATIO,   NORMAL, "DRAM",       "Device memory bandwidth used, of the most there could be.", Gpm(10), upto="1"),
    gpu("gpu_fp64_active_ratio",              RATIO,   NORMAL, "FP64",       "Share of time in which the FP64 pipe was busy, tensor cores left out.", Gpm(11), upto="1"),
    gpu("gpu_fp32_active_ratio",              RATIO,   NORMAL, "FP32",       "Share of time in which the FP32 pipe was busy, tensor cores left out.", Gpm(12), upto="1"),
    gpu("gpu_fp16_active_ratio",              RATIO,   NORMAL, "FP16",       "Share of time in which the FP16 pipe was busy, tensor cores left out.", Gpm(13), upto="1"),

    # fans
    gpu("gpu_fan_ratio",                      RATIO,   NORMAL, "Fan",        "Speed asked of the fans, of the highest; over 100% is possible.", Call("nvmlDeviceGetFanSpeed", scale=PERCENT), upto="1"),
    gpu("gpu_fans",                           COUNT,   INVENTORY, "Fans",    "Number of fans.", Call("nvmlDeviceGetNumFans")),
    *(gpu(f"gpu_fan_{fan}_ratio",             RATIO,   NORMAL, f"Fan {fan}", f"Speed asked of fan {fan}.", Call("nvmlDeviceGetFanSpeed_v2", (fan,), scale=PERCENT), upto="1") for fan in range(FANS)),
    *(gpu(f"gpu_fan_{fan}_rpm",               RPM,     NORMAL, f"Fan {fan}", f"Measured speed of fan {fan}.", Call("nvmlDeviceGetFanSpeedRPM", (fan,))) for fan in range(FANS)),

    # PCIe
    gpu("gpu_pcie_sent_bytes_total",          BYTES,   NORMAL, "PCIe tx",    "Bytes sent over PCIe; the label `pcie` says how well it is known.", Field(197), Gpm(20, MIB), Sampled("nvmlDeviceGetPcieThroughput", (0,), KIB)),
    gpu("gpu_pcie_received_bytes_total",      BYTES,   NORMAL, "PCIe rx",    "Bytes received over PCIe; the label `pcie` says how well it is known.", Field(198), Gpm(21, MIB), Sampled("nvmlDeviceGetPcieThroughput", (1,), KIB)),
    gpu("gpu_pcie_generation",                COUNT,   NORMAL, "PCIe gen",   "PCIe generation now; it falls while idle, which is normal.", Call("nvmlDeviceGetCurrPcieLinkGeneration"), upto="gpu_pcie_generation_max"),
    gpu("gpu_pcie_width",                     COUNT,   NORMAL, "PCIe width", "PCIe lanes now.", Call("nvmlDeviceGetCurrPcieLinkWidth"), upto="gpu_pcie_width_max"),
    gpu("gpu_pcie_lane_transfers_per_second", TRANSFERS, NORMAL, "PCIe speed", "Transfers a second on each PCIe lane now.", Call("nvmlDeviceGetPcieSpeed", scale=MEGA)),
    gpu("gpu_pcie_generation_max",            COUNT,   INVENTORY, "Gen max", "Highest PCIe generation of GPU and slot together.", Call("nvmlDeviceGetMaxPcieLinkGeneration")),
    gpu("gpu_pcie_generation_device_max",     COUNT,   INVENTORY, "Gen dev", "Highest PCIe generation of the GPU alone.", Call("nvmlDeviceGetGpuMaxPcieLinkGeneration")),
    gpu("gpu_pcie_width_max",                 COUNT,   INVENTORY, "Width max", "Most PCIe lanes of GPU and slot together.", Call("nvmlDeviceGetMaxPcieLinkWidth")),
    gpu("gpu_pcie_replays_total",             COUNT,   NORMAL, "Replays",    "PCIe packets that had to be sent again.", Field(94), Call("nvmlDeviceGetPcieReplayCounter")),
    gpu("gpu_pcie_replay_rollovers_total",    COUNT,   SLOW,   "Rollovers",  "Times the PCIe replay counter ran over, which retrains the link.", Field(95)),
    gpu("gpu_pcie_recoveries_total",          COUNT,   SLOW,   "Recoveries", "Times the PCIe link left L0 for recovery.", Field(169)),
    gpu("gpu_pcie_correctable_errors_total",  COUNT,   SLOW,   "Corr err",   "Correctable PCIe errors.", Field(173)),
    gpu("gpu_pcie_naks_received_total",       COUNT,   SLOW,   "NAK rx",     "PCIe packets the other side refused.", Field(174)),
    gpu("gpu_pcie_receiver_errors_total",     COUNT,   SLOW,   "Recv err",   "PCIe receiver errors.", Field(175)),
    gpu("gpu_pcie_bad_tlps_total",            COUNT,   SLOW,   "Bad TLP",    "Bad PCIe transaction packets.", Field(176)),
    gpu("gpu_pcie_naks_sent_total",           COUNT,   SLOW,   "NAK tx",     "PCIe packets refused.", Field(177)),
    gpu("gpu_pcie_bad_dllps_total",           COUNT,   SLOW,   "Bad DLLP",   "Bad PCIe data link packets.", Field(178)),
    gpu("gpu_pcie_non_fatal_errors_total",    COUNT,   SLOW,   "Non-fatal",  "Uncorrectable PCIe errors that are not fatal.", Field(179)),
    gpu("gpu_pcie_fatal_errors_total",        COUNT,   SLOW,   "Fatal",      "Fatal PCIe errors.", Field(180)),
    gpu("gpu_pcie_unsupported_requests_total", COUNT,  SLOW,   "Unsupp req", "PCIe requests that the GPU does not support.", Field(181)),
    gpu("gpu_pcie_lcrc_errors_total",         COUNT,   SLOW,   "LCRC err",   "PCIe link checksum errors.", Field(182)),
    gpu("gpu_pcie_lane_errors_total",         COUNT,   SLOW,   "Lane err",   "PCIe lane errors.", Field(183)),

    # NVLink, sums over all links
    gpu("gpu_nvlink_sent_bytes_total",        BYTES,   NORMAL, "NVL tx",     "Bytes of data sent over all NVLinks.", Field(138, ALL_LINKS, KIB), Gpm(61, MIB)),
    gpu("gpu_nvlink_received_bytes_total",    BYTES,   NORMAL, "NVL rx",     "Bytes of data received over all NVLinks.", Field(139, ALL_LINKS, KIB), Gpm(60, MIB)),
    gpu("gpu_nvlink_sent_raw_bytes_total",    BYTES,   SLOW,   "NVL raw tx", "Bytes sent over all NVLinks, protocol included.", Field(140, ALL_LINKS, KIB)),
    gpu("gpu_nvlink_received_raw_bytes_total", BYTES,  SLOW,   "NVL raw rx", "Bytes received over all NVLinks, protocol included.", Field(141, ALL_LINKS, KIB)),
    gpu("gpu_nvlink_links",                   COUNT,   INVENTORY, "Links",   "NVLinks that the GPU has.", Field(91)),
    gpu("gpu_nvlink_active_links",            COUNT,   NORMAL, "Links up",   "NVLinks that are up.", Own("nvmlDeviceGetFieldValues(165, each link)"), upto="gpu_nvlink_links"),
    gpu("gpu_nvswitch_links",                 COUNT,   SLOW,   "NVSwitch",   "NVLinks that lead to an NVSwitch.", Field(147), upto="gpu_nvlink_links"),
    gpu("gpu_nvlink_replay_errors_total",     COUNT,   SLOW,   "NVL replay", "NVLink packets that had to be sent again.", Field(161), Field(52)),
    gpu("gpu_nvlink_recovery_errors_total",   COUNT,   SLOW,   "NVL recov",  "NVLink recoveries.", Field(162), Field(59)),
    gpu("gpu_nvlink_crc_errors_total",        COUNT,   SLOW,   "NVL CRC",    "NVLink checksum errors.", Field(163), Field(38)),
    gpu("gpu_nvlink_crc_data_errors_total",   COUNT,   SLOW,   "NVL CRC d",  "NVLink checksum errors in data.", Field(45)),
    gpu("gpu_c2c_links",                      COUNT,   INVENTORY, "C2C",     "Chip-to-chip links to the processor beside the GPU.", Field(170)),
    gpu("gpu_fabric_state",                   STATE,   SLOW,   "Fabric",     "How far the GPU has joined its NVLink fabric.", Call("nvmlDeviceGetGpuFabricInfoV", pick="state"), words=words.FABRIC_STATES),
    gpu("gpu_fabric_health",                  STATE,   SLOW,   "Fabric ok",  "What the fabric says of its own health.", Call("nvmlDeviceGetGpuFabricInfoV", pick="healthSummary"), words=words.FABRIC_HEALTH),

    # memory errors
    gpu("gpu_ecc_mode",                       STATE,   SLOW,   "ECC",        "Whether error correction is on.", Call("nvmlDeviceGetEccMode", pick=0), words=words.OFF_ON),
    gpu("gpu_ecc_mode_pending",               STATE,   SLOW,   "ECC next",   "Whether error correction will be on after the next reset.", Call("nvmlDeviceGetEccMode", pick=1), words=words.OFF_ON),
    gpu("gpu_ecc_corrected_total",            COUNT,   SLOW,   "ECC corr",   "Corrected memory errors since the driver was loaded.", Field(3), Call("nvmlDeviceGetTotalEccErrors", (CORRECTED, VOLATILE))),
    gpu("gpu_ecc_uncorrected_total",          COUNT,   SLOW,   "ECC unc",    "Uncorrected memory errors since the driver was loaded.", Field(4), Call("nvmlDeviceGetTotalEccErrors", (UNCORRECTED, VOLATILE))),
    gpu("gpu_ecc_aggregate_corrected_total",  COUNT,   SLOW,   "ECC corr+",  "Corrected memory errors over the life of the board.", Field(5), Call("nvmlDeviceGetTotalEccErrors", (CORRECTED, AGGREGATE))),
    gpu("gpu_ecc_aggregate_uncorrected_total", COUNT,  SLOW,   "ECC unc+",   "Uncorrected memory errors over the life of the board.", Field(6), Call("nvmlDeviceGetTotalEccErrors", (UNCORRECTED, AGGREGATE))),
    *(cells for place in ECC_PLACES for cells in _ecc(*place)),
    gpu("gpu_ecc_control_uncorrected_total",  COUNT,   SLOW,   "ECC cbu u",  "Uncorrected errors in the convergence barrier unit since the driver was loaded.", Field(17)),
    gpu("gpu_ecc_control_aggregate_uncorrected_total", COUNT, SLOW, "ECC cbu U", "Uncorrected errors in the convergence barrier unit over the life of the board.", Field(28)),
    gpu("gpu_ecc_sram_corrected_total",       COUNT,   SLOW,   "ECC sram c", "Corrected errors in on-chip memory since the driver was loaded.", Call("nvmlDeviceGetMemoryErrorCounter", (CORRECTED, VOLATILE, SRAM))),
    gpu("gpu_ecc_sram_uncorrected_total",     COUNT,   SLOW,   "ECC sram u", "Uncorrected errors in on-chip memory since the driver was loaded.", Call("nvmlDeviceGetMemoryErrorCounter", (UNCORRECTED, VOLATILE, SRAM))),
    gpu("gpu_ecc_sram_aggregate_corrected_total", COUNT, SLOW, "ECC sram C", "Corrected errors in on-chip memory over the life of the board.", Call("nvmlDeviceGetMemoryErrorCounter", (CORRECTED, AGGREGATE, SRAM))),
    gpu("gpu_ecc_sram_aggregate_uncorrected_total", COUNT, SLOW, "ECC sram U", "Uncorrected errors in on-chip memory over the life of the board.", Call("nvmlDeviceGetMemoryErrorCounter", (UNCORRECTED, AGGREGATE, SRAM))),
    gpu("gpu_ecc_sram_parity_total",          COUNT,   SLOW,   "SRAM parity", "Uncorrected parity errors in on-chip memory over the life of the board.", Call("nvmlDeviceGetSramEccErrorStatus", pick="aggregateUncParity")),
    gpu("gpu_ecc_sram_double_bit_total",      COUNT,   SLOW,   "SRAM secded", "Uncorrected double bit errors in on-chip memory over the life of the board.", Call("nvmlDeviceGetSramEccErrorStatus", pick="aggregateUncSecDed")),
    gpu("gpu_ecc_sram_threshold_exceeded",    STATE,   SLOW,   "SRAM worn",  "Whether on-chip memory had more errors than its maker allows.", Call("nvmlDeviceGetSramEccErrorStatus", pick="bThresholdExceeded"), words=words.NO_YES),
    gpu("gpu_retired_pages_corrected",        COUNT,   SLOW,   "Retired c",  "Pages retired for repeated corrected errors.", Field(29)),
    gpu("gpu_retired_pages_uncorrected",      COUNT,   SLOW,   "Retired u",  "Pages retired for an uncorrected error.", Field(30)),
    gpu("gpu_retired_pages_pending",          STATE,   SLOW,   "Retire pend", "Whether pages wait for a reset to be retired.", Field(31), words=words.NO_YES),
    gpu("gpu_remapped_rows_correctable",      COUNT,   SLOW,   "Remap c",    "Memory rows remapped for correctable errors.", Field(142), Call("nvmlDeviceGetRemappedRows", pick=0)),
    gpu("gpu_remapped_rows_uncorrectable",    COUNT,   SLOW,   "Remap u",    "Memory rows remapped for uncorrectable errors.", Field(143), Call("nvmlDeviceGetRemappedRows", pick=1)),
    gpu("gpu_remap_pending",                  STATE,   SLOW,   "Remap pend", "Whether rows wait for a reset to be remapped.", Field(144), Call("nvmlDeviceGetRemappedRows", pick=2), words=words.NO_YES),
    gpu("gpu_remap_failed",                   STATE,   SLOW,   "Remap fail", "Whether a row could not be remapped: the board is to be replaced.", Field(145), Call("nvmlDeviceGetRemappedRows", pick=3), words=words.NO_YES),
    gpu("gpu_remap_banks_max",                COUNT,   SLOW,   "Banks max",  "Memory banks with all their spare rows.", Call("nvmlDeviceGetRowRemapperHistogram", pick="max")),
    gpu("gpu_remap_banks_high",               COUNT,   SLOW,   "Banks high", "Memory banks with most of their spare rows.", Call("nvmlDeviceGetRowRemapperHistogram", pick="high")),
    gpu("gpu_remap_banks_partial",            COUNT,   SLOW,   "Banks part", "Memory banks with some of their spare rows.", Call("nvmlDeviceGetRowRemapperHistogram", pick="partial")),
    gpu("gpu_remap_banks_low",                COUNT,   SLOW,   "Banks low",  "Memory banks with few spare rows.", Call("nvmlDeviceGetRowRemapperHistogram", pick="low")),
    gpu("gpu_remap_banks_none",               COUNT,   SLOW,   "Banks none", "Memory banks without a spare row.", Call("nvmlDeviceGetRowRemapperHistogram", pick="none")),
    gpu("gpu_remapped_banks",                 COUNT,   SLOW,   "Remap banks", "Memory banks remapped as a whole.", Field(303)),
    gpu("gpu_remap_bank_pending",             STATE,   SLOW,   "Bank pend",  "Whether banks wait for a reset to be remapped.", Field(307), words=words.NO_YES),
    gpu("gpu_channel_repair_pending",         STATE,   SLOW,   "Chan repair", "Whether a memory channel waits for a reset to be repaired.", Call("nvmlDeviceGetRepairStatus", pick=0), words=words.NO_YES),
    gpu("gpu_tpc_repair_pending",             STATE,   SLOW,   "TPC repair", "Whether a processing cluster waits for a reset to be repaired.", Call("nvmlDeviceGetRepairStatus", pick=1), words=words.NO_YES),
    gpu("gpu_recovery_action",                STATE,   NORMAL, "Recovery",   "What the driver advises to do about an error.", Field(230), words=words.RECOVERY_ACTIONS),

    # modes
    gpu("gpu_compute_mode",                   STATE,   SLOW,   "Compute",    "How many processes may compute at once.", Call("nvmlDeviceGetComputeMode"), words=words.COMPUTE_MODES),
    gpu("gpu_persistence_mode",               STATE,   SLOW,   "Persist",    "Whether the driver stays loaded with no client; without it each start costs seconds.", Call("nvmlDeviceGetPersistenceMode"), words=words.OFF_ON),
    gpu("gpu_display_mode",                   STATE,   SLOW,   "Display",    "Whether a display is connected.", Call("nvmlDeviceGetDisplayMode"), words=words.OFF_ON),
    gpu("gpu_display_active",                 STATE,   SLOW,   "Disp act",   "Whether a display draws from the GPU's memory.", Call("nvmlDeviceGetDisplayActive"), words=words.OFF_ON),
    gpu("gpu_accounting_mode",                STATE,   SLOW,   "Account",    "Whether the driver keeps account of ended processes.", Call("nvmlDeviceGetAccountingMode"), words=words.OFF_ON),
    gpu("gpu_mig_mode",                       STATE,   SLOW,   "MIG",        "Whether the GPU is divided into instances.", Call("nvmlDeviceGetMigMode", pick=0), words=words.OFF_ON),
    gpu("gpu_mig_mode_pending",               STATE,   SLOW,   "MIG next",   "Whether the GPU will be divided after the next reset.", Call("nvmlDeviceGetMigMode", pick=1), words=words.OFF_ON),
    gpu("gpu_virtualization_mode",            STATE,   INVENTORY, "Virtual",  "Whether the GPU is passed to, or shared with, virtual machines.", Call("nvmlDeviceGetVirtualizationMode"), words=words.VIRTUALIZATION_MODES),
    gpu("gpu_confidential_compute",           STATE,   INVENTORY, "Confid",   "Whether confidential computing is on.", Call("nvmlSystemGetConfComputeState", pick="ccFeature"), words=words.OFF_ON),

    # what it is
    gpu("gpu_cores",                          COUNT,   INVENTORY, "Cores",    "CUDA cores.", Call("nvmlDeviceGetNumGpuCores")),
    gpu("gpu_memory_bus_width",               COUNT,   INVENTORY, "Bus width", "Bits of the memory bus.", Call("nvmlDeviceGetMemoryBusWidth")),
)

LABELS: tuple[Label, ...] = (
    Label("uuid",               Kind.GPU, "The GPU's UUID, its id everywhere."),
    Label("bus_id",             Kind.GPU, "PCI address, as in /sys/bus/pci/devices."),
    Label("pci_id",             Kind.GPU, "PCI device and vendor, subsystem and its vendor."),
    Label("minor",              Kind.GPU, "Number of its /dev/nvidia device."),
    Label("serial",             Kind.GPU, "Serial number of the board.", secret=True),
    Label("part",               Kind.GPU, "Part number of the board."),
    Label("vbios",              Kind.GPU, "Version of the video BIOS."),
    Label("inforom",            Kind.GPU, "Version of the InfoROM image."),
    Label("gsp",                Kind.GPU, "Version of the firmware on the GPU's system processor."),
    Label("brand",              Kind.GPU, "Product family."),
    Label("architecture",       Kind.GPU, "Architecture, such as Hopper."),
    Label("compute_capability", Kind.GPU, "CUDA compute capability."),
    Label("driver",             Kind.GPU, "Version of the driver."),
    Label("cuda",               Kind.GPU, "Highest CUDA version of the driver."),
    Label("nvml",               Kind.GPU, "Version of the NVML library."),
    Label("numa_node",          Kind.GPU, "NUMA node of the host nearest to the GPU."),
    Label("cpus",               Kind.GPU, "Processors nearest to the GPU."),
    Label("module",             Kind.GPU, "Number of the module on its base board."),
    Label("memory",             Kind.GPU, "Says so where the GPU has no memory of its own."),
    Label("pcie",               Kind.GPU, "Where the PCIe byte counts come from: a counter of the board, a mean between readings, or samples of 20 ms."),
    Label("topology",           Kind.GPU, "Way to each other GPU in the words of `nvidia-smi topo -m`: `1=NV18 2=NODE`."),
    Label("p2p",                Kind.GPU, "Other GPUs, by index, that can read its memory directly."),
)
# fmt: on
CATALOGUES = catalogues(TABLE)
