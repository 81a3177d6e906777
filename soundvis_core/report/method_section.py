"""How the numbers were computed, in words, with references; only what the run has used is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..statistics.multiplicity import family_sizes
from ..statistics.results import MANTEL, MORAN, NAIVE, PARTIAL, SHORT_RUNGS, STRATIFIED, CorrelationResult
from .markup import escape, isolated, section
from .references import REFERENCES
from .wording import COEFFICIENTS

_Cite = Callable[[str], str]
_Part = tuple[str, str]


def method_section(result: CorrelationResult) -> str:
    """The way from the fields to the numbers, and the literature behind it."""
    cited: list[str] = []

    def cite(key: str) -> str:
        if key not in cited:
            cited.append(key)
        return f"<sup>{cited.index(key) + 1}</sup>"

    parts = [
        _similarity(result, cite),
        *_rungs(result, cite),
        *_around(result, cite),
        *_further(result, cite),
    ]
    text = "".join(f"<dt>{term}</dt><dd>{words}</dd>" for term, words in parts)
    listed = "".join(_reference(key) for key in cited)
    references = f"<h3>References</h3><ol class='references'>{listed}</ol>"
    return section("method", "How it was computed", f"<dl>{text}</dl>{references}", "method")


def _reference(key: str) -> str:
    text, doi = REFERENCES[key]
    return f"<li>{escape(text)}{f' doi:{doi}' if doi else ''}</li>"


def _similarity(result: CorrelationResult, cite: _Cite) -> _Part:
    words = (
        "How similar two sites are within a block is told under <a href='#data'>Data used</a>. r is the correlation "
        "between the similarities of all pairs of sites in one block and in the other"
        f"{cite('kriegeskorte')}: Pearson's, and beside it Spearman's rho. The tests, intervals and bars are of "
        f"{COEFFICIENTS.get(result.method, result.method)}. Pooled rows include pairs of sites from different groups."
    )
    if any("+" in row.block_b for row in result.rows):
        words += (
            " <b>street+aerial</b> is the mean of the similarities of both views, each z-scored over the pairs of "
            "the row."
        )
    if any(row.category for row in result.rows):
        words += (
            " A single BGA category is compared by 1 \u2212 |difference| / range: the cosine of two numbers would "
            "always be 1."
        )
    if any(measure == "aitchison" for _, _, measure in result.blocks):
        words += f" The Aitchison distance is that between centred log-ratios of shares{cite('aitchison')}."
    return "r", words


def _rungs(result: CorrelationResult, cite: _Cite) -> Iterator[_Part]:
    has = {name for row in result.rows for name, rung in row.rungs.items() if rung.p is not None}
    if NAIVE in has:
        yield (
            "Naive test",
            (
                "Two-sided t-test with pairs \u2212 2 degrees of freedom. It assumes independent pairs (as in the "
                "paper), but each site is part of many pairs, so its p is far too small."
            ),
        )
    if MANTEL in has:
        yield (
            "Mantel test",
            (
                "Exchanges the sites of the first block at random and counts how often |r| is at least as large"
                f"{cite('mantel')}: p = (hits + 1) / (permutations + 1), two-sided; {result.permutations:,} "
                f"permutations, seed {result.seed}. Takes all sites as exchangeable."
            ),
        )
    if STRATIFIED in has:
        yield (
            "Stratified Mantel test",
            "Exchanges sites within their group only, so that differences between groups cannot make a link.",
        )
    if PARTIAL in has:
        given = "".join(f", {isolated(name)}" for name in result.controls)
        yield (
            "Partial Mantel test",
            (
                "The correlation that is left when both blocks are freed of what goes with distance (log of 1 + "
                f"geodesic metres, where places are known and distance is controlled for){given}{cite('smouse')}."
            ),
        )
    if MORAN in has:
        within = "Within each group, what" if result.groups else "What"
        yield (
            "Moran spectral randomisation",
            (
                f"{within} place explains is taken off the second block, and what is left of r is compared with "
                "that under random similarities which keep the spatial autocorrelation of the first block"
                f"{cite('wagner')}{cite('crabot')}: near sites may be alike for reasons of their own. The strictest "
                "rung."
            ),
        )


def _around(result: CorrelationResult, cite: _Cite) -> Iterator[_Part]:
    if any(rung.holm is not None for row in result.rows for rung in row.rungs.values()):
        families = ", ".join(
            f"{SHORT_RUNGS[name]} {count:,}" for name, count in family_sizes(result.rows).items() if count
        )
        yield (
            "Many tests",
            (
                f"p of each rung adjusted over the rows that have it ({families}): Holm{cite('holm')} bounds the "
                f"chance of any false find, Benjamini and Hochberg (BH){cite('bh')} the share of false ones among "
                "the finds."
            ),
        )
    if any(row.interval is not None for row in result.rows):
        yield (
            "95 % interval",
            (
                f"Sites are drawn with replacement{cite('efron')}, {result.bootstraps:,} times; pairs of a site with "
                "itself are dropped."
            ),
        )
    if any(row.null_sd is not None for row in result.rows):
        yield (
            "Null sd",
            (
                "The standard deviation of the coefficient over all permutations of sites, exact. If sites were "
                "exchangeable, about 95 % of coefficients would lie within 1.96 of it around zero."
            ),
        )
    if any(row.ceiling is not None for row in result.rows):
        yield (
            "Noise ceiling",
            (
                "The square root of the product of the reliabilities of both blocks, from halves of the windows of "
                f"each site{cite('spearman')}; a block of unknown reliability counts as free of noise."
            ),
        )


def _further(result: CorrelationResult, cite: _Cite) -> Iterator[_Part]:
    if result.fusion:
        yield (
            "Both views",
            (
                "Multiple R is that of the regression of the similarity in sound on those in street and aerial. What a "
                "view explains alone is the loss in R\u00b2 without it; what remains is explained by both in common. "
                "The difference of the two r is tested by permutation and by bootstrap of sites; the larger p counts."
            ),
        )
    if result.heterogeneity:
        yield (
            "Groups",
            (
                f"Cochran's Q{cite('cochran')} and I\u00b2{cite('higgins')} of Fisher's z of the groups' r, with "
                "sampling variances that allow for sites shared between pairs. Chi-square would take these as known; "
                f"p is by Welch's F instead{cite('welch')}, with half its second degrees of freedom."
            ),
        )
    if result.alignments:
        yield (
            "Alignment",
            (
                "A site's own r: the correlation between its similarities to all other sites in one block and in the "
                "other."
            ),
        )
    if result.bands:
        yield (
            "BGA weights",
            (
                "The weights of the classes are uncertain: each draw varies them, and shares and r are computed again. "
                "A draw is judged by the exact mean and spread of its r over all permutations of the sites, within "
                "groups where the stratified test is named."
            ),
        )
