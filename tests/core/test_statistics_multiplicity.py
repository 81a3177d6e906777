"""Holm and Benjamini-Hochberg against worked examples, scipy and their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundvis_core.statistics.multiplicity import benjamini_hochberg, beyond_reach, family_sizes, holm
from soundvis_core.statistics.results import CorrelationResult, CorrelationRow, Rung

pytestmark = pytest.mark.filterwarnings("error")

# The fifteen p of Benjamini and Hochberg 1995, section 3.2.
PUBLISHED = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719]
PUBLISHED += [0.6528, 0.7590, 1.0]


def test_published_example():
    # There the step-up procedure at .05 rejects the four smallest, Bonferroni and Holm the three smallest.
    assert [value <= 0.05 for value in benjamini_hochberg(PUBLISHED)] == [True] * 4 + [False] * 11
    assert [value <= 0.05 for value in holm(PUBLISHED)] == [True] * 3 + [False] * 12


def test_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(benjamini_hochberg([0.01, 0.04, 0.03, 0.005]), [0.02, 0.04, 0.04, 0.02])


def test_equals_scipy():
    control = pytest.importorskip("scipy.stats", reason="scipy").__dict__.get("false_discovery_control")
    if control is None:
        pytest.skip("scipy before 1.11")
    p = np.random.default_rng(0).uniform(size=40) ** 3
    np.testing.assert_allclose(benjamini_hochberg(list(p)), control(p), rtol=1e-14)


def test_nones_pass_through_and_do_not_count():
    p = [None, 0.01, None, 0.04]
    assert holm(p) == [None, 0.02, None, 0.04]
    assert benjamini_hochberg(p) == [None, 0.02, None, 0.04]
    assert holm([]) == [] and holm([None]) == [None] and benjamini_hochberg([None, None]) == [None, None]
    assert holm([0.3]) == [0.3] and benjamini_hochberg([0.3]) == [0.3]


@given(st.lists(st.one_of(st.none(), st.floats(0.0, 1.0)), max_size=25))
def test_definitions(p):
    family = sorted(value for value in p if value is not None)
    tests = len(family)
    for value, by_holm, by_bh in zip(p, holm(p), benjamini_hochberg(p)):
        if value is None:
            assert by_holm is None and by_bh is None
            continue
        down = max((tests - k) * q for k, q in enumerate(family) if q <= value)
        # Of equal p the first counts for all, as the largest product so far does.
        assert by_holm == pytest.approx(min(1.0, down))
        assert by_bh == pytest.approx(
            min(1.0, *(tests * q / (k + 1) for k, q in enumerate(family) if q >= value))
        )
        assert value <= by_bh * (1 + 1e-12) and by_bh <= by_holm * (1 + 1e-12)


def run_of(rows, permutations, stratified=0):
    def rungs(row):
        names = ("naive", "mantel", "stratified") if row < stratified else ("naive", "mantel")
        return {name: Rung(name, 0.1, 0.001) for name in names}

    found = [CorrelationRow("sound", "street", str(n), 20, 0, 190, 0.1, rungs=rungs(n)) for n in range(rows)]
    found.append(CorrelationRow("sound", "street", "none", 2, 0, 1, None))
    return CorrelationResult(tuple(found), 20, (), (), permutations, 1, (), (), ())


def test_a_family_too_large_for_its_permutations_is_told():
    result = run_of(80, 999)
    assert family_sizes(result.rows) == {"naive": 80, "mantel": 80, "stratified": 0, "partial": 0, "moran": 0}
    told = (
        "With 80 rows, p after Holm's correction cannot be below 0.080: ask for at least 1,599 permutations."
    )
    assert beyond_reach(result) == [told]
    assert min(holm([1 / 1600] * 80)) <= 0.05 < min(holm([1 / 1599] * 80))
    for rows, permutations in ((80, 1599), (50, 999), (1, 9), (80, 0), (0, 999)):
        assert beyond_reach(run_of(rows, permutations)) == []


def test_only_the_tests_out_of_reach_are_told():
    """Of 80 rows the 20 of all sites have a stratified test: with 999 permutations its p can be .02 after Holm."""
    (told,) = beyond_reach(run_of(80, 999, stratified=20))
    assert told.startswith("With 80 rows, p (Mantel) after Holm's correction cannot be below 0.080: ask for")
    assert beyond_reach(run_of(80, 999, stratified=60)) == beyond_reach(run_of(80, 999))
