"""Which rows name the same person: the first one of a file counts, the others repeat it (ENR-06)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl


class Seen:
    """The identities met so far, as 64-bit hashes: 16 bytes a row instead of a text, so a million rows fit anywhere.

    A hash only nominates: `candidates` gives earlier rows that may be the same, and the caller compares the identities
    themselves.
    """

    def __init__(self) -> None:
        self._hashes = np.empty(0, dtype=np.uint64)
        self._numbers = np.empty(0, dtype=np.int64)

    def candidates(self, identities: pl.Series) -> np.ndarray:
        """For each identity the number of the earlier row with the same hash, or 0."""
        hashes = identities.hash().to_numpy()
        places = np.searchsorted(self._hashes, hashes)
        places[places == len(self._hashes)] = 0
        found = np.zeros(len(hashes), dtype=np.int64)
        if len(self._hashes):
            same = self._hashes[places] == hashes
            found[same] = self._numbers[places[same]]
        return found

    def add(self, identities: pl.Series, numbers: Sequence[int]) -> None:
        """Remember identities that are new, each with the row that has it first."""
        hashes, rows = identities.hash().to_numpy(), np.asarray(numbers, dtype=np.int64)
        order = np.argsort(hashes, kind="stable")
        places = np.searchsorted(self._hashes, hashes[order], side="right")
        self._hashes = np.insert(self._hashes, places, hashes[order])
        self._numbers = np.insert(self._numbers, places, rows[order])


def first_rows(frame: pl.DataFrame, earlier: Mapping[int, str], nominated: np.ndarray) -> pl.Series:
    """For each row of a frame (`number`, `identity`) the first row that names the same person, which may be itself;
    null where nothing identifies anybody.

    `nominated` are earlier rows from `Seen.candidates`, `earlier` their identities.
    """
    own = pl.when(pl.col("identity").is_not_null()).then(pl.col("number").min().over("identity"))
    firsts = frame.select(first=own.cast(pl.Int64)).to_series()
    places = np.flatnonzero(nominated)
    identities = frame["identity"].gather(places).to_list()
    for place, identity, before in zip(places.tolist(), identities, nominated[places].tolist(), strict=True):
        if identity is not None and earlier.get(before) == identity:
            firsts[place] = before
    return firsts
