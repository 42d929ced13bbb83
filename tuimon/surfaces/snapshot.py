"""One State as text that looks like the screen, or as JSON whose form is a promise."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tuimon import __version__
from tuimon.errors import Reason
from tuimon.model.entity import Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Kind
from tuimon.model.state import State
from tuimon.surfaces.ansi import Depth, painted
from tuimon.surfaces.frames.overview import overview
from tuimon.surfaces.frames.row import plain
from tuimon.surfaces.frames.view import View
from tuimon.surfaces.themes import Theme

SCHEMA = "tuimon.snapshot/1"
"""Name and version of the form; the number grows when a reader could break."""


def as_text(state: State, view: View, theme: Theme, depth: Depth, size: tuple[int, int]) -> str:
    """Return the overview without its bottom line, *size* being columns and rows."""
    rows = overview(state, view, (), *size)[:-1]
    while rows and not plain(rows[-1]).strip():
        rows.pop()
    return "\n".join(painted(rows, theme, depth)) + "\n"


def as_json(
    state: State,
    columns: Mapping[Kind, Sequence[int]],
    *,
    indent: bool,
    ascii_only: bool = False,
) -> str:
    """Return a State as one JSON document, described in docs/snapshot.md.

    Args:
        state: What to tell.
        columns: Of which entities to tell, by column, for kinds that are not told whole.
        indent: Whether for people.
        ascii_only: For a stream that takes nothing else.
    """
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "tuimon": __version__,
        "at": round(state.at, 3),
        "time": datetime.fromtimestamp(state.at, UTC).isoformat(timespec="milliseconds"),
        "replayed": state.replayed,
        "health": [
            {
                "lane": one.lane,
                "status": one.status.value,
                "text": one.text,
                "latency_seconds": _number(one.latency),
            }
            for one in state.health.values()
        ],
        "events": [
            {
                "at": one.at,
                "kind": one.kind.value,
                "entity": one.entity,
                "name": one.name,
                "code": one.code,
                "text": one.text,
            }
            for one in state.events
        ],
    }
    for kind in Kind:
        frame = state.frames.get(kind)
        if frame is not None:
            chosen = columns.get(kind, range(len(frame.entities)))
            document[kind.value] = _entities(frame, chosen, state.at)
    return json.dumps(
        document, indent=2 if indent else None, ensure_ascii=ascii_only, allow_nan=False
    )


def _entities(frame: Frame, columns: Sequence[int], now: float) -> list[dict[str, Any]]:
    names = [metric.name for metric in frame.catalogue]
    cadences = [metric.cadence for metric in frame.catalogue]
    told: list[dict[str, Any]] = []
    for column in columns:
        values = frame.values[:, column].tolist()
        reasons = frame.reasons[:, column].tolist()
        read_at = frame.read_at[:, column].tolist()
        entity = _entity(frame.entities[column])
        entity["values"] = {name: _number(value) for name, value in zip(names, values, strict=True)}
        entity["missing"] = {
            name: Reason(reason or Reason.FAILED).label
            for name, value, reason in zip(names, values, reasons, strict=True)
            if reason or math.isinf(value)
        }
        entity["age_seconds"] = {
            cadence.name.lower(): _number(max(round(now - read_at[cadence], 3), 0.0))
            for cadence in sorted(set(cadences))
            if not math.isnan(read_at[cadence])
        }
        told.append(entity)
    return told


def _entity(entity: Entity) -> dict[str, Any]:
    return {
        "id": entity.id,
        "name": entity.name,
        "index": entity.index if entity.index >= 0 else None,
        "parent": entity.parent or None,
        "labels": dict(entity.labels),
    }


def _number(value: float) -> float | int | None:
    """Return a number as JSON should have it: whole ones without a point, others to 12 digits."""
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else float(f"{value:.12g}")
