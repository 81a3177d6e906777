"""Do matching sites agree more than mismatched ones? The permutation null of equations 4 and 5 of the paper.

A cosine between vectors of two models that were not trained together has no meaning by itself: their axes have nothing
to do with each other, so its level and its sign are accidents. What can be asked is whether a site's sound fits its own
sight better than that of other sites.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..progress import NO_PROGRESS, PartOf, Progress, check_cancelled
from .agreement import Comparison
from .costs import WORTH_SAYING, in_words
from .results import Block
from .similarity import COSINE, HELLINGER, missing_reasons

#: Up to so many sites the cosines of all pairs are kept (72 MB); each site is ranked among all others.
DENSE_SITES = 3000
#: Of more sites, each is ranked among a seeded random sample of so many.
SAMPLE_SITES = 2000
#: With fewer sites a note says how few orders they have.
FEW_SITES = 6
#: Numbers that one stretch of sites takes at a time.
_STRETCH = 4_000_000
#: Means and cosines that differ by less tie; single precision rounds earlier.
_TIE, _TIE_SINGLE = 1e-12, 1e-6
#: Seconds that one site takes in one permutation without a matrix, and each of its numbers.
_PER_SITE, _PER_NUMBER = 2e-7, 1.6e-9
_NO_SITE = "no site has both sound and sight"


@dataclass(frozen=True)
class MatchTest:
    """Whether matching sites agree more than mismatched ones, by permutation of sites.

    mean: agreement of sound and sight of the same site, averaged over ``sites``. null_mean, null_sd: mean and standard
    deviation of that average where sights are shuffled among sites. p: two-sided, (hits + 1) / (permutations + 1); a
    hit lies as far from the centre of all averages as the observed one. Where the sites have no more orders than were
    asked for (fewer than ``FEW_SITES`` sites), all are taken, each once. None where undefined, and ``note`` says why.
    """

    measure: str
    sites: int
    mean: float | None
    null_mean: float | None = None
    null_sd: float | None = None
    p: float | None = None
    note: str = ""


@dataclass(frozen=True)
class SiteAgreement:
    """Agreement per site, and its test.

    values: (n,) float, NaN where a site has none. percentiles: (n,) float, 0 to 100: how many of the sights of other
    sites fit the site's sound less well than its own does (ties count half; chance gives 50); None where not asked.
    ranked_among: how many others each site was ranked among, at most.
    """

    values: np.ndarray
    test: MatchTest
    percentiles: np.ndarray | None = None
    ranked_among: int = 0


def embedding_agreement(
    sound: np.ndarray,
    sight: np.ndarray,
    permutations: int = 999,
    seed: int = 0,
    progress: Progress = NO_PROGRESS,
) -> SiteAgreement:
    """Equation 4 of the paper: cosine of each site's two embeddings, with its rank among mismatches and the null.

    sound, sight: (n, d) float embeddings of the same sites; a row of NaN is a site without one. permutations: of the
    test, 0 leaves it out. Up to ``DENSE_SITES`` sites take a matrix of their cosines; more take O(n d) memory in the
    precision given, and O(n d) time a permutation.

    Raises InputError where the embeddings have different lengths (there is no cosine between them) or numbers of
    sites, and Cancelled.
    """
    usable = _usable(sound, sight, COSINE)
    values, percentiles = np.full(len(usable), np.nan), np.full(len(usable), np.nan)
    if not usable.any():
        return SiteAgreement(values, MatchTest(COSINE, 0, None, note=_NO_SITE), percentiles)
    if sound.shape[1] != sight.shape[1]:
        raise InputError(
            f"The sound embedding has {sound.shape[1]} numbers, the sight embedding {sight.shape[1]}: there is no "
            "cosine between vectors of different lengths. Choose models with embeddings of one length, or compare "
            "the BGA compositions alone (equation 5)."
        )
    sound, sight = sound[usable], sight[usable]
    if len(sound) <= DENSE_SITES:
        sound, sight = sound.astype(np.float64), sight.astype(np.float64)
    comparison = Comparison(sound, sight, COSINE)
    values[usable] = comparison.scores()
    cosines = _products(comparison) if len(comparison) <= DENSE_SITES else None
    percentiles[usable], others = _percentiles(comparison, cosines, seed, PartOf(progress, 0.0, 0.4))
    test = _match_test(comparison, cosines, permutations, seed, PartOf(progress, 0.4, 1.0))
    return SiteAgreement(values, test, percentiles, others)


def composition_agreement(
    sound: np.ndarray,
    sight: np.ndarray,
    measure: str = COSINE,
    permutations: int = 999,
    seed: int = 0,
    progress: Progress = NO_PROGRESS,
) -> SiteAgreement:
    """Equation 5 of the paper: agreement of each site's two compositions, with the null of the mean.

    sound, sight: (n, 3) shares of biophony, geophony and anthrophony of the same sites (any number of parts will do);
    they need not add up to 1. measure: a name of ``AGREEMENTS``. Rows with a missing or negative share, or of zeros
    only, have no agreement under any measure. O(n) memory, and O(n) time a permutation.

    Raises InputError for an unknown measure or different shapes, and Cancelled.
    """
    usable = _usable(sound, sight, HELLINGER)
    comparison = Comparison(sound[usable], sight[usable], measure)
    values = np.full(len(usable), np.nan)
    values[usable] = comparison.scores()
    return SiteAgreement(values, _match_test(comparison, None, permutations, seed, progress))


def match_reasons(sound: Block, sight: Block) -> list[str]:
    """Per site, why its sound and sight cannot be compared, side by side; "" where they can.

    What a tool said of the missing value goes before what can be seen of it.
    """
    measure = HELLINGER if sound.bga else COSINE
    found = [""] * len(sound.values)
    for name, block in (("sound", sound), ("sight", sight)):
        for site, reason in enumerate(missing_reasons(block.values, measure)):
            if reason is not None:
                said = block.reasons[site] if block.reasons is not None else ""
                found[site] += f"{'; ' if found[site] else ''}{name}: {said or reason}"
    return found


def _usable(sound: np.ndarray, sight: np.ndarray, measure: str) -> np.ndarray:
    if len(sound) != len(sight):
        raise InputError(
            f"There are {len(sound)} sites with sound and {len(sight)} with sight; give the same sites."
        )
    reasons: Iterable[Sequence[str | None]] = zip(
        missing_reasons(sound, measure), missing_reasons(sight, measure)
    )
    return np.array([heard is None and seen is None for heard, seen in reasons], dtype=bool)


def _products(comparison: Comparison) -> np.ndarray:
    """Cosines of every sound (rows) with every sight (columns), (n, n)."""
    return np.asarray(comparison.first @ comparison.second.T)


def _stretches(sites: int, width: int) -> Iterator[slice]:
    step = max(1, _STRETCH // max(width, 1))
    for start in range(0, sites, step):
        yield slice(start, min(start + step, sites))


def _percentiles(
    comparison: Comparison, cosines: np.ndarray | None, seed: int, progress: Progress
) -> tuple[np.ndarray, int]:
    """Each site's percentile among the mismatches (n,), and how many these are at most."""
    sites = len(comparison)
    found = np.full(sites, np.nan)
    if sites < 2:
        return found, 0
    others = np.arange(sites)
    if cosines is None:
        others = np.sort(np.random.default_rng(seed).choice(sites, SAMPLE_SITES, replace=False))
    tie = _TIE_SINGLE if comparison.first.dtype == np.float32 else _TIE
    own = comparison.scores() if cosines is None else cosines.diagonal()
    for part in _stretches(sites, max(len(others), comparison.first.shape[1])):
        check_cancelled(progress)
        progress.report(part.start / sites)
        block = comparison.first[part] @ comparison.second[others].T if cosines is None else cosines[part]
        apart = block - own[part, None]
        mismatched = others[None, :] != np.arange(part.start, part.stop)[:, None]
        below = ((apart < -tie) & mismatched).sum(axis=1)
        tied = ((np.abs(apart) <= tie) & mismatched).sum(axis=1)
        found[part] = 100.0 * (below + 0.5 * tied) / mismatched.sum(axis=1)
    return found, min(len(others), sites - 1)


def _match_test(
    comparison: Comparison, cosines: np.ndarray | None, permutations: int, seed: int, progress: Progress
) -> MatchTest:
    measure, sites = comparison.measure, len(comparison)
    if sites == 0:
        return MatchTest(measure, 0, None, note=_NO_SITE)
    mean = float(comparison.scores().mean())
    if sites == 1:
        return MatchTest(measure, 1, mean, note="one site has no mismatches")
    if permutations == 0:
        return MatchTest(measure, sites, mean, note="no permutations were asked for")
    seconds = permutations * sites * (_PER_SITE + _PER_NUMBER * comparison.first.shape[1])
    if cosines is None and seconds > WORTH_SAYING:
        progress.info(f"{measure}: the permutations take {in_words(seconds)}. Fewer take less.")
    every = sites < FEW_SITES and math.factorial(sites) <= permutations + 1
    count = math.factorial(sites) if every else permutations
    null = np.empty(count)
    for done, order in enumerate(_orders(sites, permutations, seed, every)):
        check_cancelled(progress)
        progress.report(done / count)
        null[done] = _mean(comparison, cosines, order, progress)
    tie = _TIE_SINGLE if comparison.first.dtype == np.float32 else _TIE
    spread = float(null.std())
    if max(null.max(), mean) - min(null.min(), mean) <= tie:
        note = "all pairings agree equally: shuffling the sites changes nothing"
        return MatchTest(measure, sites, mean, float(null.mean()), 0.0, None, note)
    # The observed average is one of the equally likely ones: with it, the centre does not depend on which one it is.
    # Among all orders it is already.
    itself = 0 if every else 1
    centre = (null.sum() + itself * mean) / (count + itself)
    hits = int((np.abs(null - centre) >= abs(mean - centre) - tie).sum())
    p = (hits + itself) / (count + itself)
    return MatchTest(measure, sites, mean, float(null.mean()), spread, p, _few_note(sites))


def _orders(sites: int, permutations: int, seed: int, every: bool) -> Iterator[np.ndarray]:
    """All orders of the sites, or as many random ones as asked for."""
    if every:
        yield from (np.array(order) for order in itertools.permutations(range(sites)))
        return
    generator = np.random.default_rng(seed)
    for _ in range(permutations):
        yield generator.permutation(sites)


def _mean(comparison: Comparison, cosines: np.ndarray | None, order: np.ndarray, progress: Progress) -> float:
    """The average agreement of sound ``order[i]`` with sight i."""
    sites = len(comparison)
    if cosines is not None:
        return float(cosines[order, np.arange(sites)].mean())
    total = 0.0
    for part in _stretches(sites, comparison.first.shape[1]):
        check_cancelled(progress)
        total += float(comparison.scores(order, part).sum())
    return total / sites


def _few_note(sites: int) -> str:
    if sites >= FEW_SITES:
        return ""
    orders = math.factorial(sites)
    return f"only {sites} sites: they have {orders} orders, so p cannot be below {1.0 / orders:.2g}"
