"""The paper's models through the tools, in a real worker: the core's own numbers, kept for the next run."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import Feedback, make_points, make_raster, read_raster, vector
from paper import AST, core_answers, nobody_left, path_layer
from qgis.core import QgsRasterLayer

from soundvis_core import segment_windows
from soundvis_core.bga.audioset import THRESHOLD
from soundvis_core.classes import NODATA
from soundvis_core.segment_windows import plan_window_blocks
from soundvis_qgis.layers.rasters import RasterSource
from soundvis_qgis.layers.tiles import TileSource, read_tile

pytest.importorskip("soundfile")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    from PIL import Image

    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(5)
    paths = []
    for name, size in (("wide", (90, 200)), ("high", (120, 80))):
        coarse = random.integers(0, 255, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize(size[::-1], Image.BICUBIC).save(folder / f"{name}.png")
        paths.append(folder / f"{name}.png")
    return paths


@pytest.fixture(scope="module")
def aerial(qgis_app, tmp_path_factory):
    """A picture of 300 x 260 m, without data in its lower right corner."""
    random = np.random.default_rng(9)
    pixels = np.kron(
        random.integers(1, 255, (3, 26, 30), dtype=np.uint8), np.ones((1, 10, 10), dtype=np.uint8)
    )
    pixels[:, 150:, 200:] = 0
    return make_raster(tmp_path_factory.mktemp("aerial") / "aerial.tif", pixels, nodata=0)


def runtime(tiny, **changes):
    return {
        "models_folder": str(tiny / "models"), "cache_folder": str(tiny / "cache"), "device": "cpu",
        "precision": "fp32", **changes,
    }  # fmt: skip


PLACES = [(500060.0, 4999940.0), (500150.0, 4999900.0), (500290.0, 4999750.0), (500100.0, 4999800.0)]


def blocks_of(path, side):
    """The tasks of a raster, made by hand."""
    bands = np.stack([read_raster(path, band) for band in (1, 2, 3)])
    valid = ~(bands == 0).any(axis=0)
    image = np.where(valid, bands, 0)
    tasks = []
    for block in plan_window_blocks(bands.shape[2], bands.shape[1], side):
        rows = slice(block.padded_row, block.padded_row + block.padded_height)
        columns = slice(block.padded_column, block.padded_column + block.padded_width)
        tasks.append(
            {
                "column": block.column, "row": block.row, "width": block.width, "height": block.height,
                "padded_column": block.padded_column, "padded_row": block.padded_row,
                "image": np.ascontiguousarray(np.moveaxis(image[:, rows, columns], 0, 2)),
                "valid": valid[rows, columns],
            }
        )  # fmt: skip
    return tasks


@pytest.fixture(scope="module")
def tiles(aerial):
    """What the footprints of PLACES look like, at the model's own 224 pixels."""
    from soundvis_core.geodesy import LocalFrame

    source = RasterSource(QgsRasterLayer(aerial, "aerial"))
    frames = [LocalFrame(source.crs_text, *place) for place in PLACES]
    return [read_tile(source, frame, place, 60.0, 224).tile() for frame, place in zip(frames, PLACES)]


@pytest.fixture(scope="module")
def core(paper_python, tiny, sounds, pictures, aerial, tiles, tmp_path_factory):
    """The core's own answers to all that is asked of the tools below, by name."""
    classes = {"classes": "building, house; road; tree", "threshold": 0.05}
    own = {
        name: {"runtime": runtime(tiny, checkpoint=str(tiny / name))}
        for name in ("clip", "remoteclip", "segearth")
    }
    stored = {"runtime": runtime(tiny)}
    seen = [tile for tile, share in tiles if share >= 0.5]
    whole = {"classes": classes["classes"], "threshold": None, "width": 300, "height": 260}
    questions = {
        "embedsound": ("embed-recordings", {**AST, **stored}, [str(path) for path in sounds]),
        "embedphotos": (
            "embed-photos", {"model": "clip-vit-l-14", "views": "three-crops", **own["clip"]}, list(map(str, pictures)),
        ),
        "embedimagery": (
            "embed-tiles", {"model": "remoteclip-vit-l-14", **own["remoteclip"]}, seen,
        ),
        "segmentphotos": (
            "segment-photos", {"model": "clipseg-rd64", **classes, **stored}, list(map(str, pictures)),
        ),
        "segmentraster": (
            "segment-blocks", {"model": "segearth-ov", **whole, **own["segearth"]}, blocks_of(aerial, 1344),
        ),
    }  # fmt: skip
    answers = core_answers(paper_python, tmp_path_factory.mktemp("core"), list(questions.values()))
    return dict(zip(questions, answers))


def history(made):
    return "\n".join(made.layer().metadata().history())


def test_embedsound_and_bgasound_share_one_run_of_the_model(run, paper_setup, workers, sounds, core):
    sites = path_layer(sounds)
    parameters = {"INPUT": sites, "PATH_FIELD": "path", "MODEL": "ast-audioset"}
    made = run("embedsound", parameters)
    features = made.features()
    assert [site["snd_status"] for site in features] == ["ok", "failed", "ok", "skipped", "ok", "ok"]
    assert [(site["snd_status"], site["snd_reason"] or "") for site in features] == [
        (answer.status, answer.reason) for answer in core["embedsound"]
    ]
    for site, answer in zip(features, core["embedsound"]):
        if answer.vector is not None:
            np.testing.assert_allclose(vector(site["snd_emb"]), answer.vector, rtol=1e-5, atol=1e-5)
            assert (site["snd_windows"], site["snd_seconds"]) == (
                answer.values["windows"],
                answer.values["seconds"],
            )
    assert len(workers) == 1 and workers[0].returncode is not None
    assert "field snd_emb: ast-audioset, revision f826b80d2822" in history(made)
    log = made.feedback.text
    assert "Model ast-audioset, revision f826b80d2822" in log and "float32" in log
    assert "6 sites in" in log and "per second" in log
    assert (
        "device: cpu" in history(made)
        and "float32" in history(made)
        and "revision: f826b80d2822" in history(made)
    )

    again = run("embedsound", {**parameters, "FIELD": "other_emb"})
    assert len(workers) == 1
    assert [site["other_emb"] for site in again.features()] == [site["snd_emb"] for site in features]
    assert "6 sites from the cache" in again.feedback.text
    assert "device: cpu" in history(again)

    parameters = {"INPUT": sites, "PATH_FIELD": "path", "METHOD": "ast-audioset", "TAGS_SCORE": 0.0}
    heard = run("bgasound", {**parameters, "TAGS": "memory:"})
    features, tags = heard.features(), heard.features("TAGS")
    assert [site["snd_bga_status"] for site in features] == [site["snd_status"] for site in made.features()]
    last = [row for row in tags if row["recording"] == str(sounds[5])]
    assert len(last) == 2 * 527
    assert {(row["start_s"], row["length_s"]) for row in last} == {(0.0, 10.0), (10.0, 2.0)}
    # The compositions again, from the table alone.
    above = run("bgasound", {**parameters, "THRESHOLD": 0.9, "AGGREGATION": "maximum"}).features()
    for category, short in (("biophony", "bio"), ("geophony", "geo"), ("anthrophony", "ant")):
        scores = [
            [row["probability"] for row in last if (row["category"], row["start_s"]) == (category, start)]
            for start in (0, 10)
        ]
        assert features[5][f"snd_{short}_raw"] == np.mean([max(window) >= THRESHOLD for window in scores])
        assert above[5][f"snd_{short}_raw"] == pytest.approx(np.mean([max(w) for w in scores]), rel=1e-5)
    assert len(workers) == 1


def test_embedphotos_with_a_checkpoint_of_ones_own(run, paper_setup, workers, tiny, pictures, core):
    parameters = {
        "INPUT": path_layer(pictures), "PATH_FIELD": "path", "MODEL": "clip-vit-l-14", "VIEWS": "three-crops",
        "CHECKPOINT": str(tiny / "clip" / "open_clip_model.safetensors"),
    }  # fmt: skip
    made = run("embedphotos", parameters)
    for site, answer in zip(made.features(), core["embedphotos"]):
        np.testing.assert_allclose(vector(site["st_emb"]), answer.vector, rtol=1e-5, atol=1e-5)
        assert (site["st_status"], site["st_views"]) == ("ok", 3)
    assert "field st_emb: clip-vit-l-14, own weights clip" in history(made)
    assert "open_clip_model.safetensors, described by open_clip_config.json in the same" in made.feedback.text
    run("embedphotos", {**parameters, "CHECKPOINT": str(tiny / "clip")})
    assert len(workers) == 1  # the same weights by another name


def test_embedimagery_at_the_pixels_of_the_model(run, paper_setup, workers, tiny, aerial, tiles, core):
    sites = make_points(PLACES, {"id": [1, 2, 3, 4]})
    parameters = {
        "INPUT": sites, "RASTER": aerial, "FOOTPRINT": 60.0, "MODEL": "remoteclip-vit-l-14",
        "CHECKPOINT": str(tiny / "remoteclip"),
    }  # fmt: skip
    features = run("embedimagery", parameters).features()
    answers = iter(core["embedimagery"])
    for site, (_, share) in zip(features, tiles):
        assert site["aer_covered"] == pytest.approx(share)
        assert site["aer_status"] == ("ok" if share >= 0.5 else "skipped")
        if share >= 0.5:
            np.testing.assert_allclose(vector(site["aer_emb"]), next(answers).vector, rtol=1e-5, atol=1e-5)
    assert [site["aer_status"] for site in features].count("ok") >= 2
    # Two of the four places, in another order, are known already.
    few = make_points([PLACES[1], PLACES[0]], {"id": [2, 1]})
    again = run("embedimagery", {**parameters, "INPUT": few}).features()
    assert [site["aer_emb"] for site in again] == [features[1]["aer_emb"], features[0]["aer_emb"]]
    assert len(workers) == 1


def test_a_known_tile_is_not_sampled_again_and_another_is(
    run, paper_setup, workers, tiny, aerial, monkeypatch
):
    parameters = {
        "INPUT": make_points(PLACES[:1], {"id": [1]}), "RASTER": aerial, "FOOTPRINT": 40.0,
        "MODEL": "remoteclip-vit-l-14", "CHECKPOINT": str(tiny / "remoteclip"),
    }  # fmt: skip
    sampled = []
    tile = TileSource.tile
    monkeypatch.setattr(TileSource, "tile", lambda source: sampled.append(source) or tile(source))
    first = run("embedimagery", parameters).features()[0]
    again = run("embedimagery", parameters).features()[0]
    assert first["aer_covered"] == again["aer_covered"] == 1.0
    assert first["aer_emb"] == again["aer_emb"]
    assert len(sampled) == len(workers) == 1
    wider = run("embedimagery", {**parameters, "FOOTPRINT": 44.0}).features()[0]
    moved = make_points([(PLACES[0][0] + 0.5, PLACES[0][1])], {"id": [1]})
    beside = run("embedimagery", {**parameters, "INPUT": moved}).features()[0]
    assert len({site["aer_emb"] for site in (first, wider, beside)}) == 3
    assert len(sampled) == 3


def test_segmentphotos(run, paper_setup, workers, pictures, core):
    parameters = {
        "INPUT": path_layer(pictures), "PATH_FIELD": "path", "MODEL": "clipseg-rd64",
        "CLASSES": "building, house; road; tree", "THRESHOLD": 0.05,
    }  # fmt: skip
    for site, answer in zip(run("segmentphotos", parameters).features(), core["segmentphotos"]):
        for name in ("building", "road", "tree"):
            assert site[f"st_{name}"] == pytest.approx(answer.values[name], abs=1e-4)
        assert site["st_seg_status"] == "ok"
    run("segmentphotos", {**parameters, "CLASSES": "building,house;road;tree"})
    assert len(workers) == 1  # the same classes, written otherwise


def segment(run, tiny, aerial, output, feedback=None, **changes):
    parameters = {
        "INPUT": aerial, "MODEL": "segearth-ov", "CLASSES": "building, house; road; tree",
        "CHECKPOINT": str(tiny / "segearth"), "OUTPUT": str(output), **changes,
    }  # fmt: skip
    return run("segmentraster", parameters, feedback)


def test_a_broken_run_of_segmentraster_goes_on_where_it_stopped(
    run, paper_setup, workers, tiny, aerial, core, tmp_path, monkeypatch
):
    """In blocks what the core gives as a whole; a run that was cancelled leaves no file, and its blocks are known."""
    monkeypatch.setattr(segment_windows, "BLOCK", 224)
    out = tmp_path / "out"
    out.mkdir()
    segment(run, tiny, aerial, out / "classes.tif", Feedback(cancel_at=30))
    assert list(out.iterdir()) == []
    assert workers[0].returncode is not None and nobody_left(workers[0].pid)
    made = segment(run, tiny, aerial, out / "classes.tif")
    codes = read_raster(made["OUTPUT"])
    np.testing.assert_array_equal(codes, core["segmentraster"][0].values["codes"])
    assert (codes[150:, 200:] == NODATA).all() and not (codes[:150] == NODATA).any()
    assert set(np.unique(codes)) <= {1, 2, 3, NODATA}
    assert "sharpened by SimFeatUp" in made.feedback.text and " blocks in " in made.feedback.text
    known = int(made.feedback.text.split(" blocks from the cache")[0].split()[-1])
    assert known >= 1  # of four, one of which has no data
    assert made.feedback.progress == sorted(made.feedback.progress) and made.feedback.progress[-1] == 100.0
    assert len(workers) == 2
    segment(run, tiny, aerial, out / "again.tif")
    assert len(workers) == 2
    np.testing.assert_array_equal(read_raster(out / "again.tif"), read_raster(out / "classes.tif"))
