"""A row of a table: a metric and the ways to read it, told without importing the binding."""

from dataclasses import dataclass

from tuimon.model.metric import Cadence, Catalogue, Kind, Metric, Type
from tuimon.units import Unit

ALL_LINKS = 0xFFFFFFFF
"""Scope of a field that stands for the sum over all links."""
PERCENT = 0.01
MILLI = 1e-3
NANO = 1e-9
MEGA = 1e6
KIB = 1024.0
MIB = 1024.0 * 1024.0


@dataclass(frozen=True, slots=True)
class Call:
    """One NVML function of the device, shared by all rows that name it with the same arguments."""

    function: str
    args: tuple[int, ...] = ()
    pick: str | int | None = None
    """Member or position of the answer; None where the answer is the number."""
    scale: float = 1.0
    """What one unit of NVML is in the base unit."""

    @property
    def source(self) -> str:
        """How the catalogue names it."""
        args = ", ".join(map(str, self.args))
        pick = "" if self.pick is None else f".{self.pick}" if isinstance(self.pick, str) else ""
        return f"{self.function}({args}){pick}" if args else f"{self.function}{pick}"


@dataclass(frozen=True, slots=True)
class Field:
    """One field id, fetched in a batch with all others that are due."""

    id: int
    scope: int = 0
    """The link, or the power scope, of fields that have one."""
    scale: float = 1.0

    @property
    def source(self) -> str:
        """How the catalogue names it."""
        scope = {0: "", ALL_LINKS: ", all links"}.get(self.scope, f", scope {self.scope}")
        return f"nvmlDeviceGetFieldValues({self.id}{scope})"


@dataclass(frozen=True, slots=True)
class Gpm:
    """One metric of the GPU performance monitor, the mean between two samples.

    In the row of a counter it is a rate, and the counter is its sum over time since we began.
    """

    id: int
    scale: float = PERCENT

    @property
    def source(self) -> str:
        """How the catalogue names it."""
        return f"nvmlGpmMetricsGet({self.id})"


@dataclass(frozen=True, slots=True)
class Sampled:
    """A call that blocks for tens of milliseconds to measure a rate: read in a lane beside.

    Its row is a counter: the sum over time since we began.
    """

    function: str
    args: tuple[int, ...]
    scale: float

    @property
    def source(self) -> str:
        """How the catalogue names it."""
        return f"{self.function}({', '.join(map(str, self.args))})"


@dataclass(frozen=True, slots=True)
class Own:
    """Read by code of its own, because the answer has another shape."""

    source: str


Way = Call | Field | Gpm | Sampled | Own


@dataclass(frozen=True, slots=True)
class Row:
    """A metric and how it is read."""

    metric: Metric
    ways: tuple[Way, ...]
    """In order of preference; the next one is taken where the device lacks the one before."""


def row(  # noqa: PLR0913 -- it is the line of a table
    kind: Kind,
    name: str,
    unit: Unit,
    cadence: Cadence,
    title: str,
    help: str,  # noqa: A002 -- the word of Metric
    *ways: Way,
    upto: str = "",
    words: tuple[tuple[int, str], ...] = (),
) -> Row:
    """Build a row; a name that ends in `_total` is a counter, and the first way is the source."""
    sort = Type.COUNTER if name.endswith("_total") else Type.GAUGE
    source = " or ".join(way.source for way in ways)
    metric = Metric(name, kind, unit, sort, title, help, cadence, upto, words, source)
    return Row(metric, ways)


def of_cadence(table: tuple[Row, ...], cadence: Cadence) -> tuple[Row, ...]:
    """Return the rows of a table that are read at *cadence*."""
    return tuple(one for one in table if one.metric.cadence is cadence)


def catalogues(table: tuple[Row, ...]) -> dict[Cadence, Catalogue]:
    """Return the catalogue of each cadence of a table; to be made once, for all devices."""
    made = {}
    for cadence in Cadence:
        rows = of_cadence(table, cadence)
        if rows:
            made[cadence] = Catalogue(rows[0].metric.kind, [one.metric for one in rows])
    return made
