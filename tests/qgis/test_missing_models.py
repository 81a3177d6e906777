"""What a model with weights lacks is said before the run, with the ways out; and the settings that models obey."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from helpers import AlgorithmError, make_points, make_raster
from qgis.core import QgsSettings

from soundvis_core.errors import InputError
from soundvis_core.home import home as core_home
from soundvis_core.models.store import pinned_revision
from soundvis_qgis.runtime import client, execution, settings
from soundvis_qgis.runtime.environment import child_environment

#: Each tool with its default, the paper's model, and the light one that a message has to name.
TOOLS = {
    "embedsound": ("ast-audioset", "acoustic-features"),
    "embedphotos": ("clip-vit-l-14", "colour-texture"),
    "embedimagery": ("remoteclip-vit-l-14", "colour-texture"),
    "segmentphotos": ("clipseg-rd64", "colour-index"),
    "segmentraster": ("segearth-ov", "spectral-index"),
    "bgasound": ("ast-audioset", "ndsi"),
}
COMPLETE = dict.fromkeys(
    ("python", "numpy", "scipy", "soundfile", "av", "Pillow", *execution.TORCH_PACKAGES), "1.0"
)


@pytest.fixture
def values(tmp_path, qgis_app, project):
    """Parameters of each tool with an empty layer or a small raster, without a model."""
    import numpy as np

    sites = make_points([], {"path": ["x"]})
    raster = make_raster(tmp_path / "aerial.tif", np.full((3, 8, 8), 90, np.uint8))
    files = {"INPUT": sites, "PATH_FIELD": "path"}
    return {
        "embedsound": files, "embedphotos": files, "segmentphotos": files, "bgasound": files,
        "embedimagery": {"INPUT": sites, "RASTER": raster},
        "segmentraster": {"INPUT": raster, "OUTPUT": str(tmp_path / "classes.tif")},
    }  # fmt: skip


@pytest.fixture
def no_python(monkeypatch, tmp_path):
    monkeypatch.delenv("SOUNDVIS_PYTHON", raising=False)
    monkeypatch.setenv("SOUNDVIS_HOME", str(tmp_path / "no home"))


@pytest.fixture
def complete(monkeypatch, tmp_path):
    """A Python that says that it has everything; no weights anywhere."""
    monkeypatch.setenv("SOUNDVIS_PYTHON", sys.executable)
    monkeypatch.setenv("SOUNDVIS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(execution, "worker_versions", lambda *_: dict(COMPLETE))


@pytest.mark.parametrize("tool", TOOLS)
def test_without_an_environment(run, values, no_python, tool):
    model, light = TOOLS[tool]
    with pytest.raises(AlgorithmError) as caught:
        run(tool, values[tool], own_defaults=True)
    message = str(caught.value)
    assert message.startswith(
        f"The model '{model}' runs in SoundVis' own Python environment, and there is none."
    )
    assert "Run 'Set up the environment'" in message and f"choose the light model '{light}'" in message


@pytest.mark.parametrize("tool", TOOLS)
def test_without_weights(run, values, complete, tool):
    model, light = TOOLS[tool]
    with pytest.raises(AlgorithmError) as caught:
        run(tool, values[tool], own_defaults=True)
    message = str(caught.value)
    assert f"The weights of '{model}' are not on this computer (looked in " in message
    assert "'Download models'" in message and "CHECKPOINT" in message and f"'{light}'" in message


@pytest.mark.parametrize("tool", TOOLS)
def test_the_light_models_need_neither(run, values, no_python, tool):
    light = TOOLS[tool][1]
    run(tool, {**values[tool], "METHOD" if tool == "bgasound" else "MODEL": light})


def test_an_environment_without_torch(run, values, no_python, monkeypatch):
    """Asked in earnest: the Python of these tests has no torch."""
    monkeypatch.setenv("SOUNDVIS_PYTHON", sys.executable)
    with pytest.raises(AlgorithmError, match=r"needs packages that .* does not have: .*torch.*") as caught:
        run("embedsound", values["embedsound"], own_defaults=True)
    assert "Set up the environment" in str(caught.value) and "'acoustic-features'" in str(caught.value)


def test_a_python_that_is_none(run, values, no_python, monkeypatch, tmp_path):
    text = tmp_path / "python"
    text.write_text("not a program")
    monkeypatch.setenv("SOUNDVIS_PYTHON", str(text))
    with pytest.raises(AlgorithmError, match=r"does not answer as SoundVis' worker.*Choose another Python"):
        run("embedsound", values["embedsound"], own_defaults=True)
    monkeypatch.setenv("SOUNDVIS_PYTHON", str(tmp_path / "nothing"))
    with pytest.raises(AlgorithmError, match=r"SOUNDVIS_PYTHON names .*nothing, which is not there"):
        run("embedsound", values["embedsound"], own_defaults=True)


def test_versions_are_asked_once_where_they_are_complete(complete, monkeypatch):
    asked = []
    monkeypatch.setattr(
        client, "ask_program", lambda *_, **__: asked.append(1) or '{"python": "3.11", "torch": "2"}'
    )
    monkeypatch.setattr(client, "_told", {})
    for _ in range(3):
        assert client.worker_versions(sys.executable, ("torch",))["torch"] == "2"
    assert len(asked) == 1
    monkeypatch.setattr(
        client, "ask_program", lambda *_, **__: asked.append(1) or '{"python": "3.11", "torch": ""}'
    )
    for _ in range(3):  # it may be installed meanwhile
        client.worker_versions(sys.executable, ("torch", "more"))
    assert len(asked) == 4


def test_a_checkpoint_that_is_not_there(run, values, complete, tmp_path):
    with pytest.raises(AlgorithmError, match=r"checkpoint .*gone\.pt is not there"):
        run(
            "embedphotos",
            {**values["embedphotos"], "CHECKPOINT": str(tmp_path / "gone.pt")},
            own_defaults=True,
        )


def test_a_checkpoint_for_a_model_without_weights(run, values, complete, tmp_path):
    with pytest.raises(AlgorithmError, match="'colour-texture' has no weights: leave CHECKPOINT empty"):
        run("embedphotos", {**values["embedphotos"], "CHECKPOINT": str(tmp_path / "x.pt")})


def test_weights_that_are_cut_off_are_said_before_the_run(run, values, complete, tmp_path, monkeypatch):
    from soundvis_core.models.registry import by_id

    row = by_id("remoteclip-vit-l-14")
    folder = tmp_path / "models" / row.id / pinned_revision(row)[:12]
    folder.mkdir(parents=True)
    (folder / row.files[0]).write_bytes(b"half")
    (folder / "soundvis.json").write_text(
        f'{{"revision": "x", "files": {{"{row.files[0]}": {{"size": 9}}}}}}'
    )
    monkeypatch.setenv("SOUNDVIS_MODELS", str(tmp_path / "models"))
    with pytest.raises(AlgorithmError, match=r"damaged: .* has 4 bytes in place of 9.*Download models"):
        run("embedimagery", values["embedimagery"], own_defaults=True)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SOUNDVIS_DEVICE", "quantum", "device 'quantum' is not known"),
        ("SOUNDVIS_PRECISION", "fp8", "precision 'fp8' is not known"),
        ("SOUNDVIS_BATCH", "many", "batch size 'many'"),
    ],
)
def test_settings_without_meaning_are_said_before_the_run(
    run, values, complete, monkeypatch, variable, value, said
):
    monkeypatch.setenv(variable, value)
    with pytest.raises(AlgorithmError, match=said):
        run("embedphotos", values["embedphotos"], own_defaults=True)
    run("embedphotos", values["embedphotos"])  # light models do not mind


def test_a_grey_raster_is_no_picture_for_segearth(run, complete, monkeypatch, tmp_path):
    import numpy as np

    monkeypatch.setattr(execution, "job_problem", lambda *_: None)
    raster = make_raster(tmp_path / "grey.tif", np.full((8, 8), 90, np.uint8))
    with pytest.raises(AlgorithmError, match="'segearth-ov' needs a picture in red, green and blue"):
        run("segmentraster", {"INPUT": raster, "OUTPUT": str(tmp_path / "out.tif")}, own_defaults=True)
    assert not (tmp_path / "out.tif").exists()


# ----------------------------------------------------------------------------------------------- settings


@pytest.fixture
def stored(monkeypatch, qgis_app):
    """QGIS's settings, without any of ours before and after; no variable is set."""
    for key in settings.DEFAULTS:
        monkeypatch.delenv(settings.variable(key), raising=False)
    kept = QgsSettings()
    kept.remove("soundvis")
    yield kept
    kept.remove("soundvis")


def test_where_nothing_is_set(stored):
    assert settings.home() == Path.home() / ".soundvis"
    assert settings.models_folder() == Path.home() / ".soundvis" / "models"
    assert settings.cache_folder() == Path.home() / ".soundvis" / "cache"
    assert settings.cache_bytes() == 5_000_000_000
    options = settings.model_options()
    assert (options.device, options.precision, options.batch, options.checkpoint) == ("auto", "auto", 0, "")


def test_settings_of_qgis_hold_and_variables_go_before(stored, monkeypatch, tmp_path):
    for key, value in {
        settings.HOME: str(tmp_path / "home"), settings.DEVICE: "cuda", settings.PRECISION: "bf16", settings.BATCH: 4,
        settings.CACHE_GB: 0.5,
    }.items():  # fmt: skip
        stored.setValue(key, value)
    options = settings.model_options("own.pt")
    assert options.models_folder == str(tmp_path / "home" / "models")
    assert options.cache_folder == str(tmp_path / "home" / "cache")
    assert (options.device, options.precision, options.batch) == ("cuda", "bf16", 4)
    assert options.checkpoint == "own.pt"
    assert settings.cache_bytes() == 500_000_000
    settings.share_home()
    assert core_home() == tmp_path / "home"
    assert child_environment()["SOUNDVIS_HOME"] == str(tmp_path / "home")
    for key, value in {
        settings.HOME: str(tmp_path / "other"), settings.MODELS: str(tmp_path / "weights"), settings.DEVICE: "CPU",
        settings.BATCH: "2", settings.CACHE_GB: "0",
    }.items():  # fmt: skip
        monkeypatch.setenv(settings.variable(key), value)
    options = settings.model_options()
    assert (options.device, options.batch, options.precision) == ("cpu", 2, "bf16")
    assert options.models_folder == str(tmp_path / "weights")
    assert settings.cache_folder() == tmp_path / "other" / "cache"
    assert core_home() == tmp_path / "other"
    assert settings.cache_bytes() == 0


@pytest.mark.parametrize("text", ["much", "-1", "nan", "inf"])
def test_a_cache_size_that_is_none(stored, monkeypatch, text):
    monkeypatch.setenv("SOUNDVIS_CACHE_GB", text)
    with pytest.raises(InputError, match=f"cache size '{text}'"):
        settings.cache_bytes()


def test_only_downloads_may_ask_the_network(stored, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert child_environment()["HF_HUB_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in child_environment(offline=False)
