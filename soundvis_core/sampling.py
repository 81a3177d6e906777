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
    c0, fc = _before(columns, width)
    r0, fr = _before(rows, height)
    right, below = min(width - 1, 1), width * min(height - 1, 1)
    index = r0 * width + c0
    corners = (index, index + right, index + below, index + below + right)
    shares = ((1 - fr) * (1 - fc), (1 - fr) * fc, fr * (1 - fc), fr * fc)
    whole = bool(valid.all())
    if not whole:
        flat_valid = valid.ravel()
        shares = tuple(share * flat_valid.take(corner) for share, corner in zip(shares, corners))
    values = np.zeros((bands.shape[0], *columns.shape), dtype=np.float32)
    for band, total in zip(bands.reshape(bands.shape[0], -1), values):
        for corner, share in zip(corners, shares):
            part = band.take(corner)
            part *= share
            total += part
    present = inside
    if not whole:
        weight = sum(shares[1:], shares[0])
        values /= np.maximum(weight, 1e-12)
        nearest_row = np.clip(np.floor(rows), 0, height - 1).astype(np.intp)
        nearest_column = np.clip(np.floor(columns), 0, width - 1).astype(np.intp)
        present = inside & (weight > 0) & flat_valid.take(nearest_row * width + nearest_column)
    if not present.all():
        values[:, ~present] = 0.0
    return values, present


def _before(places: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The pixel centre before each place along an axis, and how far (0 to 1) the place is from it to the next."""
    position = np.clip(places - 0.5, 0.0, size - 1.0)
    before = position.astype(np.intp)
    if size > 1:
        np.minimum(before, size - 2, out=before)
    else:
        before[...] = 0
    return before, (position - before).astype(np.float32)


def pool(values: np.ndarray, present: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean over ``factor`` x ``factor`` pixels, leaving out those that are not present.

    ``values`` (b, h, w), ``present`` bool (h, w). A mean is present where at least half of its pixels are; what
    is missing from the last row and column to a whole factor counts as not present.
    """
    if factor == 1:
        return values, present
    if present.all() and not any(length % factor for length in present.shape):
        # Sums of whole rows and columns apart are several times faster than over both at once.
        rows = np.add.reduce([values[:, start::factor] for start in range(factor)])
        total = np.add.reduce([rows[:, :, start::factor] for start in range(factor)])
        return total / np.float32(factor * factor), np.ones(total.shape[1:], dtype=bool)
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
