"""Downloading against a small server that speaks as the hub does, and copying from a folder."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import socket
from pathlib import Path

import pytest

from soundvis_core.errors import Cancelled, InputError, SiteError
from soundvis_core.models.download import download_models
from soundvis_core.models.importing import copy_models
from soundvis_core.models.options import ModelOptions
from soundvis_core.models.registry import by_id
from soundvis_core.models.store import MANIFEST, locate, missing_weights
from tests.builders.hub import COMMIT, CONFIG, WEIGHTS, Answer, Hub, git_blob


class Log:
    """A progress that remembers, and that may cancel."""

    def __init__(self, cancel_at=None):
        self.lines, self.fractions, self.cancel_at = [], [], cancel_at

    def report(self, fraction):
        self.fractions.append(fraction)

    def info(self, text):
        self.lines.append(text)

    warn = info

    def cancelled(self):
        return self.cancel_at is not None and bool(self.fractions) and self.fractions[-1] >= self.cancel_at


@pytest.fixture
def hub(monkeypatch):
    pytest.importorskip("huggingface_hub")
    from huggingface_hub import constants, file_download

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)
    monkeypatch.setattr(file_download.time, "sleep", lambda _seconds: None)
    for name in ("HF_ENDPOINT", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN", "a secret")
    server = Hub()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def options(tmp_path):
    return ModelOptions(models_folder=str(tmp_path / "models"), cache_folder=str(tmp_path / "cache"))


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Rows of the user: ``tiny`` is pinned in full, ``loose`` takes what is newest."""
    monkeypatch.setenv("SOUNDVIS_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()

    def write(**changed):
        pinned = {"sha256": f"model.safetensors={hashlib.sha256(WEIGHTS).hexdigest()}", "revision": COMMIT}
        row = {**pinned, "bytes": str(len(WEIGHTS) + len(CONFIG)), **changed}
        files = "config.json model.safetensors"
        (tmp_path / "home" / "models.csv").write_text(
            "id,like,repo,files,revision,sha256,bytes\n"
            f"tiny,ast-audioset,owner/name,{files},{row['revision']},{row['sha256']},{row['bytes']}\n"
            f"loose,ast-audioset,owner/name,{files},,,\n",
            "utf-8",
        )

    write()
    return write


def download(options, hub, *ids, log=None):
    return list(download_models(ids or ["tiny"], options, log or Log(), hub.address))


def test_a_model_is_downloaded_verified_and_found(hub, registry, options):
    log = Log()
    (result,) = download(options, hub, log=log)
    folder = Path(options.models_folder) / "tiny" / COMMIT[:12]
    assert result.status == "ok", result.reason
    assert result.values == {
        "model": "tiny",
        "state": "downloaded",
        "folder": str(folder),
        "revision": COMMIT,
        "bytes": len(WEIGHTS) + len(CONFIG),
    }
    weights = locate(by_id("tiny"), options)
    assert weights.weight_file().read_bytes() == WEIGHTS and weights.revision == COMMIT
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors", MANIFEST]
    assert log.fractions == sorted(log.fractions) and log.fractions[-1] == 1.0
    assert "  config.json: 19 bytes" in log.lines and "  model.safetensors: 0.1 MB" in log.lines


def test_what_is_there_is_not_asked_for_again(hub, registry, options):
    download(options, hub)
    hub.asked.clear()
    (result,) = download(options, hub)
    assert result.values["state"] == "already there" and hub.asked == []


def test_a_mirror_gets_no_token(hub, registry, options):
    download(options, hub)
    assert hub.headers and not any("authorization" in {name.lower() for name in sent} for sent in hub.headers)


def test_a_row_without_revision_records_the_commit_it_got(hub, registry, options):
    (result,) = download(options, hub, "loose")
    assert result.values["revision"] == COMMIT
    assert locate(by_id("loose"), options).revision == COMMIT
    revisions = {path.split("/")[4] for _method, path, _range in hub.asked if "/resolve/" in path}
    assert revisions == {"main", COMMIT}


def test_a_transfer_that_breaks_goes_on_by_itself(hub, registry, options):
    hub.break_after = [30_000, 20_000]
    (result,) = download(options, hub)
    assert result.status == "ok", result.reason
    assert hub.ranges()[0] is None and len(hub.ranges()) == 3 and hub.ranges()[2] is not None
    assert locate(by_id("tiny"), options).weight_file().read_bytes() == WEIGHTS


def test_a_transfer_that_breaks_for_good_is_gone_on_with_in_the_next_run(hub, registry, options):
    hub.break_after = [30_000] + [0] * 20
    (result,) = download(options, hub)
    assert result.status == "failed"
    assert "broke off" in result.reason and "run this tool again to go on" in result.reason
    assert missing_weights(by_id("tiny"), options)
    hub.break_after, hub.asked = [], []
    log = Log()
    (result,) = download(options, hub, log=log)
    assert result.status == "ok", result.reason
    (asked,) = hub.ranges()
    assert asked.startswith("bytes=") and int(asked[6:-1]) >= 20_000
    assert any("going on at" in line for line in log.lines)
    assert locate(by_id("tiny"), options).weight_file().read_bytes() == WEIGHTS


def test_cancel_leaves_what_arrived_and_nothing_that_looks_whole(hub, registry, options):
    with pytest.raises(Cancelled):
        download(options, hub, log=Log(cancel_at=0.5))
    assert missing_weights(by_id("tiny"), options)
    folder = Path(options.models_folder) / "tiny" / COMMIT[:12]
    assert not (folder / "model.safetensors").exists()
    assert 0 < (folder / ".model.safetensors.part").stat().st_size < len(WEIGHTS)
    hub.asked.clear()
    assert download(options, hub)[0].status == "ok"
    assert hub.ranges()[0].startswith("bytes=")


def test_wrong_content_is_deleted_and_named(hub, registry, options):
    hub.files["model.safetensors"] = WEIGHTS[:-1] + b"x"
    (result,) = download(options, hub)
    assert result.status == "failed"
    assert (
        "is not what was registered" in result.reason and hashlib.sha256(WEIGHTS).hexdigest() in result.reason
    )
    assert hub.address in result.reason and "ENDPOINT" in result.reason
    assert not list(Path(options.models_folder).rglob("*.part")) and missing_weights(by_id("tiny"), options)


def test_without_a_pin_the_hash_that_the_hub_tells_counts(hub, registry, options, monkeypatch):
    told = Answer.answer

    def damaged(self, wanted):
        if wanted and "config.json" in self.path:  # of the same length, told of before
            self.server.files["config.json"] = CONFIG.replace(b"32", b"33")
        return told(self, wanted)

    monkeypatch.setattr(Answer, "answer", damaged)
    (result,) = download(options, hub, "loose")
    assert result.status == "failed" and git_blob(CONFIG) in result.reason


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (
            lambda hub: hub.files.pop("model.safetensors"),
            "has no file model.safetensors in owner/name at c0ffee",
        ),
        (lambda hub: setattr(hub, "commit", "d" * 40), "has no revision c0ffee"),
        (lambda hub: setattr(hub, "status", 401), "has no public repository owner/name|error 401"),
        (lambda hub: setattr(hub, "status", 503), "answered with error 503"),
    ],
)
def test_what_the_hub_refuses(hub, registry, options, prepare, words):
    prepare(hub)
    (result,) = download(options, hub)
    assert result.status == "failed" and "'tiny'" in result.reason
    assert re.search(words, result.reason), result.reason


def test_no_network(hub, registry, options):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    (result,) = download_models(["tiny"], options, Log(), address)
    reason = result.reason
    assert f"connection to {address}" in reason and "could not be made" in reason
    assert "HTTPS_PROXY" in reason and "ENDPOINT" in reason and "SOURCE_FOLDER" in reason


def test_a_proxy_of_the_environment_is_used(hub, registry, options, monkeypatch):
    # The hub stands in for the proxy: it is asked for the whole address.
    monkeypatch.setenv("HTTP_PROXY", hub.address)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    from huggingface_hub.utils import _http

    reset = getattr(_http, "close_session", None)
    if reset is not None:
        reset()
    list(download_models(["tiny"], options, Log(), "http://hub.invalid"))
    if reset is not None:
        monkeypatch.delenv("HTTP_PROXY")
        reset()
    assert any("hub.invalid" in path for _method, path, _range in hub.asked)


def test_the_switch_that_forbids_downloads_is_honoured(hub, registry, options, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    (result,) = download(options, hub)
    assert "HF_HUB_OFFLINE forbids downloads" in result.reason and hub.asked == []


def test_a_full_disk_is_said_before(hub, registry, options, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    (result,) = download(options, hub)
    assert "are needed in" in result.reason and "Make room" in result.reason
    assert hub.ranges() == []


def test_a_disk_that_fills_up_on_the_way(hub, registry, options, monkeypatch):
    from soundvis_core.models import download as module

    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module._Watched, "write", full)
    assert "The disk became full" in download(options, hub)[0].reason


def test_two_runs_do_not_write_into_the_same_file(hub, registry, options):
    from filelock import FileLock

    folder = Path(options.models_folder) / "tiny"
    folder.mkdir(parents=True)
    with FileLock(str(folder / ".lock")):
        assert "Another run is downloading" in download(options, hub)[0].reason
    assert download(options, hub)[0].status == "ok"


def test_a_part_that_is_too_long_is_begun_anew(hub, registry, options):
    folder = Path(options.models_folder) / "tiny" / COMMIT[:12]
    folder.mkdir(parents=True)
    (folder / ".model.safetensors.part").write_bytes(b"x" * (len(WEIGHTS) + 1))
    assert download(options, hub)[0].status == "ok" and hub.ranges() == [None]


def test_damage_is_mended_and_the_rest_is_kept(hub, registry, options):
    download(options, hub)
    locate(by_id("tiny"), options).files["config.json"].write_bytes(b"")
    hub.asked.clear()
    assert download(options, hub)[0].status == "ok"
    assert hub.ranges() == [] and missing_weights(by_id("tiny"), options) is None


def test_one_model_that_fails_does_not_hinder_the_others(hub, registry, options):
    asked = ["simfeatup-aid", "acoustic-features", SiteError("nothing", "skipped"), "tiny"]
    results = download(options, hub, *asked)
    assert [result.status for result in results] == ["failed", "failed", "skipped", "ok"]
    assert "github.com/likyoo/SegEarth-OV" in results[0].reason and "SOURCE_FOLDER" in results[0].reason
    assert "needs no weights" in results[1].reason


def test_an_endpoint_that_is_none(options, registry):
    pytest.importorskip("huggingface_hub")
    with pytest.raises(InputError, match="'mirror' is no address"):
        list(download_models(["tiny"], options, Log(), "mirror"))


def test_an_unknown_model(options, registry, hub):
    with pytest.raises(InputError, match="no model 'vgg'"):
        download(options, hub, "vgg")


class TestCopying:
    """Needs nothing but Python."""

    def fill(self, folder, weights=WEIGHTS):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_bytes(CONFIG)
        (folder / "model.safetensors").write_bytes(weights)
        return folder

    def copy(self, options, source, *ids):
        return list(copy_models(ids or ["tiny"], options, Log(), source))

    @pytest.mark.parametrize(
        "place",
        [
            ".",
            "tiny",
            f"tiny/{COMMIT[:12]}",
            f"models--owner--name/snapshots/{COMMIT}",
            f"hub/models--owner--name/snapshots/{COMMIT}",
            f"snapshots/{COMMIT}",
        ],
    )
    def test_from_a_folder_of_any_kind(self, registry, options, tmp_path, place):
        self.fill(tmp_path / "stick" / place)
        (result,) = self.copy(options, tmp_path / "stick")
        assert result.status == "ok", result.reason
        assert result.values["state"] == "copied" and result.values["revision"] == COMMIT
        weights = locate(by_id("tiny"), options)
        assert weights.weight_file().read_bytes() == WEIGHTS and tmp_path / "models" in weights.folder.parents
        assert self.copy(options, tmp_path / "stick")[0].values["state"] == "already there"

    def test_the_links_of_the_hub_s_cache_are_followed(self, registry, options, tmp_path):
        blobs = self.fill(tmp_path / "hub" / "blobs")
        snapshot = tmp_path / "hub" / "models--owner--name" / "snapshots" / COMMIT
        snapshot.mkdir(parents=True)
        for path in blobs.iterdir():
            os.symlink(path, snapshot / path.name)
        assert self.copy(options, tmp_path / "hub")[0].status == "ok"
        assert not locate(by_id("tiny"), options).weight_file().is_symlink()

    def test_the_revision_of_an_unpinned_model_is_taken_over(self, registry, options, tmp_path):
        self.fill(tmp_path / "hub" / "models--owner--name" / "snapshots" / ("d" * 40))
        assert self.copy(options, tmp_path / "hub", "loose")[0].values["revision"] == "d" * 40

    @pytest.mark.parametrize("revision", ["../../../x", "/tmp", "", 7])
    def test_a_revision_that_is_none_names_no_folder(self, registry, options, tmp_path, revision):
        folder = self.fill(tmp_path / "stick" / "loose" / "a")
        (folder / "soundvis.json").write_text(json.dumps({"revision": revision}), "utf-8")
        (result,) = self.copy(options, tmp_path / "stick", "loose")
        assert result.status == "ok" and result.values["revision"] == "local"
        assert result.values["folder"] == str(tmp_path / "models" / "loose" / "local")

    def test_from_another_store(self, registry, options, tmp_path):
        self.fill(tmp_path / "stick")
        self.copy(options, tmp_path / "stick", "tiny", "loose")
        other = ModelOptions(str(tmp_path / "other"), str(tmp_path / "cache"))
        results = self.copy(other, options.models_folder, "tiny", "loose")
        assert [result.status for result in results] == ["ok", "ok"]
        assert locate(by_id("loose"), other).fingerprint == locate(by_id("loose"), options).fingerprint

    def test_wrong_files_are_not_taken(self, registry, options, tmp_path):
        self.fill(tmp_path / "stick", b"others")
        (result,) = self.copy(options, tmp_path / "stick")
        assert result.status == "failed" and "not the right ones" in result.reason
        assert "sha256" in result.reason and not list((tmp_path / "models").rglob("*.safetensors"))

    def test_the_right_ones_are_found_beside_wrong_ones(self, registry, options, tmp_path):
        self.fill(self.fill(tmp_path / "stick", b"those of another model") / "tiny")
        assert self.copy(options, tmp_path / "stick")[0].status == "ok"

    def test_incomplete_and_absent(self, registry, options, tmp_path):
        (self.fill(tmp_path / "stick" / "tiny") / "config.json").unlink()
        assert "lacks config.json" in self.copy(options, tmp_path / "stick")[0].reason
        (tmp_path / "none").mkdir()
        reason = self.copy(options, tmp_path / "none", "clip-vit-l-14")[0].reason
        assert "does not hold 'clip-vit-l-14': open_clip_model.safetensors (1,710.0 MB)" in reason
        assert "https://huggingface.co/timm/vit_large_patch14_clip_224.openai" in reason

    def test_no_folder(self, registry, options, tmp_path):
        with pytest.raises(InputError, match=r"no folder .*gone to copy models from"):
            self.copy(options, tmp_path / "gone")

    def test_a_full_disk(self, registry, options, tmp_path, monkeypatch):
        self.fill(tmp_path / "stick")
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**9, 10**9, 1000))
        assert "Make room" in self.copy(options, tmp_path / "stick")[0].reason

    def test_cancel(self, registry, options, tmp_path):
        self.fill(tmp_path / "stick")
        with pytest.raises(Cancelled):
            list(copy_models(["tiny", "loose"], options, Log(cancel_at=0.01), tmp_path / "stick"))
        assert missing_weights(by_id("tiny"), options)
        assert not list((tmp_path / "models").rglob("*.part"))
