"""The most extreme pairs of sites: against a literal transcription over all pairs, and what becomes of odd layers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundvis_core.errors import Cancelled, InputError
from soundvis_core.progress import NoProgress
from soundvis_core.statistics import pieces
from soundvis_core.statistics.extreme_pairs import QUADRANTS, extreme_pairs
from soundvis_core.statistics.paired_blocks import pair_blocks
from soundvis_core.statistics.results import Block
from soundvis_core.statistics.similarity import similarity_matrix

pytestmark = pytest.mark.filterwarnings("error")


def two_blocks(sites: int, seed: int = 0, width: int = 4) -> tuple[Block, Block]:
    random = np.random.default_rng(seed)
    shared = random.normal(size=(sites, width))
    noise = random.normal(size=(2, sites, width))
    return Block("sound", shared + noise[0]), Block("sight", shared + noise[1])


def by_hand(a: Block, b: Block, count: int, per_site: int, groups=None) -> list[tuple]:
    """What the docstring says, one pair after the other."""
    first, second = similarity_matrix(a.values, a.measure), similarity_matrix(b.values, b.measure)
    pairs = [
        (i, j)
        for i, j in itertools.combinations(range(len(first)), 2)
        if groups is None or groups[i] == groups[j]
    ]
    z = {}
    for name, matrix in (("a", first), ("b", second)):
        values = np.array([matrix[pair] for pair in pairs])
        z[name] = dict(zip(pairs, (values - values.mean()) / values.std()))
    found = []
    for quadrant, (sign_a, sign_b) in QUADRANTS.items():
        inside = [
            (min(abs(z["a"][pair]), abs(z["b"][pair])), pair)
            for pair in pairs
            if z["a"][pair] * sign_a > 0 and z["b"][pair] * sign_b > 0
        ]
        times: dict[int, int] = {}
        chosen = []
        for _, (i, j) in sorted(inside, key=lambda entry: (-entry[0], entry[1])):
            if len(chosen) < count and times.get(i, 0) < per_site and times.get(j, 0) < per_site:
                chosen.append((i, j))
                times[i], times[j] = times.get(i, 0) + 1, times.get(j, 0) + 1
        found += [(quadrant, rank, *pair) for rank, pair in enumerate(chosen, start=1)]
    return found


def told(made) -> list[tuple]:
    return [(pair.quadrant, pair.rank, pair.a, pair.b) for pair in made.pairs]


@settings(max_examples=60, deadline=None)
@given(
    sites=st.integers(2, 24),
    seed=st.integers(0, 10_000),
    count=st.integers(1, 12),
    per_site=st.integers(1, 4),
    hub=st.booleans(),
)
def test_the_pairs_are_those_of_a_search_by_hand(sites, seed, count, per_site, hub):
    a, b = two_blocks(sites, seed)
    if hub:  # one odd recording would be in every pair that sounds unlike
        a.values[:, 0] += 6.0
        a.values[0] = [-6.0, 0.1, 0.2, 0.3]
    if sites == 2:  # a single pair does not vary
        assert extreme_pairs(pair_blocks(a, b), count, per_site).pairs == ()
        return
    assert told(extreme_pairs(pair_blocks(a, b), count, per_site)) == by_hand(a, b, count, per_site)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 6), per_site=st.integers(1, 3))
def test_piece_by_piece_gives_the_same(seed, count, per_site):
    a, b = two_blocks(33, seed)
    a.values[0] *= -3.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "DENSE_SITES", 3)
        patch.setattr(pieces, "_STEP", 5)
        made = extreme_pairs(pair_blocks(a, b), count, per_site)
    expected = by_hand(a, b, count, per_site)
    # Rounding of float32 may swap pairs that are nearly equally extreme; what is found is as extreme.
    assert sum(one != other for one, other in zip(told(made), expected)) <= 1
    assert len(made.pairs) == len(expected)


@pytest.mark.parametrize("measure", ["hellinger", "jensen-shannon", "aitchison"])
def test_compositions_piece_by_piece(monkeypatch, measure):
    random = np.random.default_rng(2)
    a = Block("sound", random.dirichlet(np.ones(3), 30), measure)
    b = Block("sight", random.dirichlet(np.ones(3), 30), measure)
    expected = by_hand(a, b, 5, 2)
    assert told(extreme_pairs(pair_blocks(a, b))) == expected
    monkeypatch.setattr(pieces, "DENSE_SITES", 3)
    monkeypatch.setattr(pieces, "_STEP", 7)
    assert told(extreme_pairs(pair_blocks(a, b))) == expected


def test_the_numbers_of_a_pair():
    a, b = two_blocks(14, 3)
    made = extreme_pairs(pair_blocks(a, b))
    assert made.considered == 91 and made.note == ""
    upper = np.triu_indices(14, k=1)
    for block, name in ((a, "a"), (b, "b")):
        matrix = similarity_matrix(block.values)
        mean, deviation = matrix[upper].mean(), matrix[upper].std()
        for pair in made.pairs:
            similarity = matrix[pair.a, pair.b]
            assert getattr(pair, f"similarity_{name}") == pytest.approx(similarity, abs=1e-12)
            assert getattr(pair, f"z_{name}") == pytest.approx((similarity - mean) / deviation, abs=1e-9)
    for pair in made.pairs:
        assert pair.a < pair.b
        assert pair.extremeness == min(abs(pair.z_a), abs(pair.z_b))
        assert (pair.z_a > 0, pair.z_b > 0) == tuple(sign > 0 for sign in QUADRANTS[pair.quadrant])


def test_within_groups():
    a, b = two_blocks(24, 5)
    groups = ["z", "a", "m"] * 8
    made = extreme_pairs(pair_blocks(a, b, groups), 4, 2)
    assert told(made) == by_hand(a, b, 4, 2, groups)
    assert made.considered == 3 * 28


def test_sites_without_a_value_are_in_no_pair():
    a, b = two_blocks(12, 1)
    a.values[4], b.values[0] = np.nan, 0.0
    kept = [site for site in range(12) if site not in (0, 4)]
    made = extreme_pairs(pair_blocks(a, b))
    expected = by_hand(Block("sound", a.values[kept]), Block("sight", b.values[kept]), 5, 2)
    assert told(made) == [(quadrant, rank, kept[i], kept[j]) for quadrant, rank, i, j in expected]


def test_many_equally_extreme_pairs_come_in_the_order_of_the_sites():
    a = Block("sound", np.tile([0.0, 1.0], 40)[:, None])
    b = Block("sight", np.tile([0.0, 0.0, 1.0, 1.0], 20)[:, None])
    made = extreme_pairs(pair_blocks(a, b), 3, 1)
    assert told(made) == by_hand(a, b, 3, 1)
    assert told(made)[:3] == [
        ("alike in both", 1, 0, 4),
        ("alike in both", 2, 1, 5),
        ("alike in both", 3, 2, 6),
    ]


def test_duplicated_sites_are_a_pair_like_any_other():
    a, b = two_blocks(10, 2)
    a.values[7], b.values[7] = a.values[3], b.values[3]
    first = extreme_pairs(pair_blocks(a, b)).pairs[0]
    assert (first.quadrant, first.a, first.b) == ("alike in both", 3, 7)
    assert (first.similarity_a, first.similarity_b) == (pytest.approx(1.0), pytest.approx(1.0))


@pytest.mark.parametrize(
    ("sites", "groups", "note"),
    [
        (0, None, "fewer than two sites can be compared with each other"),
        (1, None, "fewer than two sites can be compared with each other"),
        (4, list("abcd"), "fewer than two sites can be compared with each other"),
        (2, None, "there is only one pair of sites, and no other to compare it with"),
    ],
)
def test_too_few_sites(sites, groups, note):
    made = extreme_pairs(pair_blocks(*two_blocks(sites), groups))
    assert (made.pairs, made.note) == ((), note)


@pytest.mark.parametrize("dense", [True, False])
def test_a_constant_block(monkeypatch, dense):
    if not dense:
        monkeypatch.setattr(pieces, "DENSE_SITES", 3)
    a, _ = two_blocks(9)
    made = extreme_pairs(pair_blocks(a, Block("sight", np.full((9, 4), 0.3))))
    assert (made.pairs, made.note) == ((), "all pairs are equally similar in sight")


@pytest.mark.parametrize(("count", "per_site"), [(0, 1), (101, 1), (5, 0)])
def test_senseless_numbers_are_refused(count, per_site):
    with pytest.raises(InputError, match="ask for 1 to 100 pairs"):
        extreme_pairs(pair_blocks(*two_blocks(5)), count, per_site)


def test_it_can_be_cancelled():
    class Stop(NoProgress):
        def cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        extreme_pairs(pair_blocks(*two_blocks(10)), progress=Stop())
