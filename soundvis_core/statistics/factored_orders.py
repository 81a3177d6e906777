"""Cosine similarities of sites in random order, multiplied with others: three ways, by width and number of sites.

Both blocks come as deviations (n, d + 1): what differs from the mean row and, in the last column, its product with the
mean (see :mod:`factored`). Every function gives, per order, the sum over all ordered pairs of sites, self-pairs
included, of the products of similarities around the squares of the mean rows.
"""

from __future__ import annotations

import math

import numpy as np

from ..progress import NO_PROGRESS, PartOf, Progress, check_cancelled
from .orders import OrderGrid, inverse

#: Rows of a block in hand at a time.
ROWS = 4096
#: Numbers in hand at a time while rows are rearranged (16 or 32 MB).
_IN_HAND = 4_000_000
#: Second factors of the orders that are worked on together.
_BATCH = 64
#: Sites whose similarities fit two matrices of 2 bytes each (1.6 GB).
MATRIX_SITES = 20_000
#: Pairs of one matrix in hand at a time.
_PAIRS_IN_HAND = 32_000
#: Seconds per multiplication and addition of a large product, and per number of a matrix put in another order.
MULTIPLIED, MOVED = 2.0 / 6e10, 1.5e-9
#: Largest number in a matrix of 2 bytes.
_LARGEST = 32767.0


def one_order(a: np.ndarray, b: np.ndarray, order: np.ndarray, progress: Progress = NO_PROGRESS) -> float:
    """By one product of the rearranged rows: time n d^2."""
    products = np.zeros((a.shape[1], b.shape[1]))
    for start in range(0, len(order), ROWS):
        check_cancelled(progress)
        moved = a.take(order[start : start + ROWS], axis=0)
        products += moved.T @ b[start : start + len(moved)]
    return float(_summed(products[None, :, None, :], len(a))[0, 0])


def by_rows(a: np.ndarray, b: np.ndarray, orders: OrderGrid, progress: Progress = NO_PROGRESS) -> np.ndarray:
    """For narrow blocks, float64: the rows in all orders' factors side by side, and one product of these."""
    first, rest, found, done = orders.first(), orders.second(), [], 0
    while done < orders.columns:
        second = [inverse(order) for _, order in zip(range(_BATCH), rest)]
        width_a, width_b = len(first) * a.shape[1], len(second) * b.shape[1]
        height = max(256, _IN_HAND // (width_a + width_b))
        products = np.zeros((width_a, width_b))
        part = PartOf(progress, done / orders.columns, (done + len(second)) / orders.columns)
        for start in range(0, len(a), height):
            check_cancelled(progress)
            part.report(start / len(a))
            ours = np.concatenate([a.take(order[start : start + height], axis=0) for order in first], axis=1)
            theirs = np.concatenate(
                [b.take(order[start : start + height], axis=0) for order in second], axis=1
            )
            products += ours.T @ theirs
        table = _summed(products.reshape(len(first), a.shape[1], len(second), b.shape[1]), len(a))
        found.append(table.T.ravel())
        done += len(second)
    return np.concatenate(found)[1:]


def by_matrices(
    a: np.ndarray,
    b: np.ndarray,
    orders: OrderGrid,
    observed: float,
    self_pairs: float,
    progress: Progress = NO_PROGRESS,
) -> tuple[np.ndarray, float]:
    """For wide blocks of up to ``MATRIX_SITES``: all similarities in steps of 2 bytes. Returns an error bound too.

    observed: the sum for the order as it is, without the self_pairs. Rounding to steps is like a random error of each
    pair, and what is left of it in the sum over all pairs is some 1e-8 of r: the bound is 20 standard deviations, or
    ten times the error for the order as it is.
    """
    sites = len(a)
    build = 0.3
    (ours, unit_a), (theirs, unit_b) = (
        _in_steps(rows, PartOf(progress, build * k / 2.0, build * (k + 1) / 2.0))
        for k, rows in enumerate((a, b))
    )
    first, rest, found, done = orders.first(), orders.second(), [], 0
    while done < orders.columns:
        second = [inverse(order) for _, order in zip(range(_BATCH), rest)]
        sums = np.zeros((len(first), len(second)))
        pairs = min(_PAIRS_IN_HAND, _IN_HAND // (len(first) + len(second)))
        step = max(1, pairs // sites)
        share = (1.0 - build) / orders.columns
        part = PartOf(progress, build + share * done, build + share * (done + len(second)))
        for start in range(0, sites, step):
            check_cancelled(progress)
            part.report(start / sites)
            one, other = (_moved(*both, start, step) for both in ((ours, first), (theirs, second)))
            other[:, :, : other.shape[1]] *= 0.5  # the square on the diagonal holds its pairs twice
            sums += one.reshape(len(one), -1) @ other.reshape(len(other), -1).T
        found.append(sums.T.ravel())
        done += len(second)
    table = 2.0 * unit_a * unit_b * np.concatenate(found)
    sizes = [
        math.sqrt(float(np.mean([np.square(row, dtype=np.float64).mean() for row in m])))
        for m in (ours, theirs)
    ]
    bound = 20.0 * sites * unit_a * unit_b / math.sqrt(6.0) * math.hypot(*sizes)
    return table[1:] + self_pairs, max(bound, 10.0 * abs(float(table[0]) - observed))


def _summed(products: np.ndarray, sites: int) -> np.ndarray:
    """From (f, d + 1, s, d + 1) products of deviations: squares of those of the rows, and along the means, (f, s)."""
    rows = products[:, :-1, :, :-1]
    return np.asarray(np.einsum("fisj,fisj->fs", rows, rows) + 2.0 * sites * products[:, -1, :, -1])


def _in_steps(rows: np.ndarray, progress: Progress) -> tuple[np.ndarray, float]:
    """All similarities around the square of the mean row, as (n, n) whole numbers of a unit; 0 on the diagonal."""
    sites, deviations, along = len(rows), rows[:, :-1], rows[:, -1]
    largest = 2.0 * float(np.abs(along).max()) + float(np.einsum("ij,ij->i", deviations, deviations).max())
    unit = largest / _LARGEST
    steps = np.empty((sites, sites), np.int16)
    height = max(1, _IN_HAND // sites)
    for start in range(0, sites, height):
        check_cancelled(progress)
        progress.report(start / sites)
        stop = min(start + height, sites)
        values = deviations[start:stop] @ deviations[start:].T
        values += along[start:stop, None]
        values += along[None, start:]
        values /= np.asarray(unit, values.dtype)
        steps[start:stop, start:] = np.rint(values, out=values)
        steps[start:, start:stop] = steps[start:stop, start:].T
    np.fill_diagonal(steps, 0)
    return steps, unit


def _moved(steps: np.ndarray, orders: list[np.ndarray], start: int, step: int) -> np.ndarray:
    """Some rows of the matrix in each order, from column ``start`` on, (orders, rows, columns) float32."""
    sites = len(steps)
    height = min(step, sites - start)
    found = np.empty((len(orders), height, sites - start), np.float32)
    for part, order in zip(found, orders):
        part[:] = steps.take(order[start : start + height], axis=0).take(order[start:], axis=1)
    return found
