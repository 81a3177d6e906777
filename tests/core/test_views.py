"""Views of a photo: squares, and perspective views of a panorama, by numbers worked out here."""

from __future__ import annotations

import numpy as np
import pytest

from soundvis_core.errors import InputError, SiteError
from soundvis_core.images import VIEWS, combine_views, views
from soundvis_core.panorama import LARGEST_VIEW, perspective_view, view_size


def ramp(width, height):
    """A picture whose red is its column and whose green is its row."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0], picture[..., 1] = np.arange(width), np.arange(height)[:, None]
    return picture


def smooth_panorama(width, height):
    """Colours that are smooth functions of direction: east, north (of the horizon) and up, -1..1 as 0..250."""
    longitude = ((np.arange(width) + 0.5) / width - 0.5) * 2.0 * np.pi
    latitude = (0.5 - (np.arange(height) + 0.5) / height) * np.pi
    level = np.cos(latitude)[:, None]
    direction = (
        level * np.sin(longitude),
        level * np.cos(longitude),
        np.broadcast_to(np.sin(latitude)[:, None], (height, width)),
    )
    return np.rint(125.0 + 125.0 * np.stack(direction, axis=-1)).astype(np.uint8)


def test_modes():
    assert VIEWS == ("centre", "three-crops", "panorama")
    with pytest.raises(InputError, match=r"'sideways'.*three-crops"):
        views(ramp(40, 20), "sideways")


def test_centre_is_the_picture():
    picture = ramp(40, 20)
    (view,) = views(picture)
    assert view is picture


def test_squares_of_a_wide_photo():
    found = views(ramp(101, 40), "three-crops")
    assert [view.shape for view in found] == [(40, 40, 3)] * 3
    assert [int(view[0, 0, 0]) for view in found] == [0, 30, 61]
    assert [int(view[0, -1, 0]) for view in found] == [39, 69, 100]


def test_squares_of_a_tall_photo():
    found = views(ramp(40, 100), "three-crops")
    assert [view.shape for view in found] == [(40, 40, 3)] * 3
    assert [int(view[0, 0, 1]) for view in found] == [0, 30, 60]


def test_square_photo_has_one_square():
    (view,) = views(ramp(40, 40), "three-crops")
    np.testing.assert_array_equal(view, ramp(40, 40))


def test_panorama_views_by_gnomonic_projection():
    found = views(smooth_panorama(1200, 600), "panorama")
    size = round(1200 / np.pi)
    assert [view.shape for view in found] == [(size, size, 3)] * 4
    # Forward, right and up of each view; a pixel looks along forward + x right + y up, x and y in -1..1.
    frames = (
        ((0, 1), (1, 0)),
        ((1, 0), (0, -1)),
        ((0, -1), (-1, 0)),
        ((-1, 0), (0, 1)),
    )
    for view, (forward, right) in zip(found, frames):
        for row, column in (
            (0, 0),
            (0, size - 1),
            (size - 1, 7),
            (size // 2, size // 2),
            (100, 200),
            (5, 333),
        ):
            x, y = 2.0 * (column + 0.5) / size - 1.0, 1.0 - 2.0 * (row + 0.5) / size
            east, north = (forward[i] + x * right[i] for i in (0, 1))
            direction = np.array([east, north, y]) / np.sqrt(1.0 + x * x + y * y)
            np.testing.assert_allclose(view[row, column], 125.0 + 125.0 * direction, atol=1.6)


def test_sky_stays_up_and_the_middle_is_ahead():
    picture = np.zeros((300, 600, 3), np.uint8)
    picture[:150] = (0, 0, 200)
    picture[:, 295:305, 0] = 255
    ahead, right, behind, left = views(picture, "panorama")
    middle = len(ahead) // 2
    assert (ahead[: middle - 2, :, 2] == 200).all() and (ahead[middle + 2 :, :, 2] == 0).all()
    assert ahead[5, middle, 0] == 255
    assert not right[..., 0].any() and not behind[..., 0].any() and not left[..., 0].any()


def test_view_behind_has_no_seam():
    # One wave around the horizon: continuous where the picture's edges meet.
    longitude = (np.arange(800) + 0.5) / 800 * 2.0 * np.pi
    wave = np.rint(125.0 + 100.0 * np.sin(longitude)).astype(np.uint8)
    picture = np.broadcast_to(wave[None, :, None], (400, 800, 3))
    behind = perspective_view(picture, 180.0, 254)
    steps = np.abs(np.diff(behind[127, :, 0].astype(int)))
    assert steps.max() <= 2
    assert np.ptp(behind[127, :, 0].astype(int)) > 100


def test_neighbouring_views_share_an_edge():
    found = views(smooth_panorama(1200, 600), "panorama")
    for first, second in zip(found, [*found[1:], found[0]]):
        edges = first[:, -1].astype(int) - second[:, 0].astype(int)
        assert np.abs(edges).max() <= 2


def test_size_of_views():
    assert view_size(1000) == 318
    assert view_size(16384) == LARGEST_VIEW
    large = views(np.full((2100, 4200, 3), 77, np.uint8), "panorama")
    assert [view.shape for view in large] == [(512, 512, 3)] * 4
    assert all((view == 77).all() for view in large)


def test_large_panorama_is_smoothed_first():
    # A chequerboard finer than the views can show is grey in them, not a pattern.
    picture = np.zeros((2048, 4096, 3), np.uint8)
    picture[::2, ::2] = picture[1::2, 1::2] = 200
    for view in views(picture, "panorama"):
        assert np.abs(view.astype(int) - 100).max() < 12


@pytest.mark.parametrize(("width", "height"), [(2000, 1000), (2050, 1000), (1920, 1000)])
def test_about_twice_as_wide(width, height):
    assert len(views(np.zeros((height, width, 3), np.uint8), "panorama")) == 4


@pytest.mark.parametrize(("width", "height"), [(4000, 3000), (3000, 1000), (1000, 2000)])
def test_no_panorama(width, height):
    with pytest.raises(SiteError, match=f"{width} x {height} pixels and is no whole panorama"):
        views(np.zeros((height, width, 3), np.uint8), "panorama")


@pytest.mark.parametrize("mode", ["three-crops", "panorama"])
def test_a_single_view_of_several_counts_as_one_of_them(mode):
    """A square photo has one square: its vector is the mean of one vector of length 1."""
    (one,) = (combine_views(np.array([vector], np.float32), mode) for vector in [(3.0, -4.0)])
    np.testing.assert_allclose(one, [0.6, -0.8], rtol=1e-7)
    thrice = combine_views(np.array([[3.0, -4.0]] * 3, np.float32), mode)
    np.testing.assert_allclose(one, thrice, rtol=1e-7)
    assert one.dtype == np.float32


def test_the_one_vector_of_the_centre_stays_as_it_is():
    vector = np.array([[3.0, -4.0]], np.float32)
    found = combine_views(vector)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [3.0, -4.0])


def test_vectors_are_averaged_by_direction():
    vectors = np.array([[3.0, 4.0], [0.0, 0.5], [0.0, 0.0], [-10.0, 0.0]], np.float32)
    found = combine_views(vectors, "panorama")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [(0.6 - 1.0) / 4.0, (0.8 + 1.0) / 4.0], atol=1e-7)
