"""QGIS with the staged plugin: one provider for the session, tools run as Processing runs them."""

from __future__ import annotations

import atexit
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

# The staged plugin first: it registers the core that ships inside it.
soundvis_qgis = importlib.import_module("soundvis_qgis")
soundvis_core = importlib.import_module("soundvis_core")

STAGED = Path(soundvis_qgis.__file__).resolve().parent
if STAGED.parent.name != "build" or STAGED not in Path(soundvis_core.__file__).resolve().parents:
    raise pytest.UsageError(
        f"Tests in QGIS are about the staged plugin, but {STAGED} was imported. Run them by `make test SUITE=qgis`."
    )

import helpers  # noqa: E402
import paper  # noqa: E402

_status: list[int] = []


def pytest_sessionfinish(exitstatus: int) -> None:
    _status[:] = [int(exitstatus)]


@atexit.register
def _end_before_qgis_is_taken_down() -> None:
    """Where any tool ran in the background, QGIS's own too, taking QGIS 3.44 down at the end may crash."""
    if _status:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_status[0])


@pytest.fixture(scope="session", autouse=True)
def home_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of SoundVis of its own: the user's environment, models and kept results are no part of a test."""
    folder = tmp_path_factory.mktemp("soundvis-home")
    before = {name: value for name, value in os.environ.items() if name.startswith("SOUNDVIS_")}
    for name in set(before) - {"SOUNDVIS_TEST_DATA", "SOUNDVIS_PYTHON"}:
        del os.environ[name]
    os.environ["SOUNDVIS_HOME"] = str(folder)
    yield folder
    del os.environ["SOUNDVIS_HOME"]
    os.environ.update(before)


@pytest.fixture(scope="session")
def provider(qgis_app: Any, qgis_processing: Any) -> Iterator[Any]:
    """The provider ``soundvis``: one for the session, because QGIS deletes a second one of the same id."""
    from qgis.core import QgsApplication

    from soundvis_qgis.provider import SoundVisProvider

    registry = QgsApplication.processingRegistry()
    made = SoundVisProvider()
    if not registry.addProvider(made):
        pytest.fail("the provider could not be registered")
    made.refreshAlgorithms()
    yield made
    registry.removeProvider(made)


@pytest.fixture
def project(qgis_app: Any) -> Iterator[Any]:
    """The project, empty before and after."""
    from qgis.core import QgsProject

    instance = QgsProject.instance()
    instance.clear()
    yield instance
    instance.clear()


@pytest.fixture
def run(provider: Any, project: Any) -> Callable[..., helpers.Run]:
    """``run(algorithm_id, parameters, feedback=None)``: see :func:`helpers.run_algorithm`."""
    return helpers.run_algorithm


@pytest.fixture
def make_points(project: Any) -> Callable[..., Any]:
    """``make_points(points, fields, crs, path)``: see :func:`helpers.make_points`."""
    return helpers.make_points


@pytest.fixture
def make_raster(qgis_app: Any) -> Callable[..., str]:
    """``make_raster(path, array, origin, pixel, epsg, ...)``: see :func:`helpers.make_raster`."""
    return helpers.make_raster


@pytest.fixture
def read_features(qgis_app: Any) -> Callable[[Any], list[dict[str, Any]]]:
    """``read_features(output)``: see :func:`helpers.read_features`."""
    return helpers.read_features


@pytest.fixture(scope="session")
def town(provider: Any, tmp_path_factory: pytest.TempPathFactory) -> helpers.SampleTown:
    """The sample town of seed 1, built once through ``soundvis:samplesites``."""
    folder = tmp_path_factory.mktemp("town")
    return helpers.build_town(folder)


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither variable nor environment names a Python."""
    monkeypatch.delenv("SOUNDVIS_PYTHON", raising=False)
    monkeypatch.setenv("SOUNDVIS_HOME", str(tmp_path / "no home"))


@pytest.fixture
def lacks_soundfile(monkeypatch: pytest.MonkeyPatch) -> None:
    """QGIS's Python as it is where neither soundfile nor PyAV is installed."""
    from soundvis_qgis.runtime import execution

    def missing(modules: Sequence[str]) -> list[str]:
        return [module for module in modules if module in ("soundfile", "av")]

    monkeypatch.setattr(execution, "missing", missing)


@pytest.fixture(scope="session")
def paper_python() -> str:
    """The Python that has torch."""
    return paper.torch_python()


@pytest.fixture(scope="session")
def tiny(paper_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The paper's models in small: ``models`` is a store, the other folders are checkpoints of a user's own."""
    return paper.tiny_models(paper_python, tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def paper_setup(paper_python: str, tiny: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The environment, the downloaded models and an empty cache in the folder; one thread, for others work too."""
    for name, value in {
        "SOUNDVIS_PYTHON": paper_python, "SOUNDVIS_MODELS": str(tiny / "models"),
        "SOUNDVIS_CACHE": str(tmp_path / "cache"), "SOUNDVIS_DEVICE": "cpu", "SOUNDVIS_PRECISION": "fp32",
        "OMP_NUM_THREADS": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every worker that is started on a job, as its Popen."""
    from soundvis_qgis.runtime import programs

    started = []

    class Remembered(programs.subprocess.Popen):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            if "--versions" not in self.args:
                started.append(self)

    monkeypatch.setattr(programs.subprocess, "Popen", Remembered)
    return started


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Recordings of one to three windows; the second one is broken, the fourth silent."""
    from tests.builders import recordings

    folder = tmp_path_factory.mktemp("sounds")
    made = []
    for index, seconds in enumerate((4, 21, 9, 12)):
        part = folder / str(index)
        part.mkdir()
        made.append(recordings.write(part, "a.wav", recordings.noise(seconds, 16000, seed=index), 16000))
    return [made[0], recordings.corrupt(folder), made[1], recordings.silent(folder), made[2], made[3]]
