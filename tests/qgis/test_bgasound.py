"""BGA of recordings, and the whole chain of site tools with its default fields."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers import AlgorithmError, Feedback

pytest.importorskip("soundfile")
from tests.builders import recordings

BGA = ["bio", "geo", "ant", "bio_raw", "geo_raw", "ant_raw", "unmapped", "dominant", "evenness",
       "bga_status", "bga_reason"]  # fmt: skip
MEASURED = ["ndsi", "band_bio", "band_ant", "steadiness", "bga_windows", "bga_seconds"]


def sites(make_points, paths):
    return make_points(
        [(500000 + n, 5000000) for n in range(len(paths))], {"recording": [p and str(p) for p in paths]}
    )


def chirps(folder):
    """Short tones between 3 and 8 kHz over faint noise: birds, as the method sees it."""
    rate = 24000
    rng = np.random.default_rng(3)
    signal = rng.normal(0, 1e-4, 12 * rate)
    time = np.arange(int(0.08 * rate)) / rate
    for start in np.arange(0.2, 11.5, 0.3):
        tone = 0.2 * np.sin(2 * np.pi * rng.uniform(3000, 8000) * time) * np.hanning(time.size)
        place = int(start * rate)
        signal[place : place + time.size] += tone
    return recordings.write(folder, "chirps.wav", signal, rate)


def test_fields_and_their_order(run, make_points, tmp_path):
    made = run("bgasound", {"INPUT": sites(make_points, [chirps(tmp_path)]), "PATH_FIELD": "recording"})
    names = [field.name() for field in made.layer().fields()]
    assert names == ["recording", *("snd_" + name for name in [*MEASURED, *BGA])]


def test_the_numbers_of_the_core_arrive_as_they_are(run, make_points, tmp_path):
    from soundvis_core.audio import read_windows
    from soundvis_core.bga.soundscape import RATE, sound_composition

    paths = [chirps(tmp_path), recordings.wav(tmp_path, seconds=12), recordings.flac(tmp_path)]
    made = run("bgasound", {"INPUT": sites(make_points, paths), "PATH_FIELD": "recording", "PREFIX": "s_"})
    for site, path in zip(made.features(), paths):
        sound = sound_composition(read_windows(path, RATE))
        composition = sound.composition
        found = [[site[f"s_{name}{raw}"] for name in ("bio", "geo", "ant")] for raw in ("", "_raw")]
        np.testing.assert_allclose(found, [composition.normalised, composition.raw], rtol=1e-12)
        for name in ("ndsi", "band_bio", "band_ant", "steadiness"):
            assert site["s_" + name] == pytest.approx(getattr(sound, name), rel=1e-12)
        assert (site["s_bga_windows"], site["s_bga_seconds"]) == (sound.windows, sound.seconds)
        assert site["s_dominant"] == composition.dominant
        assert site["s_evenness"] == pytest.approx(composition.evenness)
        assert site["s_unmapped"] == composition.unmapped
        assert site["s_bga_status"] == "ok"


def test_what_must_hold_of_plain_sounds(run, make_points, tmp_path):
    """Chirps are biophony and NDSI near 1; a steady tone of 1.5 kHz is anthrophony and NDSI near -1."""
    tone = recordings.write(tmp_path, "tone.wav", recordings.tone(12, 24000, frequency=1500.0), 24000)
    made = run("bgasound", {"INPUT": sites(make_points, [chirps(tmp_path), tone]), "PATH_FIELD": "recording"})
    birds, machine = made.features()
    assert birds["snd_dominant"] == "biophony" and birds["snd_bio"] > 0.8 and birds["snd_ndsi"] > 0.9
    assert machine["snd_dominant"] == "anthrophony" and machine["snd_ant"] > 0.9
    assert machine["snd_ndsi"] < -0.9
    # A sine of amplitude 0.25 has the power 0.25^2 / 2 = -15.05 dBFS.
    assert machine["snd_band_ant"] == pytest.approx(10 * math.log10(0.25**2 / 2), abs=0.5)
    assert machine["snd_bga_windows"] == 2 and machine["snd_bga_seconds"] == pytest.approx(12.0, abs=0.01)
    for site in (birds, machine):
        assert sum(site["snd_" + name] for name in ("bio", "geo", "ant")) == pytest.approx(1.0)


def test_silence_is_null(run, make_points, tmp_path):
    made = run(
        "bgasound", {"INPUT": sites(make_points, [recordings.silent(tmp_path)]), "PATH_FIELD": "recording"}
    )
    (site,) = made.features()
    assert site["snd_bga_status"] == "skipped" and "silent" in site["snd_bga_reason"]
    assert all(site["snd_" + name] is None for name in [*MEASURED, *BGA[:6], "dominant", "evenness"])


def test_silent_windows_are_unmapped(run, make_points, tmp_path):
    """Ten seconds of sound, ten of silence."""
    samples = np.concatenate([recordings.tone(10, 24000)[:, 0], np.zeros(240000)])
    path = recordings.write(tmp_path, "half.wav", samples, 24000)
    (site,) = run("bgasound", {"INPUT": sites(make_points, [path]), "PATH_FIELD": "recording"}).features()
    assert site["snd_unmapped"] == pytest.approx(0.5, abs=1e-3)
    assert site["snd_bio"] + site["snd_geo"] + site["snd_ant"] == pytest.approx(1.0)
    raw = sum(site[f"snd_{name}_raw"] for name in ("bio", "geo", "ant"))
    assert raw == pytest.approx(0.5, abs=1e-3)


def test_bad_recordings_mark_their_site_and_the_rest_go_on(run, make_points, tmp_path):
    paths = [
        chirps(tmp_path), recordings.corrupt(tmp_path), None, "", tmp_path / "nothing.wav", recordings.empty(tmp_path),
        recordings.too_short(tmp_path), recordings.wav(tmp_path),
    ]  # fmt: skip
    made = run("bgasound", {"INPUT": sites(make_points, paths), "PATH_FIELD": "recording"})
    found = made.features()
    assert [site["snd_bga_status"] for site in found] == [
        "ok", "failed", "skipped", "skipped", "failed", "failed", "skipped", "ok",
    ]  # fmt: skip
    assert all((site["snd_bga_reason"] or "") != "" for site in found[1:7])
    assert all(site["snd_bio"] is None for site in found[1:7])
    assert "8 sites: 2 ok, 3 failed, 3 skipped." in made.feedback.text


def test_a_low_sample_rate_is_remarked(run, make_points, tmp_path):
    path = recordings.write(tmp_path, "phone.wav", recordings.noise(12, 8000), 8000)
    (site,) = run("bgasound", {"INPUT": sites(make_points, [path]), "PATH_FIELD": "recording"}).features()
    assert site["snd_bga_status"] == "ok"
    assert "no sound above 4 kHz" in site["snd_bga_reason"]


def test_relative_paths_start_at_the_base_folder(run, make_points, tmp_path):
    recordings.wav(tmp_path)
    name = next(tmp_path.glob("*.wav")).name
    layer = sites(make_points, [name])
    parameters = {"INPUT": layer, "PATH_FIELD": "recording", "BASE_FOLDER": str(tmp_path)}
    (site,) = run("bgasound", parameters).features()
    assert site["snd_bga_status"] == "ok"


def test_a_cancelled_run_leaves_nothing(run, make_points, tmp_path):
    path = chirps(tmp_path)
    output = tmp_path / "out" / "sites.gpkg"
    output.parent.mkdir()
    parameters = {"INPUT": sites(make_points, [path] * 12), "PATH_FIELD": "recording", "OUTPUT": str(output)}
    run("bgasound", parameters, Feedback(cancel_at=20))
    assert list(output.parent.iterdir()) == []


def test_an_unknown_method_is_refused(run, make_points, tmp_path):
    parameters = {"INPUT": sites(make_points, [None]), "PATH_FIELD": "recording", "METHOD": "magic"}
    with pytest.raises(AlgorithmError):
        run("bgasound", parameters)


def test_the_chain_with_default_fields_does_not_collide(run, town, tmp_path):
    """Every site tool after another, each with its defaults; then each refuses to write its fields again."""
    classes = run("segmentraster", {"INPUT": town.aerial, "OUTPUT": str(tmp_path / "classes.tif")})["OUTPUT"]
    sound, photo = {"PATH_FIELD": "recording"}, {"PATH_FIELD": "photo"}
    steps = [
        ("embedsound", sound), ("bgasound", sound), ("embedphotos", photo), ("segmentphotos", photo),
        ("bgashares", {}), ("embedimagery", {"RASTER": town.aerial}), ("bgasites", {"CLASSES": classes}),
    ]  # fmt: skip
    layer, kept = town.sites, []
    for algorithm, parameters in steps:
        made = run(algorithm, {"INPUT": layer, **parameters})
        kept.append(made)
        layer = made.layer()
    names = [field.name() for field in layer.fields() if field.name() != "fid"]
    paper = ["grassland", "forest_vegetation", "wetlands", "waterbody", "bare_land", "road_sidewalk", "building",
             "vehicles", "cropland"]  # fmt: skip
    assert names == [
        "site_id", "district", "surroundings", "recording", "photo",
        "snd_emb", "snd_status", "snd_reason", "snd_windows", "snd_seconds",
        *("snd_" + name for name in [*MEASURED, *BGA]),
        "st_emb", "st_status", "st_reason", "st_views",
        "st_sky", "st_vegetation", "st_built", "st_road", "st_seg_status", "st_seg_reason",
        *("st_" + name for name in BGA),
        "aer_emb", "aer_status", "aer_reason", "aer_covered",
        *("aer_" + name for name in paper), "aer_nodata", *("aer_" + name for name in BGA),
    ]  # fmt: skip
    assert len({name.lower() for name in names}) == len(names)
    sites = made.features()
    assert len(sites) == len(town.truth["sites"])
    for name in ("snd_status", "snd_bga_status", "st_status", "st_seg_status", "st_bga_status", "aer_status"):
        assert {site[name] for site in sites} == {"ok"}
    for algorithm, parameters in steps:
        with pytest.raises(AlgorithmError, match="already has the field"):
            run(algorithm, {"INPUT": layer, **parameters})
    check_against_truth(sites, town.truth["sites"])


def check_against_truth(sites, truth) -> None:
    """What the baselines say of the town goes with what is known of it."""
    differences = [
        abs(site[f"aer_{short}"] - truth[site["site_id"]]["bga"][label])
        for site in sites
        for short, label in (("bio", "biophony"), ("geo", "geophony"), ("ant", "anthrophony"))
    ]
    assert np.mean(differences) < 0.10
    birds = [truth[site["site_id"]]["sound_levels_db"]["birds"] or 0.0 for site in sites]
    traffic = [truth[site["site_id"]]["sound_levels_db"]["traffic"] or 0.0 for site in sites]
    balance = np.subtract(birds, traffic)
    assert np.corrcoef(balance, [site["snd_ndsi"] for site in sites])[0, 1] > 0.5
    vegetation = [truth[site["site_id"]]["street_view"]["Vegetation"] for site in sites]
    assert np.corrcoef(vegetation, [site["st_vegetation"] for site in sites])[0, 1] > 0.8
