"""Bars, sparklines and braille charts as text."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tuimon.model.frame import Floats
from tuimon.model.history import Floats32
from tuimon.surfaces.frames.glyphs import Glyphs
from tuimon.surfaces.frames.row import Span

BRAILLE = np.uint32(0x2800)
# Bits of a braille cell whose left or right column is filled by 0 to 4 dots from the bottom.
_LEFT = np.cumsum([0, 0x40, 0x04, 0x02, 0x01], dtype=np.uint32)
_RIGHT = np.cumsum([0, 0x80, 0x20, 0x10, 0x08], dtype=np.uint32)


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
    top = len(glyphs.levels) - 1
    scaled = (np.asarray(values) - low) * (top / ((high - low) or 1.0))
    marks = np.nan_to_num(np.clip(np.ceil(scaled), 0, top), nan=-1.0).astype(np.intp)
    return _text(_codes(glyphs.levels + glyphs.gap)[marks])  # -1 is the gap, at the end


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
    scaled = np.ceil((values - low) * (dots / ((high - low) or 1.0)))
    filled = np.nan_to_num(np.clip(scaled, 1, dots), nan=0.0).astype(np.intp)
    above = filled[None, :] - 4 * np.arange(height - 1, -1, -1)[:, None]
    columns = np.clip(above, 0, 4)
    codes = BRAILLE + _LEFT[columns[:, 0::2]] + _RIGHT[columns[:, 1::2]]
    return [_text(row) for row in codes]


def _blocks(values: Floats32, height: int, low: float, high: float, glyphs: Glyphs) -> list[str]:
    pairs = values.reshape(-1, 2)
    known = ~np.isnan(pairs)
    with np.errstate(invalid="ignore"):
        means = np.where(known, pairs, 0).sum(axis=1) / known.sum(axis=1)
    step = ((high - low) or 1.0) / height
    rows: list[str] = []
    for row in range(height - 1, -1, -1):
        base = low + row * step
        here = np.where(means >= base, means, np.nan)
        rows.append(spark(here, base, base + step, glyphs))
    return rows


def _text(codes: npt.NDArray[np.uint32]) -> str:
    """Return code points as text."""
    return codes.astype("<u4").tobytes().decode("utf-32-le")


@lru_cache(maxsize=8)
def _codes(text: str) -> npt.NDArray[np.uint32]:
    return np.array([ord(char) for char in text], dtype=np.uint32)
