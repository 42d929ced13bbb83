"""Fixtures that several sources share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "fakenvml"))

from fake_gpus import fake_library, gpus

__all__ = ["fake_library", "gpus"]
