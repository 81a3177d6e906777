"""The paper's models in small, with random weights, where the store and the tools look for them.

Tests in QGIS have no torch: they run this file in the Python that has it, ``python tiny_models.py make FOLDER``.
``models`` in the folder is a store as downloads leave it; ``clip``, ``remoteclip`` and ``segearth`` are checkpoints of
a user's own. ``python tiny_models.py answer QUESTIONS.json ANSWERS.json`` asks the core itself: what the tools have to
give, too.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def make(folder: Path) -> None:
    """All models."""
    from safetensors.torch import save_file

    from soundvis_core.models.torch_stack import open_clip_stack, torch_stack

    torch_stack()
    open_clip_stack()
    from tests.builders import ast_checkpoints, clip_checkpoints, clipseg_checkpoints, segearth_checkpoints

    store = folder / "models"
    in_store(store, "ast-audioset", ast_checkpoints.tiny_ast(folder / "ast"))
    old = clipseg_checkpoints.old_layout(folder / "clipseg")
    torch = torch_stack()
    state = torch.load(old / "pytorch_model.bin", weights_only=True)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, old / "model.safetensors")
    (old / "pytorch_model.bin").unlink()
    (old / "special_tokens_map.json").write_text(json.dumps({"eos_token": "<|endoftext|>"}), "utf-8")
    in_store(store, "clipseg-rd64", old)
    for name, architecture, seed in (("clip", "tiny-ViT-quickgelu", 7), ("remoteclip", "tiny-ViT", 8)):
        model = clip_checkpoints.random_model(architecture, seed)
        clip_checkpoints.write_folder(folder / name, architecture, model)
    segearth = folder / "segearth"
    segearth.mkdir()
    architecture = "tiny-B-16-quickgelu"
    config = {"model_cfg": segearth_checkpoints.ARCHITECTURES[architecture], "preprocess_cfg": {}}
    (segearth / "open_clip_config.json").write_text(json.dumps(config), "utf-8")
    clip = segearth_checkpoints.random_clip(architecture)
    save_file(
        {name: tensor.contiguous() for name, tensor in clip.state_dict().items()},
        segearth / "open_clip_model.safetensors",
    )
    upsampler = folder / "simfeatup"
    upsampler.mkdir()
    segearth_checkpoints.write_upsampler(upsampler, segearth_checkpoints.random_upsampler())
    (upsampler / "upsampler.ckpt").rename(upsampler / "xclip_jbu_one_million_aid.ckpt")
    in_store(store, "simfeatup-aid", upsampler)


def in_store(store: Path, model_id: str, files: Path) -> None:
    """Files as a download leaves them: in the folder of the revision, declared whole."""
    from soundvis_core.models.options import ModelOptions
    from soundvis_core.models.registry import by_id
    from soundvis_core.models.store import pinned_revision, revision_folder, write_manifest

    row = by_id(model_id)
    folder = revision_folder(row, ModelOptions(models_folder=str(store)), pinned_revision(row))
    shutil.copytree(files, folder)
    write_manifest(row, folder, pinned_revision(row), "a test")


def answer(questions: Path, answers: Path) -> None:
    """What the core says to jobs: ``[{"job", "options", "tasks"}, ...]`` in the protocol's form, results likewise."""
    from soundvis_core.jobs import run_job
    from soundvis_core.progress import NO_PROGRESS
    from soundvis_core.worker.protocol import decode_value, encode_result

    found = []
    for question in json.loads(questions.read_text("utf-8")):
        tasks = decode_value(question["tasks"])
        results = run_job(question["job"], question["options"], tasks, NO_PROGRESS)
        found.append([encode_result(result) for result in results])
    answers.write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]))
    else:
        answer(Path(sys.argv[2]), Path(sys.argv[3]))
