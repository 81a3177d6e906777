"""AST on tiny random checkpoints of the hub's layout: equal to transformers, exact where it is easily got wrong."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from soundvis_core.errors import InputError
from soundvis_core.models.audio_transformer import AudioTransformer
from soundvis_core.models.options import ModelOptions
from soundvis_core.models.torch_stack import torch_stack
from tests.builders.ast_checkpoints import change_json, tiny_ast, weights_in

RATE = 16000
ON_CPU = ModelOptions(device="cpu", precision="fp32", batch=3)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Path:
    return tiny_ast(tmp_path_factory.mktemp("ast"))


@pytest.fixture(scope="session")
def model(checkpoint) -> AudioTransformer:
    return AudioTransformer.load(weights_in(checkpoint), ON_CPU)


@pytest.fixture(scope="session")
def reference(checkpoint):
    """The hub's way: extractor and model by from_pretrained, eager attention."""
    torch_stack()
    from transformers import ASTFeatureExtractor, ASTForAudioClassification

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        extractor = ASTFeatureExtractor.from_pretrained(checkpoint, local_files_only=True)
    theirs = ASTForAudioClassification.from_pretrained(
        checkpoint, local_files_only=True, attn_implementation="eager"
    )

    def run(windows):
        inputs = extractor(windows, sampling_rate=RATE, return_tensors="pt")
        with torch.no_grad():
            body = theirs.audio_spectrogram_transformer(**inputs)
            probabilities = torch.sigmoid(theirs(**inputs).logits)
        return body, probabilities.numpy()

    return run


def windows(*seconds: float) -> list[np.ndarray]:
    random = np.random.default_rng(5)
    return [random.normal(0.0, 0.1, round(length * RATE)).astype(np.float32) for length in seconds]


def test_embeddings_and_tags_equal_the_reference(model, reference):
    for group in (windows(10.0), windows(1.0, 4.5, 10.0), windows(9.99, 12.0)):
        body, tags = reference(group)
        batch = [model.prepare(window) for window in group]
        embeddings, probabilities = model.forward_tagged(batch)
        assert embeddings.shape == (len(group), 32) and probabilities.shape == (len(group), 527)
        assert embeddings.dtype == probabilities.dtype == np.float32
        assert np.abs(embeddings - body.pooler_output.numpy()).max() <= 1e-5
        assert np.abs(probabilities - tags).max() <= 1e-5
        assert np.array_equal(model.forward(batch), embeddings)


def test_windows_differ_and_a_batch_is_like_one_by_one(model):
    group = windows(1.0, 2.0, 5.0, 10.0, 10.0, 3.0, 1.5)
    together = model.encode(group)
    alone = np.concatenate([model.encode([window]) for window in group])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.abs(np.diff(together, axis=0)).max(axis=1).min() > 1e-3
    assert model.encode([]).shape == (0, 32)


def test_the_embedding_is_the_mean_of_the_two_first_tokens_after_the_norm(model, reference, checkpoint):
    from safetensors.torch import load_file

    body, _ = reference(windows(10.0))
    state = load_file(checkpoint / "model.safetensors")
    normed = body.last_hidden_state[0].numpy()
    found = model.encode(windows(10.0))[0]
    np.testing.assert_allclose(found, (normed[0] + normed[1]) / 2.0, atol=1e-5)
    # Each token was normalised by itself: undone, its mean is 0 and its variance 1.
    weight, bias = (
        state[f"audio_spectrogram_transformer.layernorm.{part}"].numpy() for part in ("weight", "bias")
    )
    tokens = (normed - bias) / weight
    np.testing.assert_allclose(tokens.mean(axis=1), 0.0, atol=1e-4)
    np.testing.assert_allclose(tokens.var(axis=1), 1.0, atol=1e-3)
    for wrong in (normed[0], normed[1], normed[2:].mean(axis=0), normed.mean(axis=0)):
        assert np.abs(found - wrong).max() > 1e-2


def test_patches_overlap(model, reference):
    """12 x 101 patches every 10 of 16, and two tokens; without overlap there would be 8 x 64 + 2."""
    body, _ = reference(windows(10.0))
    assert body.last_hidden_state.shape[1] == model.tokens == 12 * 101 + 2 == 1214


def test_silence_behind_a_short_sound_is_padding_and_not_quiet_sound(model):
    sound = windows(2.0)[0]
    quiet = np.concatenate([sound, np.zeros(8 * RATE, np.float32)])
    short, long = model.encode([sound, quiet])
    assert np.abs(short - long).max() > 1e-3


def test_labels_keep_the_order_of_their_numbers(tmp_path):
    names = {number: f"sound {number}" for number in range(12)}
    folder = tiny_ast(tmp_path, num_labels=12)
    # JSON's keys are texts, in any order; sorted as texts 10 would come before 2.
    change_json(
        folder / "config.json", id2label={str(number): names[number] for number in sorted(names, key=str)}
    )
    model = AudioTransformer.load(weights_in(folder), ON_CPU)
    assert model.labels == tuple(names.values())
    assert model.forward_tagged([model.prepare(windows(1.0)[0])])[1].shape == (1, 12)


def test_tags_are_independent_of_each_other(model):
    _, probabilities = model.forward_tagged([model.prepare(window) for window in windows(10.0, 3.0)])
    assert (probabilities > 0.0).all() and (probabilities < 1.0).all()
    assert not np.allclose(probabilities.sum(axis=1), 1.0)


def test_it_says_what_it_is(model):
    assert (model.id, model.revision, model.rate, model.dimension) == ("ast-audioset", "local", 16000, 32)
    assert model.batch_size == 3 and model.placement.device == "cpu" and model.placement.dtype == "float32"
    assert len(model.labels) == 527 and model.labels[72] == "sound 72"


@pytest.mark.parametrize(("precision", "most"), [("fp32", 4), ("bf16", 1)])
def test_on_a_processor_few_windows_go_at_once_unless_told_otherwise(checkpoint, precision, most):
    def batch(size):
        options = ModelOptions(device="cpu", precision=precision, batch=size)
        return AudioTransformer.load(weights_in(checkpoint), options).batch_size

    assert 1 <= batch(0) <= most and batch(7) == 7


def test_bfloat16_is_close_and_answers_in_float32(checkpoint, model):
    short = AudioTransformer.load(
        weights_in(checkpoint), ModelOptions(device="cpu", precision="bf16", batch=2)
    )
    assert short.placement.dtype == "bfloat16"
    batch = [model.prepare(window) for window in windows(10.0, 4.0)]
    exact, tags = model.forward_tagged(batch)
    found, found_tags = short.forward_tagged(batch)
    assert found.dtype == found_tags.dtype == np.float32
    cosines = (exact * found).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(found, axis=1)
    assert cosines.min() > 0.999
    assert np.abs(tags - found_tags).max() < 0.05
    # The weights are shortened once; that is what autocast does at every forward.
    whole = AudioTransformer.load(weights_in(checkpoint), ON_CPU)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        body = whole._model.audio_spectrogram_transformer(torch.from_numpy(np.stack(batch)))
    np.testing.assert_array_equal(found, body.pooler_output.float().numpy())


def test_older_files_of_the_hub_are_read_too(tmp_path, checkpoint, model):
    """A pickle of tensors, and nothing about the extractor but its defaults."""
    folder = tiny_ast(tmp_path, weights="bin")
    (folder / "preprocessor_config.json").write_text('{"feature_extractor_type": "ASTFeatureExtractor"}')
    found = AudioTransformer.load(weights_in(folder), ON_CPU)
    assert np.array_equal(found.encode(windows(2.0)), model.encode(windows(2.0)))
    assert not (folder / "model.safetensors").exists()


def test_safetensors_go_before_a_pickle(tmp_path):
    folder = tiny_ast(tmp_path)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": print}))
    AudioTransformer.load(weights_in(folder), ON_CPU)


def test_the_hub_s_names_of_weights_and_those_of_now_are_the_same_model(tmp_path, checkpoint, model):
    """The checkpoint of the paper has the names of transformers 4 (``encoder.layer.0.attention.attention.query``)."""
    from safetensors.torch import load_file, save_file

    folder = tiny_ast(tmp_path)
    state = load_file(folder / "model.safetensors")
    older = any("attention.attention.query" in name for name in state)
    swaps = [
        ("encoder.layer.", "layers."),
        ("attention.attention.query", "attention.q_proj"),
        ("attention.attention.key", "attention.k_proj"),
        ("attention.attention.value", "attention.v_proj"),
        ("attention.output.dense", "attention.o_proj"),
        ("intermediate.dense", "mlp.fc1"),
        ("output.dense", "mlp.fc2"),
    ]
    renamed = {}
    for name, values in state.items():
        for then, now in swaps:
            name = name.replace(then, now) if older else name.replace(now, then)
        renamed[name] = values
    assert set(renamed) != set(state)
    save_file(renamed, folder / "model.safetensors")
    found = AudioTransformer.load(weights_in(folder), ON_CPU)
    assert np.array_equal(found.encode(windows(2.0)), model.encode(windows(2.0)))


class _Runs:
    """Writes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self):
        return (open, (str(self._path), "w"))


def test_a_hostile_pickle_is_refused_and_not_run(tmp_path):
    folder = tiny_ast(tmp_path / "model", weights="bin")
    torch.save({"a": _Runs(tmp_path / "owned")}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="run code"):
        AudioTransformer.load(weights_in(folder), ON_CPU)
    assert not (tmp_path / "owned").exists()


def test_code_named_by_a_configuration_is_not_run(tmp_path, model):
    folder = tiny_ast(tmp_path)
    (folder / "evil.py").write_text("raise SystemExit('run')")
    change_json(
        folder / "config.json",
        auto_map={"AutoModelForAudioClassification": "evil.Model", "AutoConfig": "evil.Config"},
        attn_implementation="somebody/kernels",
        quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True},
    )
    found = AudioTransformer.load(weights_in(folder), ON_CPU)
    assert np.array_equal(found.encode(windows(1.0)), model.encode(windows(1.0)))


def _cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def _without(*names: str):
    def change(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        state = load_file(folder / "model.safetensors")
        kept = {name: values for name, values in state.items() if not any(part in name for part in names)}
        assert len(kept) < len(state)
        save_file(kept, folder / "model.safetensors")

    return change


def _another_width(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    state["classifier.dense.weight"] = torch.zeros(527, 48)
    state["stranger"] = torch.zeros(3)
    save_file(state, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (
            lambda folder: (folder / "preprocessor_config.json").unlink(),
            "preprocessor_config.json is missing",
        ),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read as JSON"),
        (lambda folder: (folder / "config.json").write_text("[1]"), "no configuration"),
        (lambda folder: change_json(folder / "config.json", model_type="wav2vec2"), "of the type 'wav2vec2'"),
        (lambda folder: change_json(folder / "config.json", hidden_size="wide"), "does not describe"),
        (lambda folder: change_json(folder / "config.json", max_length=512), "do not belong together"),
        (
            lambda folder: change_json(folder / "preprocessor_config.json", sampling_rate=8000),
            "'preprocessor_config.json' asks for sound at 8000 Hz",
        ),
        (_cut, "cut off or damaged"),
        (_without("cls_token"), "missing: audio_spectrogram_transformer.embeddings.cls_token"),
        (_without("layer"), "more"),
        (_another_width, "of another shape: classifier.dense.weight"),
        (lambda folder: change_json(folder / "config.json", num_hidden_layers=3), "missing:"),
        (lambda folder: change_json(folder / "config.json", num_hidden_layers=1), "unknown:"),
    ],
)
def test_what_is_wrong_with_a_checkpoint_is_said_before_anything_is_run(tmp_path, change, words):
    folder = tiny_ast(tmp_path)
    change(folder)
    with pytest.raises(InputError) as caught:
        AudioTransformer.load(weights_in(folder), ON_CPU)
    assert words in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_nothing_is_kept_of_what_was_read(checkpoint):
    """Loading leaves the folder as it was."""
    before = sorted(path.name for path in checkpoint.iterdir())
    AudioTransformer.load(weights_in(checkpoint), ON_CPU)
    assert sorted(path.name for path in checkpoint.iterdir()) == before
    assert (
        json.loads((checkpoint / "config.json").read_text())["model_type"] == "audio-spectrogram-transformer"
    )
