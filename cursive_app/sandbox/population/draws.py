"""Random numbers that depend on nothing but (seed, purpose, index), for whole arrays of indexes at once.

Every attribute of every person is drawn this way, so person 7,000,000 costs the same as person 7 and never changes,
however many people there are and whatever else was asked before.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint64]
Index = npt.NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def mix(values: Bits) -> Bits:
    """The finalizer of splitmix64: neighboring inputs give unrelated outputs."""
    with np.errstate(over="ignore"):
        mixed = (values ^ (values >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
        return mixed ^ (mixed >> np.uint64(31))


def bits(seed: int, purpose: str, index: npt.NDArray[np.integer]) -> Bits:
    """64 random bits for each index; independent between purposes."""
    salt = mix(np.array([(seed << 32) ^ zlib.crc32(purpose.encode())], dtype=np.uint64) + _GOLDEN)
    with np.errstate(over="ignore"):
        return mix((index.astype(np.uint64) + np.uint64(1)) * _GOLDEN + salt)


def uniform(seed: int, purpose: str, index: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Numbers in [0, 1)."""
    return (bits(seed, purpose, index) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def weighted(
    seed: int, purpose: str, index: npt.NDArray[np.integer], cumulative: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Positions drawn by weight; `cumulative` ends at 1."""
    drawn = np.searchsorted(cumulative, uniform(seed, purpose, index), side="right")
    return np.minimum(drawn, len(cumulative) - 1)


def cumulate(weights: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Weights of any sum as the cumulative shares `weighted` wants."""
    running = np.cumsum(np.asarray(weights, dtype=np.float64))
    return running / running[-1]
