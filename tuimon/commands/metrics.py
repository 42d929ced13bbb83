"""`tuimon metrics`: the catalogue."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from tuimon.commands.catalogue import tables
from tuimon.commands.table import Environment
from tuimon.errors import TuimonError
from tuimon.model.metric import Label, Metric

Table = tuple[str, Sequence[Metric], Sequence[Label]]


def run(options: argparse.Namespace, environment: Environment) -> int:
    """Print the catalogue."""
    chosen = [
        (name, [m for m in metrics if options.pattern in m.name], labels)
        for name, metrics, labels in tables()
    ]
    if not any(metrics for _, metrics, _ in chosen):
        raise TuimonError(f"no metric's name contains {options.pattern!r}")
    write = {"text": as_text, "json": as_json, "markdown": as_markdown}[options.format]
    environment.stdout.write(write(chosen))
    return 0


def as_text(chosen: Sequence[Table]) -> str:
    """Return one line a metric, columns aligned."""
    rows = [(m.name, m.unit.value, m.type.value, m.help) for _, ms, _ in chosen for m in ms]
    wide = [max((len(row[place]) for row in rows), default=0) for place in range(3)]
    return "".join(
        f"{name:<{wide[0]}}  {unit:<{wide[1]}}  {kind:<{wide[2]}}  {text}\n"
        for name, unit, kind, text in rows
    )


def as_json(chosen: Sequence[Table]) -> str:
    """Return a list of objects."""
    rows: list[dict[str, Any]] = [
        {
            "name": m.name,
            "kind": m.kind.value,
            "unit": m.unit.value,
            "type": m.type.value,
            "cadence": m.cadence.name.lower(),
            "help": m.help,
            "read_from": m.source,
            "words": {str(number): word for number, word in m.words},
        }
        for _, metrics, _ in chosen
        for m in metrics
    ]
    return json.dumps(rows, indent=2) + "\n"


def as_markdown(chosen: Sequence[Table]) -> str:
    """Return docs/metrics.md."""
    parts = [
        "# Metrics\n\nMade by `tuimon metrics --format markdown`; do not edit. Names are those of "
        "Prometheus and never change; units are base units. A counter's rate stands below it.\n"
    ]
    for source, metrics, labels in chosen:
        parts.append(f"\n## {source}\n\n| metric | unit | type | read | what | from |\n")
        parts.append("| --- | --- | --- | --- | --- | --- |\n")
        parts += [
            f"| `{m.name}` | {m.unit.value} | {m.type.value} | {m.cadence.name.lower()} "
            f"| {_cell(m.help)} | {_cell(m.source)} |\n"
            for m in metrics
        ]
        if labels:
            parts.append("\n| label | of | what |\n| --- | --- | --- |\n")
            parts += [
                f"| `{one.name}` | {one.kind.value} | {_cell(one.help)} |\n" for one in labels
            ]
    return "".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
