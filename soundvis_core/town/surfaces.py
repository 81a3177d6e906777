"""What the ground of the town is made of: class, colour and texture of every kind of surface.

``PALETTE`` is the mean colour of each material on the aerial picture, for whoever tunes a classifier on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import numpy as np

Colour = tuple[int, int, int]

#: Codes and names of the class list ``paper-aerial`` (Table 1 of the paper, aerial part, in its order).
GRASSLAND, FOREST, WETLANDS, WATER, BARE, ROAD, BUILDING, VEHICLES, CROPLAND = range(1, 10)
CLASS_NAMES: dict[int, str] = {
    GRASSLAND: "Grassland",
    FOREST: "Forest/Vegetation",
    WETLANDS: "Wetlands",
    WATER: "Waterbody",
    BARE: "Bare Land",
    ROAD: "Road/Sidewalk",
    BUILDING: "Building",
    VEHICLES: "Vehicles",
    CROPLAND: "Cropland",
}


@dataclass(frozen=True)
class Material:
    """A material: land-cover code, mean colour (red, green, blue), and standard deviations of its texture.

    ``fine`` is the noise from pixel to pixel, ``coarse`` that over tens of metres, both in 8-bit grey values.
    """

    code: int
    colour: Colour
    fine: float
    coarse: float


#: Material name -> class, mean colour and texture on the aerial picture.
PALETTE: dict[str, Material] = {
    "meadow": Material(GRASSLAND, (118, 140, 78), 5.0, 6.0),
    "lawn": Material(GRASSLAND, (112, 144, 76), 4.0, 4.0),
    "bank": Material(GRASSLAND, (110, 132, 74), 5.0, 5.0),
    "canopy": Material(FOREST, (52, 78, 40), 4.0, 3.0),
    "water": Material(WATER, (58, 82, 96), 1.2, 2.0),
    "pond": Material(WATER, (66, 90, 100), 1.2, 2.0),
    "bare": Material(BARE, (186, 164, 128), 6.0, 7.0),
    "sand": Material(BARE, (198, 178, 140), 4.0, 5.0),
    "asphalt": Material(ROAD, (105, 105, 108), 3.0, 3.0),
    "marking": Material(ROAD, (206, 206, 200), 3.0, 0.0),
    "sidewalk": Material(ROAD, (160, 158, 152), 3.5, 2.0),
    "paving": Material(ROAD, (152, 150, 146), 4.5, 2.0),
    "lane": Material(ROAD, (126, 125, 124), 3.5, 2.0),
    "tiles": Material(BUILDING, (165, 88, 62), 4.0, 0.0),
    "slate": Material(BUILDING, (98, 84, 78), 3.0, 0.0),
    "brown": Material(BUILDING, (134, 84, 66), 4.0, 0.0),
    "flat": Material(BUILDING, (212, 212, 208), 2.5, 1.0),
    "car": Material(VEHICLES, (200, 60, 50), 1.0, 0.0),
    "crop": Material(CROPLAND, (176, 168, 88), 4.0, 4.0),
    "young crop": Material(CROPLAND, (158, 164, 84), 4.0, 4.0),
}


@dataclass(frozen=True)
class Surface:
    """One painted patch: a material with its own colour, rows (of crops) and, for a building, its body.

    ``angle`` is the direction of rows or of the ridge in radians, anticlockwise from east. A building has
    ``eaves`` metres to its eaves, a roof that rises by ``slope`` metres per metre towards the ridge, which
    lies at ``middle`` across the ``angle`` with ``half`` metres to each side, and a ``facade`` colour.
    ``trees`` is the share of 6 m x 6 m cells of the patch in which a tree stands.
    """

    material: str
    colour: Optional[Colour] = None
    angle: float = 0.0
    period: float = 0.0
    amplitude: float = 0.0
    eaves: float = 0.0
    slope: float = 0.0
    middle: float = 0.0
    half: float = 0.0
    facade: Colour = (196, 184, 164)
    trees: float = 0.0


class SurfaceTable:
    """The surfaces as columns, one entry per surface number, so that whole rasters are looked up at once."""

    def __init__(self, surfaces: list[Surface]) -> None:
        materials = [PALETTE[surface.material] for surface in surfaces]
        pairs = list(zip(surfaces, materials))
        self.code = np.array([m.code for m in materials], dtype=np.uint8)
        self.colour = np.array([s.colour or m.colour for s, m in pairs], dtype=np.float32)
        self.fine = np.array([m.fine for m in materials], dtype=np.float32)
        self.coarse = np.array([m.coarse for m in materials], dtype=np.float32)
        self.facade = np.array([s.facade for s in surfaces], dtype=np.float32)
        for name in ("angle", "period", "amplitude", "eaves", "slope", "middle", "half", "trees"):
            setattr(self, name, np.array([getattr(s, name) for s in surfaces], dtype=np.float32))
        self.names = [s.material for s in surfaces]

    angle: np.ndarray
    period: np.ndarray
    amplitude: np.ndarray
    eaves: np.ndarray
    slope: np.ndarray
    middle: np.ndarray
    half: np.ndarray
    trees: np.ndarray
