"""Pictures as text: compared whole, and checked row by row."""

import os
from pathlib import Path

import pytest
from rich.cells import cell_len

from tuimon.surfaces.frames.row import plain
from tuimon.text import width

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def _utc(utc):
    """Every picture has a clock in it."""


@pytest.fixture
def golden():
    """Return what compares a text with its file; TUIMON_UPDATE=1 writes the file instead."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / f"{name}.txt"
        if os.environ.get("TUIMON_UPDATE"):
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no {path.name}: run TUIMON_UPDATE=1 pytest {path.parent.parent}"
        assert text == path.read_text(encoding="utf-8")

    return compare


def _measure(rows, wide, high):
    """Assert that rows fill a screen exactly, by our own measure and by Rich's."""
    assert len(rows) == high
    for y, row in enumerate(rows):
        text = plain(row)
        assert width(text) == wide, (y, text[:300])
        assert cell_len(text) == wide, (y, text[:300])
        assert text.isprintable(), (y, text[:300])


@pytest.fixture
def exact():
    return _measure
