"""Every kind of recording, good, odd and broken, in one layer: each site has its status, and none is lost."""

from __future__ import annotations

import resource

import numpy as np
import pytest
from helpers import vector

from tests.builders import recordings

#: Good recordings with their windows of 10 s and seconds, by hand; the rest are 3 s long.
LENGTHS = dict.fromkeys(("wav", "flac", "ogg", "mp3", "m4a"), (2, 12.0))
LENGTHS.update(two_seconds=(1, 2.0), truncated_wav=(1, 6.0))


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """Every recording by name: good, bad, silent, missing."""
    made = {}
    for name, builder in recordings.GOOD.items():
        made[name] = builder(tmp_path_factory.mktemp(name))
    for name, (builder, _, _) in recordings.BAD.items():
        made[name] = builder(tmp_path_factory.mktemp(name))
    made["silent"] = recordings.silent(tmp_path_factory.mktemp("silent"))
    made["folder"] = tmp_path_factory.mktemp("folder")
    made["missing"] = made["folder"] / "missing.wav"
    return made


EXPECTED = {
    **dict.fromkeys(recordings.GOOD, ("ok", None)),
    **{name: (status, reason) for name, (_, status, reason) in recordings.BAD.items()},
    "silent": ("skipped", "the recording is silent (below -70 dBFS)"),
    "folder": ("failed", ""),
    "missing": ("failed", ""),
    "null": ("skipped", "the path field is empty"),
}


def layer_of(make_points, zoo):
    names = [*zoo, "null"]
    return make_points(
        [(index, 0) for index in range(len(names))],
        {"kind": names, "path": [str(zoo[name]) if name in zoo else None for name in names]},
    )


@pytest.fixture
def embedded(run, make_points, zoo):
    return run("embedsound", {"INPUT": layer_of(make_points, zoo), "PATH_FIELD": "path"})


def test_each_has_its_status_and_reason(embedded, zoo):
    rows = embedded.features()
    assert [row["kind"] for row in rows] == [*zoo, "null"]
    assert len(rows) == len(EXPECTED) == 34
    assert {row["kind"]: row["snd_status"] for row in rows} == {
        name: status for name, (status, _) in EXPECTED.items()
    }
    for row in rows:
        status, reason = EXPECTED[row["kind"]]
        if status == "ok":
            assert len(row["snd_emb"]) % 4 == 0
            assert np.isfinite(vector(row["snd_emb"])).all()
        else:
            assert reason in row["snd_reason"]
            # A whole sentence for the analyst, not a Python error.
            assert len(row["snd_reason"]) > 15
            assert "Error" not in row["snd_reason"]
            assert (row["snd_emb"], row["snd_windows"], row["snd_seconds"]) == (None, None, None)
    counts = {
        kind: sum(status == kind for status, _ in EXPECTED.values()) for kind in ("ok", "failed", "skipped")
    }
    assert counts == {"ok": 17, "failed": 14, "skipped": 3}
    assert embedded.feedback.warnings == [
        "34 sites: 17 ok, 14 failed, 3 skipped. The reasons are in the field 'snd_reason'."
    ]


def test_lengths_of_the_good_ones(embedded):
    for row in embedded.features():
        if row["snd_status"] == "ok":
            windows, seconds = LENGTHS.get(row["kind"], (1, 3.0))
            # Encoders of MP3 and AAC pad by up to some 50 ms.
            assert row["snd_windows"] == windows, row["kind"]
            assert row["snd_seconds"] == pytest.approx(seconds, abs=0.1), row["kind"]


def test_one_sound_in_many_wrappings_is_one_embedding(embedded):
    """The same tone in 16, 24 and 32 bits, floats, six channels or another rate: alike to a cosine of 0.99."""
    rows = {row["kind"]: row for row in embedded.features()}
    reference = vector(rows["wav_24bit"]["snd_emb"])
    for name in ("wav_32bit", "wav_float", "wav_extensible", "wav_96khz", "surround"):
        other = vector(rows[name]["snd_emb"])
        cosine = reference @ other / np.linalg.norm(reference) / np.linalg.norm(other)
        assert cosine > 0.99, name


def test_the_same_zoo_through_bgasound(run, make_points, zoo):
    made = run("bgasound", {"INPUT": layer_of(make_points, zoo), "PATH_FIELD": "path"})
    rows = made.features()
    assert len(rows) == 34
    status = next(name for name in rows[0] if name.endswith("status"))
    assert {row["kind"]: row[status] for row in rows} == {
        name: state for name, (state, _) in EXPECTED.items()
    }
    shares = [
        sum(row["snd_" + part] for part in ("bio", "geo", "ant")) for row in rows if row[status] == "ok"
    ]
    assert shares == pytest.approx([1.0] * 17)


def test_three_hours_stream(run, make_points, tmp_path, monkeypatch):
    """1080 windows in the memory of a few: three hours at 32 kHz would be 1.4 GB of floats.

    What is done with a window costs time and no memory, so a stand-in for the encoder keeps this test short.
    """
    from soundvis_core.models.acoustic_features import AcousticFeatures

    seen = []

    def cheap(self, windows):
        seen.append(len(windows))
        return np.stack([np.full(self.dimension, window.std(), np.float32) for window in windows])

    path = recordings.long_recording(tmp_path, 3 * 3600.0, rate=8000)
    layer = make_points([(0, 0)], {"path": [str(path)]})
    monkeypatch.setattr(AcousticFeatures, "encode", cheap)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    row = run("embedsound", {"INPUT": layer, "PATH_FIELD": "path"}).features()[0]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (row["snd_status"], row["snd_windows"], row["snd_seconds"]) == ("ok", 1080, 10800.0)
    assert sum(seen) == 1080
    assert max(seen) <= 6
    # Noise of RMS 0.002, through and through.
    assert vector(row["snd_emb"]) == pytest.approx(0.002, rel=0.05)
    # In kilobytes, of the largest that the process ever was.
    assert grown < 200_000
