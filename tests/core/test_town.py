"""The sample town: its map, sites and aerial picture."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from soundvis_core.classes import load_classes
from soundvis_core.errors import InputError
from soundvis_core.town import Town, build_town
from soundvis_core.town.surfaces import BUILDING, CLASS_NAMES, PALETTE, VEHICLES, WATER

CODES = {name: code for code, name in CLASS_NAMES.items()}


@pytest.fixture(scope="module")
def town() -> Town:
    return build_town(1)


@pytest.fixture(scope="module")
def others() -> list[Town]:
    return [build_town(2024)]


@pytest.fixture(scope="module")
def strips(town: Town) -> tuple[np.ndarray, np.ndarray]:
    """Four strips of the picture and of the land cover."""
    rows = range(150, 3000, 800)
    picture = np.concatenate([town.paint(row, 300) for row in rows])
    return picture, np.concatenate([town.landcover[row : row + 300] for row in rows])


def test_the_classes_are_those_of_the_preset() -> None:
    preset = {item.code: item.name for item in load_classes("paper-aerial").classes}
    assert preset == CLASS_NAMES


def test_frame_of_the_map(town: Town) -> None:
    assert (town.crs, town.origin, town.size, town.resolution) == ("EPSG:32631", (500000, 5761500), 1500, 0.5)
    assert (town.width, town.height) == (3000, 3000)
    assert town.landcover.shape == (3000, 3000)
    assert town.landcover.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        town.landcover[0, 0] = 1


def test_every_class_but_wetlands_is_there(town: Town, others: list[Town]) -> None:
    for each in (town, *others):
        counts = np.bincount(each.landcover.ravel(), minlength=10) / each.landcover.size
        assert counts.sum() == pytest.approx(1)
        assert counts[0] == counts[CODES["Wetlands"]] == 0
        least = {"Grassland": 0.1, "Forest/Vegetation": 0.07, "Waterbody": 0.02, "Bare Land": 0.008}
        least.update({"Road/Sidewalk": 0.06, "Building": 0.03, "Vehicles": 0.001, "Cropland": 0.15})
        for name, share in least.items():
            assert counts[CODES[name]] > share, (each.seed, name)


def test_same_seed_same_town_and_other_seeds_differ(town: Town, others: list[Town]) -> None:
    again = build_town(1)
    assert again == town
    assert np.array_equal(again.landcover, town.landcover)
    assert np.array_equal(again.paint(1200, 100), town.paint(1200, 100))
    for other in others:
        assert (other.landcover != town.landcover).mean() > 0.2
        assert other.sites != town.sites


def test_sites_are_spread_over_districts_and_surroundings(town: Town, others: list[Town]) -> None:
    for each in (town, *others):
        assert [site.id for site in each.sites] == [f"T{n:02d}" for n in range(1, len(each.sites) + 1)]
        assert 38 <= len(each.sites) <= 42
        districts = [site.district for site in each.sites]
        assert set(districts) == {"Centre", "Riverside", "Outskirts"}
        assert min(map(districts.count, set(districts))) >= 10
        kinds = {site.surroundings for site in each.sites}
        assert {"wood", "main road", "river bank", "square", "park", "field", "gravel pit"} <= kinds


def test_sites_lie_inside_and_apart(town: Town, others: list[Town]) -> None:
    for each in (town, *others):
        for site in each.sites:
            assert 500110 <= site.x <= 501390
            assert 5760110 <= site.y <= 5761390
        pairs = [(a, b) for a in each.sites for b in each.sites if a.id < b.id]
        assert min(math.hypot(a.x - b.x, a.y - b.y) for a, b in pairs) >= 30


def test_a_person_could_stand_at_every_site(town: Town, others: list[Town]) -> None:
    for each in (town, *others):
        for site in each.sites:
            row = int((each.origin[1] - site.y) / each.resolution)
            column = int((site.x - each.origin[0]) / each.resolution)
            around = each.landcover[row - 1 : row + 2, column - 1 : column + 2]
            assert not np.isin(around, (BUILDING, WATER, VEHICLES)).any(), site


def test_paint_does_not_depend_on_the_blocks(town: Town) -> None:
    whole = town.paint(1000, 400)
    assert whole.shape == (400, 3000, 3)
    assert whole.dtype == np.uint8
    for rows in (1, 37, 256):
        parts = [town.paint(row, min(rows, 1060 - row)) for row in range(1000, 1060, rows)]
        assert np.array_equal(np.concatenate(parts), whole[:60])
    assert np.array_equal(town.paint(1399, 1)[0], whole[-1])
    assert town.paint(2999, 1).shape == town.paint(0, 1).shape == (1, 3000, 3)


@pytest.mark.parametrize(("row", "rows"), [(-1, 5), (2990, 11), (10, 0)])
def test_rows_outside_the_map_are_an_error(town: Town, row: int, rows: int) -> None:
    with pytest.raises(InputError, match=re.escape("rows 0 to 2999")):
        town.paint(row, rows)


def test_a_negative_seed_is_an_error() -> None:
    with pytest.raises(InputError, match="seed"):
        build_town(-1)


@pytest.mark.parametrize(
    ("name", "material", "tolerance"),
    [
        ("Waterbody", "water", 8),
        ("Cropland", "crop", 14),
        ("Bare Land", "bare", 16),
        ("Grassland", "lawn", 16),
    ],
)
def test_the_picture_has_the_colours_of_the_palette(
    strips: tuple[np.ndarray, np.ndarray], name: str, material: str, tolerance: int
) -> None:
    picture, cover = strips
    mean = picture[cover == CODES[name]].mean(axis=0)
    assert np.abs(mean - PALETTE[material].colour).max() < tolerance


def test_a_nearest_colour_tells_most_pixels_apart(town: Town) -> None:
    # The simplest classifier there is: the class of the nearest colour of the palette.
    picture, cover = town.paint(1100, 500).reshape(-1, 3), town.landcover[1100:1600].ravel()
    colours = np.array([m.colour for m in PALETTE.values()], dtype=np.float32)
    codes = np.array([m.code for m in PALETTE.values()])
    picture, cover = picture[::7].astype(np.float32), cover[::7]
    nearest = codes[np.argmin(((picture[:, None] - colours) ** 2).sum(axis=2), axis=1)]
    assert (nearest == cover).mean() > 0.85
