"""``spectral-index``: land cover of an aerial picture by colour indices and roughness. A baseline, no weights.

It goes by rules anyone can read: vegetation is greener than grey, trees are dark and rough, water is dark, bluish
and wide. It cannot tell a grey roof from a street, nor muddy water from bare ground; trained models can.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..classes import NODATA, UNCLASSIFIED, ClassList
from ..errors import InputError
from .spectral_features import (
    Features,
    box_sum,
    count_valid,
    levels,
    radius_of,
    ratios,
    roughness,
    strips,
    vote,
)

#: What the rules find. 0 is shadow and all that no rule claims.
NOTHING, WATER, TREES, GRASS, CROPS, BARE, PAVED, BUILDING = range(8)

#: Names by which each category is looked up in a class list, in this order; the first that is found is taken.
ALIASES: Mapping[int, tuple[str, ...]] = {
    WATER: ("waterbody", "water", "river", "lake"),
    TREES: ("forest", "tree", "trees", "forest/vegetation", "vegetation"),
    GRASS: ("grassland", "grass", "low vegetation", "rangeland", "meadow", "vegetation"),
    CROPS: (
        "cropland",
        "agriculture",
        "agricultural",
        "crops",
        "farmland",
        "grassland",
        "grass",
        "low vegetation",
    ),
    BARE: ("bare land", "bareland", "barren", "bare soil", "soil", "sand"),
    PAVED: ("road/sidewalk", "road", "impervious surfaces", "pavement", "street", "developed space"),
    BUILDING: ("building", "buildings", "roof", "house", "built"),
}

# Radii of the windows: metres on the ground, and the most pixels they may take. The halo is their sum.
_SMOOTH, _ROUGH, _CORE, _FILL, _VOTE = 2, 8, 24, 10, 3
#: Pixels up to this size (metres) show crowns and roofs; on coarser ones those rules rest.
FINE_PIXEL = 2.0


class SpectralIndex:
    """Baseline segmenter of RGB or RGB + near-infrared rasters.

    Meant for pixels of 0.1 to 10 m. The windows are metres on the ground up to a fixed number of pixels, so
    that every pixel depends on ``halo`` pixels around it and no more.
    """

    id = "spectral-index"
    #: Pixels around a block that its result depends on.
    halo: int = _SMOOTH + _CORE + (_CORE + 2) + _FILL + _VOTE

    def check_bands(self, count: int) -> None:
        """Raise :class:`InputError` where a raster of ``count`` bands cannot be segmented."""
        if count not in (3, 4):
            raise InputError(
                f"The spectral index needs three bands (red, green, blue) or four (with near infrared); this raster "
                f"has {count}. Choose a colour picture, or combine its bands first (Build virtual raster)."
            )

    def segment(
        self, bands: np.ndarray, valid: np.ndarray, classes: ClassList, pixel_size: float
    ) -> np.ndarray:
        """Class codes of a picture.

        ``bands`` is float32 (3 or 4, h, w) in 0..1, ``valid`` bool (h, w), ``pixel_size`` metres on the ground.
        Returns uint8 (h, w): codes of ``classes``, UNCLASSIFIED for shadow and for what the list has no class
        for (see :data:`ALIASES`), NODATA where not valid.

        Raises :class:`InputError` for other numbers of bands and for a list that has none of the classes.
        """
        self.check_bands(bands.shape[0])
        codes = _codes_of(classes)
        valid = valid.astype(bool) & np.isfinite(bands).all(axis=0)
        labels = find_categories(levels(bands, valid), valid, pixel_size)
        result = codes[labels]
        result[~valid] = NODATA
        return result


def find_categories(whole: np.ndarray, valid: np.ndarray, pixel_size: float) -> np.ndarray:
    """Category of every pixel, uint8 (h, w), of whole-number bands (see :func:`.spectral_features.levels`)."""
    small = radius_of(0.6, pixel_size, 0, _SMOOTH)
    count = count_valid(valid, small)
    sums = np.stack([box_sum(band, small) for band in whole])
    labels = np.empty(valid.shape, dtype=np.uint8)
    wet = np.empty(valid.shape, dtype=bool)
    light = np.empty(valid.shape, dtype=np.float32)
    for rows in strips(valid.shape[0]):
        features = ratios(sums[:, rows], count[rows])
        labels[rows] = _by_colour(features, pixel_size)
        wet[rows] = _may_be_water(features)
        light[rows] = features.light
    del sums
    if pixel_size <= FINE_PIXEL:
        rough = roughness(
            whole, (labels == GRASS) & valid, max(small, 1), radius_of(2.5, pixel_size, 1, _ROUGH)
        )
        labels[(labels == GRASS) & _crowns(rough, light)] = TREES
    labels[_wide_water(wet & valid, labels, valid, pixel_size)] = WATER
    labels[~valid] = NOTHING
    return vote(labels, len(ALIASES) + 1, radius_of(1.0, pixel_size, 1, _VOTE))


def _by_colour(f: Features, pixel_size: float) -> np.ndarray:
    """Everything but water, by colour alone. Later rules overrule earlier ones."""
    light, green, red, blue = f.light, f.green, f.red, f.blue
    fine = pixel_size <= FINE_PIXEL
    labels = np.full(light.shape, PAVED, dtype=np.uint8)
    labels[light < 0.27] = NOTHING
    if fine:
        # Old tiles, brown metal and slate are a little redder than grey.
        labels[(red > 0.018) & (green < 0.012) & (light > 0.25)] = BUILDING
    else:
        # So is bare soil, and its fields are what shows where a pixel is larger than a house.
        labels[((red > 0.018) | (blue < -0.04)) & (light > 0.25)] = BARE
    labels[(light > 0.77) & (blue > -0.06)] = BUILDING
    if fine:
        labels[(red > 0.11) & (blue < -0.067)] = BUILDING
    labels[(blue < -0.13) & (red > 0.01) & (red < 0.10) & (light > 0.42) & (green > 0.012)] = BARE
    labels[(light > 0.64) & (blue < -0.057) & (red > 0.010) & (red < 0.10)] = BARE
    vegetation = _vegetation(f)
    labels[vegetation] = GRASS
    # Ripening crops are yellow: as much red as green and little blue.
    labels[vegetation & (red > -0.04) & (blue < -0.22) & (light > 0.35)] = CROPS
    if not fine:
        # Crowns are smaller than such a pixel: only their darkness is left.
        dark = light < 0.20 if f.infrared is None else (light < 0.27) & (f.infrared < 0.50)
        labels[vegetation & dark] = TREES
    # No ground is as strongly coloured as paint and plastic.
    labels[(red > 0.50) | (blue > 0.40) | (blue < -0.55)] = NOTHING
    return labels


def _vegetation(f: Features) -> np.ndarray:
    if f.ndvi is not None:
        return f.ndvi > 0.20
    lush = (f.green > 0.05) & (f.blue < 0.067) | (f.green > 0.10)
    dry = (f.green > 0.022) & (f.blue < -0.08) & (f.red < 0.03) & (f.light < 0.64)
    return (lush | dry) & (f.light > 0.06)


def _crowns(rough: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Which vegetation is trees: rough or dark, and a little of each will do."""
    return rough * np.float32(1.0 / 0.042) + (np.float32(0.37) - light) * np.float32(9.0) > np.float32(1.0)


def _may_be_water(f: Features) -> np.ndarray:
    if f.ndwi is not None and f.infrared is not None and f.ndvi is not None:
        return (f.ndwi > 0.02) & (f.infrared < 0.40) & (f.ndvi < 0.10)
    return (f.blue > 0.03) & (f.red < -0.05) & (f.green < 0.11) & (f.light < 0.55)


def _wide_water(wet: np.ndarray, labels: np.ndarray, valid: np.ndarray, pixel_size: float) -> np.ndarray:
    """Water, bool (h, w): the wet pixels in or beside a wide patch of them, and the glitter and boats inside.

    The width (20 m, or 49 pixels where that is less) is what tells water from the shadows of houses and trees.
    """
    core, fill = radius_of(10.0, pixel_size, 1, _CORE), radius_of(3.0, pixel_size, 1, _FILL)
    if not wet.any():
        return wet
    # In the corner of a raster little is seen of the window: half of it must be there.
    seen = np.maximum(count_valid(valid, core), (2 * core + 1) ** 2 // 2)
    wide = box_sum(wet, core, wide=True) * 20 > seen * 17
    water = wet & (box_sum(wide & wet, core + 2, wide=True) > 0)
    full = box_sum(water, fill, wide=True) * 5 > count_valid(valid, fill) * 3
    return water | (full & (labels != TREES))


def _codes_of(classes: ClassList) -> np.ndarray:
    """Raster code of each category, uint8, indexed by category."""
    codes = np.full(len(ALIASES) + 1, UNCLASSIFIED, dtype=np.uint8)
    for category, names in ALIASES.items():
        for name in names:
            entry = classes.find(name)
            if entry is not None:
                codes[category] = entry.code
                break
    if not codes.any():
        raise InputError(
            f"The class list '{classes.name}' has no class that the spectral index can find (water, trees, grass, "
            "cropland, bare land, road, building). Choose another list, or add these names as synonyms."
        )
    return codes
