"""Frames as bits: each array XORed with the last of its kind, so that what stays is zero."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuimon.model.entity import Entities
from tuimon.model.frame import Codes, Floats, Frame
from tuimon.model.metric import Kind

Bits = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Planes:
    """The three arrays of a frame as bits, which survive whatever they mean."""

    values: Bits
    """uint64[m, n]"""
    reasons: Codes
    """uint8[m, n]"""
    read_at: Bits
    """uint64[k, n]"""

    @classmethod
    def of(cls, frame: Frame) -> "Planes":
        """Return the bits of a frame."""
        return cls(bits_of(frame.values), frame.reasons, bits_of(frame.read_at))

    def xor(self, other: "Planes | None") -> "Planes":
        """Return where the two differ; the same again undoes it."""
        if other is None:
            return self
        return Planes(
            self.values ^ other.values, self.reasons ^ other.reasons, self.read_at ^ other.read_at
        )

    def columns(self, where: npt.NDArray[np.intp]) -> "Planes":
        """Return the columns *where*, zeros for those below 0."""
        new = where < 0
        parts = (self.values[:, where], self.reasons[:, where], self.read_at[:, where])
        for part in parts:
            part[:, new] = 0
        return Planes(*parts)


class Bases:
    """What each kind's arrays are XORed with: its last ones in this chunk, by entity."""

    def __init__(self) -> None:
        self._last: dict[Kind, tuple[int, Entities, Planes]] = {}
        self._health: tuple[int, Bits] | None = None

    def base(self, kind: Kind, catalogue: int, entities: Entities) -> Planes | None:
        """Return the last bits of the kind in the order of *entities*, zeros for who is new.

        None where there are none under the same number of *catalogue*.
        """
        last = self._last.get(kind)
        if last is None or last[0] != catalogue or not len(last[1]):
            return None
        if last[1] is entities:
            return last[2]
        position = last[1].position
        columns = (position.get(entity.id, -1) for entity in entities)
        return last[2].columns(np.fromiter(columns, np.intp, len(entities)))

    def put(self, kind: Kind, catalogue: int, entities: Entities, bits: Planes) -> None:
        """Remember the newest bits of a kind."""
        self._last[kind] = (catalogue, entities, bits)

    def health(self, words: int, bits: Bits) -> Bits:
        """Return the numbers of all lanes XORed with the last of the same number of *words*."""
        last = self._health
        return bits ^ last[1] if last is not None and last[0] == words else bits

    def put_health(self, words: int, bits: Bits) -> None:
        """Remember the newest numbers of all lanes."""
        self._health = (words, bits)


def bits_of(values: Floats) -> Bits:
    """Return the bits of floats, little end first."""
    return np.ascontiguousarray(values, "<f8").view("<u8")
