"""The street-photo baseline: a drawn street, the sample town's views against their truth, real photos."""

from __future__ import annotations

import numpy as np
import pytest

from soundvis_core.classes import load_classes
from soundvis_core.errors import SiteError
from soundvis_core.images import load_photo
from soundvis_core.models.colour_index import ColourIndex

MODEL = ColourIndex()


def drawn_street():
    """Upper third sky, left half of the middle a wall, right half trees, lower third road."""
    rng = np.random.default_rng(1)
    picture = np.empty((240, 320, 3), dtype=np.float64)
    picture[:80] = (120, 170, 230)
    picture[80:160, :160] = (190, 120, 90)
    picture[80:160, 160:] = np.array((60, 100, 45)) + rng.normal(0, 12, (80, 160, 1))
    picture[160:] = np.array((110, 110, 112)) + rng.normal(0, 2, (80, 320, 1))
    return np.clip(picture, 0, 255).astype(np.uint8)


def test_a_drawn_street():
    shares = MODEL.shares(drawn_street())
    expected = {"Sky": 1 / 3, "Vegetation": 1 / 6, "Built": 1 / 6, "Road": 1 / 3}
    assert list(shares) == list(expected)
    assert shares == pytest.approx(expected, abs=0.03)
    assert sum(shares.values()) == pytest.approx(1.0)


def test_size_does_not_matter():
    picture = drawn_street()
    large = picture.repeat(3, axis=0).repeat(3, axis=1)
    assert MODEL.shares(large) == pytest.approx(MODEL.shares(picture), abs=0.02)


def test_names_are_those_of_the_preset():
    assert tuple(entry.name for entry in load_classes("colour-index").classes) == MODEL.names


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (0, 0, 255)])
@pytest.mark.parametrize("size", [(16, 16), (16, 700), (300, 20)])
def test_plain_pictures_sum_to_one(colour, size):
    shares = MODEL.shares(np.full((*size, 3), colour, dtype=np.uint8))
    assert sum(shares.values()) == pytest.approx(1.0)


def test_no_picture():
    with pytest.raises(SiteError):
        MODEL.shares(np.zeros((10, 10), dtype=np.uint8))


def test_views_of_the_sample_town():
    """Sky and vegetation near the truth; what has no class here (cars, water, bare ground) counts as any."""
    from soundvis_core.town.build import build_town
    from soundvis_core.town.files import street_view

    town = build_town(1)
    errors = []
    for site in town.sites[::3]:
        view = street_view(town, site)
        truth, found = view.shares(), MODEL.shares(view.rgb)
        errors.append([found["Sky"] - truth["Sky"], found["Vegetation"] - truth["Vegetation"]])
    errors = np.abs(errors)
    assert errors.mean(axis=0).max() < 0.05
    assert errors.max() < 0.20


def test_real_photos(test_data):
    """Streets of Arezzo: photos 25, 40 and 42 show no plant to speak of; 10 and 21 are mostly green or autumnal."""
    shares = {path.stem: MODEL.shares(load_photo(path)) for path in (test_data / "photos").glob("*.jpg")}
    for name in ("DSCN0025", "DSCN0040", "DSCN0042"):
        assert shares[name]["Vegetation"] < 0.10
        assert shares[name]["Built"] > 0.45
    assert shares["DSCN0010"]["Vegetation"] > 0.40
    assert shares["DSCN0021"]["Vegetation"] > 0.30
    assert 0.10 < shares["DSCN0040"]["Sky"] < 0.30
    assert shares["DSCN0012"]["Sky"] > 0.05
    assert all(0.2 < shares[name]["Road"] < 0.5 for name in ("DSCN0012", "DSCN0025", "DSCN0027", "DSCN0040"))
