"""The colour-texture vectors: measured against hand-made pictures, spread out on real ones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from soundvis_core.errors import SiteError
from soundvis_core.images import load_photo
from soundvis_core.models.colour_space import local_binary_patterns, soft_histogram, to_lab
from soundvis_core.models.colour_texture import SIDE, ColourTexture, _measure

MODEL = ColourTexture()


def plain(colour, height=48, width=64):
    return np.full((height, width, 3), colour, dtype=np.uint8)


def cosines(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


@pytest.mark.parametrize(
    ("rgb", "lab"),
    # Reference values: CIE L*a*b* of the sRGB primaries under D65, as tabulated by B. Lindbloom.
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.2408, 80.0925, 67.2032)),
        ((0, 255, 0), (87.7347, -86.1827, 83.1793)),
        ((0, 0, 255), (32.2970, 79.1875, -107.8602)),
    ],
)
def test_lab(rgb, lab):
    assert to_lab(np.array(rgb, dtype=np.uint8)) == pytest.approx(lab, abs=0.02)


def test_soft_histogram_splits_between_bins():
    # Bins 0-1, 1-2, 2-3 with middles 0.5, 1.5, 2.5: 1.0 lies half-way between the first two.
    assert soft_histogram(np.array([1.0]), 3, 0.0, 3.0) == pytest.approx([0.5, 0.5, 0.0])
    assert soft_histogram(np.array([2.75]), 3, 0.0, 3.0, circular=True) == pytest.approx([0.25, 0.0, 0.75])
    assert soft_histogram(np.array([-9.0, 99.0]), 3, 0.0, 3.0) == pytest.approx([0.5, 0.0, 0.5])
    assert soft_histogram(np.array([1.0]), 3, 0.0, 3.0, weights=np.array([0.0])) == pytest.approx([0, 0, 0])


def test_local_binary_patterns_by_hand():
    flat = np.full((3, 3), 100, dtype=np.uint8)
    assert local_binary_patterns(flat).item() == 0
    edge = flat.copy()
    edge[0] = 200
    assert local_binary_patterns(edge).item() == 3
    spots = flat.copy()
    spots[0, 0] = spots[2, 2] = 200
    assert local_binary_patterns(spots).item() == 9
    pit = np.full((3, 3), 200, dtype=np.uint8)
    pit[1, 1] = 100
    assert local_binary_patterns(pit).item() == 8


def test_names_match_the_vector():
    assert MODEL.dimension == len(MODEL.names) == len(set(MODEL.names)) == 87
    vectors = MODEL.encode([plain((90, 140, 70)), plain((0, 0, 0))])
    assert vectors.shape == (2, 87)
    assert vectors.dtype == np.float32
    assert MODEL.encode([]).shape == (0, 87)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (10, 200, 30)])
def test_plain_pictures_are_finite(colour):
    assert np.isfinite(MODEL.encode([plain(colour), plain(colour, 16, 300)])).all()


def test_measurements_of_a_plain_and_a_split_picture():
    measured = _measure(plain((255, 0, 0), SIDE, SIDE))
    assert measured["statistics"][:3] == pytest.approx((53.24, 80.09, 67.20), abs=0.02)
    assert measured["statistics"][3:6] == pytest.approx((0, 0, 0), abs=1e-3)
    assert measured["edges"] == pytest.approx([0, 0, 0, 0])
    split = np.vstack([plain((255, 255, 255), SIDE // 3, SIDE), plain((0, 0, 0), SIDE * 2 // 3, SIDE)])
    measured = _measure(split)
    assert measured["cells"][::3] == pytest.approx([100] * 3 + [0] * 6, abs=1e-3)
    assert measured["statistics"][0] == pytest.approx(100 / 3, abs=1e-3)
    # A horizontal edge has a vertical gradient, 90 degrees: the boundary of bins 4 (67.5-90) and 5 (90-112.5).
    assert measured["orientation"] ** 2 == pytest.approx([0, 0, 0, 0.5, 0.5, 0, 0, 0])


def test_the_size_of_a_picture_hardly_matters():
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    small, large = (
        np.kron(coarse, np.ones((32, 32, 1), np.uint8)),
        np.kron(coarse, np.ones((64, 64, 1), np.uint8)),
    )
    other = np.kron(rng.integers(0, 60, (12, 12, 3), dtype=np.uint8), np.ones((32, 32, 1), np.uint8))
    similarity = cosines(MODEL.encode([small, large, other]))
    assert similarity[0, 1] > 0.99
    assert similarity[0, 2] < 0.6


def test_threads_agree_with_one_thread():
    rng = np.random.default_rng(4)
    images = [rng.integers(0, 256, (40, 50, 3), dtype=np.uint8) for _ in range(8)]
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda image: MODEL.encode([image])[0], images))
    assert np.array_equal(np.stack(parts), MODEL.encode(images))


@pytest.mark.parametrize(
    "bad", [np.zeros((20, 20), np.uint8), np.zeros((20, 20, 3)), np.zeros((5, 90, 3), np.uint8)]
)
def test_arrays_that_are_no_pictures(bad):
    with pytest.raises(SiteError):
        MODEL.encode([bad])


def test_real_photos_are_spread_out_and_found_again(test_data):
    images = [load_photo(path) for path in sorted((test_data / "photos").glob("*.jpg"))]
    cropped = [image[20:, 40:] for image in images]
    similarity = cosines(MODEL.encode(images + cropped))
    pairs = similarity[:9, :9][np.triu_indices(9, 1)]
    assert pairs.max() - pairs.min() > 0.8
    assert np.median(pairs) < 0.6
    # A photo without its margin is nearest to itself.
    assert np.array_equal(similarity[:9, 9:].argmax(axis=1), np.arange(9))
