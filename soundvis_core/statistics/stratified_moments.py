"""The exact mean and spread of Mantel's r over all permutations of the sites within their groups, without drawing any.

A block of pairs, those within a group or between two, is taken apart into its mean, the effects of its sites and what
is left (as in an analysis of variance of two ways). A permutation within groups keeps the means; the effects of a
group's sites in all its blocks move together, which makes a linear statistic (Hoeffding 1951,
doi:10.1214/aoms/1177729698); what is left is uncorrelated with them and from block to block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .mantel import TIE
from .similarity import unit_rows


@dataclass(frozen=True)
class GroupSums:
    """Of similarities s of the pairs of sites, less any constant. codes: (n,) the group of each site, from 0.

    rows: (n, groups) the sum of s of a site with the other sites of each group. squares: (groups, groups) the sum of
    s squared over the ordered pairs of two groups; no site is paired with itself.
    """

    codes: np.ndarray
    rows: np.ndarray
    squares: np.ndarray


def sums_of_matrix(matrix: np.ndarray, codes: np.ndarray) -> GroupSums:
    """Of similarities (n, n), symmetric, about their mean."""
    sites = len(matrix)
    centred = matrix.astype(np.float64)
    np.fill_diagonal(centred, 0.0)
    centred -= centred.sum() / (sites * (sites - 1.0))
    np.fill_diagonal(centred, 0.0)
    members = _members(codes)
    return GroupSums(codes, centred @ members, members.T @ (centred * centred) @ members)


def sums_of_rows(rows: np.ndarray, codes: np.ndarray) -> GroupSums:
    """Of the cosines of ``rows`` (n, d), without a matrix of sites by sites: time n d (d + groups)."""
    unit, members = unit_rows(rows.astype(np.float64)), _members(codes)
    sites = len(unit)
    # About a constant near their mean: the cosines of shares are all close to 1.
    whole = unit.sum(axis=0)
    middle = float(whole @ whole - sites) / (sites * (sites - 1.0))
    counts = members.sum(axis=0)
    sums = unit @ (unit.T @ members) - members - middle * (counts[None, :] - members)
    products = np.stack([(unit * member[:, None]).T @ unit for member in members.T])
    squares = np.einsum("gij,hij->gh", products, products) - np.diag(counts)
    totals = members.T @ (unit @ (unit.T @ members)) - np.diag(counts)
    pairs = np.outer(counts, counts) - np.diag(counts)
    return GroupSums(codes, sums, squares - 2.0 * middle * totals + middle * middle * pairs)


def stratified_moments(a: GroupSums, b: GroupSums) -> tuple[float, float] | None:
    """Mean and standard deviation of Pearson's r over the pairs; None where one of the two does not vary.

    The first one's sites are rearranged within their groups, all such orders being equally likely.
    """
    members = _members(a.codes)
    counts = members.sum(axis=0)
    pairs = np.outer(counts, counts) - np.diag(counts)
    known = np.maximum(pairs, 1.0)
    means_a, means_b = (members.T @ sums.rows / known for sums in (a, b))
    every = float(pairs.sum())
    grand_a, grand_b = (float(sums.rows.sum()) / every for sums in (a, b))
    scale_a = float(a.squares.sum()) - every * grand_a * grand_a
    scale_b = float(b.squares.sum()) - every * grand_b * grand_b
    if scale_a <= 0.0 or scale_b <= 0.0:
        return None
    scale = math.sqrt(scale_a * scale_b)
    mean = (float((pairs * means_a * means_b).sum()) - every * grand_a * grand_b) / scale
    effects_a, effects_b = _effects(a, counts, means_a), _effects(b, counts, means_b)
    weights = np.tile(counts, (len(counts), 1))
    weights[np.diag_indices(len(counts))] = np.maximum(counts - 2.0, 0.0)
    variance = 0.0
    for group, size in enumerate(counts):
        if size < 2:
            continue
        here = members[:, group] > 0.0
        first, second = effects_a[here], effects_b[here]
        gram = (first.T @ first) * np.outer(weights[group], weights[group])
        variance += float((gram * (second.T @ second)).sum()) / (size - 1.0)
    left_a, left_b = (_left(sums, members, counts, pairs) for sums in (a, b))
    own = np.diag_indices(len(counts))
    between = np.outer(counts - 1.0, counts - 1.0)
    within = counts * (counts - 3.0)
    shares = np.where(between > 0.0, left_a * left_b / np.where(between > 0.0, between, 1.0), 0.0)
    # Ordered pairs of groups count each block twice, ordered pairs of sites within a group each pair.
    inside = np.where(
        within > 0.0, 0.5 * left_a[own] * left_b[own] / np.where(within > 0.0, within, 1.0), 0.0
    )
    shares[own] = 0.0
    variance += 0.5 * float(shares.sum()) + float(inside.sum())
    # All sums here are over pairs taken once; the scale is over both orders.
    return mean, 2.0 * math.sqrt(max(variance, 0.0)) / scale


def two_sided_normal(r: float, mean: float, spread: float) -> float:
    """The chance of an absolute value of at least \\|r\\| under a normal distribution about ``mean``."""
    if spread <= TIE:
        return 1.0 if abs(mean) >= abs(r) - TIE else 0.0
    root = spread * math.sqrt(2.0)
    return 0.5 * (math.erfc((abs(r) - mean) / root) + math.erfc((abs(r) + mean) / root))


def _members(codes: np.ndarray) -> np.ndarray:
    return (codes[:, None] == np.arange(int(codes.max()) + 1)[None, :]).astype(np.float64)


def _effects(sums: GroupSums, counts: np.ndarray, means: np.ndarray) -> np.ndarray:
    """(n, groups) the effect of each site in its block with each group; 0 where there is none."""
    own = sums.codes[:, None] == np.arange(len(counts))[None, :]
    sizes = counts[None, :] - own
    found = sums.rows / np.maximum(sizes, 1.0) - means[sums.codes]
    # Within a group a site's mean leaves out itself.
    widened = np.where(own & (sizes > 1.0), sizes / np.maximum(sizes - 1.0, 1.0), 1.0)
    return np.where(own & (sizes < 2.0), 0.0, found * widened)


def _left(sums: GroupSums, members: np.ndarray, counts: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(groups, groups) squares over ordered pairs of what means and effects of sites leave over."""
    means = members.T @ sums.rows / np.maximum(pairs, 1.0)
    effects = _effects(sums, counts, means)
    squared = members.T @ (effects * effects)  # of the row's sites in the block with the column's group
    left = sums.squares - pairs * means * means - squared * counts[None, :] - (squared * counts[None, :]).T
    own = np.diag_indices(len(counts))
    left[own] = sums.squares[own] - (pairs * means * means)[own] - 2.0 * (counts - 2.0) * squared[own]
    found: np.ndarray = np.maximum(left, 0.0)
    return found
