"""The soundscape of a land cover map against sums written out cell by cell."""

from __future__ import annotations

import numpy as np
import pytest

from soundvis_core.bga.cells import CellMeans, Cells, ClassFields, pooled, pooling_factors
from soundvis_core.bga.composition import compose
from soundvis_core.bga.kernels import EXPONENTIAL, GAUSSIAN, UNIFORM, Kernel
from soundvis_core.bga.soundscape_grid import soundscape_blocks
from soundvis_core.bga.weights import load_weights
from soundvis_core.errors import Cancelled, InputError

pytestmark = pytest.mark.filterwarnings("error")

WEIGHTS = {1: np.array([1.0, 0.3, 0.0]), 2: np.array([0.1, 0.0, 1.0]), 3: np.array([0.3, 1.0, 0.0])}
UTM = ("EPSG:32631", 500_000.0, 5_000_000.0)
MERCATOR = ("EPSG:3857", 1_000_000.0, 8_400_000.0)  # 60 degrees north: a unit is half a metre


def towns(rows, columns, seed=1):
    """Codes 0 (nothing known of the class) to 3 in patches, and some nodata."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 4, (rows // 7 + 1, columns // 7 + 1)).astype(np.uint8)
    codes = patches.repeat(7, axis=0).repeat(7, axis=1)[:rows, :columns]
    return codes, rng.random((rows, columns)) > 0.03


def read_from(codes, valid, across=1, down=1):
    fields = ClassFields(WEIGHTS)

    def read(column, row, width, height):
        part = slice(row * down, (row + height) * down), slice(column * across, (column + width) * across)
        return fields.of(codes[part], valid[part], across, down)

    return read


def mosaic(blocks, cells):
    """Raw, unmapped, and how often each cell came."""
    raw = np.full((3, cells.rows, cells.columns), np.inf)
    unmapped, count = np.full(raw.shape[1:], np.inf), np.zeros(raw.shape[1:])
    for block in blocks:
        height, width = block.unmapped.shape
        part = slice(block.row, block.row + height), slice(block.column, block.column + width)
        raw[(slice(None), *part)], unmapped[part] = block.raw, block.unmapped
        count[part] += 1
    return raw, unmapped, count


def brute_force(codes, valid, kernels, steps_at, least=0.5, parts=9):
    """Every cell by itself, with the kernels of its row: sums over all other cells of their place in the kernel."""
    rows, columns = codes.shape
    known = valid & np.isin(codes, list(WEIGHTS))
    weights = np.zeros((3, rows, columns))
    for code, vector in WEIGHTS.items():
        weights[:, codes == code] = vector[:, None]
    raw, unmapped = np.full((3, rows, columns), np.nan), np.ones((rows, columns))
    for row in range(rows):
        counts = [by_offset(kernel, steps_at(row + 0.5), rows, columns, parts) for kernel in kernels]
        for column in range(columns):
            there = slice(rows - row, 2 * rows - row), slice(columns - column, 2 * columns - column)
            here = [(of_cells[there] * known).sum() / of_all for of_cells, of_all in counts]
            unmapped[row, column] = 1.0 - min(here)
            if min(here) >= least:
                raw[:, row, column] = [
                    (of_cells[there] * known * weight).sum() / (of_cells[there] * known).sum()
                    for (of_cells, _), weight in zip(counts, weights)
                ]
    return raw, unmapped


def by_offset(kernel, steps, rows, columns, parts):
    """What a cell counts for by its offset, (2 rows + 1, 2 columns + 1), from places in it; and all together."""
    inside = (np.arange(parts) + 0.5) / parts - 0.5
    far = max(*kernel.half_size(steps), rows, columns)
    down, across = np.mgrid[-far : far + 1, -far : far + 1].astype(float)
    counts = np.zeros(down.shape)
    for below in inside:
        for beside in inside:
            east = steps[0, 0] * (across + beside) + steps[0, 1] * (down + below)
            north = steps[1, 0] * (across + beside) + steps[1, 1] * (down + below)
            counts += kernel.at(np.sqrt(east**2 + north**2))
    return counts[far - rows : far + rows + 1, far - columns : far + columns + 1], counts.sum()


@pytest.mark.parametrize(
    "kernels",
    [
        [Kernel(UNIFORM, 50.0)] * 3,
        [Kernel(GAUSSIAN, 25.0)] * 3,
        [Kernel(UNIFORM, 22.0), Kernel(UNIFORM, 41.0), Kernel(UNIFORM, 63.0)],
    ],
    ids=["uniform", "gaussian", "a radius per category"],
)
def test_against_sums_cell_by_cell(kernels):
    """Cells of 10 m; borders, unknown classes and nodata included."""
    codes, valid = towns(23, 29)
    cells = Cells(*UTM, 10.0, 10.0, 29, 23)
    steps = cells.steps(14.5, 11.5)
    raw, unmapped, count = mosaic(soundscape_blocks(read_from(codes, valid), cells, kernels), cells)
    expected_raw, expected_unmapped = brute_force(codes, valid, kernels, lambda row: steps)
    assert (count == 1).all()
    np.testing.assert_allclose(unmapped, expected_unmapped, atol=1e-6)
    np.testing.assert_array_equal(np.isnan(raw), np.isnan(expected_raw))
    np.testing.assert_allclose(raw, expected_raw, atol=1e-6)
    assert 0 < np.isnan(raw[0]).sum() < raw[0].size / 2


def test_cells_that_change_with_latitude():
    """Over 400 km of EPSG:3857 a cell grows by 11 %: kernels blended between knots are within 1 % of each row's own."""
    codes, valid = towns(40, 12)
    cells = Cells("EPSG:3857", 1_000_000.0, 8_800_000.0, 20_000.0, 20_000.0, 12, 40)
    kernels = [Kernel(GAUSSIAN, 20_000.0)] * 3
    raw, unmapped, _ = mosaic(soundscape_blocks(read_from(codes, valid), cells, kernels, 0.2), cells)
    expected, expected_unmapped = brute_force(
        codes, valid, kernels, lambda row: cells.steps(6.0, row), 0.2, 3
    )
    one = cells.steps(6.0, 20.0)
    single, _ = brute_force(codes, valid, kernels, lambda row: one, 0.2, 3)
    both = np.isfinite(raw) & np.isfinite(expected)
    assert both.mean() > 0.7
    np.testing.assert_allclose(raw[both], expected[both], atol=1e-3)
    np.testing.assert_allclose(unmapped, expected_unmapped, atol=1e-3)
    assert np.nanmax(np.abs(single - expected)) > 0.015


@pytest.mark.parametrize("crs", [UTM, MERCATOR], ids=["UTM", "Mercator"])
def test_no_seams(crs):
    """Windows of any size give the same to 1e-9, and so does one window for all."""
    codes, valid = towns(310, 280)
    cells = Cells(*crs, 10.0, 10.0, 280, 310)
    kernels = [Kernel(EXPONENTIAL, 12.0), Kernel(UNIFORM, 90.0), Kernel(GAUSSIAN, 33.0)]
    read = read_from(codes, valid)
    whole = mosaic(soundscape_blocks(read, cells, kernels), cells)
    for window in (130, 201):
        parts = list(soundscape_blocks(read, cells, kernels, window=window))
        assert len(parts) >= 4
        made = mosaic(parts, cells)
        assert (made[2] == 1).all()
        np.testing.assert_allclose(made[0], whole[0], atol=1e-9)
        np.testing.assert_allclose(made[1], whole[1], atol=1e-9)


def test_kernels_blend_without_a_step():
    """Where knots meet, the field goes on as it does elsewhere."""
    rng = np.random.default_rng(0)
    codes = rng.integers(1, 4, (400, 64)).astype(np.uint8)
    cells = Cells("EPSG:4326", 10.0, 62.0, 0.01, 0.01, 64, 400)
    kernels = [Kernel(GAUSSIAN, 8_000.0)] * 3
    blocks = list(soundscape_blocks(read_from(codes, codes > 0), cells, kernels, 0.0))
    starts = sorted({block.row for block in blocks if block.row})
    assert len(starts) >= 5
    raw = mosaic(blocks, cells)[0][0]
    bend = np.abs(np.diff(raw, n=2, axis=0)).max(axis=1)
    at_knots = bend[np.array(starts) - 1]
    assert at_knots.max() <= np.quantile(bend, 0.99) * 1.2


def test_one_class_all_over_keeps_its_weights():
    """At borders and corners, too: what lies beyond is unknown, not silent."""
    codes = np.full((60, 50), 1, dtype=np.uint8)
    cells = Cells(*UTM, 10.0, 10.0, 50, 60)
    kernels = [Kernel(EXPONENTIAL, 30.0), Kernel(UNIFORM, 100.0), Kernel(GAUSSIAN, 60.0)]
    raw, unmapped, _ = mosaic(soundscape_blocks(read_from(codes, codes > 0), cells, kernels, 0.0), cells)
    for made, weight in zip(raw, WEIGHTS[1]):
        np.testing.assert_allclose(made, weight, atol=1e-9)
    assert unmapped[30, 25] < 0.16  # the tails of the exponential kernel leave the map
    # In the corner most is missing of the disc: all but a quarter and half a row and column of cells.
    quarter = 0.25 + (2 * 5.0 * 100.0 + 25.0) / (np.pi * 100.0**2)
    assert unmapped[0, 0] == pytest.approx(1.0 - quarter, abs=1e-3)


def test_the_disc_agrees_with_a_site_of_the_same_shares():
    """The normalised composition is that of the paper's formula with the shares of the disc."""
    table = load_weights(None, "aerial")
    names = {1: "Grassland", 2: "Building", 3: "Waterbody", 9: "no class of the table"}
    weights = {code: table.weights(name) for code, name in names.items() if table.weights(name) is not None}
    rng = np.random.default_rng(5)
    codes = rng.choice([1, 2, 3, 9], (41, 41)).astype(np.uint8)
    cells = Cells(*UTM, 10.0, 10.0, 41, 41)
    fields = ClassFields(weights)

    def read(column, row, width, height):
        part = codes[row : row + height, column : column + width]
        return fields.of(part, np.ones(part.shape, bool), 1, 1)

    kernel = Kernel(UNIFORM, 150.0)
    (block,) = soundscape_blocks(read, cells, [kernel] * 3)
    mass = kernel.on_cells(cells.steps(20.5, 20.5))
    half = mass.shape[0] // 2
    around = codes[20 - half : 21 + half, 20 - half : 21 + half]
    composition = compose({name: float(mass[around == code].sum()) for code, name in names.items()}, table)
    np.testing.assert_allclose(block.normalised()[:, 20, 20], composition.normalised, atol=1e-9)
    assert block.unmapped[20, 20] == pytest.approx(composition.unmapped, abs=1e-9)
    np.testing.assert_allclose(
        block.raw[:, 20, 20] * (1.0 - composition.unmapped), composition.raw, atol=1e-9
    )


def test_pixels_pooled_to_cells():
    """A cell holds the mean of its pixels; the last ones reach beyond the raster and know less."""
    codes, valid = towns(25, 38)
    pixels = Cells(*UTM, 2.0, 2.0, 38, 25)
    cells = pooled(pixels, 4, 3)
    assert (cells.columns, cells.rows, cells.cell_width, cells.cell_height) == (10, 9, 8.0, 6.0)
    fields = read_from(codes, valid, 4, 3)(0, 0, 10, 9)
    for row in range(9):
        for column in range(10):
            part = slice(3 * row, 3 * row + 3), slice(4 * column, 4 * column + 4)
            expected = np.zeros(4)
            for code, good in zip(codes[part].ravel().tolist(), valid[part].ravel().tolist()):
                if good and code in WEIGHTS:
                    expected += [*WEIGHTS[code], 1.0]
            np.testing.assert_allclose(fields[:, row, column], expected / 12.0, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32])
def test_codes_of_any_type(dtype):
    codes = np.array([[1, 2, 3, 7], [0, 200 if dtype == np.uint8 else 300, 1, 2]], dtype=dtype)
    fields = ClassFields({**WEIGHTS, 300: np.array([5.0, 5.0, 5.0])})
    made = fields.of(codes, np.array([[True, True, False, True]] * 2), 1, 1)
    assert made[3].tolist() == [[1, 1, 0, 0], [0, dtype != np.uint8, 0, 1]]
    assert made[2].tolist() == [[0, 1, 0, 0], [0, 5.0 * (dtype != np.uint8), 0, 1]]


def test_cells_are_as_fine_as_the_kernels_ask():
    pixels = Cells(*UTM, 0.5, 0.5, 20_000, 20_000)
    hundred = [Kernel(UNIFORM, 100.0)] * 3
    assert pooling_factors(pixels, hundred) == (20, 20)
    assert pooling_factors(pixels, hundred, 2.0) == (4, 4)
    assert pooling_factors(pixels, [Kernel(UNIFORM, 3.0)] * 3) == (1, 1)
    wide = [Kernel(UNIFORM, 10.0), Kernel(UNIFORM, 10.0), Kernel(UNIFORM, 5120.0)]
    assert pooling_factors(pixels, wide) == (20, 20)
    # Degrees: cells that are about square on the ground.
    degrees = Cells("EPSG:4326", 10.0, 60.0, 1e-5, 1e-5, 20_000, 20_000)
    across, down = pooling_factors(degrees, hundred)
    assert (across, down) == (17, 9)


def test_kernels_too_wide_are_refused():
    cells = Cells(*UTM, 1.0, 1.0, 5000, 5000)
    with pytest.raises(InputError, match=r"The widest kernel reaches 2000 m, or 200\d cells"):
        list(soundscape_blocks(lambda *_: None, cells, [Kernel(UNIFORM, 2000.0)] * 3))


def test_a_raster_that_reaches_a_pole_is_refused():
    cells = Cells("EPSG:4326", -180.0, 90.0, 0.1, 0.1, 3600, 1800)
    with pytest.raises(InputError, match="reaches a pole"):
        list(soundscape_blocks(lambda *_: None, cells, [Kernel(UNIFORM, 1e5)] * 3))


class Stopping:
    """Cancelled after so many questions; keeps what was reported."""

    def __init__(self, after):
        self.left, self.told = after, []

    def report(self, fraction):
        self.told.append(fraction)

    def info(self, text):
        raise NotImplementedError

    warn = info

    def cancelled(self):
        self.left -= 1
        return self.left < 0


def test_progress_and_cancel():
    codes, valid = towns(200, 200)
    cells = Cells(*UTM, 10.0, 10.0, 200, 200)
    kernels = [Kernel(UNIFORM, 50.0)] * 3
    progress = Stopping(10**6)
    blocks = soundscape_blocks(read_from(codes, valid), cells, kernels, progress=progress, window=64)
    count = len(list(blocks))
    assert progress.told == [done / count for done in range(1, count + 1)]
    with pytest.raises(Cancelled):
        list(soundscape_blocks(read_from(codes, valid), cells, kernels, progress=Stopping(8), window=64))


def test_means_over_squares():
    codes, valid = towns(50, 37)
    cells = Cells(*UTM, 10.0, 10.0, 37, 50)
    kernels = [Kernel(UNIFORM, 40.0)] * 3
    blocks = list(soundscape_blocks(read_from(codes, valid), cells, kernels, window=26))
    assert len(blocks) > 4
    raw, unmapped, _ = mosaic(blocks, cells)
    means = CellMeans(cells, 8)
    for block in blocks:
        means.add(block)
    made = {(row, column): (values, share) for row, column, values, share in means.squares()}
    for row in range(7):
        for column in range(5):
            part = slice(8 * row, 8 * row + 8), slice(8 * column, 8 * column + 8)
            known = np.isfinite(raw[0][part])
            if not known.any():
                assert (row, column) not in made
                continue
            values, share = made[row, column]
            np.testing.assert_allclose(values, [band[part][known].mean() for band in raw], atol=1e-12)
            assert share == pytest.approx(unmapped[part].mean(), abs=1e-12)
