"""Where weights lie: the store, files put there by hand, own checkpoints, and what is said where they are missing."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from dataclasses import replace

import pytest

from soundvis_core.errors import Cancelled, InputError
from soundvis_core.models import hashing
from soundvis_core.models.hashing import git_blob_of, remembered_sha256, sha256_of, write_json
from soundvis_core.models.options import ModelOptions
from soundvis_core.models.registry import TORCH, ModelRow, by_id
from soundvis_core.models.store import (
    LOCAL,
    MANIFEST,
    MissingWeightsError,
    locate,
    missing_weights,
    revision_folder,
    write_manifest,
)
from soundvis_core.progress import NoProgress

COMMIT = "0123456789abcdef" * 2 + "01234567"
ROW = ModelRow(
    "ast-tiny",
    ("embed-audio",),
    "Tiny",
    "audio_transformer:AudioTransformer",
    runtime=TORCH,
    repo="owner/name",
    revision=COMMIT,
    files=("config.json", "model.safetensors"),
)


@pytest.fixture
def options(tmp_path):
    return ModelOptions(models_folder=str(tmp_path / "models"), cache_folder=str(tmp_path / "cache"))


def put(folder, **contents):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name.replace("__", ".")).write_bytes(content)
    return folder


def installed(row, options, weights=b"weights"):
    folder = put(revision_folder(row, options, row.revision), config__json=b"{}", model__safetensors=weights)
    write_manifest(row, folder, row.revision, row.repo)
    return folder


def test_the_hashes_are_those_of_sha256sum_and_git(tmp_path):
    path = tmp_path / "hello.txt"
    path.write_bytes(b"hello\n")
    # sha256sum hello.txt; git hash-object hello.txt
    assert sha256_of(path) == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert git_blob_of(path) == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_hash_is_worked_out_once_and_again_after_a_change(tmp_path, monkeypatch):
    path, read = tmp_path / "model.bin", []
    monkeypatch.setattr(hashing, "_known", {})
    monkeypatch.setattr(hashing, "sha256_of", lambda path, *_: read.append(path) or sha256_of(path))
    path.write_bytes(b"one")
    first = remembered_sha256(path, tmp_path / "memory")
    assert first == hashlib.sha256(b"one").hexdigest() == remembered_sha256(path, tmp_path / "memory")
    hashing._known.clear()  # as another process
    assert remembered_sha256(path, tmp_path / "memory") == first and len(read) == 1
    path.write_bytes(b"two!")
    assert remembered_sha256(path, tmp_path / "memory") == hashlib.sha256(b"two!").hexdigest()
    (tmp_path / "memory" / "checkpoint-hashes.json").write_text("{broken", "utf-8")
    hashing._known.clear()
    assert remembered_sha256(path, tmp_path / "memory") == hashlib.sha256(b"two!").hexdigest()


def test_a_file_of_another_memory_card_is_another_file(tmp_path):
    """The same drive, name, inode, size and time of change: recorders follow one timetable."""
    path = tmp_path / "20240601_080000.WAV"
    for content in (
        b"RIFF" + bytes(200_000) + b"dawn",
        b"RIFF" + bytes(200_000) + b"dusk",
        b"FFIR" + bytes(200_004),
    ):
        path.write_bytes(content)
        os.utime(path, (1_717_228_800, 1_717_228_800))
        assert remembered_sha256(path) == hashlib.sha256(content).hexdigest()


def test_disks_without_inodes_tell_files_by_their_paths(tmp_path, monkeypatch):
    """The same content at both ends, size and time."""
    found = []
    without = os.stat_result((0o100644, 0, 7, 1, 0, 0, 300_000, 0, 0, 0))
    monkeypatch.setattr(hashing.Path, "stat", lambda _: without)
    for name, middle in (("a", b"1"), ("b", b"2")):
        (tmp_path / name).write_bytes(bytes(150_000) + middle + bytes(149_999))
        found.append(remembered_sha256(tmp_path / name))
    assert found[0] != found[1]


def test_working_out_a_hash_can_be_cancelled(tmp_path):
    path = tmp_path / "long.wav"
    path.write_bytes(b"sound" * 100_000)

    class Pressed(NoProgress):
        def cancelled(self):
            return True

    with pytest.raises(Cancelled):
        remembered_sha256(path, progress=Pressed())
    with pytest.raises(OSError, match="nothing"):
        remembered_sha256(tmp_path / "nothing")


@pytest.mark.parametrize("step", ["dump", "replace"])
def test_a_json_file_is_replaced_as_a_whole(tmp_path, monkeypatch, step):
    """What fails half-way leaves the old file, and nothing beside it."""
    path = tmp_path / "folder" / "memory.json"
    write_json(path, {"a": 1})

    def fail(*given, **_):
        if step == "dump":
            given[1].write('{"b": ')
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(hashing.json if step == "dump" else hashing.os, step, fail)
        with pytest.raises(OSError, match="No space left"):
            write_json(path, {"b": 2})
    assert json.loads(path.read_text("utf-8")) == {"a": 1}
    assert [file.name for file in path.parent.iterdir()] == ["memory.json"]
    write_json(path, {"b": 2})
    assert json.loads(path.read_text("utf-8")) == {"b": 2}


def test_the_store_is_a_folder_per_model_and_revision(options, tmp_path):
    folder = installed(ROW, options)
    assert folder == tmp_path / "models" / "ast-tiny" / "0123456789ab"
    weights = locate(ROW, options)
    assert weights.folder == folder and weights.revision == COMMIT
    assert dict(weights.files) == {name: folder / name for name in ROW.files}
    assert weights.weight_file() == folder / "model.safetensors"
    assert missing_weights(ROW, options) is None
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    assert manifest["revision"] == COMMIT and manifest["source"] == "owner/name"
    assert manifest["files"]["model.safetensors"] == {
        "size": 7,
        "sha256": hashlib.sha256(b"weights").hexdigest(),
    }


def test_the_fingerprint_names_the_content_and_not_the_place(options, tmp_path):
    installed(ROW, options)
    fingerprint = locate(ROW, options).fingerprint
    elsewhere = ModelOptions(str(tmp_path / "other"), str(tmp_path / "cache"))
    shutil.copytree(tmp_path / "models", tmp_path / "other")
    assert locate(ROW, elsewhere).fingerprint == fingerprint
    # The same files as a checkpoint of one's own are the same weights.
    own = replace(options, checkpoint=str(revision_folder(ROW, options, COMMIT)))
    assert locate(ROW, own).fingerprint == fingerprint
    installed(ROW, elsewhere, weights=b"others!")
    assert locate(ROW, elsewhere).fingerprint != fingerprint


def test_missing_weights_are_said_with_the_ways_out(options, tmp_path):
    said = missing_weights(ROW, options)
    assert "'ast-tiny' are not on this computer" in said
    assert str(tmp_path / "models" / "ast-tiny" / "0123456789ab") in said
    assert "'Download models'" in said and "CHECKPOINT" in said and "light model" in said
    with pytest.raises(MissingWeightsError) as caught:
        locate(ROW, options)
    assert str(caught.value) == said and isinstance(caught.value, InputError)


def test_a_part_has_a_way_out_of_its_own(options):
    said = missing_weights(by_id("simfeatup-aid"), options)
    assert "https://github.com/likyoo/SegEarth-OV" in said and "models work without" in said
    assert "light model" not in said


def test_light_models_need_nothing(options):
    row = by_id("acoustic-features")
    assert missing_weights(row, options) is None and dict(locate(row, options).files) == {}


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: (folder / "config.json").unlink(), r"config\.json is missing"),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(b"weig"),
            "has 4 bytes in place of 7",
        ),
    ],
)
def test_damage_is_noticed_by_names_and_sizes(options, harm, words):
    harm(installed(ROW, options))
    with pytest.raises(MissingWeightsError, match=f"damaged.*{words}.*Download models"):
        locate(ROW, options)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": 3}', '{"files": {"config.json": 1}}'])
def test_a_manifest_without_sense_counts_as_none(options, content):
    (installed(ROW, options) / MANIFEST).write_text(content, "utf-8")
    assert missing_weights(ROW, options)


def test_files_without_a_manifest_are_an_unfinished_download(options):
    (installed(ROW, options) / MANIFEST).unlink()
    assert "not on this computer" in missing_weights(ROW, options)


def test_without_a_pinned_revision_the_newest_download_counts(options):
    row = replace(ROW, revision="")
    for number, commit in enumerate(("a" * 40, "b" * 40)):
        folder = put(
            revision_folder(row, options, commit), config__json=b"{}", model__safetensors=b"%d" % number
        )
        write_manifest(row, folder, commit, row.repo)
        os.utime(folder / MANIFEST, (number, number))
    assert locate(row, options).revision == "b" * 40


def test_files_laid_by_hand_are_taken_once_their_hash_is_right(options, tmp_path):
    folder = put(tmp_path / "models" / "simfeatup-tiny", up__ckpt=b"hello\n")
    row = ModelRow(
        "simfeatup-tiny",
        ("upsample-features",),
        "",
        "segearth.simfeatup:SimFeatUp",
        runtime=TORCH,
        files=("up.ckpt",),
        git_blob={"up.ckpt": "ce013625030ba8dba906f756967f9e9ca394464a"},
        page="https://example.org",
    )
    assert locate(row, options).files == {"up.ckpt": folder / "up.ckpt"}
    (folder / "up.ckpt").write_bytes(b"hellO\n")
    assert missing_weights(row, options) is None  # names and sizes only
    with pytest.raises(
        MissingWeightsError, match=r"git hash .* but ce01.* is expected.*https://example\.org"
    ):
        locate(row, options)


def test_a_part_is_there_or_not(options):
    row = by_id("segearth-ov")
    folder = put(revision_folder(row, options, row.revision), open_clip_model__safetensors=b"clip")
    write_manifest(row, folder, row.revision, row.repo)
    alone = locate(row, options)
    assert dict(alone.parts) == {}
    part = by_id("simfeatup-aid")
    (name,) = part.files
    folder = put(revision_folder(part, options, part.git_blob[name]), **{name: b"jbu"})
    write_manifest(part, folder, part.git_blob[name], part.page)
    both = locate(row, options)
    assert both.parts["simfeatup-aid"].weight_file().read_bytes() == b"jbu"
    assert both.fingerprint != alone.fingerprint
    # An own checkpoint is that of the model, never of its part.
    own = replace(options, checkpoint=str(alone.folder))
    assert locate(row, own).parts["simfeatup-aid"].folder == folder


class TestOwnCheckpoint:
    """A file, a folder, or one file of a folder."""

    def test_a_single_file(self, options, tmp_path):
        path = put(tmp_path / "mine", my__pt=b"weights", other__pt=b"others") / "my.pt"
        weights = locate(ROW, replace(options, checkpoint=str(path)))
        assert weights.revision == LOCAL and weights.files == {"my.pt": path}

    def test_a_single_file_among_downloads(self, options, tmp_path):
        """Only files that describe a model count: neither lists of sites nor notes change its fingerprint."""
        folder = put(
            tmp_path / "Downloads", my__pt=b"weights", sites__json=b"{}", notes__txt=b"a", package__json=b"{}"
        )
        chosen = replace(options, checkpoint=str(folder / "my.pt"))
        weights = locate(ROW, chosen)
        assert list(weights.files) == ["my.pt"]
        assert weights.own() == f"Weights of your own: {folder / 'my.pt'}, without a configuration."
        put(folder, sites__json=b"[]", open_clip_config__json=b"{}", vocab__json=b"{}", merges__txt=b"")
        put(folder, tokenizer_config__json=b"{}", my_config__json=b"{}")
        described = locate(ROW, chosen)
        names = ["merges.txt", "open_clip_config.json", "tokenizer_config.json", "vocab.json"]
        assert sorted(described.files) == sorted([*names, "my.pt"])
        assert described.fingerprint != weights.fingerprint
        assert described.own().endswith(f"described by {', '.join(names)} in the same folder.")

    def test_those_of_the_store_are_nobodys_own(self, options):
        installed(ROW, options)
        assert locate(ROW, options).own() == ""

    def test_a_folder(self, options, tmp_path):
        folder = put(
            tmp_path / "mine",
            config__json=b"{}",
            vocab__txt=b"a",
            model__safetensors=b"1",
            pytorch_model__bin=b"2",
        )
        weights = locate(ROW, replace(options, checkpoint=str(folder)))
        assert sorted(weights.files) == ["config.json", "model.safetensors", "vocab.txt"]

    @pytest.mark.parametrize("named", ["config.json", "model.safetensors"])
    def test_a_file_of_a_folder_stands_for_the_folder(self, options, tmp_path, named):
        folder = put(tmp_path / "mine", config__json=b"{}", model__safetensors=b"1")
        weights = locate(ROW, replace(options, checkpoint=str(folder / named)))
        assert weights.folder == folder and sorted(weights.files) == ["config.json", "model.safetensors"]

    def test_it_goes_before_the_store(self, options, tmp_path):
        installed(ROW, options)
        path = put(tmp_path / "mine", my__pt=b"weights") / "my.pt"
        assert locate(ROW, replace(options, checkpoint=str(path))).weight_file() == path

    def test_what_is_wrong_with_it(self, options, tmp_path):
        gone = replace(options, checkpoint=str(tmp_path / "gone.pt"))
        assert "gone.pt is not there" in missing_weights(ROW, gone)
        empty = replace(options, checkpoint=str(put(tmp_path / "empty", readme__txt=b"")))
        assert "holds no weight file" in missing_weights(ROW, empty)
        beside = put(tmp_path / "data", sites__geojson=b"{}", model__pt=b"weights")
        other = replace(options, checkpoint=str(beside / "sites.geojson"))
        assert "sites.geojson is no weight file" in missing_weights(ROW, other)
        two = replace(options, checkpoint=str(put(tmp_path / "two", a__pt=b"", b__pt=b"")))
        assert "several weight files (a.pt, b.pt); name one of them" in missing_weights(ROW, two)

    def test_a_row_of_the_user_with_a_path(self, options, tmp_path):
        path = put(tmp_path / "mine", my__pt=b"weights") / "my.pt"
        assert locate(replace(ROW, path=str(path)), options).weight_file() == path
        said = missing_weights(replace(ROW, path=str(tmp_path / "gone")), options)
        assert "gone is not there" in said


def test_options_travel_as_plain_values():
    options = ModelOptions("m", "c", "k", "cpu", "fp32", 4)
    assert ModelOptions.from_mapping(json.loads(json.dumps(options.to_mapping()))) == options
    assert ModelOptions.from_mapping(None) == ModelOptions() == ModelOptions.from_mapping({"later": 1})
    assert ModelOptions.from_mapping({"batch": "8", "device": None}).batch == 8


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"device": "gpu"}, "device 'gpu' is not known.*auto, cpu, cuda, mps"),
        ({"precision": "int8"}, "precision 'int8'"),
        ({"batch": "many"}, "batch size 'many'"),
        ({"batch": -1}, "batch size '-1'"),
    ],
)
def test_options_without_meaning(values, words):
    with pytest.raises(InputError, match=words):
        ModelOptions.from_mapping(values)
