"""Kernels on cells against areas, integrals and distances worked out otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pyproj import Geod
from scipy.integrate import quad

from soundvis_core.bga.kernels import EXPONENTIAL, GAUSSIAN, KERNELS, UNIFORM, Kernel, ground_steps
from soundvis_core.errors import InputError

SQUARE = np.diag([1.0, -1.0])


@pytest.mark.parametrize("shape", KERNELS)
def test_the_half_distance_halves(shape):
    kernel = Kernel(shape, 80.0)
    at = kernel.at(np.array([0.0, 40.0, 80.0, 160.0, 2000.0]))
    expected = {
        UNIFORM: [1, 1, 1, 0, 0],
        EXPONENTIAL: [1, math.sqrt(0.5), 0.5, 0.25, 0],
        GAUSSIAN: [1, 0.5**0.25, 0.5, 0.5**4, 0],
    }[shape]
    np.testing.assert_allclose(at, expected, atol=1e-15)


@pytest.mark.parametrize("shape", [EXPONENTIAL, GAUSSIAN])
def test_what_is_cut_off_is_a_thousandth(shape):
    kernel = Kernel(shape, 30.0)
    falling = {EXPONENTIAL: lambda d: 2.0 ** (-d / 30.0), GAUSSIAN: lambda d: 2.0 ** (-((d / 30.0) ** 2))}[
        shape
    ]
    inside = quad(lambda d: d * falling(d), 0.0, kernel.reach)[0]
    whole = inside + quad(lambda d: d * falling(d), kernel.reach, math.inf)[0]
    assert inside / whole == pytest.approx(0.999, abs=1e-8)


@pytest.mark.parametrize("radius", [0.3, 1.0, 2.7, 12.2, 130.0])
def test_a_disc_takes_its_area(radius):
    cells = Kernel(UNIFORM, radius).on_cells(SQUARE)
    assert cells.sum() == pytest.approx(1.0, abs=1e-12)
    # The middle cell, where the disc covers all of it, holds one cell of the disc's area.
    if radius >= 1.0:
        assert 1.0 / cells.max() == pytest.approx(math.pi * radius**2, rel=0.01)
    np.testing.assert_allclose(cells, cells[::-1, ::-1], atol=1e-15)
    np.testing.assert_allclose(cells, cells.T, atol=1e-15)


@pytest.mark.parametrize("shape", KERNELS)
@pytest.mark.parametrize(
    "steps",
    [
        np.diag([2.0, -0.7]),  # as degrees are, far from the equator
        np.array([[1.9, -1.0], [1.1, -2.0]]),  # turned, as far from the central meridian
    ],
)
def test_cells_that_are_no_squares(shape, steps):
    """Each cell by itself: the mean over 21 x 21 places in it, of distances on the ground."""
    kernel = Kernel(shape, 3.2)
    made = kernel.on_cells(steps)
    rows, columns = made.shape[0] // 2, made.shape[1] // 2
    inside = np.linspace(-0.5, 0.5, 21 + 1)[:-1] + 0.5 / 21
    expected = np.zeros(made.shape)
    for row in range(-rows, rows + 1):
        for column in range(-columns, columns + 1):
            places = np.stack(np.meshgrid(column + inside, row + inside)).reshape(2, -1)
            expected[row + rows, column + columns] = kernel.at(np.hypot(*(steps @ places))).mean()
    expected /= expected.sum()
    np.testing.assert_allclose(made, expected, atol=0.02 * made.max())
    # Nothing of the kernel lies beyond its box.
    assert expected[0].max() == expected[:, 0].max() == expected[-1].max() == expected[
        :, -1
    ].max() == 0.0 or (max(expected[0].max(), expected[:, 0].max()) < 0.01 * expected.max())


@pytest.mark.parametrize(
    ("crs", "place", "size"),
    [
        ("EPSG:3857", (-14_000.0, 6_711_000.0), (10.0, 10.0)),
        ("EPSG:4326", (139.7, 35.7), (1e-4, 1e-4)),
        ("EPSG:27700", (530_000.0, 180_000.0), (10.0, 10.0)),
        ("EPSG:32630", (800_000.0, 5_600_000.0), (10.0, 5.0)),
    ],
)
def test_steps_are_geodesics(crs, place, size):
    from pyproj import CRS, Transformer

    steps = ground_steps(crs, *place, *size)
    parsed = CRS.from_user_input(crs)
    to_lonlat = Transformer.from_crs(parsed, parsed.geodetic_crs, always_xy=True).transform
    ellipsoid = parsed.geodetic_crs.ellipsoid
    geod = Geod(a=ellipsoid.semi_major_metre, rf=ellipsoid.inverse_flattening)
    x, y = place
    for axis, (dx, dy) in enumerate([(size[0], 0.0), (0.0, -size[1])]):
        first, second = to_lonlat(x - dx / 2, y - dy / 2), to_lonlat(x + dx / 2, y + dy / 2)
        azimuth, _, length = geod.inv(*first, *second)
        assert np.linalg.norm(steps[:, axis]) == pytest.approx(length, rel=1e-6)
        towards = math.radians(azimuth)
        np.testing.assert_allclose(steps[:, axis] / length, [math.sin(towards), math.cos(towards)], atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "radius"), [("cone", 5.0), (UNIFORM, 0.0), (GAUSSIAN, math.nan), (UNIFORM, -1.0)]
)
def test_what_is_no_kernel_is_refused(shape, radius):
    with pytest.raises(InputError, match="kernel"):
        Kernel(shape, radius)
