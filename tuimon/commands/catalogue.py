"""Every metric and label of every source, for listings and documents."""

from collections.abc import Sequence

from tuimon.engine.join import METRICS as JOINED
from tuimon.model.metric import Label, Metric, Type
from tuimon.store.rates import rate_of


def tables() -> list[tuple[str, Sequence[Metric], Sequence[Label]]]:
    """Return name, metrics and labels of each source; rates stand behind their counters."""
    from tuimon.sources.host import HostSource
    from tuimon.sources.nvml import NvmlSource
    from tuimon.sources.processes import ProcessSource

    found = [
        (source.name, _with_rates(source.metrics), list(source.labels))
        for source in (NvmlSource, HostSource, ProcessSource)
    ]
    return [*found, ("joined", list(JOINED), [])]


def _with_rates(metrics: Sequence[Metric]) -> list[Metric]:
    rows: list[Metric] = []
    for metric in metrics:
        rows.append(metric)
        if metric.type is Type.COUNTER:
            rows.append(rate_of(metric))
    return rows
