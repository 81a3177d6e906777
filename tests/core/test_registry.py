"""The registry of models: every row can be made, and does what its task says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soundvis_core.classes import load_classes
from soundvis_core.errors import InputError
from soundvis_core.models import registry
from soundvis_core.models.registry import (
    EMBED_AUDIO,
    EMBED_IMAGE,
    LIGHT,
    SEGMENT_AERIAL,
    SEGMENT_PHOTO,
    TAG_AUDIO,
    TASKS,
    TORCH,
    find,
    for_task,
    load,
    rows,
)
from soundvis_core.models.registry_file import shipped_rows


def light(task: str) -> list[str]:
    return [row.id for row in for_task(task) if row.runtime == LIGHT]


def test_the_paper_s_models_come_first_and_a_light_one_second():
    assert [row.id for row in for_task(EMBED_AUDIO)] == ["ast-audioset", "acoustic-features"]
    assert [row.id for row in for_task(TAG_AUDIO)] == ["ast-audioset"]
    assert [row.id for row in for_task(EMBED_IMAGE)] == [
        "clip-vit-l-14",
        "colour-texture",
        "remoteclip-vit-l-14",
        "remoteclip-vit-b-32",
        "remoteclip-rn50",
    ]
    assert [row.id for row in for_task(SEGMENT_AERIAL)] == ["segearth-ov", "spectral-index"]
    assert [row.id for row in for_task(SEGMENT_PHOTO)] == ["clipseg-rd64", "colour-index"]


def test_rows_are_complete_and_told_apart():
    assert len({row.id for row in rows()}) == len(rows())
    for row in rows():
        assert row.tasks and set(row.tasks) <= set(TASKS) and row.task == row.tasks[0]
        assert row.title and row.licence and row.licence_note and row.description
        assert row.runtime in (LIGHT, TORCH)
        assert not row.space or row.task in (EMBED_AUDIO, EMBED_IMAGE)
        assert not row.needs or row.needs in {other.id for other in rows()}


def test_models_with_weights_say_where_they_come_from():
    for row in (row for row in rows() if row.runtime == TORCH):
        assert row.files and row.input
        assert row.repo or row.page
        assert set(row.sha256) | set(row.git_blob) <= set(row.files)
        assert row.revision == "" or len(row.revision) == 40


@pytest.mark.parametrize("row", [row for row in rows() if row.runtime == LIGHT], ids=lambda row: row.id)
def test_every_row_can_be_made_and_knows_its_id(row):
    assert load(row.id, row.task).id == row.id


@pytest.mark.parametrize("model_id", light(EMBED_AUDIO))
def test_audio_encoders_keep_their_dimension(model_id):
    model = load(model_id, EMBED_AUDIO)
    windows = [
        np.random.default_rng(seed).normal(0, 0.1, 2 * model.rate).astype(np.float32) for seed in (1, 2)
    ]
    vectors = model.encode(windows)
    assert vectors.shape == (2, model.dimension) and vectors.dtype == np.float32
    assert np.isfinite(vectors).all() and not np.array_equal(vectors[0], vectors[1])


@pytest.mark.parametrize("model_id", light(EMBED_IMAGE))
def test_image_encoders_keep_their_dimension(model_id):
    model = load(model_id, EMBED_IMAGE)
    images = [np.random.default_rng(seed).integers(0, 255, (64, 80, 3), dtype=np.uint8) for seed in (1, 2)]
    vectors = model.encode(images)
    assert vectors.shape == (2, model.dimension) and vectors.dtype == np.float32
    assert np.isfinite(vectors).all() and not np.array_equal(vectors[0], vectors[1])


@pytest.mark.parametrize("model_id", light(SEGMENT_AERIAL))
def test_aerial_segmenters_give_codes_of_the_list(model_id):
    classes = load_classes("paper-aerial")
    bands = np.random.default_rng(1).random((3, 64, 64), dtype=np.float32)
    codes = load(model_id, SEGMENT_AERIAL).segment(bands, np.ones((64, 64), dtype=bool), classes, 0.5)
    assert codes.shape == (64, 64) and codes.dtype == np.uint8
    assert set(np.unique(codes).tolist()) <= {0, 255, *(entry.code for entry in classes.classes)}


@pytest.mark.parametrize("model_id", light(SEGMENT_PHOTO))
def test_photo_segmenters_share_out_the_photo(model_id):
    image = np.random.default_rng(1).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    shares = load(model_id, SEGMENT_PHOTO).shares(image)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert min(shares.values()) >= 0.0


@pytest.mark.parametrize(
    ("model_id", "task"), [("vgg", EMBED_IMAGE), ("acoustic-features", EMBED_IMAGE), ("", EMBED_AUDIO)]
)
def test_an_unknown_model_is_an_error_that_lists_the_known(model_id, task):
    with pytest.raises(InputError, match=f"no model '{model_id}'.*{for_task(task)[0].id}"):
        find(model_id, task)


def test_the_table_is_read_once():
    assert registry.rows() is registry.rows()


class TestUserRegistry:
    """``models.csv`` in the folder of SoundVis: a row makes a model of a known kind one's own."""

    @pytest.fixture
    def write(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SOUNDVIS_HOME", str(tmp_path))
        (tmp_path / "weights").mkdir()

        def write(text, encoding="utf-8"):
            (tmp_path / "models.csv").write_bytes(text.encode(encoding))
            return tmp_path / "models.csv"

        return write

    def test_a_row_borrows_from_the_one_it_is_like(self, write, tmp_path):
        write("id,like,path\nmy-clip,clip-vit-l-14,weights/my.safetensors\n")
        row, like = find("my-clip", EMBED_IMAGE), find("clip-vit-l-14", EMBED_IMAGE)
        assert (row.loader, row.architecture, row.dimension, row.input, row.tasks, row.runtime) == (
            like.loader,
            like.architecture,
            like.dimension,
            like.input,
            like.tasks,
            TORCH,
        )
        assert row.path == str(tmp_path / "weights" / "my.safetensors")
        # What is another's does not hold for own weights.
        assert row.repo == row.revision == row.space == "" and dict(row.sha256) == {}
        assert row.licence == "not stated" and row.title == "my-clip"
        assert [row.id for row in for_task(EMBED_IMAGE)][-1] == "my-clip" and not registry.problems()

    def test_another_architecture_has_its_own_dimension(self, write):
        write(
            "id,like,architecture,dimension,repo\n"
            "a,clip-vit-l-14,ViT-B-32,,some/name\nb,clip-vit-l-14,ViT-B-32,512,some/name\n"
        )
        assert [find(name, EMBED_IMAGE).dimension for name in "ab"] == [None, 512]

    def test_a_row_may_name_loader_and_repository(self, write):
        write(
            "id,task,loader,architecture,repo,revision,files,sha256,title\n"
            f"geo,embed-image,clip:ClipImageEncoder,ViT-B-32,some/GeoCLIP,{'a' * 40},geo.pt,geo.pt={'b' * 64},Geo\n"
        )
        row = find("geo", EMBED_IMAGE)
        assert (row.repo, row.files, row.sha256["geo.pt"], row.title) == (
            "some/GeoCLIP",
            ("geo.pt",),
            "b" * 64,
            "Geo",
        )

    def test_without_the_file_and_after_it_is_gone(self, write):
        before = rows()
        path = write("id,like,path\nmine,ast-audioset,weights\n")
        assert len(rows()) == len(before) + 1
        path.unlink()
        assert rows() == before

    def test_a_file_of_excel_is_read(self, write):
        write("id,like,path\r\nmine,ast-audioset,weights\r\n", "utf-8-sig")
        assert find("mine", TAG_AUDIO).id == "mine"

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("x,,vgg:Vgg,weights,", "the loader 'vgg:Vgg' is not known"),
            ("x,,os:system,weights,", "the loader 'os:system' is not known"),
            ("x,,,weights,", "neither 'like' nor 'loader'"),
            ("x,clap,,weights,", "'like' names 'clap', which is no model with weights"),
            ("x,acoustic-features,,weights,", "which is no model with weights"),
            ("x,ast-audioset,,,", "neither 'path' .* nor 'repo'"),
            ("x,ast-audioset,,weights,large", "bytes is 'large', which is no whole number"),
            ("ast-audioset,ast-audioset,,weights,", "already a model 'ast-audioset'"),
            (",ast-audioset,,weights,", "the row has no id"),
            ("../x,ast-audioset,,weights,", "may hold letters, digits"),
            ("x,ast-audioset,,weights,,and,more", "more values than the table has columns"),
        ],
    )
    def test_a_bad_row_is_named_with_file_and_line_and_spares_the_others(self, write, line, words):
        path = write(f"id,like,loader,path,bytes\nfine,ast-audioset,,weights,\n{line}\n")
        assert find("fine", EMBED_AUDIO).id == "fine"
        (problem,) = registry.problems()
        assert problem.startswith(f"{path}, line 3: ")
        with pytest.raises(InputError, match=words):
            find(line.split(",")[0] if "already" not in words else "gone", EMBED_AUDIO)

    @pytest.mark.parametrize("files", ["../../evil.pt", "/etc/passwd", "a/../../b.pt", "C:\\a.pt"])
    def test_files_stay_within_the_models_folder(self, write, files):
        write(f"id,like,repo,files\nx,clip-vit-l-14,some/name,{files}\n")
        with pytest.raises(InputError, match="has to be a name within the repository"):
            find("x", EMBED_IMAGE)

    def test_revisions_stay_within_the_models_folder(self, write):
        write(f"id,like,repo,revision\nx,clip-vit-l-14,some/name,{'../' * 13 + 'x'}\n")
        with pytest.raises(InputError, match=r"the revision '\.\./.*' has to be a commit"):
            find("x", EMBED_IMAGE)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("name,path\nx,y\n", "line 1: the table has columns that are not known: name"),
            ("task,path\nx,y\n", "line 1: the table has no column 'id'"),
            ("", "line 1: the table has no column 'id'"),
        ],
    )
    def test_a_bad_table_never_hinders_the_models_that_ship(self, write, text, words):
        write(text)
        assert find("ast-audioset", TAG_AUDIO) and light(EMBED_AUDIO) == ["acoustic-features"]
        with pytest.raises(InputError, match=words):
            find("x", EMBED_AUDIO)

    def test_a_file_that_is_no_text(self, write):
        write("id,like,path\nm\u00fcll,ast-audioset,weights\n", "utf-16")
        assert find("ast-audioset", TAG_AUDIO)
        with pytest.raises(InputError, match=r"cannot be read.*CSV table in UTF-8"):
            find("m\u00fcll", EMBED_AUDIO)

    def test_a_bad_hash(self, write):
        write("id,like,path,sha256\nx,ast-audioset,weights,model.pt=123\n")
        with pytest.raises(InputError, match="file=hash with 64 digits"):
            find("x", EMBED_AUDIO)


PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"


@pytest.mark.parametrize("row", shipped_rows(), ids=lambda row: row.id)
def test_the_page_of_models_names_each_with_revision_licence_and_source(row):
    text = PAGE.read_text("utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith(f"| `{row.id}` |")]
    assert row.licence in line
    if row.runtime == TORCH:
        pin = row.revision or row.git_blob[row.files[0]]
        assert f"`{pin[:12]}`" in line and (
            row.repo in line if row.repo else "github.com/likyoo/SegEarth-OV" in line
        )
        sizes = (
            f"| {row.bytes / 1e9:.1f} GB |",
            f"| {row.bytes / 1e6:.0f} MB |",
            f"| {row.bytes / 1e6:.1f} MB |",
        )
        assert any(size in line for size in sizes)
    (section,) = [part for part in text.split("\n### ") if row.id in part.splitlines()[0].split(", ")]
    assert row.licence == "own" or f"Licence: {row.licence}" in " ".join(section.split())


def test_the_page_of_models_names_no_others():
    named = {line.split("`")[1] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")}
    assert named == {row.id for row in shipped_rows()}
