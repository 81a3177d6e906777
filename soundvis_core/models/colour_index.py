"""``colour-index``: shares of sky, vegetation, built and road in a street photo, by colour and place. A baseline.

The rules: sky is bright or blue, smooth and reaches the upper edge; vegetation is greener than grey, or dark, rough
and not reddish; road is greyish and smooth and reaches the lower edge; all else is built. No weights, no learning.
"""

from __future__ import annotations

import numpy as np

from ..errors import SiteError
from ..images import SMALLEST_SIDE, resize
from .colour_space import to_lab

NAMES = ("Sky", "Vegetation", "Built", "Road")
SKY, VEGETATION, BUILT, ROAD = range(4)
#: The longer side of the picture the rules look at (pixels).
SIDE = 320


class ColourIndex:
    """Baseline for street photos: class shares from colour, lightness, roughness and position."""

    id = "colour-index"
    names = NAMES

    def shares(self, image: np.ndarray) -> dict[str, float]:
        """Share of each of the four classes in ``image`` (uint8 (h, w, 3)); they sum to 1."""
        counts = np.bincount(self.segment_photo(image).ravel(), minlength=len(NAMES))
        return {name: float(count / counts.sum()) for name, count in zip(NAMES, counts)}

    def segment_photo(self, image: np.ndarray) -> np.ndarray:
        """Index into ``names`` of every pixel of the picture made small: uint8 (h, w), longer side SIDE.

        Raises :class:`.errors.SiteError` for an array that is no 8-bit RGB picture of 16 pixels or more.
        """
        if (
            image.ndim != 3
            or image.shape[2] != 3
            or image.dtype != np.uint8
            or min(image.shape[:2]) < SMALLEST_SIDE
        ):
            raise SiteError(
                f"A photo must be 8-bit RGB of {SMALLEST_SIDE} pixels or more, not {image.shape}."
            )
        height, width = image.shape[:2]
        scale = SIDE / max(height, width)
        small = resize(image, max(8, round(width * scale)), max(8, round(height * scale)))
        return _label(small)


def _label(image: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    lab = to_lab(image)
    light, red_green, yellow_blue = (ndimage.uniform_filter(lab[..., i], 3, mode="nearest") for i in range(3))
    chroma = np.hypot(red_green, yellow_blue)
    mean = ndimage.uniform_filter(lab[..., 0], 7, mode="nearest")
    square = ndimage.uniform_filter(lab[..., 0] ** 2, 7, mode="nearest")
    rough = np.sqrt(np.maximum(square - mean**2, 0.0))
    height = image.shape[0]
    down = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height

    blue = (yellow_blue < -4.0) & (light > 45.0) & (red_green < 10.0)
    bright = (light > 84.0) & (chroma < 9.0) | (light > 68.0) & (yellow_blue < 2.0) & (chroma < 9.0)
    airy = (blue | bright) & (down < 0.8)
    sky = _reaching(airy & (rough < 9.0), from_top=True)
    # Roughness spoils a seam along every roof and twig; colour alone decides there.
    sky = ndimage.binary_dilation(sky, iterations=4, mask=airy | sky)

    leaves = (red_green < -4.0) & (yellow_blue > 4.0) | (red_green < -8.0)
    autumn = (yellow_blue > 24.0) & (red_green < 14.0) & (rough > 7.0) & (light < 80.0)
    lit = (leaves | autumn) & ~sky
    # The inside of a crown is dark and colourless; so are windows, which have no leaves around them.
    leafy = ndimage.uniform_filter(lit.astype(np.float32), 25, mode="nearest") > 0.3
    shade = (light < 36.0) & (red_green < 3.0) & (yellow_blue > 0.0) & leafy
    vegetation = (ndimage.uniform_filter((lit | shade).astype(np.float32), 5, mode="nearest") > 0.5) & ~sky

    # Ground: low in the picture, rather smooth, without strong colour; it need not be grey (gravel, brick).
    plain = (chroma < 20.0) & (rough < 8.0) & (light > 12.0) & (light < 88.0) & (down > 0.52)
    road = _reaching(plain & ~vegetation & ~sky, from_top=False)

    labels = np.full(light.shape, BUILT, dtype=np.uint8)
    labels[road] = ROAD
    labels[vegetation] = VEGETATION
    labels[sky] = SKY
    return labels


def _reaching(mask: np.ndarray, from_top: bool) -> np.ndarray:
    """The connected parts of ``mask`` that reach the upper quarter (branches may frame it) or the lower edge."""
    from scipy import ndimage

    parts, count = ndimage.label(mask)
    if count == 0:
        return mask
    height = mask.shape[0]
    touching = np.unique(parts[: max(1, height // 4)] if from_top else parts[-max(1, height // 20) :])
    return mask & np.isin(parts, touching[touching > 0])
