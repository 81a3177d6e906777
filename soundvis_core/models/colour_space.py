"""Colour as people see it: CIE L*a*b* and texture measures, on arrays of any size."""

from __future__ import annotations

import numpy as np

# sRGB primaries to CIE XYZ under D65 (IEC 61966-2-1), each row divided by the white point.
_TO_XYZ = np.array(
    [
        [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883],
    ],
    dtype=np.float32,
)
_EPSILON = 216.0 / 24389.0
_KAPPA = 24389.0 / 27.0


def _linear_table() -> np.ndarray:
    codes = np.arange(256) / 255.0
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _linear_table()


def to_lab(image: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65) of an sRGB picture.

    ``image`` is uint8 (..., 3); the result float32 (..., 3), L* from 0 to 100, a* and b* about -100 to 100
    (CIE 15:2004).
    """
    xyz = _LINEAR[image] @ _TO_XYZ.T
    curve = np.where(xyz > _EPSILON, np.cbrt(xyz), (_KAPPA * xyz + 16.0) / 116.0)
    lab = np.empty_like(curve, dtype=np.float32)
    lab[..., 0] = 116.0 * curve[..., 1] - 16.0
    lab[..., 1] = 500.0 * (curve[..., 0] - curve[..., 1])
    lab[..., 2] = 200.0 * (curve[..., 1] - curve[..., 2])
    return lab


def soft_histogram(
    values: np.ndarray,
    bins: int,
    low: float,
    high: float,
    circular: bool = False,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Shares of ``values`` in ``bins`` between ``low`` and ``high``, each value split over its two nearest bins.

    Splitting keeps the histogram from jumping when a colour crosses the edge of a bin. Values outside are
    counted at the ends, or around the corner where ``circular``. Returns float64 (bins,), summing to 1, or all
    zero where the weights are.
    """
    position = (values.ravel().astype(np.float64) - low) / (high - low) * bins - 0.5
    if not circular:
        position = np.clip(position, 0.0, bins - 1.0)
    lower = np.floor(position)
    part = position - lower
    weight = np.ones_like(part) if weights is None else weights.ravel().astype(np.float64)
    first = lower.astype(np.int64) % bins
    second = (first + 1) % bins if circular else np.minimum(first + 1, bins - 1)
    counts = np.bincount(first, weights=(1.0 - part) * weight, minlength=bins)
    counts += np.bincount(second, weights=part * weight, minlength=bins)
    total = counts.sum()
    return counts / total if total > 0 else counts


def local_binary_patterns(grey: np.ndarray) -> np.ndarray:
    """Rotation-invariant uniform local binary patterns, 8 neighbours at radius 1: codes 0 to 9, (h - 2, w - 2).

    Codes 0 to 8 count the brighter neighbours of uniform patterns (at most two changes around the circle), 9 is
    every other pattern. T. Ojala et al. 2002, doi:10.1109/TPAMI.2002.1017623; the square neighbours stand for
    the circle, and a neighbour counts as brighter only when it is so by more than one grey level, which keeps
    flat noise-free areas apart from noise.
    """
    centre = grey[1:-1, 1:-1].astype(np.int16) + 1
    height, width = centre.shape
    offsets = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
    bits = [grey[row : row + height, column : column + width] > centre for row, column in offsets]
    count = np.zeros((height, width), dtype=np.uint8)
    changes = np.zeros((height, width), dtype=np.uint8)
    for this, following in zip(bits, bits[1:] + bits[:1]):
        count += this
        changes += this != following
    return np.where(changes <= 2, count, np.uint8(9))
