"""Values of a raster window at given places: bilinear for pictures, the pixel itself for classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def bilinear(
    bands: np.ndarray, valid: np.ndarray, columns: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate between pixel centres, leaving out invalid pixels.

    ``bands`` float (b, h, w), ``valid`` bool (h, w); ``columns`` and ``rows`` in pixels, any shape, where
    0.5 is the centre of the first pixel. Returns values (b, ...) and whether each place has one: it has
    where it lies inside the window and on a valid pixel.
    """
    height, width = valid.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    c = np.clip(columns - 0.5, 0.0, width - 1.0)
    r = np.clip(rows - 0.5, 0.0, height - 1.0)
    c0 = np.minimum(c.astype(np.intp), max(width - 2, 0))
    r0 = np.minimum(r.astype(np.intp), max(height - 2, 0))
    c1 = np.minimum(c0 + 1, width - 1)
    r1 = np.minimum(r0 + 1, height - 1)
    fc = (c - c0).astype(np.float32)
    fr = (r - r0).astype(np.float32)
    total = np.zeros((bands.shape[0], *columns.shape), dtype=np.float32)
    weight = np.zeros(columns.shape, dtype=np.float32)
    for row, column, share in (
        (r0, c0, (1 - fr) * (1 - fc)),
        (r0, c1, (1 - fr) * fc),
        (r1, c0, fr * (1 - fc)),
        (r1, c1, fr * fc),
    ):
        share = share * valid[row, column]
        total += bands[:, row, column] * share
        weight += share
    nearest_row = np.clip(np.floor(rows), 0, height - 1).astype(np.intp)
    nearest_column = np.clip(np.floor(columns), 0, width - 1).astype(np.intp)
    present = inside & valid[nearest_row, nearest_column] & (weight > 0)
    return np.where(present, total / np.maximum(weight, 1e-12), 0.0).astype(np.float32), present


def pool(values: np.ndarray, present: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean over ``factor`` x ``factor`` pixels, leaving out those that are not present.

    ``values`` (b, h, w), ``present`` bool (h, w). A mean is present where at least half of its pixels are; what
    is missing from the last row and column to a whole factor counts as not present.
    """
    if factor == 1:
        return values, present
    short = [(0, -length % factor) for length in present.shape]
    if any(missing for _, missing in short):
        values, present = np.pad(values, [(0, 0), *short]), np.pad(present, short)
    bands, height, width = values.shape
    shape = (height // factor, factor, width // factor, factor)
    weight = present.reshape(shape).sum(axis=(1, 3), dtype=np.float32)
    total = (values * present).reshape(bands, *shape).sum(axis=(2, 4), dtype=np.float32)
    return total / np.maximum(weight, 1.0), weight * 2 >= factor * factor


def pixels_at(
    shape: tuple[int, int], columns: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row and column of the pixel that each place lies in, and whether it lies inside a window of ``shape``.

    Places outside, and those that are not numbers, get pixel (0, 0), so that the indices can be used as they are.
    """
    height, width = shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    return np.where(inside, rows, 0).astype(np.intp), np.where(inside, columns, 0).astype(np.intp), inside


def class_shares(codes: np.ndarray, known: np.ndarray, names: Mapping[int, str]) -> dict[str, float]:
    """Share of each named class among equal-area samples, of all samples.

    ``codes`` (n,) integers, ``known`` (n,) False where there is no data. Classes of equal name add up.
    What is unknown or unnamed is missing from the sum of 1.
    """
    shares = dict.fromkeys(names.values(), 0.0)
    if codes.dtype == np.uint8:
        counts = np.bincount(codes[known], minlength=256)
        found = np.arange(256)
    else:
        found, counts = np.unique(codes[known], return_counts=True)
    for code, count in zip(found.tolist(), counts.tolist()):
        if count and code in names:
            shares[names[code]] += count / codes.size
    return shares
