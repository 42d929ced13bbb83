"""The NVLinks of a simulated GPU: its traffic shared out to its links, and their errors."""

import math
from dataclasses import dataclass

import numpy as np

from tuimon.errors import Reason
from tuimon.model.entity import Entities, Entity
from tuimon.model.frame import CADENCES, Codes, Floats, Frame
from tuimon.model.metric import Cadence, Catalogue, Kind
from tuimon.sources.nvml import METRICS
from tuimon.sources.simulated.cells import Glance, link_errors
from tuimon.sources.simulated.kinds import Product
from tuimon.sources.simulated.machine import QUANTITIES

TRAFFIC = len(QUANTITIES) + QUANTITIES.index("nvlink")
CATALOGUES = {
    cadence: Catalogue(
        Kind.NVLINK, [one for one in METRICS if one.kind is Kind.NVLINK and one.cadence is cadence]
    )
    for cadence in (Cadence.NORMAL, Cadence.SLOW, Cadence.INVENTORY)
}

# fmt: off
# Counters of traffic: of what the GPU sends over all links. Adding one is one row.
SHARED: tuple[tuple[str, float], ...] = (
    ("nvlink_sent_bytes_total",         1.0),
    ("nvlink_received_bytes_total",     0.998),
    ("nvlink_sent_raw_bytes_total",     1.064),
    ("nvlink_received_raw_bytes_total", 1.062),
)
# Errors, the NVLink versions that count them, whether a script can cause them.
ERRORS: tuple[tuple[str, tuple[int, ...], bool], ...] = (
    ("nvlink_replay_errors_total",          (2, 3, 4), True),
    ("nvlink_recovery_errors_total",        (2, 3, 4), False),
    ("nvlink_crc_flit_errors_total",        (2, 3, 4), True),
    ("nvlink_crc_data_errors_total",        (2, 3, 4), False),
    ("nvlink_ecc_data_errors_total",        (4,),      False),
    ("nvlink_malformed_packets_total",      (5,),      False),
    ("nvlink_buffer_overruns_total",        (5,),      False),
    ("nvlink_receive_errors_total",         (5,),      True),
    ("nvlink_receive_remote_errors_total",  (5,),      False),
    ("nvlink_receive_general_errors_total", (5,),      False),
    ("nvlink_integrity_errors_total",       (5,),      False),
    ("nvlink_send_discards_total",          (5,),      False),
    ("nvlink_recoveries_succeeded_total",   (5,),      False),
    ("nvlink_recoveries_failed_total",      (5,),      False),
    ("nvlink_effective_errors_total",       (5,),      False),
    ("nvlink_symbol_errors_total",          (5,),      True),
)
# fmt: on


@dataclass(slots=True, eq=False)
class Sheet:
    """One cadence: what is fixed, and what is put in."""

    values: Floats
    """float64[m, links]"""
    reasons: Codes
    shared: tuple[tuple[int, float], ...]
    errors: tuple[int, ...]


class Links:
    """The links of one GPU."""

    def __init__(self, product: Product, gpu: Entity) -> None:
        self._count = product.links
        self._entities = Entities(
            Entity(
                f"{gpu.id}/nvlink{link}",
                f"GPU {gpu.index} link {link}",
                link,
                {"link": str(link), "peer": "switch" if "switch" in product.has else "GPU"},
                gpu.id,
            )
            for link in range(product.links)
        )
        weights = 1.0 + 0.01 * np.cos(np.arange(product.links))
        self._shares = weights / weights.sum() if product.links else weights
        self._sheets = {
            cadence: _sheet(catalogue, product) for cadence, catalogue in CATALOGUES.items()
        }

    def frame(self, cadence: Cadence, glance: Glance, at: float) -> Frame | None:
        """Return the frame of a cadence; None where there is nothing to say."""
        sheet = self._sheets.get(cadence)
        if sheet is None or not self._count:
            return None
        values = sheet.values.copy()
        for row, factor in sheet.shared:
            values[row] = self._shares * (factor * glance.pool[TRAFFIC])
        if sheet.errors:
            errors = [link_errors(glance, link) for link in range(self._count)]
            values[list(sheet.errors)] = errors
        read_at = np.full((CADENCES, self._count), math.nan)
        read_at[cadence] = at
        return Frame(
            CATALOGUES[cadence], self._entities, values, sheet.reasons.copy(), read_at
        ).sealed()


def _sheet(catalogue: Catalogue, product: Product) -> Sheet:
    fixed = {
        "nvlink_state": 1.0,
        "nvlink_version": float(product.link_version),
        "nvlink_speed_bytes_per_second": product.link_bytes,
        **{name: 0.0 for name, versions, _ in ERRORS if product.link_version in versions},
    }
    values = np.full((len(catalogue), product.links), math.nan)
    reasons = np.full(values.shape, Reason.NOT_SUPPORTED, np.uint8)
    for row, metric in enumerate(catalogue):
        if metric.name in fixed or metric.name in dict(SHARED):
            reasons[row] = Reason.KNOWN
            values[row] = fixed.get(metric.name, math.nan)
    shared = tuple(
        (catalogue.position[name], factor) for name, factor in SHARED if name in catalogue
    )
    errors = tuple(
        catalogue.position[name]
        for name, versions, scripted in ERRORS
        if scripted and product.link_version in versions and name in catalogue
    )
    return Sheet(values, reasons, shared, errors)
