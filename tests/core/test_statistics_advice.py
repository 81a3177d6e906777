"""Which rung is advised, why, and what a row says in plain words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soundvis_core.statistics.advice import Advice, Structure, advise, sentence, structure_of
from soundvis_core.statistics.correlate import correlate_blocks
from soundvis_core.statistics.partial import log_distance
from soundvis_core.statistics.plain_words import says
from soundvis_core.statistics.results import (
    MANTEL,
    MORAN,
    NAIVE,
    PARTIAL,
    STRATIFIED,
    Block,
    CorrelationRow,
    Rung,
)
from soundvis_core.statistics.similarity import similarity_matrix

pytestmark = pytest.mark.filterwarnings("error")

ALL = {name: Rung(name, 0.2, 0.01) for name in (NAIVE, MANTEL, STRATIFIED, PARTIAL, MORAN)}
SITES = 45
CITY = np.arange(SITES) % 3


def without(*names):
    return {name: rung if name not in names else Rung(name, None, None) for name, rung in ALL.items()}


def blocks(space=False, cities=False, seed=0, only_one=False):
    """Two blocks and the places of their sites; the second is bare noise where ``only_one``."""
    generator = np.random.default_rng(seed)
    place = generator.uniform(0, 0.1, (SITES, 2))
    found = []
    for number in range(2):
        values = generator.normal(size=(SITES, 5))
        if not (only_one and number):
            if space:
                values = 0.2 * values + np.sin(place * 25 + number) @ generator.normal(size=(2, 5))
            if cities:
                values = values + 2 * generator.normal(size=(3, 5))[CITY]
        found.append(values)
    return found, place + np.array([(0, 51), (10, 48), (20, 40)])[CITY if cities else 0 * CITY]


def look(values, place, codes):
    a, b = (similarity_matrix(value) for value in values)
    return structure_of(a, b, codes, None if place is None else log_distance(place))


@pytest.mark.parametrize("places", [1, 4])
def test_too_few_places_are_no_look_at_nearness(places):
    values, _ = blocks()
    where = np.array([(0.01 * (site % places), 51.0) for site in range(SITES)])
    found = look(values, where, np.full(SITES, -1))
    assert not found.placed
    if not found.space:
        told = advise(found, {MANTEL: ALL[MANTEL]})
        assert "could not be looked at" in told.reason and "nearness does not" not in told.reason


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("space", [False, True])
@pytest.mark.parametrize("cities", [False, True])
def test_structures_that_are_there_are_seen(space, cities, seed):
    values, place = blocks(space, cities, seed)
    found = look(values, place, CITY if cities else np.full(SITES, -1))
    assert found.grouped == cities and found.placed
    if space:
        assert found.space
    if cities:
        assert found.groups


def test_a_structure_in_one_block_alone_does_no_harm():
    seen = [look(*blocks(True, True, seed, only_one=True), CITY) for seed in range(20)]
    assert sum(found.groups for found in seen) <= 10 and sum(found.space for found in seen) <= 12


def test_without_places_or_groups_nothing_is_looked_for():
    values, _ = blocks(True, True)
    assert look(values, None, np.full(SITES, -1)) == Structure(False, False, False, False)
    assert look(values, None, np.zeros(SITES, dtype=int)) == Structure(False, False, False, False)


def test_missing_places_do_not_count():
    values, place = blocks(True)
    a, b = (similarity_matrix(value) for value in values)
    distance = np.full((SITES, SITES), np.nan)
    distance[:30, :30] = log_distance(place[:30])
    assert structure_of(a, b, np.full(SITES, -1), distance).space
    distance[7:] = distance[:, 7:] = np.nan
    assert not structure_of(a, b, np.full(SITES, -1), distance).placed


@pytest.mark.parametrize(
    ("structure", "rungs", "rung", "holds"),
    [
        (Structure(False, False, True, True), ALL, MANTEL, True),
        (Structure(True, False, True, True), ALL, STRATIFIED, True),
        (Structure(False, True, True, True), ALL, MORAN, True),
        (Structure(True, True, True, True), ALL, MORAN, True),
        (Structure(True, True, True, True), without(MORAN), STRATIFIED, False),
        (Structure(False, True, False, True), without(MORAN, STRATIFIED), MANTEL, False),
        (Structure(True, False, True, True), without(STRATIFIED), MANTEL, False),
        (Structure(False, False, False, False), without(MORAN), MANTEL, False),
        (Structure(False, False, False, True), without(MANTEL, STRATIFIED, PARTIAL, MORAN), "", False),
    ],
)
def test_the_rung_that_holds_is_advised(structure, rungs, rung, holds):
    advice = advise(structure, rungs)
    assert (advice.rung, advice.holds) == (rung, holds) and advice.reason
    assert sentence("sound and street", advice).startswith("sound and street: ")


def test_a_run_gives_its_reasons_once_each():
    values, place = blocks(True, True)
    made = [
        Block(name, value) for name, value in zip(("sound", "street", "aerial"), (*values, values[0] * 2))
    ]
    result = correlate_blocks(made, [f"city {c}" for c in CITY], permutations=19, bootstraps=0, lonlat=place)
    assert {row.advised for row in result.rows} <= {MANTEL, STRATIFIED, MORAN}
    assert result.rows[0].advised == MORAN
    assert len(set(result.advice)) == len(result.advice) and "sound and street pooled" in result.advice[0]
    assert all(row.says for row in result.rows)


def row_with(r=0.35, **p):
    rungs = {name: Rung(name, r, value) for name, value in p.items()}
    return CorrelationRow("sound", "street", "pooled", 30, 0, 435, r, rungs=rungs, advised=MANTEL)


def test_words_of_a_link():
    text = says(row_with(naive=1e-9, mantel=0.004), Advice(MANTEL, "because"))
    assert text == (
        "Places that sound alike tend to look alike from the street (Mantel permutation test, p = 0.004): "
        "a moderate link, which does not say that one causes the other."
    )
    assert "tend not to look alike" in says(row_with(-0.2, mantel=0.01), Advice(MANTEL, "because"))


def test_words_follow_the_sign_of_what_the_advised_rung_tests():
    row = row_with(0.3, mantel=0.01)
    row = replace(row, rungs={**row.rungs, MORAN: Rung(MORAN, -0.12, 0.02)})
    text = says(row, Advice(MORAN, "because"))
    assert "tend not to look alike" in text and "has the other sign" in text
    assert "a weak link beyond what place explains (r = -0.12), which" in text


def test_words_of_no_link_name_the_looser_tests_that_would_see_one():
    text = says(row_with(naive=1e-9, mantel=0.004, moran=0.3), Advice(MORAN, "because"))
    assert text.startswith("No link is shown (Moran spectral randomisation, p = 0.300)")
    assert "not evidence that there is none" in text
    assert text.endswith(
        "The naive t-test (takes pairs as independent) and the Mantel test (takes all sites as exchangeable) "
        "would call it one."
    )
    assert "would call it one" not in says(row_with(naive=0.5, mantel=0.4), Advice(MANTEL, "because"))


def test_words_where_the_advised_rung_does_not_hold_warn():
    assert "Read with care: near sites" in says(
        row_with(mantel=0.01), Advice(MANTEL, "near sites are alike", holds=False)
    )


def test_words_of_categories_and_of_nothing():
    row = replace(row_with(mantel=0.01), category="biophony", block_a="sound BGA", block_b="street BGA")
    assert "are alike in the biophony of sound BGA tend to be alike in the biophony of street BGA" in says(
        row, Advice(MANTEL, "because")
    )
    assert says(replace(row, r=None, note="too few"), Advice("", "")) == "Nothing can be said: too few."
    assert "not tested by permutation" in says(row_with(naive=0.01), Advice("", "none"))
