"""Recordings to compositions: the ndsi baseline, and what is derived from a model's answer."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from soundvis_core.bga.audioset import load_sound_classes
from soundvis_core.bga.soundscape import RATE, sound_composition
from soundvis_core.compose import compose_recordings, composition_of, sound_classes
from soundvis_core.errors import SKIPPED, Cancelled, InputError, SiteError
from soundvis_core.pipeline import OK, SiteResult

pytest.importorskip("soundfile")
from soundvis_core.audio import read_windows
from tests.builders import recordings


class Progress:
    def __init__(self) -> None:
        self.stop = threading.Event()

    def report(self, fraction): ...
    def info(self, text): ...
    def warn(self, text): ...

    def cancelled(self):
        return self.stop.is_set()


def heard(probabilities, seconds=None, reason=""):
    """A model's answer, as it comes from the worker or the cache."""
    made = np.full((len(probabilities), 527), 0.01, dtype=np.float32)
    places = {row.name: row.index for row in load_sound_classes().rows}
    for window, tags in zip(made, probabilities):
        for name, probability in tags.items():
            window[places[name]] = probability
    values = {
        "windows": len(made), "seconds": seconds or 10.0 * len(made), "probabilities": made,
        "starts": 10.0 * np.arange(len(made), dtype=np.float32), "embeddings": np.zeros((len(made), 768), np.float32),
    }  # fmt: skip
    return SiteResult(OK, reason, values=values)


TWO = ({"Bird": 0.6, "Speech": 0.3}, {"Bird": 0.1, "Rain": 0.5, "Speech": 0.9})


def test_the_composition_by_hand():
    found = composition_of(heard(TWO, 14.5, "a remark"), {})
    assert (found.status, found.reason, found.vector) == (OK, "a remark", None)
    assert found.values == {
        "raw": [0.5, 0.5, 1.0], "unmapped": 0.0, "windows": 2, "seconds": 14.5,
        "top_tags": "Speech (100%); Bird (50%); Rain (50%)",
    }  # fmt: skip


def test_the_options_reach_the_composition():
    options = {"threshold": 0.55, "aggregation": "share"}
    assert composition_of(heard(TWO), options).values["raw"] == [0.5, 0.0, 0.5]
    assert composition_of(heard(TWO), {"threshold": 0.0}).values["raw"] == [1.0, 1.0, 1.0]
    assert composition_of(heard(TWO), {"aggregation": "maximum"}).values["raw"] == pytest.approx(
        [0.35, 0.255, 0.6]
    )
    dogs = heard([{"Dog": 0.9}])
    assert composition_of(dogs, {"pets": True}).values["raw"] == [1.0, 0.0, 0.0]
    assert composition_of(dogs, {"pets": False}).values["raw"] == [0.0, 0.0, 1.0]


def test_classes_in_another_order_are_not_weighed():
    answer = heard(TWO)
    ordered = SiteResult(OK, values={**answer.values, "audioset": True})
    assert composition_of(ordered, {}) == composition_of(answer, {})
    with pytest.raises(InputError, match="in an order of its own"):
        composition_of(SiteResult(OK, values={**answer.values, "audioset": False}), {})


def test_tags_come_where_they_are_wanted():
    answer = heard(TWO)
    found = composition_of(answer, {"tags": True}).values
    np.testing.assert_array_equal(found["probabilities"], answer.values["probabilities"])
    np.testing.assert_array_equal(found["starts"], [0.0, 10.0])
    assert not {"starts", "probabilities", "embeddings"} & set(composition_of(answer, {"tags": False}).values)


def test_where_nothing_is_heard_the_site_is_skipped_and_says_what_was():
    found = composition_of(heard([{"Silence": 0.9}, {}]), {"threshold": 0.3})
    assert found.status == SKIPPED and "no sound with BGA weights" in found.reason
    assert (found.values["raw"], found.values["unmapped"], found.values["windows"]) == (None, 1.0, 2)
    assert found.values["top_tags"] == "Silence (50%)"


def test_sites_without_an_answer_stay_as_they_are():
    for status, reason in (("failed", "no such file"), ("skipped", "the recording is silent")):
        found = composition_of(SiteResult(status, reason), {"tags": True})
        assert (found.status, found.reason, dict(found.values)) == (status, reason, {})


def test_damaged_probabilities_fail_their_site_only():
    answer = heard(TWO)
    answer.values["probabilities"][1, 3] = np.nan
    found = composition_of(answer, {})
    assert found.status == "failed" and "not numbers from 0 to 1" in found.reason and not found.values


def test_a_model_of_other_classes_ends_the_run():
    answer = heard(TWO)
    values = {**answer.values, "probabilities": np.zeros((2, 10), np.float32)}
    with pytest.raises(InputError, match="names 10 classes"):
        composition_of(SiteResult(OK, values=values), {})


def test_labels_in_another_order_end_the_run():
    shuffled = SiteResult(OK, values={**heard([{"Dog": 0.9}]).values, "audioset": False})
    with pytest.raises(InputError, match="an order of its own"):
        composition_of(shuffled, {})


def test_own_weights_are_read_once_and_again_when_they_change(tmp_path, monkeypatch):
    from soundvis_core.bga import audioset

    path = tmp_path / "own.csv"
    path.write_text("class,biophony,geophony,anthrophony\nSpeech,0,0,0\n", encoding="utf-8")
    read = []
    load = audioset.load_sound_classes
    monkeypatch.setattr(audioset, "load_sound_classes", lambda given: read.append(given) or load(given))
    for _ in range(3):
        assert composition_of(heard(TWO), {"weights": str(path)}).values["raw"] == [0.5, 0.5, 0.0]
    assert read == [str(path)]
    path.write_text("class,biophony,geophony,anthrophony\nSpeech,0,1,0\n", encoding="utf-8")
    os.utime(path, (1, 1))
    assert composition_of(heard(TWO), {"weights": str(path)}).values["raw"] == [0.5, 1.0, 0.0]
    with pytest.raises(InputError, match="cannot be read"):
        sound_classes(str(tmp_path / "none.csv"))


# ---------------------------------------------------------------------------------------------------- ndsi


def test_the_baseline_gives_what_the_soundscape_module_says(tmp_path):
    paths = [recordings.wav(tmp_path, seconds=12), recordings.flac(tmp_path)]
    found = list(compose_recordings(map(str, paths), {}, Progress()))
    for result, path in zip(found, paths):
        sound = sound_composition(read_windows(path, RATE))
        assert result.status == OK
        assert result.values["raw"] == [float(value) for value in sound.composition.raw]
        for name in ("ndsi", "band_ant", "band_bio", "steadiness", "windows", "seconds"):
            assert result.values[name] == getattr(sound, name)


def test_the_baseline_marks_sites_that_cannot_be_used(tmp_path):
    tasks = [
        str(recordings.silent(tmp_path)),
        SiteError("no path", SKIPPED),
        str(recordings.corrupt(tmp_path)),
    ]
    found = list(compose_recordings(tasks, {}, Progress()))
    assert [result.status for result in found] == ["skipped", "skipped", "failed"]
    assert "silent" in found[0].reason and found[1].reason == "no path"


def test_the_baseline_can_be_cancelled(tmp_path):
    progress = Progress()
    progress.stop.set()
    with pytest.raises(Cancelled):
        list(compose_recordings([str(recordings.wav(tmp_path))], {}, progress))
