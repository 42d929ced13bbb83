"""Boards: what one lane knows of one kind, put together from readings of several cadences."""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from tuimon.errors import Reason
from tuimon.model.entity import Entities
from tuimon.model.frame import CADENCES, Frame
from tuimon.model.metric import Catalogue, Kind, Metric

Rows = npt.NDArray[np.intp]


def catalogues(metrics: Iterable[Metric]) -> dict[Kind, Catalogue]:
    """Return one catalogue a kind; of two metrics of one name the first counts."""
    by_kind: dict[Kind, dict[str, Metric]] = {}
    for metric in metrics:
        by_kind.setdefault(metric.kind, {}).setdefault(metric.name, metric)
    return {kind: Catalogue(kind, rows.values()) for kind, rows in by_kind.items()}


class Board:
    """The whole frame of each kind that a lane reads. Used by the lane's thread only."""

    def __init__(self, wholes: Mapping[Kind, Catalogue]) -> None:
        self._wholes = wholes
        self._frames: dict[Kind, Frame] = {}
        self._rows: dict[Catalogue, Rows] = {}

    def frames(self) -> dict[Kind, Frame]:
        """Return the frames as they are now; they are immutable, the mapping is the caller's."""
        return dict(self._frames)

    def put(self, part: Frame) -> None:
        """Lay a reading over what was known. What it leaves out keeps its value and its age."""
        whole = self._wholes[part.kind]
        rows = self._rows.get(part.catalogue)
        if rows is None:
            rows = np.array([whole.position[metric.name] for metric in part.catalogue], np.intp)
            self._rows[part.catalogue] = rows
        if len(rows) == len(whole) and (rows == np.arange(len(whole))).all():
            self._frames[part.kind] = Frame(
                whole, part.entities, part.values, part.reasons, part.read_at
            ).sealed()
            return
        base = self._base(whole, part.entities)
        values, reasons, read_at = base.values.copy(), base.reasons.copy(), base.read_at.copy()
        values[rows] = part.values
        reasons[rows] = part.reasons
        fresh = ~np.isnan(part.read_at)
        read_at[fresh] = part.read_at[fresh]
        self._frames[part.kind] = Frame(whole, part.entities, values, reasons, read_at).sealed()

    def strike(self, reason: Reason) -> None:
        """Mark everything but the inventory as missing."""
        self._frames = {kind: frame.struck(reason) for kind, frame in self._frames.items()}

    def _base(self, whole: Catalogue, entities: Entities) -> Frame:
        """Return what is known of these entities, in their order."""
        last = self._frames.get(whole.kind)
        if last is not None and last.entities is entities:
            return last
        base = Frame.unknown(whole, entities, Reason.NOT_YET)
        if last is not None and len(last.entities):
            position = last.entities.position
            pairs = [(column, position.get(one.id, -1)) for column, one in enumerate(entities)]
            here = [column for column, there in pairs if there >= 0]
            there = [there for _, there in pairs if there >= 0]
            base.values[:, here] = last.values[:, there]
            base.reasons[:, here] = last.reasons[:, there]
            base.read_at[:, here] = last.read_at[:, there]
        return base


class Joiner:
    """Puts the boards of several lanes side by side: one frame a kind."""

    def __init__(self, wholes: Mapping[Kind, Catalogue]) -> None:
        self._wholes = wholes
        self._plans: dict[Kind, tuple[tuple[Entities, ...], Entities, list[Rows]]] = {}

    def join(self, boards: Iterable[Mapping[Kind, Frame]]) -> dict[Kind, Frame]:
        """Return one frame a kind. Of two values of one cell the first lane's known one counts."""
        parts: dict[Kind, list[Frame]] = {}
        for board in boards:
            for kind, frame in board.items():
                parts.setdefault(kind, []).append(frame)
        return {
            kind: frames[0] if len(frames) == 1 else self._side_by_side(kind, frames)
            for kind, frames in parts.items()
        }

    def _side_by_side(self, kind: Kind, frames: list[Frame]) -> Frame:
        entities, columns = self._plan(kind, frames)
        whole = self._wholes[kind]
        values = np.full((len(whole), len(entities)), np.nan)
        reasons = np.full(values.shape, Reason.NOT_YET, np.uint8)
        read_at = np.full((CADENCES, len(entities)), np.nan)
        for frame, where in zip(reversed(frames), reversed(columns), strict=True):
            told = (frame.reasons != Reason.NOT_YET) & (reasons[:, where] != Reason.KNOWN)
            rows, cols = np.nonzero(told | (frame.reasons == Reason.KNOWN))
            values[rows, where[cols]] = frame.values[rows, cols]
            reasons[rows, where[cols]] = frame.reasons[rows, cols]
            read_at[:, where] = np.fmax(read_at[:, where], frame.read_at)
        return Frame(whole, entities, values, reasons, read_at).sealed()

    def _plan(self, kind: Kind, frames: list[Frame]) -> tuple[Entities, list[Rows]]:
        """Return all entities in order, and the columns that each frame's go to."""
        key = tuple(frame.entities for frame in frames)
        plan = self._plans.get(kind)
        if plan is not None and plan[0] == key:
            return plan[1], plan[2]
        unique = {entity.id: entity for frame in reversed(frames) for entity in frame.entities}
        order = {one.id: rank for rank, one in enumerate(e for f in frames for e in f.entities)}
        by_index = kind is Kind.GPU  # what belongs to a GPU stays together, lane by lane
        entities = Entities(
            sorted(unique.values(), key=lambda one: (one.index if by_index else 0, order[one.id]))
        )
        position = entities.position
        columns = [
            np.fromiter((position[one.id] for one in frame.entities), np.intp, len(frame.entities))
            for frame in frames
        ]
        self._plans[kind] = (key, entities, columns)
        return entities, columns
