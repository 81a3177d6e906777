"""Where the sites are: distances and spatial patterns, made once for the rows that share them."""

from __future__ import annotations

import numpy as np

from ..progress import NO_PROGRESS, Progress
from .matrices import Kept
from .moran import SpatialBasis, spatial_basis
from .partial import log_distance
from .spatial_trend import place_columns

#: With so many sites, distances are measured between all of them once; beyond, between those of a row.
_ALL_SITES = 3000
#: Bytes of spatial patterns kept for the next row, and of what similarities are regressed on.
_BASES_BYTES, _COLUMNS_BYTES = 200_000_000, 400_000_000


class Places:
    """Distances and spatial bases of sites at ``lonlat`` (sites, 2), degrees, NaN where unknown, or None."""

    def __init__(self, lonlat: np.ndarray | None) -> None:
        self._lonlat = lonlat
        self._distances = Kept()
        self._columns = Kept(_COLUMNS_BYTES)
        self._bases: dict[bytes, SpatialBasis | None] = {}

    @property
    def known(self) -> bool:
        """Whether any site has a place."""
        return self._lonlat is not None and bool(np.isfinite(self._lonlat).all(axis=1).any())

    def placed(self, positions: np.ndarray) -> np.ndarray:
        """(n,) bool, which of the sites at ``positions`` have a place."""
        if self._lonlat is None:
            return np.zeros(len(positions), dtype=bool)
        found: np.ndarray = np.isfinite(self._lonlat[positions]).all(axis=1)
        return found

    def log_distance(self, positions: np.ndarray, progress: Progress = NO_PROGRESS) -> np.ndarray:
        """(n, n) log(1 + metres) between sites that have a place. Raises :class:`Cancelled`."""
        if self._lonlat is None or len(self._lonlat) > _ALL_SITES:
            return self._distances.get(
                positions.tobytes(), lambda: log_distance(self.lonlat(positions), progress)
            )
        placed = np.flatnonzero(self.placed(np.arange(len(self._lonlat))))
        everywhere = self._distances.get("all", lambda: log_distance(self.lonlat(placed), progress))
        where = np.searchsorted(placed, positions)
        return everywhere if len(where) == len(placed) else everywhere[np.ix_(where, where)]

    def distance_or_nan(self, positions: np.ndarray, progress: Progress = NO_PROGRESS) -> np.ndarray | None:
        """(n, n) log(1 + metres), NaN for sites without a place; None where no site has one.

        Raises :class:`Cancelled`.
        """
        placed = self.placed(positions)
        if not placed.any():
            return None
        if placed.all():
            return self.log_distance(positions, progress)
        distance = np.full((len(positions), len(positions)), np.nan)
        distance[np.ix_(placed, placed)] = self.log_distance(positions[placed], progress)
        return distance

    def basis(self, positions: np.ndarray) -> SpatialBasis | None:
        """The spatial patterns of sites that have a place; None where fewer than five differ. The latest are kept."""
        key = positions.tobytes()
        if key not in self._bases:
            if sum(basis.vectors.nbytes for basis in self._bases.values() if basis) > _BASES_BYTES:
                self._bases.clear()
            self._bases[key] = spatial_basis(self.lonlat(positions))
        return self._bases[key]

    def columns(
        self, positions: np.ndarray, basis: SpatialBasis, progress: Progress = NO_PROGRESS
    ) -> np.ndarray:
        """What place is in a regression of the pairs of these sites: (m, pairs). The latest are kept.

        Raises :class:`Cancelled`.
        """
        return self._columns.get(
            positions.tobytes(),
            lambda: place_columns(
                self.log_distance(positions, progress), self.lonlat(positions), basis.vectors, progress
            ),
        )

    def lonlat(self, positions: np.ndarray) -> np.ndarray:
        """(n, 2) degrees. Raises ValueError where no site has a place."""
        if self._lonlat is None:
            raise ValueError("the sites have no places")
        return self._lonlat[positions]
