"""The spectral index: plain colours, blocks, the sample town against its truth, and real aerials."""

from __future__ import annotations

import numpy as np
import pytest

from soundvis_core.classes import NODATA, UNCLASSIFIED, load_classes
from soundvis_core.errors import InputError
from soundvis_core.models.spectral_index import SpectralIndex
from soundvis_core.segment import segment_blocks

MODEL = SpectralIndex()
AERIAL = load_classes("paper-aerial")
GRASS, FOREST, WETLANDS, WATER, BARE, ROAD, BUILDING, VEHICLES, CROPS = range(1, 10)


def paint(colour, size=80, noise=0.0, seed=1):
    rng = np.random.default_rng(seed)
    picture = np.array(colour, dtype=np.float32)[:, None, None] + rng.normal(0, noise, (1, size, size))
    return (np.clip(picture, 0, 255) / 255).astype(np.float32)


def segment(bands, pixel_size=0.5, classes=AERIAL, valid=None):
    valid = np.ones(bands.shape[1:], dtype=bool) if valid is None else valid
    return MODEL.segment(bands, valid, classes, pixel_size)


def share(codes, *wanted):
    return float(np.isin(codes, wanted).mean())


@pytest.mark.parametrize(
    ("colour", "noise", "code"),
    [
        ((58, 82, 96), 1.5, WATER),
        ((52, 78, 40), 6.0, FOREST),
        ((112, 144, 76), 4.0, GRASS),
        ((176, 168, 88), 4.0, CROPS),
        ((186, 164, 128), 6.0, BARE),
        ((105, 105, 108), 3.0, ROAD),
        ((160, 158, 152), 3.5, ROAD),
        ((165, 88, 62), 4.0, BUILDING),
        ((98, 84, 78), 3.0, BUILDING),
        ((212, 212, 208), 2.5, BUILDING),
        ((30, 30, 32), 2.0, UNCLASSIFIED),
    ],
)
def test_plain_surfaces(colour, noise, code):
    assert share(segment(paint(colour, noise=noise)), code) > 0.97


def test_a_narrow_dark_bluish_strip_is_shadow_and_a_wide_one_water():
    picture = paint((112, 144, 76), size=240)
    picture[:, :, 20:40] = np.array([[[50]], [[62]], [[72]]], dtype=np.float32) / 255
    picture[:, :, 120:200] = picture[:, :1, 20:21]
    codes = segment(picture)
    assert share(codes[:, 22:38], WATER) == 0
    assert share(codes[:, 122:198], WATER) == 1


def test_glitter_on_water_is_filled():
    picture = paint((58, 82, 96), size=200)
    picture[:, 100:103, 60:64] = 1.0
    assert share(segment(picture), WATER) == 1


def test_near_infrared_tells_water_from_green_fields():
    lake, field = [60, 90, 70, 30], [60, 90, 60, 200]
    picture = np.concatenate([paint(lake, 100), paint(field, 100)], axis=2)
    codes = segment(picture, pixel_size=5.0)
    assert share(codes[:, :97], WATER) == 1
    assert share(codes[:, 103:], GRASS, FOREST) == 1


def test_rough_vegetation_is_trees():
    smooth, rough = paint((90, 110, 80), 80, 1.0), paint((90, 110, 80), 80, 16.0)
    assert share(segment(smooth), GRASS) > 0.95
    assert share(segment(rough), FOREST) > 0.9


@pytest.mark.parametrize(
    ("preset", "names"),
    [
        ("openearthmap", {"water": "Water", "trees": "Tree", "grass": "Rangeland", "road": "Road"}),
        ("loveda", {"water": "Water", "trees": "Forest", "grass": None, "road": "Road"}),
        (
            "potsdam",
            {"water": None, "trees": "Tree", "grass": "Low vegetation", "road": "Impervious surfaces"},
        ),
    ],
)
def test_categories_find_their_class_in_other_lists(preset, names):
    classes = load_classes(preset)
    colours = {"water": (58, 82, 96), "trees": (52, 78, 40), "grass": (112, 144, 76), "road": (120, 120, 120)}
    for surface, name in names.items():
        code = classes.find(name).code if name else UNCLASSIFIED
        assert segment(paint(colours[surface], noise=3.0), classes=classes)[40, 40] == code


def test_not_valid_pixels_are_nodata_and_do_not_spoil_their_neighbours():
    picture = paint((112, 144, 76), noise=3.0)
    valid = np.ones((80, 80), dtype=bool)
    valid[30:50, 30:50] = False
    picture[:, ~valid] = np.nan
    codes = segment(picture, valid=valid)
    assert (codes[~valid] == NODATA).all()
    assert (codes[valid] == GRASS).all()
    picture[:, 5, 5] = np.inf
    assert segment(picture, valid=valid)[5, 5] == NODATA


@pytest.mark.parametrize("bands", [1, 2, 5])
def test_other_numbers_of_bands_are_refused(bands):
    with pytest.raises(InputError, match="three bands"):
        segment(np.zeros((bands, 20, 20), dtype=np.float32))


def test_a_list_without_any_known_class_is_refused(tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("name\nHappiness\n", encoding="utf-8")
    with pytest.raises(InputError, match="odd"):
        segment(paint((1, 2, 3)), classes=load_classes(str(path)))


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (7, 3)])
def test_tiny_rasters(size):
    assert segment(np.full((3, *size), 0.4, dtype=np.float32)).shape == size


def by_blocks(bands, valid, pixel_size, block):
    height, width = valid.shape
    out = np.zeros((height, width), dtype=np.uint8)

    def read(column, row, w, h):
        return bands[:, row : row + h, column : column + w], valid[row : row + h, column : column + w]

    def write(column, row, codes):
        out[row : row + codes.shape[0], column : column + codes.shape[1]] = codes

    segment_blocks(read, write, width, height, MODEL, AERIAL, pixel_size, block=block)
    return out


def patches(seed, bands=3, size=260):
    """Patches of all kinds of colour with noise and holes: every rule and window has something to do."""
    rng = np.random.default_rng(seed)
    colours = [
        (58, 82, 96, 20), (58, 82, 96, 20), (52, 78, 40, 90), (112, 144, 76, 180), (176, 168, 88, 150),
        (186, 164, 128, 170), (105, 105, 108, 80), (165, 88, 62, 90), (212, 212, 208, 210), (40, 45, 55, 20),
    ]  # fmt: skip
    kinds = rng.integers(0, len(colours), (5, 5)).repeat(size // 5, axis=0).repeat(size // 5, axis=1)
    picture = np.moveaxis(np.array(colours, dtype=np.float32)[kinds][..., :bands], -1, 0)
    picture = picture + rng.normal(0, 8, (bands, *kinds.shape)).astype(np.float32)
    return np.clip(picture / 255, 0, 1).astype(np.float32), rng.random(kinds.shape) > 0.02


@pytest.mark.parametrize(("pixel_size", "bands"), [(0.1, 3), (0.5, 3), (0.5, 4), (5.0, 4)])
@pytest.mark.parametrize("block", [61, 128])
def test_blocks_make_the_same_map_as_the_whole(pixel_size, bands, block):
    picture, valid = patches(7, bands)
    whole = segment(picture, pixel_size, valid=valid)
    assert len(np.unique(whole)) >= 6
    assert np.array_equal(by_blocks(picture, valid, pixel_size, block), whole)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_sample_town_within_ten_points_of_its_truth(seed):
    """Class shares in 100-m circles around every site, for every class."""
    from soundvis_core.town.build import build_town

    town = build_town(seed)
    picture = np.moveaxis(town.paint(0, town.height), -1, 0)

    def read(column, row, w, h):
        bands = picture[:, row : row + h, column : column + w].astype(np.float32) / 255
        return bands, np.ones((h, w), dtype=bool)

    codes = np.zeros((town.height, town.width), dtype=np.uint8)

    def write(column, row, block):
        codes[row : row + block.shape[0], column : column + block.shape[1]] = block

    segment_blocks(read, write, town.width, town.height, MODEL, AERIAL, town.resolution)
    reach = round(100 / town.resolution)
    for site in town.sites:
        column = round((site.x - town.origin[0]) / town.resolution)
        row = round((town.origin[1] - site.y) / town.resolution)
        top, left = max(0, row - reach), max(0, column - reach)
        part = np.s_[top : row + reach, left : column + reach]
        rows, columns = np.ogrid[top : top + codes[part].shape[0], left : left + codes[part].shape[1]]
        circle = (rows + 0.5 - row) ** 2 + (columns + 0.5 - column) ** 2 <= reach**2
        found = np.bincount(codes[part][circle], minlength=10)[:10] / circle.sum()
        truth = np.bincount(town.landcover[part][circle], minlength=10)[:10] / circle.sum()
        assert np.abs(found - truth).max() < 0.10, (site.id, found.round(3), truth.round(3))


def read_aerial(test_data, name):
    image_module = pytest.importorskip("PIL.Image")
    with image_module.open(test_data / "aerial" / name) as image:
        pixels = np.asarray(image)
    return np.moveaxis(pixels, -1, 0).astype(np.float32) / 255


def window(codes, left, top, right, bottom):
    return codes[top:bottom, left:right]


def test_dutch_river_town(test_data):
    codes = segment(read_aerial(test_data, "test_tiled.tif")[:3], 0.25)
    for box in ((20, 120, 380, 320), (540, 320, 680, 420), (520, 420, 600, 600), (380, 820, 480, 940)):
        assert share(window(codes, *box), WATER) >= 0.85, box
    for box in ((340, 560, 400, 660), (880, 900, 980, 980), (430, 165, 485, 200), (400, 430, 460, 480)):
        assert share(window(codes, *box), GRASS, FOREST) >= 0.80, box
    assert share(window(codes, 880, 900, 980, 980), FOREST) >= 0.7
    assert share(window(codes, 560, 780, 620, 860), ROAD) >= 0.8
    assert share(window(codes, 850, 180, 900, 240), BARE) >= 0.8
    assert share(window(codes, 345, 10, 395, 40), BUILDING) >= 0.6


def test_zurich_housing(test_data):
    codes = segment(read_aerial(test_data, "zurich_1091-322_00.tif")[:3], 0.5)
    for box in ((470, 140, 505, 190), (280, 420, 315, 480), (160, 50, 200, 70), (190, 280, 235, 320)):
        assert share(window(codes, *box), GRASS, FOREST) >= 0.80, box
    assert share(window(codes, 470, 140, 505, 190), FOREST) >= 0.6
    assert share(window(codes, 400, 500, 450, 520), ROAD) >= 0.8
    assert share(window(codes, 570, 320, 610, 335), BUILDING) >= 0.6
    assert share(codes, WATER) < 0.005


def test_wetland_with_near_infrared(test_data):
    codes = segment(read_aerial(test_data, "m_4709963_se_14_1_20200831.tif"), 5.0)
    for box in ((420, 420, 530, 500), (40, 280, 105, 355), (710, 100, 770, 118)):
        assert share(window(codes, *box), WATER) >= 0.95, box
    for box in ((330, 30, 360, 60), (560, 60, 640, 150), (70, 480, 130, 600)):
        assert share(window(codes, *box), GRASS, FOREST, CROPS) >= 0.9, box
    assert share(window(codes, 850, 500, 930, 590), BARE) >= 0.6
