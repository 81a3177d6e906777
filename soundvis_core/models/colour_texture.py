"""``colour-texture``: a photo or an aerial tile as statistics of its colour, edges and texture. No weights.

A baseline for trying the whole journey without any download: it knows that two pictures are equally green,
grey, rough or open, and nothing of what is in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import SiteError
from ..images import SMALLEST_SIDE, resize
from .colour_space import local_binary_patterns, soft_histogram, to_lab

#: Every picture is brought to this size first, so that statistics of scale compare (pixels).
SIDE = 192
HUE_BINS, CHROMA_BINS, LIGHTNESS_BINS, ORIENTATION_BINS, PATTERN_BINS = 12, 6, 8, 8, 10
#: Side lengths of the smoothing pyramid on which edges and contrast are measured (pixels at SIDE).
SCALES = (1, 2, 4, 8)
GRID = 3
#: A step in lightness (L* per pixel) from which a pixel counts as an edge.
EDGE_STEP = 4.0


def _names() -> tuple[str, ...]:
    channels = ("lightness", "red_green", "yellow_blue")
    names = [f"mean_{channel}" for channel in channels] + [f"std_{channel}" for channel in channels]
    names += ["mean_chroma", "std_chroma"]
    names += [f"hue_{index * 360 // HUE_BINS}" for index in range(HUE_BINS)]
    names += [f"chroma_bin_{index + 1}" for index in range(CHROMA_BINS)]
    names += [f"lightness_bin_{index + 1}" for index in range(LIGHTNESS_BINS)]
    names += [f"orientation_{index * 180 // ORIENTATION_BINS}" for index in range(ORIENTATION_BINS)]
    names += [f"edges_{scale}" for scale in SCALES] + [f"contrast_{scale}" for scale in SCALES]
    names += [f"pattern_{index}" for index in range(PATTERN_BINS)]
    names += [f"cell_{row}{column}_{c}" for row in range(GRID) for column in range(GRID) for c in channels]
    return tuple(names)


# Centre of each dimension before scaling: rounded means over street photos and aerial tiles (half each).
# Shares enter as their square roots, as in the Hellinger distance, so that small shares keep a say.
_CENTRES: Mapping[str, tuple[float, ...]] = {
    "statistics": (47.6, -1.8, 8.1, 18.4, 4.6, 7.3, 11.6, 6.6),
    "hue": (0.07, 0.22, 0.47, 0.43, 0.34, 0.20, 0.13, 0.14, 0.09, 0.07, 0.03, 0.02),
    "chroma": (0.22, 0.54, 0.62, 0.37, 0.15, 0.06),
    "lightness": (0.11, 0.27, 0.46, 0.49, 0.41, 0.32, 0.21, 0.18),
    "orientation": (0.39, 0.34, 0.31, 0.34, 0.35, 0.31, 0.31, 0.39),
    "edges": (0.32, 0.38, 0.41, 0.42),
    "contrast": (0.60, 0.69, 0.70, 0.73),
    "pattern": (0.43, 0.33, 0.30, 0.36, 0.37, 0.25, 0.19, 0.20, 0.14, 0.40),
    "cells": (47.6, -1.8, 8.1) * (GRID * GRID),
}
#: Spread of each dimension, or one for a whole group of shares: its standard deviation, so that every group has
#: a like voice in a cosine. One for a group keeps a rare hue from becoming as loud as a common one.
_SPREADS: Mapping[str, tuple[float, ...]] = {
    "statistics": (6.9, 4.0, 7.6, 5.5, 2.0, 3.0, 6.3, 3.3),
    "hue": (0.17,),
    "chroma": (0.14,),
    "lightness": (0.12,),
    "orientation": (0.12,),
    "edges": (0.15,),
    "contrast": (0.14,),
    "pattern": (0.10,),
    "cells": (11.7, 4.6, 8.4) * (GRID * GRID),
}
#: Weight of one dimension in each group, so that a group of many does not drown a group of few.
_WEIGHTS = {
    "statistics": 1.0,
    "hue": 0.6,
    "chroma": 0.7,
    "lightness": 0.7,
    "orientation": 0.5,
    "edges": 0.7,
    "contrast": 0.7,
    "pattern": 0.5,
    "cells": 0.45,
}


class ColourTexture:
    """Encoder of pictures by colour, gradient and texture statistics.

    The vector holds, in the order of ``names``: means and standard deviations of CIE L*a*b* and chroma; soft
    histograms of hue (weighted by chroma), chroma and lightness; a histogram of edge orientations; edge density
    and contrast at four scales; local binary patterns (Ojala et al. 2002); and the mean colours of a 3 x 3 grid.
    Each is centred and scaled by fixed constants, so vectors of different runs compare.
    """

    id = "colour-texture"
    size = SIDE
    names: tuple[str, ...] = _names()
    dimension: int = len(names)

    def encode(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Vectors of ``images`` (uint8 (h, w, 3) each, 16 pixels or more a side): float32 (n, dimension).

        Raises :class:`.errors.SiteError` for an array that is no such picture.
        """
        vectors = np.empty((len(images), self.dimension), dtype=np.float32)
        for index, image in enumerate(images):
            vectors[index] = _describe(image)
        return vectors


def _describe(image: np.ndarray) -> np.ndarray:
    """The vector of one picture, float64 (dimension,)."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise SiteError(f"A picture must be 8-bit RGB (height, width, 3), not {image.dtype} {image.shape}.")
    if min(image.shape[:2]) < SMALLEST_SIDE:
        raise SiteError(
            f"The picture has only {image.shape[1]} x {image.shape[0]} pixels ({SMALLEST_SIDE} needed)."
        )
    groups = _measure(resize(image, SIDE, SIDE))
    scaled = [
        _WEIGHTS[name] * (values - np.array(_CENTRES[name])) / np.array(_SPREADS[name])
        for name, values in groups.items()
    ]
    return np.concatenate(scaled)


def _measure(image: np.ndarray) -> dict[str, np.ndarray]:
    """The measurements of a picture of SIDE x SIDE pixels by group, not yet centred, in the order of ``names``."""
    lab = to_lab(image)
    lightness, red_green, yellow_blue = lab[..., 0], lab[..., 1], lab[..., 2]
    chroma = np.hypot(red_green, yellow_blue)
    channels = lab.reshape(-1, 3).astype(np.float64)
    statistics = [*channels.mean(axis=0), *channels.std(axis=0), chroma.mean(), chroma.std()]
    hue = np.degrees(np.arctan2(yellow_blue, red_green)) % 360.0
    # Pixels without colour have no hue; below a chroma of 2 the angle is noise.
    hues = soft_histogram(hue, HUE_BINS, 0.0, 360.0, circular=True, weights=np.maximum(chroma - 2.0, 0.0))
    orientations, densities, contrasts = _edges(lightness)
    patterns = np.bincount(
        local_binary_patterns(image.mean(axis=2).astype(np.uint8)).ravel(), minlength=PATTERN_BINS
    )
    cell = SIDE // GRID
    return {
        "statistics": np.array(statistics),
        "hue": np.sqrt(hues),
        "chroma": np.sqrt(soft_histogram(np.sqrt(chroma), CHROMA_BINS, 0.0, 8.0)),
        "lightness": np.sqrt(soft_histogram(lightness, LIGHTNESS_BINS, 0.0, 100.0)),
        "orientation": np.sqrt(orientations),
        "edges": np.array(densities),
        "contrast": np.array(contrasts),
        "pattern": np.sqrt(patterns / patterns.sum()),
        # Where in the picture it is bright, green or blue.
        "cells": lab.reshape(GRID, cell, GRID, cell, 3).mean(axis=(1, 3), dtype=np.float64).ravel(),
    }


def _edges(lightness: np.ndarray) -> tuple[np.ndarray, list[float], list[float]]:
    """Histogram of edge orientations at the second scale; edge density and contrast (log L*) at all scales."""
    from scipy import ndimage

    densities, contrasts = [], []
    orientations = np.zeros(ORIENTATION_BINS)
    for scale in SCALES:
        smooth = lightness if scale == 1 else ndimage.uniform_filter(lightness, scale, mode="nearest")
        down = ndimage.sobel(smooth, axis=0, mode="nearest") / 8.0
        across = ndimage.sobel(smooth, axis=1, mode="nearest") / 8.0
        strength = np.hypot(down, across)
        densities.append(float((strength > EDGE_STEP / np.sqrt(scale)).mean()))
        around = ndimage.uniform_filter(lightness, 2 * scale + 1, mode="nearest")
        contrasts.append(float(np.log10(1.0 + (smooth - around).std(dtype=np.float64))))
        if scale == 2:
            # Weak gradients are noise whose direction means nothing.
            angle = np.degrees(np.arctan2(down, across)) % 180.0
            orientations = soft_histogram(
                angle, ORIENTATION_BINS, 0.0, 180.0, circular=True, weights=np.maximum(strength - 1.0, 0.0)
            )
    return orientations, densities, contrasts
