"""In QGIS: ``soundvis:embedsound`` from files to a GeoPackage, and the bare encoder on decoded windows, in turn.

Usage: embed_sound.py FOLDER RECORDINGS ROUNDS RATE
"""

from __future__ import annotations

import json
import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from qgis.core import QgsField, QgsVectorLayer
from session import points, run_tool, start

from soundvis_core.audio import read_windows
from soundvis_core.models.acoustic_features import AcousticFeatures
from soundvis_core.pipeline import worker_threads
from soundvis_qgis.compat import STRING
from soundvis_qgis.layers.sources import numbers_of

folder, recordings, rounds, rate = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
SECONDS = 30.0


def write_recordings() -> list[Path]:
    """Recordings as field recorders make them: mono, 16 bit; noise that falls off with frequency, and chirps."""
    import soundfile

    time_axis = np.arange(int(SECONDS * rate)) / rate
    paths = []
    for number in range(recordings):
        generator = np.random.default_rng(number)
        noise = np.cumsum(generator.normal(size=time_axis.size))
        noise -= np.convolve(noise, np.ones(501) / 501, "same")
        chirp = np.sin(2 * np.pi * (2000 + 40 * number) * time_axis) * (
            np.sin(2 * np.pi * 3 * time_axis) > 0.6
        )
        sound = 0.2 * noise / np.abs(noise).max() + 0.05 * chirp
        paths.append(folder / f"{number:03d}.wav")
        soundfile.write(paths[-1], sound, rate, subtype="PCM_16")
    return paths


start()
folder.mkdir(parents=True, exist_ok=True)
paths = write_recordings()
model = AcousticFeatures()
decoded = [[window.samples for window in read_windows(path, model.rate)] for path in paths]
sites = points("EPSG:28992", [QgsField("path", STRING)], ((0.0, 0.0, [str(path)]) for path in paths))
output = str(folder / "sites.gpkg")


def bare(threads: int) -> tuple[float, np.ndarray]:
    """Seconds of the encoder alone on the decoded windows, and the mean of each recording."""
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        encoded = list(pool.map(model.encode, decoded))
    seconds = time.perf_counter() - began
    return seconds, np.stack([rows.mean(axis=0, dtype=float).astype(np.float32) for rows in encoded])


def libraries(threads: int) -> float:
    """Seconds of soundfile, scipy's resampling and the encoder, whole recordings at once, nothing checked."""
    import soundfile
    from scipy.signal import resample_poly

    def embed(path: Path) -> np.ndarray:
        samples, _ = soundfile.read(path, dtype="float32")
        resampled = resample_poly(samples, model.rate // common, rate // common)
        return model.encode(np.split(resampled, range(size, len(resampled), size))).mean(axis=0)

    common, size = math.gcd(model.rate, rate), 10 * model.rate
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(embed, paths))
    return time.perf_counter() - began


times: dict[str, list[float]] = {"tool": [], "same": [], "one": [], "libraries": []}
reference = np.empty((0, model.dimension))
for round_number in range(rounds + 1):
    tool = run_tool(
        "embedsound", {"INPUT": sites, "PATH_FIELD": "path", "MODEL": "acoustic-features", "OUTPUT": output}
    )
    same, reference = bare(worker_threads())
    one, _ = bare(1)
    bare_libraries = libraries(worker_threads())
    if round_number:  # the first round imports and warms up
        for name, seconds in (
            ("tool", tool),
            ("same", same),
            ("one", one),
            ("libraries", bare_libraries),
        ):
            times[name].append(seconds)

written = QgsVectorLayer(output, "sites", "ogr")
vectors = {feature["path"]: np.array(numbers_of(feature["snd_emb"])) for feature in written.getFeatures()}
difference = max(float(np.abs(vectors[str(path)] - row).max()) for path, row in zip(paths, reference))
print(json.dumps({"times": times, "threads": worker_threads(), "difference": difference}), flush=True)
