"""The similarity matrices behind the rows of a run, made once where several rows need them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from ..progress import NO_PROGRESS, Progress, check_cancelled
from .checks import Sites
from .comparisons import Comparison
from .similarity import mean_of_z_scores, measure_of, pairs_of, rank_matrix, similarity_matrix, varies

#: Bytes of matrices kept for the next row. A matrix of 157 sites takes 0.2 MB, one of 3000 sites 72 MB.
_KEPT_BYTES = 200_000_000


class Kept:
    """The latest matrices, as many as fit into a number of bytes; each is made when it is first asked for."""

    def __init__(self, limit: int = _KEPT_BYTES) -> None:
        self._limit = limit
        self._matrices: OrderedDict[object, np.ndarray] = OrderedDict()

    def get(self, key: object, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The matrix of a key. It must not be written to."""
        if key in self._matrices:
            self._matrices.move_to_end(key)
            return self._matrices[key]
        matrix = make()
        self._matrices[key] = matrix
        while sum(kept.nbytes for kept in self._matrices.values()) > self._limit:
            self._matrices.popitem(last=False)
        return matrix


class Similarities:
    """Similarities of the blocks of a run, and of combined views, between chosen sites."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites
        self._kept = Kept()

    def measure(self, name: str, column: int | None = None) -> str:
        """The measure of a block, or of one category of it."""
        return measure_of(
            self.values(name, column), "" if column is not None else self._sites.blocks[name].measure
        )

    def values(self, name: str, column: int | None = None) -> np.ndarray:
        """(sites, d) values of a block, (sites, 1) of one category of it."""
        values = self._sites.blocks[name].values
        return values if column is None else values[:, column : column + 1]

    def block(self, name: str, column: int | None, positions: np.ndarray) -> np.ndarray:
        """(n, n) similarities of the sites at ``positions`` in a block."""
        measure = self.measure(name, column)
        return self._kept.get(
            (name, column, positions.tobytes()),
            lambda: similarity_matrix(self.values(name, column)[positions], measure),
        )

    def constant(
        self, comparison: Comparison, positions: np.ndarray, progress: Progress = NO_PROGRESS
    ) -> list[str]:
        """The blocks of a row in which all pairs are equally similar. Raises :class:`Cancelled`."""
        found = []
        for name in comparison.blocks:
            check_cancelled(progress)
            if not varies(pairs_of(self.block(name, comparison.column, positions))):
                found.append(name)
        return found

    def of(self, comparison: Comparison, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The two matrices (n, n) of a row none of whose blocks is constant."""
        first = self.block(comparison.block_a, comparison.column, positions)
        others = [self.block(name, comparison.column, positions) for name in comparison.others]
        if len(others) == 1:
            return first, others[0]
        key = (comparison.others, comparison.column, positions.tobytes())
        return first, self._kept.get(key, lambda: mean_of_z_scores(*others))

    def ranks(
        self, comparison: Comparison, positions: np.ndarray, progress: Progress = NO_PROGRESS
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ranks (n, n) of the two matrices of a row. Raises :class:`Cancelled`."""
        first, second = self.of(comparison, positions)
        column, where = comparison.column, positions.tobytes()
        check_cancelled(progress)
        rank_a = self._kept.get(("ranks", comparison.block_a, column, where), lambda: rank_matrix(first))
        check_cancelled(progress)
        rank_b = self._kept.get(("ranks", comparison.others, column, where), lambda: rank_matrix(second))
        return rank_a, rank_b
