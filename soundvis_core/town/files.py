"""Writes the town's recordings, street views and truth; each file appears whole or not at all."""

from __future__ import annotations

import json
import os
import wave
from pathlib import Path
from typing import IO, Any, Callable

import numpy as np

from ..progress import NO_PROGRESS, Progress, check_cancelled
from .build import Site, Town
from .levels import COMPONENTS, Sources, find_sources, site_levels
from .surfaces import CLASS_NAMES
from .synthesis import RATE, SoundBank
from .view import View, draw_view

#: Metres around a site within which the truth counts land cover.
RADIUS = 100.0


def write_recordings(town: Town, folder: str | Path, progress: Progress = NO_PROGRESS) -> dict[str, Path]:
    """Write ``recordings/T01.wav`` and so on under ``folder``: 30 s, 24 kHz, 16 bit, mono.

    Returns the path of each site's recording by site id. Raises ``Cancelled`` where the user wants to stop, and
    ``OSError`` where the folder cannot be written to.
    """
    bank, sources = SoundBank(town.seed), find_sources(town.scene.plan, town.scene.rasters)

    def write(site: Site, stream: IO[bytes]) -> None:
        levels = recording_levels(town, site, sources)
        signal = bank.mix(levels, np.random.default_rng([town.seed, 8, int(site.id[1:])]))
        samples = np.clip(np.round(signal * 32767), -32767, 32767).astype("<i2")
        with wave.open(stream, "wb") as recording:
            recording.setnchannels(1)
            recording.setsampwidth(2)
            recording.setframerate(RATE)
            recording.writeframes(samples.tobytes())

    return _write_each(town, Path(folder) / "recordings", ".wav", write, progress)


def write_photos(town: Town, folder: str | Path, progress: Progress = NO_PROGRESS) -> dict[str, Path]:
    """Write ``photos/T01.jpg`` and so on under ``folder``: street views of 640 x 400 pixels.

    Returns the path of each site's photo by site id. Raises as :func:`write_recordings` does.
    """
    from PIL import Image

    def write(site: Site, stream: IO[bytes]) -> None:
        Image.fromarray(street_view(town, site).rgb).save(stream, format="JPEG", quality=90)

    return _write_each(town, Path(folder) / "photos", ".jpg", write, progress)


def write_truth(town: Town, folder: str | Path) -> Path:
    """Write ``truth.json`` under ``folder``: what surrounds, sounds and shows at every site, known exactly.

    Per site: place, district, surroundings; shares of land cover within 100 m by class name; its BGA composition
    (Table 1, aerial), raw and normalised; decibels of every sound mixed in (null: not heard); shares of the classes
    of the street view. Returns the path.
    """
    from ..bga.composition import compose
    from ..bga.weights import CATEGORIES, load_weights

    weights = load_weights(None, "aerial")
    sources = find_sources(town.scene.plan, town.scene.rasters)
    sites: dict[str, Any] = {}
    for site in town.sites:
        shares = landcover_shares(town, site)
        composition = compose(shares, weights)
        levels = recording_levels(town, site, sources)
        sites[site.id] = {
            "x": site.x,
            "y": site.y,
            "district": site.district,
            "surroundings": site.surroundings,
            "landcover": shares,
            "bga_raw": _named(CATEGORIES, composition.raw),
            "bga": _named(CATEGORIES, composition.normalised),
            "sound_levels_db": {component: levels.get(component) for component in COMPONENTS},
            "street_view": view_shares(town, site),
        }
    truth = {
        "seed": town.seed,
        "crs": town.crs,
        "radius_m": RADIUS,
        "classes": {str(code): name for code, name in CLASS_NAMES.items()},
        "sites": sites,
    }
    path = Path(folder) / "truth.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(truth, indent=1)
    _write_whole(path, lambda stream: stream.write(text.encode("utf-8")))
    return path


def landcover_shares(town: Town, site: Site, radius: float = RADIUS) -> dict[str, float]:
    """Share of every class among the pixels whose centres lie within ``radius`` metres of a site.

    Classes that are not there have the share 0.
    """
    column, row = (site.x - town.origin[0]) / town.resolution, (town.origin[1] - site.y) / town.resolution
    reach = radius / town.resolution
    top, left = max(int(row - reach) - 1, 0), max(int(column - reach) - 1, 0)
    part = town.landcover[top : int(row + reach) + 2, left : int(column + reach) + 2]
    down = np.arange(top, top + part.shape[0]) + 0.5 - row
    across = np.arange(left, left + part.shape[1]) + 0.5 - column
    inside = down[:, None] ** 2 + across[None, :] ** 2 <= reach**2
    counts = np.bincount(part[inside], minlength=max(CLASS_NAMES) + 1)
    return {name: float(counts[code]) / float(inside.sum()) for code, name in CLASS_NAMES.items()}


def recording_levels(town: Town, site: Site, sources: Sources) -> dict[str, float]:
    """Decibels of every sound that can be heard at a site on the day of the recording."""
    x, y = town.local(site)
    return site_levels(sources, x, y, np.random.default_rng([town.seed, 7, int(site.id[1:])]))


def street_view(town: Town, site: Site) -> View:
    """Draw the street view of a site."""
    x, y = town.local(site)
    view = draw_view(town.scene.rasters, x, y, np.random.default_rng([town.seed, 9, int(site.id[1:])]))
    town.scene.views[site.id] = view.shares()
    return view


def view_shares(town: Town, site: Site) -> dict[str, float]:
    """Shares of the classes in a site's street view, remembered where it was drawn before."""
    if site.id not in town.scene.views:
        street_view(town, site)
    return town.scene.views[site.id]


def _named(names: tuple[str, ...], values: Any) -> dict[str, float] | None:
    return None if values is None else {name: float(value) for name, value in zip(names, values)}


def _write_each(
    town: Town, folder: Path, suffix: str, write: Callable[[Site, IO[bytes]], None], progress: Progress
) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for index, site in enumerate(town.sites):
        check_cancelled(progress)
        path = folder / f"{site.id}{suffix}"

        def write_site(stream: IO[bytes], site: Site = site) -> None:
            write(site, stream)

        _write_whole(path, write_site)
        paths[site.id] = path
        progress.report((index + 1) / len(town.sites))
    return paths


def _write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write a file under another name and then give it its own, so that no half file is ever found there."""
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as stream:
            write(stream)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
