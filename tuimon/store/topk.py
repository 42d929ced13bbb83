"""Which of many entities are worth keeping: a policy shared by history and recordings."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from tuimon.model.frame import Frame
from tuimon.model.metric import Kind

# fmt: off
# What makes a process matter, first things first; each row takes half of the places still free.
RANKS: tuple[str, ...] = (
    "process_gpu_memory_bytes",
    "process_cpu_ratio",
    "process_memory_bytes",
)
# fmt: on


def leaders(frame: Frame, count: int, watched: Iterable[str] = ()) -> list[int]:
    """Return the columns of the at most *count* entities that matter most, in column order.

    Those in *watched* come first, then the largest by each metric of `RANKS`. Kinds other than
    processes have no ranks: their first *count* are taken.
    """
    n = len(frame.entities)
    if n <= count:
        return list(range(n))
    if frame.kind is not Kind.PROCESS:
        return list(range(count))
    position = frame.entities.position
    chosen = {position[one] for one in watched if one in position}
    chosen = set(sorted(chosen)[:count])
    for rank, name in enumerate(RANKS):
        free = count - len(chosen)
        places = free if rank == len(RANKS) - 1 else (free + 1) // 2
        chosen.update(_largest(frame.row(name), places, chosen))
    return sorted(chosen)


def _largest(values: npt.NDArray[np.float64], places: int, taken: set[int]) -> list[int]:
    """Return the columns of the largest values above 0 that are not taken."""
    wanted = min(places + len(taken), len(values))
    if places <= 0 or not wanted:
        return []
    ranked = np.where(np.isnan(values), 0.0, values)
    best = np.argpartition(-ranked, wanted - 1)[:wanted]
    best = best[np.argsort(-ranked[best], kind="stable")]
    return [int(one) for one in best if ranked[one] > 0 and int(one) not in taken][:places]
