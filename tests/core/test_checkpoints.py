"""Reading weight files: every wrong file gives one clear error, and a hostile one runs nothing."""

from __future__ import annotations

import argparse
import collections
import os
import pickle
import sys
import types
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from soundvis_core.errors import InputError
from soundvis_core.models.checkpoints import check_keys, read_state_dict


@pytest.fixture
def tensors():
    generator = torch.Generator().manual_seed(1)
    return {"a.weight": torch.randn(4, 3, generator=generator), "a.bias": torch.randn(4, generator=generator)}


def same(found, tensors):
    return list(found) == list(tensors) and all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_safetensors_and_both_kinds_of_torch_s_files_give_the_same_tensors(tmp_path, tensors):
    save_file(tensors, tmp_path / "a.safetensors")
    torch.save(tensors, tmp_path / "a.pt")
    torch.save(tensors, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert sorted(read_state_dict(tmp_path / "a.safetensors")) == sorted(tensors)
    assert same(read_state_dict(tmp_path / "a.pt"), tensors)
    assert same(read_state_dict(str(tmp_path / "old.pth")), tensors)


def test_the_content_counts_and_not_the_name(tmp_path, tensors):
    save_file(tensors, tmp_path / "model.bin")
    assert sorted(read_state_dict(tmp_path / "model.bin")) == sorted(tensors)


def test_a_checkpoint_of_a_training_gives_its_weights_with_their_names(tmp_path, tensors):
    checkpoint = {
        "epoch": 3,
        "state_dict": collections.OrderedDict(
            {"upsampler." + name: value for name, value in tensors.items()}
        ),
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(2)}}}],
    }
    torch.save(checkpoint, tmp_path / "last.ckpt")
    assert list(read_state_dict(tmp_path / "last.ckpt")) == ["upsampler.a.weight", "upsampler.a.bias"]


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.99])
@pytest.mark.parametrize("kind", ["safetensors", "pt", "old"])
def test_a_truncated_file_is_said_to_be_one(tmp_path, tensors, kind, kept):
    path = tmp_path / f"model.{kind}"
    tensors["large"] = torch.zeros(1000)
    if kind == "safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=kind == "pt")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(InputError, match=r"model\.\w+ \([\d,]+ bytes\) is cut off or damaged") as caught:
        read_state_dict(path)
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"just some text, nothing else\n", "is no weight file"),
        (b"", "is no weight file"),
        (b"<!DOCTYPE html><html>Not found</html>", "but a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "pointer that Git LFS"),
    ],
)
def test_what_is_no_checkpoint(tmp_path, content, words):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_state_dict(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"gone\.pt cannot be read.*Check its path"):
        read_state_dict(tmp_path / "gone.pt")


def settings(kind):
    """What trainings keep beside the weights."""
    attributes = type("AttributeDict", (dict,), {"__module__": "lightning_fabric"})
    return {
        "path": Path("runs"),
        "number of numpy": np.float64(0.5),
        "array of numpy": np.zeros(3),
        "namespace": argparse.Namespace(folder=Path("runs"), rate=np.float32(0.1)),
        "defaults": collections.defaultdict(dict, {"lr": {"a": 1}}),
        "Lightning": attributes(lr=0.1),
        "types": [int, range(3), slice(1, 2), frozenset([1])],
    }[kind]


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize(
    "kind", ["path", "number of numpy", "array of numpy", "namespace", "defaults", "Lightning", "types"]
)
def test_settings_of_a_training_are_passed_over(tmp_path, tensors, monkeypatch, kind, new):
    value = settings(kind)
    module = types.ModuleType("lightning_fabric")
    module.AttributeDict = type(value)
    # It has to be there for writing, and is not looked for in reading.
    monkeypatch.setitem(sys.modules, module.__name__, module)
    torch.save(
        {"state_dict": tensors, "hyper_parameters": {"x": value}},
        tmp_path / "last.ckpt",
        _use_new_zipfile_serialization=new,
    )
    monkeypatch.delitem(sys.modules, module.__name__)
    before = set(torch.serialization.get_safe_globals())
    assert same(read_state_dict(tmp_path / "last.ckpt"), tensors)
    assert set(torch.serialization.get_safe_globals()) == before


class Call:
    """Calls a function when it is unpickled."""

    def __init__(self, function, *values):
        self.call = function, values

    def __reduce__(self):
        return self.call


def test_functions_in_the_modules_of_settings_are_not_called(tmp_path, tensors):
    mark, path = tmp_path / "it ran", tmp_path / "last.ckpt"
    torch.save({"state_dict": tensors, "x": Call(np.savetxt, str(mark), [1.0])}, path)
    assert same(read_state_dict(path), tensors)
    assert not mark.exists()


def test_weights_that_are_no_tensors_are_not_taken_for_some(tmp_path):
    torch.save({"state_dict": {"a": np.zeros(3)}}, tmp_path / "last.ckpt")
    with pytest.raises(InputError, match="holds no table of weights"):
        read_state_dict(tmp_path / "last.ckpt")


class Hostile:
    """Would make a folder when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("way", ["pickle", "old", "zip", "state_dict"])
def test_a_hostile_file_is_refused_and_does_not_run(tmp_path, tensors, way):
    mark, path = tmp_path / "it ran", tmp_path / "model.pt"
    hostile = Hostile(mark)
    if way == "pickle":
        path.write_bytes(pickle.dumps(hostile, protocol=2))
    elif way == "state_dict":
        torch.save({"state_dict": tensors, "hyper_parameters": hostile}, path)
    else:
        torch.save({**tensors, "x": hostile}, path, _use_new_zipfile_serialization=way == "zip")
    with pytest.raises(InputError, match="was not opened because it could run code") as caught:
        read_state_dict(path)
    assert str(path) in str(caught.value) and ".mkdir)" in str(caught.value)
    assert not mark.exists()


@pytest.mark.parametrize("protocol", [0, 1, 3, 4, 5])
def test_a_hostile_pickle_of_any_protocol_is_refused(tmp_path, protocol):
    mark, path = tmp_path / "it ran", tmp_path / "model.pt"
    path.write_bytes(pickle.dumps(Hostile(mark), protocol=protocol))
    with pytest.raises(InputError) as caught:
        read_state_dict(path)
    assert "weights_only" not in str(caught.value)
    assert not mark.exists()


def test_a_program_of_torchscript_is_refused(tmp_path):
    path = tmp_path / "ViT.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch means to give up this kind of file
        torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), path)
    with pytest.raises(InputError, match="TorchScript archive, that is a program"):
        read_state_dict(path)


def test_a_zip_file_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(InputError, match=r"photos\.zip"):
        read_state_dict(tmp_path / "photos.zip")


@pytest.mark.parametrize("content", [torch.zeros(3), {"epoch": 1}, [1, 2], {}])
def test_torch_files_without_weights(tmp_path, content):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(InputError, match="holds no table of weights"):
        read_state_dict(tmp_path / "other.pt")


def test_the_right_architecture_passes(tensors):
    check_keys(tensors, {"a.weight": (4, 3), "a.bias": torch.zeros(4)}, "model.pt")


def test_another_architecture_is_one_error_with_a_few_names(tensors):
    expected = {"a.weight": (4, 5), **{f"b.{number}": (1,) for number in range(9)}}
    with pytest.raises(InputError) as caught:
        check_keys(tensors, expected, "model.pt")
    said = str(caught.value)
    assert said.startswith(
        "model.pt holds the weights of another architecture (missing: b.0, b.1, b.2 and 6 more;"
    )
    assert "not expected: a.bias;" in said
    assert "other shapes: a.weight (4, 3) in place of (4, 5))" in said
