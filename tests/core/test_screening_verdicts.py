"""Rules, verdicts, masks, tags and thresholds: numbers worked out by hand or one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundvis_core.bga.audioset import load_sound_classes
from soundvis_core.compose import composition_of
from soundvis_core.embed import masked_embedding
from soundvis_core.errors import InputError, SiteError
from soundvis_core.jobs import run_job
from soundvis_core.pipeline import SiteResult
from soundvis_core.progress import NO_PROGRESS
from soundvis_core.screening import calibration, tags
from soundvis_core.screening.calibration import calibrate
from soundvis_core.screening.mask import keep_windows, read_mask, used_windows
from soundvis_core.screening.recordings import scores_of, with_tags
from soundvis_core.screening.rules import PHOTO_RULES, SOUND_RULES, TAGS
from soundvis_core.screening.verdict import applies, judge, site_score
from tests.builders import recordings

SPEECH, SILENCE = SOUND_RULES[0], SOUND_RULES[4]
PLACES = {row.name: row.index for row in load_sound_classes().rows}


def sound(**known):
    windows = len(next(iter(known.values())))
    return {
        rule.name: np.array(known.get(rule.name, [np.nan] * windows), dtype=float) for rule in SOUND_RULES
    }


def test_a_verdict_by_hand():
    found = judge(
        sound(speech=[0.9, 0.1, 0.8, 0.2], wind=[0.0, 0.9, 0.0, 0.0], silence=[-30, -30, -30, -90]),
        SOUND_RULES, {"speech": 0.5, "wind": 0.5, "silence": -70.0, "indoor": 0.5}, 0.5,
    )  # fmt: skip
    assert (found.mask, found.masked, found.keep) == ("0000", 4, False)
    assert found.reason == "4 of 4 windows masked: speech in 2, wind on the microphone in 1, silence in 1"
    assert found.kept == {"speech": True, "wind": True, "silence": True, "indoor": None}
    assert found.scores["speech"] == 0.2  # the third highest of four
    assert found.scores["silence"] == -30.0
    assert found.scores["indoor"] is None


def test_rules_that_are_off_mask_nothing_but_are_scored():
    found = judge(sound(speech=[0.9, 0.9], wind=[0.1, 0.1]), SOUND_RULES, {"wind": 0.5}, 0.5)
    assert (found.keep, found.mask, found.reason, set(found.kept)) == (True, "11", "", {"wind"})
    assert found.scores["speech"] == 0.9


@pytest.mark.parametrize(
    ("share", "masked", "windows", "keep"),
    [(0.5, 5, 10, True), (0.5, 6, 10, False), (0.7, 7, 10, True), (0.7, 8, 10, False), (0.0, 1, 10, False),
     (0.0, 0, 10, True), (1.0, 9, 10, True), (1.0, 10, 10, False), (0.5, 1, 1, False), (0.5, 0, 1, True)],
)  # fmt: skip
def test_how_many_windows_make_a_site_go(share, masked, windows, keep):
    scores = np.r_[np.ones(masked), np.zeros(windows - masked)]
    found = judge(sound(speech=scores), SOUND_RULES, {"speech": 0.5}, share)
    assert found.keep is keep and found.kept["speech"] is keep


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_the_score_of_a_site_decides_as_its_windows_do(scores, threshold, share, below):
    rule = SILENCE if below else SPEECH
    array = np.array(scores)
    kept = judge({rule.name: array}, [rule], {rule.name: threshold}, share).kept[rule.name]
    score = site_score(array, rule, share)
    assert kept is not bool(applies(np.array([score]), rule, threshold)[0])


def test_unknown_scores_are_held_against_nobody():
    found = judge(sound(speech=[np.nan, np.nan, 0.9]), SOUND_RULES, {"speech": 0.5}, 0.5)
    assert (found.mask, found.keep, found.kept["speech"], found.scores["speech"]) == ("110", True, True, None)


def test_a_share_out_of_range_is_refused():
    with pytest.raises(InputError, match="between 0 and 1"):
        judge(sound(speech=[0.1]), SOUND_RULES, {}, 1.5)


def test_every_threshold_has_its_score_and_its_grounds_and_lies_within_its_limits():
    for rule in (*SOUND_RULES, *PHOTO_RULES):
        assert set(rule.thresholds) == set(rule.score) == set(rule.grounds)
        assert all(rule.limits[0] <= value <= rule.limits[1] for value in rule.thresholds.values())


def heard(windows, **values):
    """A result as the tagger gives it: probabilities by name, windows of 10 s and a last one of 4."""
    probabilities = np.full((len(windows), 527), 0.01, np.float32)
    for row, named in zip(probabilities, windows):
        for name, value in named.items():
            row[PLACES[name]] = value
    count = len(windows)
    return SiteResult("ok", values={
        "windows": count, "seconds": 10.0 * count - 6.0, "starts": 10.0 * np.arange(count, dtype=np.float32),
        "embeddings": np.arange(3.0 * count, dtype=np.float32).reshape(count, 3), "probabilities": probabilities,
        "audioset": True, **values,
    })  # fmt: skip


def signal(windows):
    names = ("speech", "transient", "wind", "silence", "clipping")
    values = {name: np.full(windows, 0.25, np.float32) for name in names}
    starts = 10.0 * np.arange(windows, dtype=np.float32)
    return SiteResult(
        "ok", values={"windows": windows, "seconds": 10.0 * windows, "starts": starts, **values}
    )


def test_tags_to_scores():
    windows = [
        {"Speech": 0.7, "Hubbub, speech noise, speech babble": 0.8, "Inside, small room": 0.6},
        {"Fire alarm": 0.4, "Outside, urban or manmade": 0.3, "Inside, public space": 0.1},
        {"Wind noise (microphone)": 0.9, "Music": 0.9},
    ]
    found = tags.tag_scores(heard(windows).values["probabilities"])
    assert found["speech"] == pytest.approx([0.8, 0.01, 0.01])
    assert found["transient"] == pytest.approx([0.01, 0.4, 0.01])
    assert found["wind"] == pytest.approx([0.01, 0.01, 0.9])
    assert found["indoor"] == pytest.approx([0.6 / 0.61, 0.25, 0.1])


def test_the_classes_are_audiosets():
    named = (tags.SPEECH_CLASSES, tags.TRANSIENT_CLASSES, tags.WIND_CLASSES)
    assert all(tags.places(load_sound_classes(), names) for names in named)
    assert tags.places(load_sound_classes(), tags.INSIDE_CLASSES) == [506, 507, 508]
    assert tags.places(load_sound_classes(), tags.OUTSIDE_CLASSES) == [509, 510]


def test_tags_take_the_place_of_the_signal_except_for_silence_and_clipping():
    found = with_tags(signal(2), heard([{"Speech": 0.9}, {}])).values
    scores = scores_of(found, [rule.name for rule in SOUND_RULES])
    assert scores["speech"] == pytest.approx([0.9, 0.01])
    assert scores["silence"] == pytest.approx([0.25, 0.25]) and scores["clipping"] == pytest.approx(
        [0.25, 0.25]
    )
    limits = {rule.name: rule.thresholds[TAGS] for rule in SOUND_RULES if rule.name in ("speech", "indoor")}
    assert judge(scores, SOUND_RULES, limits, 0.5).mask == "01"


def test_silent_broken_and_foreign_answers():
    silent = with_tags(signal(2), SiteResult("skipped", "the recording is silent"))
    assert silent.status == "ok" and np.isnan(silent.values["indoor"]).all()
    assert silent.values["silence"].tolist() == [0.25, 0.25]
    broken = SiteResult("failed", "not a recording")
    assert with_tags(broken, heard([{}])) is broken and with_tags(signal(1), broken) is broken
    assert with_tags(signal(2), heard([{}])).status == "failed"
    with pytest.raises(InputError, match="order of its own"):
        with_tags(signal(1), heard([{}], audioset=False))


def test_masks_are_read_and_checked():
    assert [read_mask(value) for value in (None, "", " 101 ")] == [None, None, "101"]
    for wrong in ("12", "yes", 101, 1.0, True):
        with pytest.raises(SiteError, match="is not a text of 1"):
            read_mask(wrong)
    assert used_windows("101", 3).tolist() == [True, False, True]
    # The last window may be a sample too short at another rate.
    assert used_windows("10", 3).tolist() == [True, False, True]
    assert used_windows("1011", 3).tolist() == [True, False, True]
    with pytest.raises(SiteError, match="another recording"):
        used_windows("101", 5)
    with pytest.raises(SiteError, match=r"about 1 window, but the recording has 5"):
        used_windows("1", 5)
    for windows in (2, 3, 4):  # a tail that the mask does not know is no recording
        with pytest.raises(SiteError, match="all windows") as raised:
            used_windows("000", windows)
        assert raised.value.status == "skipped"


def test_a_mask_leaves_windows_out_of_embedding_and_composition():
    result = heard([{"Bird": 0.9}, {"Speech": 0.9}, {"Rain": 0.9}])
    kept = keep_windows(result, "101")
    assert (kept.values["windows"], kept.values["seconds"]) == (2, 14.0)
    assert kept.values["starts"].tolist() == [0.0, 20.0]
    embedded = masked_embedding(result, "101")
    np.testing.assert_allclose(embedded.vector, [3.0, 4.0, 5.0])  # the mean of rows 0 1 2 and 6 7 8
    assert composition_of(kept, {}).values["raw"] == [0.5, 0.5, 0.0]
    assert composition_of(result, {}).values["raw"] == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert keep_windows(result, "111") is result and keep_windows(result, None) is result
    assert masked_embedding(result, "000").status == "skipped"
    assert masked_embedding(result, "1" * 9).status == "failed"


def test_the_baseline_without_a_model_hears_used_windows_only(tmp_path):
    pytest.importorskip("soundfile")
    rate = 24000
    first, second = recordings.noise(10, rate, 1), recordings.tone(10, rate, frequency=4000.0)[:, 0]
    both = recordings.write(tmp_path, "both.wav", np.concatenate([first, second]), rate)
    alone = recordings.write(tmp_path, "alone.wav", second, rate)

    def ndsi(*tasks):
        return list(run_job("compose-sound", {}, list(tasks), NO_PROGRESS))

    masked, whole, reference, none, other = ndsi(
        {"path": str(both), "mask": "01"}, {"path": str(both), "mask": "11"}, str(alone),
        {"path": str(both), "mask": "00"}, {"path": str(both), "mask": "0101"},
    )  # fmt: skip
    assert masked.values["ndsi"] == pytest.approx(reference.values["ndsi"], abs=1e-3)
    assert (masked.values["windows"], masked.values["seconds"]) == (1, 10.0)
    assert whole == ndsi(str(both))[0]
    assert (none.status, other.status) == ("skipped", "failed")


@pytest.mark.parametrize(("low", "high"), [(0.1, np.nextafter(0.1, 1.0)), (0.0, 5e-324), (1.5e308, 1.7e308)])
def test_a_threshold_lies_between_scores_however_near_or_large(low, high):
    marked = np.array([False, True])
    assert calibrate(np.array([low, high]), marked).youden == 1.0
    assert calibrate(np.array([-low, -high]), marked, below=True).youden == 1.0
    assert np.isfinite(calibrate(np.array([low, high]), marked).threshold)


def test_a_threshold_by_hand():
    """Every cut on a sheet of paper: at 2.25 J is 1 + 1/2 - 1, at 4.5 it is 2/3 + 1 - 1, which is the best."""
    found = calibrate(np.array([1.0, 2, 3, 4, 2.5, 5, 6]), np.array([0, 0, 0, 0, 1, 1, 1], bool))
    assert (found.threshold, found.sensitivity, found.specificity) == (4.5, pytest.approx(2 / 3), 1.0)
    assert found.youden == pytest.approx(2 / 3) and found.balanced == pytest.approx(5 / 6)
    assert found.auc == pytest.approx(10 / 12)  # of twelve pairs two are the wrong way round
    assert (found.yes, found.no) == (3, 4)


def test_below_is_the_mirror_of_above():
    rng = np.random.default_rng(5)
    scores, marked = rng.normal(size=40), rng.random(40) < 0.4
    above, below = calibrate(scores, marked), calibrate(-scores, marked, below=True)
    assert below.threshold == -above.threshold
    assert (below.balanced, below.left_out, below.auc) == (above.balanced, above.left_out, above.auc)


def plain_best(scores, marked):
    """The best J over every cut, one by one."""
    cuts = [-np.inf, *((a + b) / 2 for a, b in zip(sorted(scores), sorted(scores)[1:])), np.inf]
    return max((scores[marked] >= cut).mean() + (scores[~marked] < cut).mean() - 1 for cut in cuts)


@given(st.integers(0, 10_000), st.integers(2, 30))
def test_the_threshold_is_the_best_there_is(seed, count):
    rng = np.random.default_rng(seed)
    scores = np.round(rng.normal(size=count), 1)
    marked = rng.random(count) < 0.5
    marked[:2] = True, False
    found = calibrate(scores, marked)
    assert found.youden == pytest.approx(max(plain_best(scores, marked), 0.0))
    hit = scores >= found.threshold
    assert (found.sensitivity, found.specificity) == (hit[marked].mean(), (~hit[~marked]).mean())


def test_left_out_is_each_site_by_the_threshold_of_the_others(monkeypatch):
    rng = np.random.default_rng(1)
    scores, marked = rng.normal(size=25), rng.random(25) < 0.5
    hit = np.array([
        scores[i] >= calibrate(np.delete(scores, i), np.delete(marked, i)).threshold for i in range(25)
    ])  # fmt: skip
    expected = (hit[marked].mean() + (~hit[~marked]).mean()) / 2
    found = calibrate(scores, marked)
    assert found.left_out == pytest.approx(expected) and found.left_out <= found.balanced
    monkeypatch.setattr(calibration, "FOLDS", 5)
    assert 0 <= calibrate(scores, marked).left_out <= 1


def test_judgements_of_noise_have_no_accuracy_when_left_out():
    rng = np.random.default_rng(2)
    runs = [calibrate(rng.normal(size=60), np.arange(60) % 2 == 0) for _ in range(30)]
    assert np.mean([run.balanced for run in runs]) > 0.55
    assert abs(np.mean([run.left_out for run in runs]) - 0.5) < 0.06


def test_judgements_of_one_kind_are_refused():
    with pytest.raises(InputError, match="3 are marked 1 and 0 marked 0"):
        calibrate(np.arange(3.0), np.ones(3, bool))
    assert calibrate(np.arange(3.0), np.array([False, True, True])).left_out is None
