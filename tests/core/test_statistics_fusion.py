"""Sound against both views: regression by numpy, the paper's numbers, the partial Mantel test, simulated links."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core.errors import Cancelled
from soundvis_core.progress import NoProgress
from soundvis_core.statistics.fusion import _quantities, fuse
from soundvis_core.statistics.mantel import mantel_p, permutation_orders
from soundvis_core.statistics.partial import partial_mantel
from soundvis_core.statistics.results import FUSION_QUANTITIES
from soundvis_core.statistics.similarity import mean_of_z_scores, pairs_of, similarity_matrix

pytestmark = pytest.mark.filterwarnings("error")


def places(sites, seed, shared=3, own=3):
    """Similarities of sound, street and aerial, equally linked with each other."""
    generator = np.random.default_rng(seed)
    latent = generator.normal(size=(sites, shared))
    return [similarity_matrix(np.hstack([latent, generator.normal(size=(sites, own))])) for _ in range(3)]


def fused(*matrices, **settings_of_run):
    rows = fuse(*matrices, **{"permutations": 0, "bootstraps": 0, **settings_of_run})
    return {row.quantity: row for row in rows}


def with_r(street, aerial, views):
    """Sound, street and aerial similarities of 25 sites with exactly these correlations."""
    generator = np.random.default_rng(0)
    upper = np.triu_indices(25, 1)
    raw = generator.normal(size=(len(upper[0]), 3))
    raw -= raw.mean(axis=0)
    exact = (
        np.linalg.qr(raw)[0]
        @ np.linalg.cholesky(np.array([[1, street, aerial], [street, 1, views], [aerial, views, 1.0]])).T
    )
    found = []
    for pairs in exact.T:
        matrix = np.zeros((25, 25))
        matrix[upper] = pairs
        found.append(matrix + matrix.T + np.eye(25))
    return found


def test_the_papers_combined_view():
    # r = .19 with street, .14 with aerial, .27 between them; the combined view is stated as .21.
    found = fused(*with_r(0.19, 0.14, 0.27))
    assert found["z_mean"].value == pytest.approx(0.33 / math.sqrt(2.54)) == pytest.approx(0.207, abs=5e-4)
    assert found["multiple_r"].value == pytest.approx(0.211, abs=5e-4)
    assert round(found["z_mean"].value, 2) == round(found["multiple_r"].value, 2) == 0.21
    assert found["street_minus_aerial"].value == pytest.approx(0.05)


@settings(max_examples=30, deadline=None)
@given(sites=st.integers(4, 20), seed=st.integers(0, 1000))
def test_equals_regression_by_least_squares(sites, seed):
    sound, street, aerial = places(sites, seed)
    found = fused(sound, street, aerial, (street + aerial) / 2.0)
    y = pairs_of(sound)

    def explained(*predictors):
        design = np.column_stack([np.ones(len(y)), *(pairs_of(one) for one in predictors)])
        rest = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
        return 1.0 - rest.var() / y.var()

    both, alone, other = explained(street, aerial), explained(street), explained(aerial)
    assert found["multiple_r"].value == pytest.approx(math.sqrt(both), abs=1e-9)
    assert found["unique_street"].value == pytest.approx(both - other, abs=1e-9)
    assert found["unique_aerial"].value == pytest.approx(both - alone, abs=1e-9)
    assert found["shared"].value == pytest.approx(alone + other - both, abs=1e-9)
    combined = pairs_of(mean_of_z_scores(street, aerial))
    assert found["z_mean"].value == pytest.approx(np.corrcoef(y, combined)[0, 1], abs=1e-9)
    joined = pairs_of(street + aerial)
    assert found["concatenated"].value == pytest.approx(np.corrcoef(y, joined)[0, 1], abs=1e-9)
    assert ("more than the sum" in found["shared"].note) == (found["shared"].value < 0.0)


def test_p_are_those_of_mantel_and_partial_mantel():
    sound, street, aerial = places(18, 3, own=6)
    found = fused(sound, street, aerial, (street + aerial) / 2.0, permutations=199, seed=4)

    def orders():
        return permutation_orders(18, 199, 4)

    assert found["z_mean"].p == mantel_p(sound, mean_of_z_scores(street, aerial), orders())
    assert found["concatenated"].p == mantel_p(sound, (street + aerial) / 2.0, orders())
    assert found["unique_street"].p == partial_mantel(sound, street, [aerial], orders())[1]
    assert found["unique_aerial"].p == partial_mantel(sound, aerial, [street], orders())[1]
    assert found["shared"].p is None
    # Multiple R written out: refit in every order.
    y, design = pairs_of(sound), np.column_stack([np.ones(153), pairs_of(street), pairs_of(aerial)])

    def multiple(values):
        return np.corrcoef(values, design @ np.linalg.lstsq(design, values, rcond=None)[0])[0, 1]

    null = [multiple(pairs_of(sound[np.ix_(order, order)])) for order in orders()]
    hits = sum(one >= multiple(y) - 1e-9 for one in null)
    assert found["multiple_r"].p == (hits + 1) / 200


def test_rows_are_complete_and_in_the_order_of_the_report():
    rows = fuse(
        *places(12, 0), np.eye(12) + 0.1, permutations=9, bootstraps=9, group="London", category="BGA"
    )
    assert [row.quantity for row in rows] == list(FUSION_QUANTITIES)
    assert {(row.group, row.category, row.sites) for row in rows} == {("London", "BGA", 12)}
    assert "concatenated" not in fused(*places(12, 0))
    assert rows[1].value is None and "concatenated" in rows[1].note  # its pairs do not vary
    assert fuse(*places(12, 0), permutations=49, bootstraps=49, seed=1) == fuse(
        *places(12, 0), permutations=49, bootstraps=49, seed=1
    )


def test_intervals_contain_their_value_and_stay_in_their_bounds():
    found = fused(*places(40, 1), permutations=99, bootstraps=199)
    for row in found.values():
        low, high = row.interval
        assert -1.0 <= low <= row.value <= high <= 1.0
    assert found["unique_street"].interval[0] >= 0.0 and found["multiple_r"].interval[0] > 0.0
    assert found["street_minus_aerial"].interval[0] < 0.0 < found["street_minus_aerial"].interval[1]


def test_nothing_there_and_multiple_r_says_so():
    generator = np.random.default_rng(0)
    found = fused(
        *(similarity_matrix(generator.normal(size=(30, 3))) for _ in range(3)), permutations=99, bootstraps=99
    )
    assert found["multiple_r"].p > 0.05 and found["multiple_r"].interval[0] == 0.0
    assert found["unique_street"].interval[0] == 0.0


@pytest.mark.parametrize("sites", [0, 1, 2])
def test_too_few_sites(sites):
    for row in fuse(*[np.eye(sites)] * 3, permutations=9, bootstraps=9):
        assert (row.value, row.interval, row.p) == (None, None, None) and "fewer than 3" in row.note


def test_constant_blocks():
    sound, street, _ = places(10, 0)
    rows = fuse(sound, street, np.ones((10, 10)), permutations=9, bootstraps=9)
    assert all(row.value is None and row.note == "all pairs are equally similar in aerial" for row in rows)


@pytest.mark.parametrize("sites", [3, 4, 6])
def test_few_sites_have_defined_numbers(sites):
    for row in fuse(*places(sites, 2), permutations=19, bootstraps=40):
        assert row.value is not None and math.isfinite(row.value)
        assert row.interval is None or row.interval[0] <= row.interval[1]


def test_the_same_view_twice_explains_nothing_alone():
    sound, street, _ = places(15, 5)
    found = fused(sound, street, 2.0 * street + 1.0, permutations=49, bootstraps=49)
    r = np.corrcoef(pairs_of(sound), pairs_of(street))[0, 1]
    assert found["multiple_r"].value == pytest.approx(abs(r)) and found["z_mean"].value == pytest.approx(r)
    for key in ("unique_street", "unique_aerial", "street_minus_aerial"):
        assert found[key].value == pytest.approx(0.0, abs=1e-12) and found[key].p == 1.0
    assert found["shared"].value == pytest.approx(r * r)


def test_views_that_cancel_and_a_view_that_is_the_sound():
    sound, street, aerial = places(15, 6)
    found = fused(sound, street, -street, permutations=19, bootstraps=19)
    assert found["z_mean"].value is None and "cancel" in found["z_mean"].note
    assert found["street_minus_aerial"].value is not None
    same = fused(sound, sound, aerial, permutations=99, bootstraps=19)
    assert same["multiple_r"].value == pytest.approx(1.0)
    assert same["unique_aerial"].value == pytest.approx(0.0, abs=1e-12) and same["unique_street"].p <= 0.02


def test_quantities_take_many_correlations_at_once():
    r = np.array([np.eye(3), [[1, 0.5, 0.2], [0.5, 1, 0.1], [0.2, 0.1, 1.0]]])
    found = _quantities(r)
    assert found["multiple_r"].shape == (2,) and found["multiple_r"][0] == 0.0
    assert found["multiple_r"][1] == pytest.approx(math.sqrt((0.25 + 0.04 - 0.02) / 0.99))
    assert np.isnan(_quantities(np.full((3, 3), np.nan))["shared"])


@pytest.mark.parametrize("shared", [0, 2])
def test_type_one_error_of_street_against_aerial(shared):
    # Equal links of 0 and of about .4; 0.05 and 3.5 standard deviations of 150 runs.
    found = []
    for seed in range(150):
        rows = fuse(*places(40, seed, shared, 3), permutations=99, bootstraps=199, seed=seed)
        found.append(rows[-1].p <= 0.05)
    assert rows[-1].quantity == "street_minus_aerial"
    assert np.mean(found) <= 0.112


def test_power_of_street_against_aerial():
    found = []
    for seed in range(30):
        generator = np.random.default_rng(seed)
        latent, view = generator.normal(size=(2, 60, 3))
        sound = similarity_matrix(np.hstack([latent, view]))
        street = similarity_matrix(np.hstack([latent, view, generator.normal(size=(60, 3))]))
        aerial = similarity_matrix(np.hstack([latent, generator.normal(size=(60, 3))]))
        found.append(fuse(sound, street, aerial, permutations=99, bootstraps=199)[-1].p <= 0.05)
    assert np.mean(found) >= 0.9


def test_cancel():
    class Stop(NoProgress):
        def cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        fuse(*places(10, 0), permutations=9, bootstraps=9, progress=Stop())
