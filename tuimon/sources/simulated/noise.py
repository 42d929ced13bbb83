"""Chance without a generator: numbers that depend on seed, channel and place alone."""

import numpy as np
import numpy.typing as npt

from tuimon.model.frame import Floats

MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
# splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
_STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def mixed(number: int) -> int:
    """Return 64 bits that depend on all bits of *number*."""
    number = (number + _GOLDEN) & MASK
    for shift, factor in _STEPS:
        number = ((number ^ (number >> shift)) * factor) & MASK
    return number ^ (number >> 31)


def chance(seed: int, channel: int, place: int = 0) -> float:
    """Return a number from 0 to below 1."""
    return (mixed(mixed(seed * 1000003 + channel) + place) >> 11) * 2.0**-53


def noise(seed: int, channel: int, places: npt.NDArray[np.int64]) -> Floats:
    """Return float64 of the shape of *places*, each from 0 to below 1: `chance` of many places."""
    number = places.astype(np.uint64) + np.uint64(mixed(seed * 1000003 + channel))
    number += np.uint64(_GOLDEN)
    for shift, factor in _STEPS:
        number ^= number >> np.uint64(shift)
        number *= np.uint64(factor)
    number ^= number >> np.uint64(31)
    return (number >> np.uint64(11)).astype(np.float64) * 2.0**-53


def smooth(seed: int, channel: int, time: float, period: float) -> float:
    """Return a number from 0 to below 1 that wanders: new every *period* seconds, no jumps."""
    place = int(time // period)
    share = time / period - place
    share *= share * (3.0 - 2.0 * share)
    here, there = chance(seed, channel, place), chance(seed, channel, place + 1)
    return here + (there - here) * share
