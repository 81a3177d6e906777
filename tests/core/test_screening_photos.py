"""Scores of photos: margins by hand, brightness of pictures of known darkness."""

from __future__ import annotations

import numpy as np
import pytest

from soundvis_core.errors import SiteError
from soundvis_core.jobs import model_row, run_job
from soundvis_core.progress import NO_PROGRESS
from soundvis_core.screening.photos import PROMPTS, SCALE, dark_share, ensembles, margin_scores, scores_of
from soundvis_core.screening.rules import PHOTO_RULES
from soundvis_core.screening.verdict import judge

Image = pytest.importorskip("PIL.Image")
NAMES = [rule.name for rule in PHOTO_RULES]


def test_margins_by_hand():
    texts = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    pictures = np.array([[2.0, 0.0], [0.0, 5.0], [3.0, 4.0], [0.0, 0.0]])
    found = margin_scores(pictures, texts, {"night": [0, 1, 2]})["night"]
    # Cosines with the ensemble for it less the higher of the others: 1 - 0.6, 0 - 1, 0.6 - 1, 0.
    expected = 1 / (1 + np.exp(-SCALE * np.array([0.4, -1.0, -0.4, 0.0])))
    np.testing.assert_allclose(found, expected)
    assert found[3] == 0.5
    closer = margin_scores(np.array([[np.cos(0.01), np.sin(0.01)]]), np.eye(2), {"x": [0, 1]})["x"]
    assert 0.5 < closer[0] <= 1.0


def test_every_rule_has_sentences_for_it_and_against_it():
    sentences, where = ensembles()
    assert list(where) == NAMES == list(PROMPTS)
    assert sorted(place for places in where.values() for place in places) == list(range(len(sentences)))
    assert all(len(places) >= 3 for places in where.values())
    for rule, (own, *_others) in where.items():
        assert len(sentences[own]) == 4 * len(PROMPTS[rule][0]) and len(set(sentences[own])) == len(
            sentences[own]
        )
    assert all("{" not in sentence for ensemble in sentences for sentence in ensemble)


def picture(folder, name, dark, size=(64, 48)):
    """A grey picture of which a share ``dark`` of the columns is nearly black."""
    pixels = np.full((size[1], size[0], 3), 180, np.uint8)
    pixels[:, : round(dark * size[0])] = 10
    path = folder / name
    Image.fromarray(pixels).save(path)
    return str(path)


def test_dark_pixels_are_counted_by_luma():
    pixels = np.zeros((1, 4, 3), np.uint8)
    pixels[0, 1:] = [(0, 255, 0), (0, 0, 255), (52, 52, 52)]  # luma 0.587, 0.114 and 0.204
    assert dark_share(pixels) == 0.5


def test_brightness_tells_night_and_nothing_else(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    paths = [
        picture(tmp_path, "day.png", 0.25),
        picture(tmp_path, "night.png", 0.75),
        str(tmp_path / "broken.jpg"),
    ]
    tasks = [*paths, SiteError("the path field is empty", "skipped")]
    day, night, broken, none = run_job("screen-photos", {}, tasks, NO_PROGRESS)
    assert day.values == {"night": pytest.approx(0.25)} and night.values == {"night": pytest.approx(0.75)}
    assert (broken.status, none.status) == ("failed", "skipped")
    verdicts = [
        judge(scores_of(one.values, NAMES), PHOTO_RULES, {"night": 0.6, "snow": 0.7}, 0.0)
        for one in (day, night)
    ]
    assert [one.keep for one in verdicts] == [True, False]
    assert (verdicts[0].reason, verdicts[1].reason) == ("", "night")
    assert verdicts[1].kept == {"night": False, "snow": None}


def test_the_model_is_that_of_street_view_and_brightness_needs_none():
    assert model_row("screen-photos", {"model": "clip-vit-l-14"}).id == "clip-vit-l-14"
    assert model_row("screen-photos", {}) is None
