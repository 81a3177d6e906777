"""Agreement of two descriptions of the same site, site by site: equations 4 and 5 of the paper.

Equation 4 is the cosine between the embedding of a site's sound and that of its sight, equation 5 the cosine between
its two compositions of biophony, geophony and anthrophony. Compositions can be compared by measures of their own, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np

from ..errors import InputError
from .similarity import AITCHISON, COSINE, HELLINGER, JENSEN_SHANNON, closed, missing_reasons, unit_rows

#: Shares below a hundredth count as a hundredth before logarithms are taken. Fixed, so that a site's number does not
#: depend on which other sites are in the layer.
LEAST_SHARE = 0.01
#: What each measure gives. All of them are 1 for equal compositions and fall as these part.
AGREEMENTS = {
    COSINE: "cosine, 0 to 1 (-1 to 1 for embeddings)",
    HELLINGER: "1 - Hellinger distance, 0 to 1",
    JENSEN_SHANNON: "1 - Jensen-Shannon distance (root of the divergence in bits), 0 to 1",
    AITCHISON: f"1 / (1 + Aitchison distance), 0 to 1; shares below {LEAST_SHARE:g} count as {LEAST_SHARE:g}",
}


@dataclass(frozen=True)
class _Measure:
    """A measure as a change of each row, and a score of two changed rows (n, d) each -> (n,)."""

    change: Callable[[np.ndarray], np.ndarray]
    score: Callable[[np.ndarray, np.ndarray], np.ndarray]


class Comparison:
    """Two descriptions of the same sites under one measure, ready to be compared in any order.

    first, second: (n, d) float, every row usable (see :func:`.similarity.missing_reasons`); kept as the rows that
    the measure scores, of length 1 for the cosine. Raises InputError for an unknown measure, for different shapes and
    for single numbers.
    """

    def __init__(self, first: np.ndarray, second: np.ndarray, measure: str = COSINE) -> None:
        self.measure = measure
        self._measure = _measure(measure)
        if first.shape != second.shape:
            raise InputError(
                f"One description has {first.shape[1]} numbers for {len(first)} sites, the other {second.shape[1]} for "
                f"{len(second)}; they can be compared only number by number."
            )
        if first.shape[1] < 2:
            raise InputError("A site described by a single number has no direction and no shares to compare.")
        self.first = self._measure.change(first)
        self.second = self._measure.change(second)

    def __len__(self) -> int:
        return len(self.first)

    def scores(self, order: np.ndarray | None = None, sites: slice = slice(None)) -> np.ndarray:
        """Agreement of site ``order[i]`` in the first with site i in the second; of each site with itself by default.

        sites: the stretch of sites i that is wanted, to bound the memory. Gives (sites,) float64.
        """
        first = self.first[sites] if order is None else self.first[order[sites]]
        return np.asarray(self._measure.score(first, self.second[sites]), dtype=np.float64)


def agreement(first: np.ndarray, second: np.ndarray, measure: str = COSINE) -> np.ndarray:
    """Agreement of each row of ``first`` with the same row of ``second``, (n, d) float each: (n,) float64.

    measure: a name of ``AGREEMENTS``. Compositions need not add up to 1; they are closed first. A row that one of the
    two cannot be compared by (see :func:`.similarity.missing_reasons`) gives NaN.

    - cosine: equations 4 and 5 of the paper;
    - hellinger: 1 - sqrt(sum (sqrt p - sqrt q)^2 / 2);
    - jensen-shannon: 1 - sqrt(JSD), base 2 (Endres and Schindelin 2003, doi:10.1109/TIT.2003.813506);
    - aitchison: 1 / (1 + distance of the centred log-ratios) (Aitchison 1986), zeros replaced as in
      :func:`zeros_replaced`.

    Raises InputError for an unknown measure or different shapes.
    """
    _measure(measure)
    found = np.full(len(first), np.nan)
    usable = np.ones(len(first), dtype=bool)
    for values in (first, second):
        usable &= np.array([reason is None for reason in missing_reasons(values, measure)], dtype=bool)
    found[usable] = Comparison(first[usable], second[usable], measure).scores()
    return found


def zeros_replaced(values: np.ndarray, share: float = LEAST_SHARE) -> np.ndarray:
    """Closed rows (n, d) in which each part below ``share`` is ``share`` and the others keep their ratios.

    Multiplicative replacement (Martin-Fernandez et al. 2003, doi:10.1023/A:1023866030544), of zeros and of what is
    less than what stands for a zero. Raises InputError where ``share`` leaves nothing for the other parts.
    """
    if not 0.0 < share < 1.0 / values.shape[1]:
        raise InputError(
            f"A zero cannot become {share:g} in compositions of {values.shape[1]} parts; it has to be above 0 and "
            f"below {1.0 / values.shape[1]:g}."
        )
    whole = closed(values)
    small = whole < share
    left = 1.0 - share * small.sum(axis=1, keepdims=True)
    return np.where(small, share, whole * left / np.where(small, 0.0, whole).sum(axis=1, keepdims=True))


def _measure(name: str) -> _Measure:
    if name not in _MEASURES:
        raise InputError(f"There is no measure '{name}'. Choose one of: {', '.join(_MEASURES)}.")
    return _MEASURES[name]


def _products(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.clip(np.einsum("ij,ij->i", first, second), -1.0, 1.0)


def _roots(values: np.ndarray) -> np.ndarray:
    return np.sqrt(closed(values))


def _hellinger(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    apart = first - second
    return np.asarray(1.0 - np.sqrt(np.minimum(np.einsum("ij,ij->i", apart, apart) / 2.0, 1.0)))


def _jensen_shannon(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    from scipy.special import rel_entr

    middle = (first + second) / 2.0
    nats = (rel_entr(first, middle) + rel_entr(second, middle)).sum(axis=1) / 2.0
    return np.asarray(1.0 - np.sqrt(np.clip(nats / np.log(2.0), 0.0, 1.0)))


def _centred_logs(values: np.ndarray) -> np.ndarray:
    logs = np.log(zeros_replaced(values))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def _aitchison(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    apart = first - second
    return np.asarray(1.0 / (1.0 + np.sqrt(np.einsum("ij,ij->i", apart, apart))))


_MEASURES = {
    COSINE: _Measure(unit_rows, _products),
    HELLINGER: _Measure(_roots, _hellinger),
    JENSEN_SHANNON: _Measure(closed, _jensen_shannon),
    AITCHISON: _Measure(_centred_logs, _aitchison),
}
