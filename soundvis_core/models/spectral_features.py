"""What the spectral index looks at: colour ratios, roughness and sums over square windows.

Window sums are whole numbers, so a pixel gets exactly the same value whichever block it is computed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

#: Bands are rounded to this many steps: near 10 bits, and a 5 x 5 sum still fits 16 bits.
LEVELS = 1020
_STRIP = 96


@dataclass(frozen=True)
class Features:
    """What the rules are written in; arrays are float32 (h, w), of colours averaged over a small window.

    ``light`` is the mean of red, green and blue, 0 to 1. ``green`` is the excess green (2G - R - B) / (R + G + B)
    (Woebbecke et al. 1995), ``red`` is (R - G) / (R + G), minus the GRVI of Motohka et al. 2010, ``blue`` is
    (2B - R - G) / (R + G + B). With near infrared N, ``ndvi`` is (N - R) / (N + R), ``ndwi`` (G - N) / (G + N)
    (McFeeters 1996) and ``infrared`` is N itself; without, they are None.
    """

    light: np.ndarray
    green: np.ndarray
    red: np.ndarray
    blue: np.ndarray
    ndvi: np.ndarray | None
    ndwi: np.ndarray | None
    infrared: np.ndarray | None


def radius_of(metres: float, pixel_size: float, least: int, most: int) -> int:
    """``metres`` in pixels, rounded and kept between ``least`` and ``most``."""
    return int(min(max(round(metres / pixel_size), least), most))


def strips(height: int) -> Iterator[slice]:
    """Slices of a few rows each: formulas pixel by pixel are much faster on arrays that fit the cache."""
    for row in range(0, height, _STRIP):
        yield slice(row, min(row + _STRIP, height))


def levels(bands: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """``bands`` (b, h, w) in 0..1 as whole numbers 0..LEVELS, int16; 0 where not valid."""
    whole = np.empty(bands.shape, dtype=np.int16)
    for rows in strips(bands.shape[1]):
        part = np.where(valid[rows], bands[:, rows], np.float32(0.0)) * np.float32(LEVELS) + np.float32(0.5)
        whole[:, rows] = np.clip(part, 0, LEVELS)
    return whole


def ratios(sums: np.ndarray, count: np.ndarray) -> Features:
    """The features of window sums of 3 or 4 bands in LEVELS (b, h, w) over ``count`` valid pixels (h, w)."""
    red, green, blue = (band.astype(np.float32) for band in sums[:3])
    total = red + green + blue
    scale = np.float32(1.0 / LEVELS) / np.maximum(count, 1).astype(np.float32)
    some = np.maximum(total, np.float32(1.0))
    ndvi = ndwi = infrared = None
    if sums.shape[0] == 4:
        near = sums[3].astype(np.float32)
        ndvi = (near - red) / np.maximum(near + red, np.float32(1.0))
        ndwi = (green - near) / np.maximum(green + near, np.float32(1.0))
        infrared = near * scale
    return Features(
        light=total * (scale * np.float32(1.0 / 3.0)),
        green=(np.float32(3.0) * green - total) / some,
        red=(red - green) / np.maximum(red + green, np.float32(1.0)),
        blue=(np.float32(3.0) * blue - total) / some,
        ndvi=ndvi,
        ndwi=ndwi,
        infrared=infrared,
    )


def roughness(whole: np.ndarray, like: np.ndarray, small: int, large: int) -> np.ndarray:
    """Mean of |light - light of the small window| over the ``like`` pixels of the large one, over their mean light.

    Float32 (h, w); about 0.03 on lawns and 0.06 on crowns. Differences are capped, so that one hard edge does
    not make its surroundings rough.
    """
    light = whole[0] + whole[1] + whole[2]
    light //= 3
    step = light - box_sum(light, small) // (2 * small + 1) ** 2
    np.abs(step, out=step)
    np.minimum(step, LEVELS // 20, out=step)
    step *= like
    light *= like
    top, bottom = box_sum(step, large, wide=True), box_sum(light, large, wide=True)
    return top.astype(np.float32) / np.maximum(bottom, 1).astype(np.float32)


def box_sum(values: np.ndarray, radius: int, wide: bool = False) -> np.ndarray:
    """Sum over the square of ``2 radius + 1`` pixels around each pixel; outside the array counts nothing.

    Whole numbers (h, w) in; int16 out for small sums, int32 where ``wide``. Radii up to 2 add shifted copies,
    larger ones keep running sums.
    """
    total = values.astype(np.int32 if wide else np.int16)
    if radius < 1:
        return total
    if radius <= 2:
        return _shifted_sum(_shifted_sum(total, radius, 0), radius, 1)
    return _running_columns(_running_rows(total, radius), radius)


def count_valid(valid: np.ndarray, radius: int) -> np.ndarray:
    """Number of valid pixels in the window, int32 (h, w)."""
    if not valid.all():
        return box_sum(valid, radius, wide=True)
    rows, columns = (_lengths(length, radius) for length in valid.shape)
    return np.multiply.outer(rows, columns)


def vote(labels: np.ndarray, count: int, radius: int) -> np.ndarray:
    """The commonest label in a square window, uint8 (h, w); label 0 only where it holds two thirds or more.

    ``labels`` are 0 .. count - 1 with ``count`` at most 10, ``radius`` at most 3: the votes for all labels are
    added at once, six bits for each in a 64-bit integer. A tie goes to the higher label.
    """
    winners = np.empty(labels.shape, dtype=np.uint8)
    bits = np.int64(1) << (np.arange(count, dtype=np.int64) * 6)
    for rows in strips(labels.shape[0]):
        start, stop = max(rows.start - radius, 0), rows.stop + radius
        votes = _shifted_sum(bits[labels[start:stop]], radius, 0)[rows.start - start : rows.stop - start]
        votes = _shifted_sum(votes, radius, 1)
        best = np.zeros(votes.shape, dtype=np.uint16)
        cast = np.zeros(votes.shape, dtype=np.uint16)
        for label in range(1, count):
            mine = ((votes >> (6 * label)) & 63).astype(np.uint16)
            cast += mine
            mine *= 16
            # Votes above, the label below, so that one maximum finds both.
            np.maximum(best, mine + np.uint16(label) * (mine > 0), out=best)
        best &= 15
        best[cast * 2 <= (votes & 63).astype(np.uint16)] = 0
        winners[rows] = best
    return winners


def _shifted_sum(values: np.ndarray, radius: int, axis: int) -> np.ndarray:
    total = values.copy()
    for step in range(1, radius + 1):
        if axis == 0:
            total[step:] += values[:-step]
            total[:-step] += values[step:]
        else:
            total[:, step:] += values[:, :-step]
            total[:, :-step] += values[:, step:]
    return total


def _running_rows(values: np.ndarray, radius: int) -> np.ndarray:
    height = values.shape[0]
    total = np.empty_like(values)
    running = values[:radius].sum(axis=0, dtype=values.dtype)
    for row in range(height):
        if row + radius < height:
            running += values[row + radius]
        if row - radius > 0:
            running -= values[row - radius - 1]
        total[row] = running
    return total


def _running_columns(values: np.ndarray, radius: int) -> np.ndarray:
    """As :func:`_running_rows` along the other axis. Running sums may wrap around; their differences do not."""
    height, width = values.shape
    sums = np.zeros((height, width + 2 * radius + 1), dtype=values.dtype)
    np.cumsum(values, axis=1, dtype=values.dtype, out=sums[:, radius + 1 : radius + 1 + width])
    sums[:, radius + 1 + width :] = sums[:, radius + width, None]
    return sums[:, 2 * radius + 1 :] - sums[:, :width]


def _lengths(length: int, radius: int) -> np.ndarray:
    places = np.arange(length, dtype=np.int32)
    return np.minimum(places + radius, length - 1) - np.maximum(places - radius, 0) + 1
