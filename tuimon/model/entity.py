"""Of what is measured: one GPU, one disk, one process."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NO_LABELS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """One thing that has metrics. Compared by identity; `id` is what lasts.

    All text in it is safe to draw: sources sanitise it where it enters.
    """

    id: str
    """UUID of a GPU, `pid-starttime` of a process, else the kernel's name. Never an index."""
    name: str
    """What people call it."""
    index: int = -1
    """For display and order only; -1 where there is none."""
    labels: Mapping[str, str] = field(default_factory=lambda: NO_LABELS)
    """Texts about it, under the names of the source's `LABELS`."""
    parent: str = ""
    """Id of the entity it belongs to: the GPU of a MIG instance, a link or a GPU process."""


class Entities:
    """The entities of one kind in column order. Shared by reference while nothing comes or goes."""

    __slots__ = ("_position", "all")

    def __init__(self, entities: Iterable[Entity] = ()) -> None:
        self.all = tuple(entities)
        self._position: dict[str, int] | None = None

    @property
    def position(self) -> Mapping[str, int]:
        """Column of each id; made when first asked for."""
        if self._position is None:
            self._position = {entity.id: column for column, entity in enumerate(self.all)}
        return self._position

    def __len__(self) -> int:
        return len(self.all)

    def __iter__(self) -> Iterator[Entity]:
        return iter(self.all)

    def __getitem__(self, column: int) -> Entity:
        return self.all[column]

    def get(self, entity_id: str) -> Entity | None:
        """Return the entity with this id, if it is here."""
        column = self.position.get(entity_id)
        return None if column is None else self.all[column]

    def __repr__(self) -> str:
        return f"Entities({len(self)})"


NOBODY = Entities()
