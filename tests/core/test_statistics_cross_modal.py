"""The null of equations 4 and 5: against all orders of few sites, closed forms, and simulated sites."""

from __future__ import annotations

from itertools import permutations as orders_of

import numpy as np
import pytest

from soundvis_core.errors import Cancelled, InputError
from soundvis_core.statistics import cross_modal
from soundvis_core.statistics.agreement import AGREEMENTS, agreement
from soundvis_core.statistics.cross_modal import (
    composition_agreement,
    embedding_agreement,
    match_reasons,
)
from soundvis_core.statistics.results import Block
from tests.builders.counted_progress import Counted

pytestmark = pytest.mark.filterwarnings("error")


def embeddings(sites, width=8, link=0.0, seed=0, hub=1.0):
    """Embeddings of sound and sight around a common centre (as those of trained models are); ``link`` binds them."""
    generator = np.random.default_rng(seed)
    sound = generator.normal(size=(sites, width))
    sight = link * sound + generator.normal(size=(sites, width))
    return sound + hub, sight + hub


def cosines_of(sound, sight):
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (sound, sight)]
    return unit[0] @ unit[1].T


def test_equation_4_and_its_percentile_by_a_slow_transcription():
    sound, sight = embeddings(30, link=0.3)
    found = embedding_agreement(sound, sight, 99, 1)
    cosines = cosines_of(sound, sight)
    np.testing.assert_allclose(found.values, np.diag(cosines), atol=1e-12)
    for site in range(30):
        others = np.delete(cosines[site], site)
        assert found.percentiles[site] == pytest.approx(100 * (others < cosines[site, site]).sum() / 29)
    assert found.ranked_among == 29
    assert found.test.mean == pytest.approx(np.diag(cosines).mean())
    assert (found.test.sites, found.test.measure, found.test.note) == (30, "cosine", "")


def test_the_null_against_all_orders():
    """Seven sites have 5,040 orders: the drawn ones must find their mean, their spread and p."""
    sound, sight = embeddings(7, link=0.5, seed=3)
    cosines = cosines_of(sound, sight)
    every = np.array([cosines[list(order), range(7)].mean() for order in orders_of(range(7))])
    test = embedding_agreement(sound, sight, 20_000, 1).test
    assert test.null_mean == pytest.approx(every.mean(), abs=5e-3)
    assert test.null_sd == pytest.approx(every.std(), rel=0.03)
    exact = np.mean(np.abs(every - every.mean()) >= abs(test.mean - every.mean()) - 1e-12)
    assert test.p == pytest.approx(exact, abs=0.01)


def test_the_null_against_its_closed_form():
    """Over all orders the mean is that of all pairings, the variance sum d^2 / (n - 1) / n^2 (Hoeffding 1951)."""
    sound, sight = embeddings(50, seed=5)
    cosines = cosines_of(sound, sight)
    apart = cosines - cosines.mean(0) - cosines.mean(1)[:, None] + cosines.mean()
    sd = np.sqrt((apart**2).sum() / 49) / 50
    test = embedding_agreement(sound, sight, 5000, 2).test
    assert test.null_mean == pytest.approx(cosines.mean(), abs=5 * sd / np.sqrt(5000))
    assert test.null_sd == pytest.approx(sd, rel=0.05)


def test_many_sites_give_the_numbers_of_few(monkeypatch):
    sound, sight = embeddings(60, link=0.2)
    dense = embedding_agreement(sound, sight, 199, 7)
    monkeypatch.setattr(cross_modal, "DENSE_SITES", 10)
    monkeypatch.setattr(cross_modal, "SAMPLE_SITES", 60)
    monkeypatch.setattr(cross_modal, "_STRETCH", 100)
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-6)):
        streamed = embedding_agreement(sound.astype(dtype), sight.astype(dtype), 199, 7)
        np.testing.assert_allclose(streamed.values, dense.values, atol=tolerance)
        np.testing.assert_allclose(streamed.percentiles, dense.percentiles)
        assert streamed.test.p == dense.test.p
        assert streamed.test.null_mean == pytest.approx(dense.test.null_mean, abs=tolerance)
        assert streamed.test.null_sd == pytest.approx(dense.test.null_sd, rel=1e-4)


def test_many_sites_are_ranked_among_a_sample(monkeypatch):
    sound, sight = embeddings(400, link=0.5)
    dense = embedding_agreement(sound, sight, 0)
    monkeypatch.setattr(cross_modal, "DENSE_SITES", 100)
    monkeypatch.setattr(cross_modal, "SAMPLE_SITES", 200)
    sampled = embedding_agreement(sound, sight, 0)
    assert (dense.ranked_among, sampled.ranked_among) == (399, 200)
    assert 0.0 < np.abs(sampled.percentiles - dense.percentiles).max() < 12.0
    np.testing.assert_array_equal(sampled.percentiles, embedding_agreement(sound, sight, 0).percentiles)


@pytest.mark.parametrize("measure", AGREEMENTS)
def test_equation_5_and_its_null_by_a_slow_transcription(measure):
    generator = np.random.default_rng(2)
    sound, sight = generator.dirichlet([1, 1, 1], 25), generator.dirichlet([1, 2, 1], 25)
    sound[3, 1] = 0.0
    found = composition_agreement(sound, sight, measure, 99, 11)
    np.testing.assert_array_equal(found.values, agreement(sound, sight, measure))
    orders = np.random.default_rng(11)
    null = np.array([agreement(sound[orders.permutation(25)], sight, measure).mean() for _ in range(99)])
    mean = found.values.mean()
    centre = np.append(null, mean).mean()
    hits = (np.abs(null - centre) >= abs(mean - centre) - 1e-12).sum()
    assert found.test.p == (hits + 1) / 100
    assert found.test.null_mean == pytest.approx(null.mean())
    assert found.test.null_sd == pytest.approx(null.std())
    assert found.percentiles is None


def test_a_link_is_found_and_its_absence_is_not():
    """p of unrelated spaces is uniform whatever their hub; with a link, matching sites stand out."""
    null = [embedding_agreement(*embeddings(20, seed=seed, hub=3.0), 99, seed).test.p for seed in range(200)]
    # 200 draws of rate .05 and .5: three standard errors.
    assert np.mean(np.array(null) <= 0.05) == pytest.approx(0.05, abs=0.047)
    assert np.mean(np.array(null) <= 0.5) == pytest.approx(0.5, abs=0.107)
    linked = embedding_agreement(*embeddings(60, link=1.0, hub=3.0), 199, 0)
    assert linked.test.p == pytest.approx(1 / 200)
    assert linked.percentiles.mean() > 75.0


def test_a_negative_link_is_found_too():
    sound, _ = embeddings(60, hub=0.0)
    found = embedding_agreement(sound, -sound, 199, 0)
    assert found.test.p == pytest.approx(1 / 200)
    assert found.percentiles.max() == 0.0


def test_the_same_seed_gives_the_same_p():
    sound, sight = embeddings(15)
    assert embedding_agreement(sound, sight, 99, 3).test == embedding_agreement(sound, sight, 99, 3).test


def test_sites_without_a_value_are_left_out():
    sound, sight = embeddings(12)
    whole = embedding_agreement(sound[2:], sight[2:], 99, 1)
    sound[0], sight[1] = np.nan, 0.0
    found = embedding_agreement(sound, sight, 99, 1)
    assert np.isnan(found.values[:2]).all() and np.isnan(found.percentiles[:2]).all()
    np.testing.assert_array_equal(found.values[2:], whole.values)
    np.testing.assert_array_equal(found.percentiles[2:], whole.percentiles)
    assert found.test == whole.test


def test_reasons_name_the_side_and_pass_on_what_was_said():
    shares = np.array([[0.2, 0.3, 0.5], [np.nan] * 3, [-0.1, 1, 0], [0, 0, 0]])
    heard = Block("sound", shares, bga=True, reasons=["", "the recording is silent", "", ""])
    seen = Block("sight", shares[[0, 1, 0, 2]], bga=True)
    found = match_reasons(heard, seen)
    assert found[:2] == ["", "sound: the recording is silent; sight: no value"]
    assert found[2].startswith("sound: ") and "negative" in found[2] and "sight" not in found[2]
    assert "sound: all shares are zero" in found[3] and "sight: " in found[3]
    assert match_reasons(Block("a", shares), Block("b", shares))[2] == ""


@pytest.mark.parametrize("measure", AGREEMENTS)
@pytest.mark.parametrize("sites", [0, 1, 2, 5])
def test_few_sites(measure, sites):
    generator = np.random.default_rng(1)
    sound, sight = generator.dirichlet([1, 1, 1], sites), generator.dirichlet([1, 1, 1], sites)
    test = composition_agreement(sound, sight, measure, 19, 0).test
    assert test.sites == sites
    assert (test.mean is None) == (sites == 0)
    assert (test.p is None) == (sites < 2)
    note = {
        0: "no site has both",
        1: "one site has no mismatches",
        2: "only 2 sites: they have 2 orders",
        5: "120",
    }
    assert note[sites] in test.note
    embedded = embedding_agreement(sound, sight, 19, 0)
    assert np.isnan(embedded.percentiles).all() == (sites < 2)


def test_no_site_with_both():
    """A field of nulls has no length: nothing to complain of but that."""
    found = embedding_agreement(np.ones((4, 768)), np.full((4, 1), np.nan))
    assert np.isnan(found.values).all() and np.isnan(found.percentiles).all()
    assert (found.test.mean, found.test.note) == (None, "no site has both sound and sight")


def test_sites_that_are_all_alike():
    sound, sight = np.ones((9, 4)), np.tile([1.0, 2.0, 0.0, 1.0], (9, 1))
    found = embedding_agreement(sound, sight, 19, 0)
    assert (found.test.p, found.test.null_sd) == (None, 0.0)
    assert "all pairings agree equally" in found.test.note
    assert found.percentiles.tolist() == [50.0] * 9
    assert composition_agreement(sound, sight, "aitchison", 19, 0).test.p is None


def test_without_permutations():
    test = embedding_agreement(*embeddings(9), 0).test
    assert (test.null_mean, test.null_sd, test.p) == (None, None, None)
    assert test.note == "no permutations were asked for"


def test_different_lengths_have_no_cosine():
    with pytest.raises(InputError, match=r"768 numbers, the sight embedding 512.*equation 5"):
        embedding_agreement(np.ones((4, 768)), np.ones((4, 512)))
    with pytest.raises(InputError, match="4 sites with sound and 5 with sight"):
        embedding_agreement(np.ones((4, 3)), np.ones((5, 3)))


def test_long_runs_say_how_long_they_take(monkeypatch):
    monkeypatch.setattr(cross_modal, "_PER_SITE", 1.0)
    told = []
    patient = Counted()
    patient.info = told.append
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], 30)
    composition_agreement(shares, shares[::-1], "cosine", 8, 0, patient)
    assert told == ["cosine: the permutations take about 4 minutes. Fewer take less."]


def test_progress_and_cancel():
    sound, sight = embeddings(20)
    patient = Counted()
    embedding_agreement(sound, sight, 50, 0, patient)
    assert patient.told == sorted(patient.told) and 0.9 < patient.told[-1] <= 1.0
    for looks in (0, 3, 20):
        with pytest.raises(Cancelled):
            embedding_agreement(sound, sight, 50, 0, Counted(looks))
    with pytest.raises(Cancelled):
        composition_agreement(np.abs(sound), np.abs(sight), "hellinger", 50, 0, Counted(5))
