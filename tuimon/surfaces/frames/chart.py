"""Bars, sparklines and braille charts as text."""

import math
from collections.abc import Sequence

import numpy as np

from tuimon.model.frame import Floats
from tuimon.model.history import Floats32
from tuimon.surfaces.frames.glyphs import Glyphs
from tuimon.surfaces.frames.row import Span

# Dots of a braille cell from the bottom up, left and right column, as bits of its code point.
_LEFT = (0x40, 0x04, 0x02, 0x01)
_RIGHT = (0x80, 0x20, 0x10, 0x08)
_BRAILLE = 0x2800


def bar(ratio: float, size: int, style: str, glyphs: Glyphs) -> list[Span]:
    """Return a bar of *size* cells; an unknown ratio is all blank, above 1 is full."""
    if math.isnan(ratio):
        return [(" " * size, "unknown")]
    eighths = round(min(max(ratio, 0.0), 1.0) * size * 8)
    whole, part = divmod(eighths, 8)
    text = glyphs.full * whole
    if part and glyphs.parts:
        text += glyphs.parts[part - 1]
    rest = size - len(text)
    spans: list[Span] = [(text, style)] if text else []
    if rest:
        spans.append((glyphs.empty * rest, "track"))
    return spans


def spark(
    values: Floats32 | Floats | Sequence[float], low: float, high: float, glyphs: Glyphs
) -> str:
    """Return one cell a value: a blank where nothing is known, the lowest mark for *low*."""
    span = (high - low) or 1.0
    top = len(glyphs.levels) - 1
    return "".join(
        glyphs.gap
        if value != value  # noqa: PLR0124 -- NaN, tested the cheap way: once a cell
        else glyphs.levels[min(max(math.ceil((value - low) / span * top), 0), top)]
        for value in map(float, values)
    )


def area(values: Floats32, height: int, low: float, high: float, glyphs: Glyphs) -> list[str]:
    """Return a filled chart, top row first, of half as many cells across as there are values.

    Args:
        values: float32[2 * cells]; NaN leaves its column empty.
        height: Rows, 1 or more.
        low: Value at the bottom.
        high: Value at the top.
        glyphs: Without braille, each pair of values is one column of blocks.
    """
    if not glyphs.braille:
        return _blocks(values, height, low, high, glyphs)
    dots = 4 * height
    with np.errstate(invalid="ignore"):
        scaled = np.ceil((values - low) / ((high - low) or 1.0) * dots)
    filled = np.nan_to_num(np.clip(scaled, 1, dots), nan=0).astype(int)
    left, right = filled[0::2], filled[1::2]
    rows: list[str] = []
    for row in range(height - 1, -1, -1):
        base = 4 * row
        codes = [
            _BRAILLE + _mask(int(a) - base, _LEFT) + _mask(int(b) - base, _RIGHT)
            for a, b in zip(left, right, strict=True)
        ]
        rows.append("".join(map(chr, codes)))
    return rows


def _mask(count: int, bits: tuple[int, ...]) -> int:
    return sum(bits[: max(count, 0)]) if count < 4 else sum(bits)


def _blocks(values: Floats32, height: int, low: float, high: float, glyphs: Glyphs) -> list[str]:
    pairs = values.reshape(-1, 2)
    known = ~np.isnan(pairs)
    with np.errstate(invalid="ignore"):
        means = np.where(known, pairs, 0).sum(axis=1) / known.sum(axis=1)
    step = ((high - low) or 1.0) / height
    return [
        spark(np.where(means >= low + row * step, means, np.nan), low + row * step,
              low + (row + 1) * step, glyphs)
        for row in range(height - 1, -1, -1)
    ]  # fmt: skip
