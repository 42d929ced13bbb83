"""The table of simulated GPU cells: a metric of the real source's table, and what it is made of.

What a product lacks the word of `needs` for, and what has no row here, is not supported.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tuimon.model.frame import Floats
from tuimon.sources.simulated.kinds import MEGA, MIB, Product
from tuimon.sources.simulated.loads import Role
from tuimon.sources.simulated.machine import DRIVER_SHARE, QUANTITIES, STATES
from tuimon.sources.simulated.script import (
    EccErrors,
    FanStuck,
    LinkErrors,
    PcieDowntrained,
    Script,
)


@dataclass(frozen=True, slots=True)
class Glance:
    """One GPU at one moment, for what is not a multiple of one thing."""

    product: Product
    script: Script
    role: Role
    gpu: int
    time: float
    pool: Floats
    """What `Machine.gpu` gives."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A multiple of one number of the pool, and something added."""

    place: int
    factor: float = 1.0
    add: Callable[[Product], float] | None = None
    grain: float = 0.0
    """What NVML rounds it to."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same for ever."""

    of: Callable[[Product], float]


@dataclass(frozen=True, slots=True)
class Told:
    """What a function of a glance says."""

    of: Callable[[Glance], float]


Way = Taken | Fixed | Told


@dataclass(frozen=True, slots=True)
class Cell:
    """A row of the table."""

    metric: str
    needs: str
    """A word that the product must have; empty for all."""
    way: Way


def mean(name: str, factor: float = 1.0, grain: float = 0.0) -> Taken:
    """The mean over the last second."""
    return Taken(QUANTITIES.index(name), factor, grain=grain)


def total(name: str, factor: float = 1.0) -> Taken:
    """The integral since the driver was loaded."""
    return Taken(len(QUANTITIES) + QUANTITIES.index(name), factor)


def now(
    name: str,
    factor: float = 1.0,
    grain: float = 0.0,
    add: Callable[[Product], float] | None = None,
) -> Taken:
    """The state of this moment."""
    return Taken(2 * len(QUANTITIES) + STATES.index(name), factor, add, grain)


def fixed(value: float) -> Fixed:
    """The same for all products."""
    return Fixed(lambda _: value)


def of(attribute: str, factor: float = 1.0) -> Fixed:
    """An attribute of the product."""
    return Fixed(lambda product: float(getattr(product, attribute)) * factor)


def _corrected(glance: Glance) -> float:
    faults = [one for one in glance.script.of_gpu(glance.gpu) if isinstance(one, EccErrors)]
    return float(sum(one.corrected * glance.script.count(one, glance.time) for one in faults))


def _uncorrected(glance: Glance) -> float:
    faults = [one for one in glance.script.of_gpu(glance.gpu) if isinstance(one, EccErrors)]
    return float(sum(one.uncorrected * glance.script.count(one, glance.time) for one in faults))


def _remapped(glance: Glance) -> float:
    faults = [one for one in glance.script.of_gpu(glance.gpu) if isinstance(one, EccErrors)]
    return float(sum(one.rows * glance.script.count(one, glance.time) for one in faults))


def _pending(glance: Glance) -> float:
    return float(any(isinstance(one, EccErrors) and one.rows for one in _active(glance)))


def _recovery(glance: Glance) -> float:
    """4 is `drain and reset`, nvmlDeviceGpuRecoveryAction_t."""
    broken = any(isinstance(one, EccErrors) and one.uncorrected for one in _active(glance))
    return 4.0 if broken else 0.0


def _active(glance: Glance) -> list[object]:
    script = glance.script
    return [one for one in script.of_gpu(glance.gpu) if script.elapsed(one, glance.time) >= 0]


def _trained(glance: Glance) -> PcieDowntrained | None:
    found = (one for one in _active(glance) if isinstance(one, PcieDowntrained))
    return next(found, None)


def _generation(glance: Glance) -> float:
    fault = _trained(glance)
    if fault is not None:
        return float(min(fault.generation, glance.product.pcie))
    rests = glance.role is Role.EMPTY and not glance.product.links
    return 1.0 if rests else float(glance.product.pcie)


def _pstate(glance: Glance) -> float:
    """P8 with nothing to do; boards with NVLink stay in P0."""
    return 8.0 if glance.role is Role.EMPTY and not glance.product.links else 0.0


def _width(glance: Glance) -> float:
    fault = _trained(glance)
    return 16.0 if fault is None else float(fault.width)


def _transfers(glance: Glance) -> float:
    return (2.5e9, 5e9, 8e9, 16e9, 32e9, 64e9)[int(_generation(glance)) - 1]


def _replays(glance: Glance) -> float:
    script = glance.script
    faults = [one for one in script.of_gpu(glance.gpu) if isinstance(one, PcieDowntrained)]
    return float(sum(int(3.0 * script.seconds(one, glance.time)) for one in faults))


def link_errors(glance: Glance, link: int | None = None) -> float:
    """Return the errors of one NVLink so far, of all if none is named."""
    script = glance.script
    faults = [one for one in script.of_gpu(glance.gpu) if isinstance(one, LinkErrors)]
    picked = [one for one in faults if link is None or one.link == link]
    return float(sum(int(one.rate * script.seconds(one, glance.time)) for one in picked))


def fan(glance: Glance) -> float:
    """The speed asked of the fans, from the core temperature."""
    temperature = float(glance.pool[2 * len(QUANTITIES) + STATES.index("temperature")])
    return float(np.clip(round((temperature - 30.0) / 45.0, 2), 0.3, 1.0))


def _first_fan(glance: Glance) -> float:
    stuck = any(isinstance(one, FanStuck) for one in _active(glance))
    return 0.0 if stuck else 3200.0 * fan(glance)


def _free(product: Product) -> float:
    return product.usable_bytes - DRIVER_SHARE


# fmt: off
# Adding a cell is one row. What each word means is said by the products that have it, in kinds.py.
CELLS: tuple[Cell, ...] = (
    Cell("gpu_utilization_ratio",              "",        mean("busy", grain=0.01)),
    Cell("gpu_memory_utilization_ratio",       "",        mean("dram", 0.9, grain=0.01)),
    Cell("gpu_encoder_ratio",                  "encoder", fixed(0)),
    Cell("gpu_encoder_sessions",               "encoder", fixed(0)),
    Cell("gpu_encoder_latency_seconds",        "encoder", fixed(0)),
    Cell("gpu_decoder_ratio",                  "decoder", fixed(0)),
    Cell("gpu_jpeg_ratio",                     "jpeg",    fixed(0)),
    Cell("gpu_optical_flow_ratio",             "ofa",     fixed(0)),

    Cell("gpu_memory_used_bytes",              "",        now("memory", add=lambda _: DRIVER_SHARE)),
    Cell("gpu_memory_total_bytes",             "",        of("memory_bytes")),
    Cell("gpu_memory_free_bytes",              "",        now("memory", -1.0, add=_free)),
    Cell("gpu_memory_reserved_bytes",          "memory",  of("reserved", MIB)),
    Cell("gpu_bar1_used_bytes",                "bar1",    fixed(27 * MIB)),
    Cell("gpu_bar1_total_bytes",               "bar1",    of("bar1", MIB)),

    Cell("gpu_temperature_celsius",            "",        now("temperature", grain=1.0)),
    Cell("gpu_memory_temperature_celsius",     "memory-temperature", now("memory_temperature", grain=1.0)),
    Cell("gpu_temperature_margin_celsius",     "margin",  now("temperature", -1.0, 1.0, lambda product: product.hot)),
    Cell("gpu_temperature_shutdown_celsius",   "thresholds", Fixed(lambda product: product.hot + 6)),
    Cell("gpu_temperature_slowdown_celsius",   "thresholds", of("slowdown")),
    Cell("gpu_temperature_max_celsius",        "thresholds", of("hot")),
    Cell("gpu_memory_temperature_max_celsius", "memory-temperature", of("memory_hot")),
    Cell("gpu_temperature_target_min_celsius", "target",  fixed(65)),
    Cell("gpu_temperature_target_celsius",     "target",  Fixed(lambda product: product.hot - 1)),
    Cell("gpu_temperature_target_max_celsius", "target",  of("hot")),
    Cell("gpu_tlimit_shutdown_celsius",        "tlimit",  fixed(-6)),
    Cell("gpu_tlimit_slowdown_celsius",        "tlimit",  fixed(-3)),
    Cell("gpu_tlimit_memory_max_celsius",      "tlimit",  fixed(0)),
    Cell("gpu_tlimit_max_celsius",             "tlimit",  fixed(0)),

    Cell("gpu_power_watts",                    "",        mean("joules")),
    Cell("gpu_power_average_watts",            "instant", mean("joules")),
    Cell("gpu_power_instant_watts",            "instant", now("power")),
    Cell("gpu_power_limit_watts",              "cap",     now("limit")),
    Cell("gpu_power_management_limit_watts",   "cap",     now("limit")),
    Cell("gpu_power_default_limit_watts",      "cap",     of("power")),
    Cell("gpu_power_min_limit_watts",          "cap",     of("power_min")),
    Cell("gpu_power_max_limit_watts",          "cap",     of("power_max")),
    Cell("gpu_energy_joules_total",            "energy",  total("joules")),
    Cell("gpu_power_source",                   "target",  fixed(0)),
    Cell("gpu_power_smoothing",                "smoothing", fixed(0)),
    Cell("gpu_power_smoothing_profile",        "smoothing", fixed(0)),
    Cell("gpu_power_profiles",                 "profiles", fixed(0)),
    Cell("gpu_power_profiles_requested",       "profiles", fixed(0)),
    Cell("gpu_power_profiles_available",       "profiles", fixed(0b1111)),

    Cell("gpu_sm_clock_hertz",                 "",        now("clock", grain=15 * MEGA)),
    Cell("gpu_graphics_clock_hertz",           "",        now("clock", grain=15 * MEGA)),
    Cell("gpu_video_clock_hertz",              "clocks",  now("clock", 0.8, grain=15 * MEGA)),
    Cell("gpu_memory_clock_hertz",             "memory",  of("memory_clock", MEGA)),
    Cell("gpu_sm_clock_max_hertz",             "",        of("clock", MEGA)),
    Cell("gpu_graphics_clock_max_hertz",       "",        of("clock", MEGA)),
    Cell("gpu_video_clock_max_hertz",          "clocks",  of("clock", 0.8 * MEGA)),
    Cell("gpu_memory_clock_max_hertz",         "memory",  of("memory_clock", MEGA)),
    Cell("gpu_application_graphics_clock_hertz",         "app-clocks", of("clock", MEGA)),
    Cell("gpu_application_memory_clock_hertz",           "app-clocks", of("memory_clock", MEGA)),
    Cell("gpu_application_graphics_clock_default_hertz", "app-clocks", of("clock", MEGA)),
    Cell("gpu_application_memory_clock_default_hertz",   "app-clocks", of("memory_clock", MEGA)),
    Cell("gpu_boost_clock_max_hertz",          "app-clocks", of("clock", MEGA)),
    Cell("gpu_pstate",                         "",        Told(_pstate)),

    Cell("gpu_clock_event_reasons",            "",        now("reasons")),
    Cell("gpu_clock_event_reasons_supported",  "",        fixed(0x1FF)),
    Cell("gpu_clock_power_cap_seconds_total",          "cap",    total("capped")),
    Cell("gpu_clock_thermal_seconds_total",            "clocks", Told(lambda glance: _sum(glance, "soft", "hard"))),
    Cell("gpu_clock_sync_boost_seconds_total",         "clocks", fixed(0)),
    Cell("gpu_clock_board_limit_seconds_total",        "clocks", fixed(0)),
    Cell("gpu_clock_low_utilization_seconds_total",    "clocks", total("idle")),
    Cell("gpu_clock_reliability_seconds_total",        "clocks", fixed(0)),
    Cell("gpu_clock_below_application_seconds_total",  "app-clocks", total("lowered")),
    Cell("gpu_clock_below_base_seconds_total",         "clocks", total("below_base")),
    Cell("gpu_clock_software_thermal_seconds_total",   "clocks", total("soft")),
    Cell("gpu_clock_hardware_thermal_seconds_total",   "clocks", total("hard")),
    Cell("gpu_clock_power_brake_seconds_total",        "clocks", fixed(0)),

    Cell("gpu_graphics_active_ratio",          "gpm",     mean("busy")),
    Cell("gpu_sm_active_ratio",                "gpm",     mean("sm")),
    Cell("gpu_sm_occupancy_ratio",             "gpm",     mean("sm", 0.41)),
    Cell("gpu_integer_active_ratio",           "gpm",     mean("sm", 0.08)),
    Cell("gpu_tensor_active_ratio",            "gpm",     mean("tensor")),
    Cell("gpu_tensor_dfma_active_ratio",       "gpm",     fixed(0)),
    Cell("gpu_tensor_hmma_active_ratio",       "gpm",     mean("tensor", 0.98)),
    Cell("gpu_tensor_imma_active_ratio",       "gpm",     fixed(0)),
    Cell("gpu_tensor_stall_ratio",             "smoothing", mean("tensor", 0.12, grain=0.01)),
    Cell("gpu_dram_active_ratio",              "gpm",     mean("dram")),
    Cell("gpu_fp64_active_ratio",              "gpm",     fixed(0)),
    Cell("gpu_fp32_active_ratio",              "gpm",     mean("sm", 0.11)),
    Cell("gpu_fp16_active_ratio",              "gpm",     mean("sm", 0.05)),

    Cell("gpu_fan_ratio",                      "fans",    Told(fan)),
    Cell("gpu_fans",                           "fans",    of("fans")),
    Cell("gpu_fan_0_ratio",                    "fans",    Told(fan)),
    Cell("gpu_fan_1_ratio",                    "fans",    Told(fan)),
    Cell("gpu_fan_0_rpm",                      "fans",    Told(_first_fan)),
    Cell("gpu_fan_1_rpm",                      "fans",    Told(lambda glance: 3200.0 * fan(glance))),

    Cell("gpu_pcie_sent_bytes_total",          "pcie",    total("sent")),
    Cell("gpu_pcie_received_bytes_total",      "pcie",    total("received")),
    Cell("gpu_pcie_generation",                "pcie",    Told(_generation)),
    Cell("gpu_pcie_width",                     "pcie",    Told(_width)),
    Cell("gpu_pcie_lane_transfers_per_second", "pcie",    Told(_transfers)),
    Cell("gpu_pcie_generation_max",            "pcie",    of("pcie")),
    Cell("gpu_pcie_generation_device_max",     "pcie",    of("pcie")),
    Cell("gpu_pcie_width_max",                 "pcie",    fixed(16)),
    Cell("gpu_pcie_replays_total",             "pcie",    Told(_replays)),
    Cell("gpu_pcie_replay_rollovers_total",    "pcie",    fixed(0)),
    Cell("gpu_pcie_recoveries_total",          "pcie-counters", fixed(2)),
    Cell("gpu_pcie_correctable_errors_total",  "pcie-counters", Told(_replays)),
    Cell("gpu_pcie_naks_received_total",       "pcie-counters", fixed(0)),
    Cell("gpu_pcie_receiver_errors_total",     "pcie-counters", fixed(0)),
    Cell("gpu_pcie_bad_tlps_total",            "pcie-counters", Told(_replays)),
    Cell("gpu_pcie_naks_sent_total",           "pcie-counters", fixed(0)),
    Cell("gpu_pcie_bad_dllps_total",           "pcie-counters", fixed(0)),
    Cell("gpu_pcie_non_fatal_errors_total",    "pcie-counters", fixed(0)),
    Cell("gpu_pcie_fatal_errors_total",        "pcie-counters", fixed(0)),
    Cell("gpu_pcie_unsupported_requests_total", "pcie-counters", fixed(1)),
    Cell("gpu_pcie_lcrc_errors_total",         "pcie-counters", fixed(0)),
    Cell("gpu_pcie_lane_errors_total",         "pcie-counters", fixed(0)),

    Cell("gpu_nvlink_sent_bytes_total",        "nvlink",  total("nvlink")),
    Cell("gpu_nvlink_received_bytes_total",    "nvlink",  total("nvlink", 0.998)),
    Cell("gpu_nvlink_sent_raw_bytes_total",    "nvlink",  total("nvlink", 1.064)),
    Cell("gpu_nvlink_received_raw_bytes_total", "nvlink", total("nvlink", 1.062)),
    Cell("gpu_nvlink_links",                   "nvlink",  of("links")),
    Cell("gpu_nvlink_active_links",            "nvlink",  of("links")),
    Cell("gpu_nvswitch_links",                 "switch",  of("links")),
    Cell("gpu_nvlink_replay_errors_total",     "nvlink",  Told(link_errors)),
    Cell("gpu_nvlink_recovery_errors_total",   "nvlink",  fixed(0)),
    Cell("gpu_nvlink_crc_errors_total",        "nvlink",  Told(link_errors)),
    Cell("gpu_nvlink_crc_data_errors_total",   "nvlink",  fixed(0)),
    Cell("gpu_c2c_links",                      "c2c",     fixed(1)),
    Cell("gpu_fabric_state",                   "fabric",  fixed(3)),
    Cell("gpu_fabric_health",                  "fabric",  fixed(1)),

    Cell("gpu_ecc_mode",                       "ecc",     fixed(1)),
    Cell("gpu_ecc_mode_pending",               "ecc",     fixed(1)),
    Cell("gpu_ecc_corrected_total",            "ecc",     Told(_corrected)),
    Cell("gpu_ecc_uncorrected_total",          "ecc",     Told(_uncorrected)),
    Cell("gpu_ecc_aggregate_corrected_total",  "ecc",     Told(_corrected)),
    Cell("gpu_ecc_aggregate_uncorrected_total", "ecc",    Told(_uncorrected)),
    Cell("gpu_ecc_dram_corrected_total",       "ecc",     Told(_corrected)),
    Cell("gpu_ecc_dram_uncorrected_total",     "ecc",     Told(_uncorrected)),
    Cell("gpu_ecc_dram_aggregate_corrected_total",   "ecc", Told(_corrected)),
    Cell("gpu_ecc_dram_aggregate_uncorrected_total", "ecc", Told(_uncorrected)),
    *(Cell(f"gpu_ecc_{place}_{kind}_total",    "pages",   fixed(0))
      for place in ("l1", "l2", "registers", "texture")
      for kind in ("corrected", "uncorrected", "aggregate_corrected", "aggregate_uncorrected")),
    Cell("gpu_ecc_sram_corrected_total",       "rows",    fixed(0)),
    Cell("gpu_ecc_sram_uncorrected_total",     "rows",    fixed(0)),
    Cell("gpu_ecc_sram_aggregate_corrected_total",   "rows", fixed(0)),
    Cell("gpu_ecc_sram_aggregate_uncorrected_total", "rows", fixed(0)),
    Cell("gpu_ecc_sram_parity_total",          "sram",    fixed(0)),
    Cell("gpu_ecc_sram_double_bit_total",      "sram",    fixed(0)),
    Cell("gpu_ecc_sram_threshold_exceeded",    "sram",    fixed(0)),
    Cell("gpu_retired_pages_corrected",        "pages",   fixed(0)),
    Cell("gpu_retired_pages_uncorrected",      "pages",   Told(_remapped)),
    Cell("gpu_retired_pages_pending",          "pages",   Told(_pending)),
    Cell("gpu_remapped_rows_correctable",      "rows",    fixed(0)),
    Cell("gpu_remapped_rows_uncorrectable",    "rows",    Told(_remapped)),
    Cell("gpu_remap_pending",                  "rows",    Told(_pending)),
    Cell("gpu_remap_failed",                   "rows",    fixed(0)),
    Cell("gpu_remap_banks_max",                "rows",    Told(lambda glance: 2560.0 - _remapped(glance))),
    Cell("gpu_remap_banks_high",               "rows",    Told(_remapped)),
    Cell("gpu_remap_banks_partial",            "rows",    fixed(0)),
    Cell("gpu_remap_banks_low",                "rows",    fixed(0)),
    Cell("gpu_remap_banks_none",               "rows",    fixed(0)),
    Cell("gpu_channel_repair_pending",         "repair",  fixed(0)),
    Cell("gpu_tpc_repair_pending",             "repair",  fixed(0)),
    Cell("gpu_recovery_action",                "recovery", Told(_recovery)),

    Cell("gpu_compute_mode",                   "",        fixed(0)),
    Cell("gpu_persistence_mode",               "",        fixed(1)),
    Cell("gpu_display_mode",                   "",        fixed(0)),
    Cell("gpu_display_active",                 "",        fixed(0)),
    Cell("gpu_accounting_mode",                "accounting", fixed(0)),
    Cell("gpu_mig_mode",                       "mig",     Told(lambda glance: float(_divided(glance)))),
    Cell("gpu_mig_mode_pending",               "mig",     Told(lambda glance: float(_divided(glance)))),
    Cell("gpu_virtualization_mode",            "virtual", fixed(0)),
    Cell("gpu_confidential_compute",           "confidential", fixed(0)),
    Cell("gpu_cores",                          "",        of("cores")),
    Cell("gpu_memory_bus_width",               "",        of("bus_width")),
)
# fmt: on
NOT_DIVIDED = (
    "gpu_utilization_ratio",
    "gpu_memory_utilization_ratio",
    "gpu_encoder_ratio",
    "gpu_decoder_ratio",
    "gpu_jpeg_ratio",
    "gpu_optical_flow_ratio",
)
"""What the driver does not tell of a GPU that is divided into instances."""


def _sum(glance: Glance, *names: str) -> float:
    places = [len(QUANTITIES) + QUANTITIES.index(name) for name in names]
    return float(glance.pool[places].sum())


def _divided(glance: Glance) -> bool:
    return any(one.gpu == glance.gpu for one in glance.script.divided)
