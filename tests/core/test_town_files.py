"""The sample town's recordings, street views and truth."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.signal import welch

from soundvis_core.errors import Cancelled
from soundvis_core.progress import NO_PROGRESS, NoProgress
from soundvis_core.town import Site, Town, build_town, write_photos, write_recordings, write_truth
from soundvis_core.town.canvas import STREET_CLASSES
from soundvis_core.town.files import recording_levels, street_view
from soundvis_core.town.levels import COMPONENTS, find_sources, site_levels
from soundvis_core.town.synthesis import FULL_SCALE, SAMPLES, SoundBank


@pytest.fixture(scope="module")
def town() -> Town:
    return build_town(1)


@pytest.fixture(scope="module")
def folder(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("town")
    write_recordings(town, folder, NO_PROGRESS)
    write_photos(town, folder, NO_PROGRESS)
    write_truth(town, folder)
    return folder


@pytest.fixture(scope="module")
def truth(folder: Path) -> dict:
    return json.loads((folder / "truth.json").read_text(encoding="utf-8"))


def at(town: Town, surroundings: str) -> list[Site]:
    return [site for site in town.sites if site.surroundings == surroundings]


def spectrum(folder: Path, site: Site) -> tuple[np.ndarray, np.ndarray]:
    with wave.open(str(folder / "recordings" / f"{site.id}.wav")) as recording:
        samples = np.frombuffer(recording.readframes(recording.getnframes()), dtype="<i2") / 32768
        return welch(samples, recording.getframerate(), nperseg=2400)


def band(folder: Path, site: Site, low: float, high: float) -> float:
    frequency, power = spectrum(folder, site)
    return float(power[(frequency >= low) & (frequency < high)].sum())


def test_every_recording_is_thirty_seconds_of_16_bit_mono(town: Town, folder: Path) -> None:
    assert len(list((folder / "recordings").iterdir())) == len(town.sites)
    for site in town.sites:
        with wave.open(str(folder / "recordings" / f"{site.id}.wav")) as recording:
            assert (recording.getnchannels(), recording.getsampwidth()) == (1, 2)
            assert (recording.getframerate(), recording.getnframes()) == (24000, 720000)
            samples = np.frombuffer(recording.readframes(720000), dtype="<i2").astype(float)
        assert 30 < np.sqrt(np.mean(samples**2)) < 6000
        assert np.abs(samples).max() < 32767  # nothing clips
        assert abs(samples.mean()) < 5


def test_birds_rule_the_wood_and_traffic_the_main_road(town: Town, folder: Path) -> None:
    for site in at(town, "wood"):
        assert band(folder, site, 2000, 11000) > 4 * band(folder, site, 0, 2000), site
    for site in at(town, "main road"):
        assert band(folder, site, 0, 2000) > 9 * band(folder, site, 2000, 11000), site
        # Its rumble reaches the band that NDSI takes for anthrophony (1 to 2 kHz).
        assert band(folder, site, 1000, 2000) > 2 * band(folder, site, 2000, 11000), site


def test_the_river_is_broadband_and_steady(town: Town, folder: Path, truth: dict) -> None:
    frequency, _ = spectrum(folder, town.sites[0])
    rural = max(
        at(town, "river bank"), key=lambda s: _margin(truth["sites"][s.id]["sound_levels_db"], "water")
    )
    with wave.open(str(folder / "recordings" / f"{rural.id}.wav")) as recording:
        samples = np.frombuffer(recording.readframes(SAMPLES), dtype="<i2") / 32768
    _, power = welch(samples, 24000, nperseg=2400)
    part = power[(frequency >= 1000) & (frequency < 8000)]
    assert 10 * np.log10(part.max() / part.min()) < 12
    # From second to second its level hardly changes, unlike that of the birds of the wood.
    assert _wobble(samples) < 1.0
    with wave.open(str(folder / "recordings" / f"{at(town, 'wood')[0].id}.wav")) as recording:
        assert _wobble(np.frombuffer(recording.readframes(SAMPLES), dtype="<i2") / 32768) > 1.0


def _margin(levels: dict, component: str) -> float:
    others = [level for name, level in levels.items() if name != component and level is not None]
    return levels[component] - max(others)


def _wobble(samples: np.ndarray) -> float:
    energy = (samples.reshape(60, -1) ** 2).mean(axis=1)
    return float(np.std(10 * np.log10(energy)))


def test_levels_follow_distance_and_are_what_is_mixed(town: Town) -> None:
    sources = find_sources(town.scene.plan, town.scene.rasters)
    main = at(town, "main road")[0]
    x, y = town.local(main)
    level = site_levels(sources, x, y, np.random.default_rng(0))["traffic"]
    for wood in at(town, "wood"):
        assert recording_levels(town, wood, sources)["traffic"] < level - 15
    bank = SoundBank(1)
    for component in COMPONENTS:
        signal = bank.mix({component: 60.0}, np.random.default_rng(3))
        assert 20 * np.log10(np.sqrt(np.mean(signal.astype(float) ** 2))) == pytest.approx(
            60 - FULL_SCALE, abs=0.01
        )


def test_voices_lie_between_100_and_3500_hz_and_birds_above_2_khz() -> None:
    bank = SoundBank(5)
    for component, low, high in (("voices", 90, 3500), ("birds", 1900, 8500)):
        frequency, power = welch(bank.mix({component: 60.0}, np.random.default_rng(1)), 24000, nperseg=2400)
        assert power[(frequency >= low) & (frequency <= high)].sum() > 0.98 * power.sum()


def test_photos(town: Town, folder: Path) -> None:
    for site in town.sites:
        with Image.open(folder / "photos" / f"{site.id}.jpg") as photo:
            assert (photo.size, photo.mode, photo.format) == ((640, 400), "RGB", "JPEG")
            assert np.asarray(photo).std() > 15


def test_views_show_what_surrounds_the_site(town: Town, truth: dict) -> None:
    shares = {
        kind: [truth["sites"][s.id]["street_view"] for s in at(town, kind)] for kind in ("wood", "square")
    }
    banks = [truth["sites"][s.id]["street_view"] for s in at(town, "river bank")]
    assert all(view["Vegetation"] > 0.6 and view["Building"] < 0.05 for view in shares["wood"])
    assert all(view["Building"] > 0.02 and view["Sidewalk"] > 0.2 for view in shares["square"])
    assert sum(view["Waterbody"] > 0.02 for view in banks) >= len(banks) / 2


def test_the_class_buffer_is_what_the_shares_count(town: Town, truth: dict) -> None:
    site = town.sites[5]
    view = street_view(town, site)
    for code, name in enumerate(STREET_CLASSES):
        assert truth["sites"][site.id]["street_view"][name] == pytest.approx((view.classes == code).mean())
    assert 0 <= view.heading < 360
    sky = view.rgb[view.classes == 0].astype(float).mean(axis=0)
    assert sky[2] > sky[0]


def test_truth_of_land_cover_counted_by_hand(town: Town, truth: dict) -> None:
    assert truth["seed"] == 1
    assert truth["crs"] == "EPSG:32631"
    assert len(truth["sites"]) == len(town.sites)
    for site in town.sites[::6]:
        told = truth["sites"][site.id]
        assert (told["x"], told["y"], told["district"]) == (site.x, site.y, site.district)
        columns = 500000 + (np.arange(3000) + 0.5) * 0.5
        rows = 5761500 - (np.arange(3000) + 0.5) * 0.5
        inside = (columns[None, :] - site.x) ** 2 + (rows[:, None] - site.y) ** 2 <= 100**2
        assert inside.sum() * 0.25 == pytest.approx(np.pi * 100**2, rel=1e-3)
        cover = town.landcover[inside]
        for code, name in truth["classes"].items():
            assert told["landcover"][name] == pytest.approx((cover == int(code)).mean(), abs=1e-12)


#: Table 1 of the paper, aerial imagery: biophony, geophony, anthrophony.
TABLE_1 = {
    "Grassland": (1.0, 0.3, 0.0),
    "Forest/Vegetation": (1.0, 0.3, 0.0),
    "Wetlands": (1.0, 0.3, 0.0),
    "Waterbody": (0.3, 1.0, 0.0),
    "Bare Land": (0.1, 0.1, 1.0),
    "Road/Sidewalk": (0.1, 0.0, 1.0),
    "Building": (0.1, 0.0, 1.0),
    "Vehicles": (0.0, 0.0, 1.0),
    "Cropland": (1.0, 0.0, 0.3),
}


def test_truth_of_the_composition(truth: dict) -> None:
    for told in truth["sites"].values():
        raw = [
            sum(told["landcover"][name] * weights[k] for name, weights in TABLE_1.items()) for k in range(3)
        ]
        assert list(told["bga_raw"].values()) == pytest.approx(raw, abs=1e-9)
        assert list(told["bga"].values()) == pytest.approx([value / sum(raw) for value in raw], abs=1e-9)
        assert list(told["bga"]) == ["biophony", "geophony", "anthrophony"]
        assert list(told["sound_levels_db"]) == list(COMPONENTS)


def test_same_seed_same_bytes(town: Town, folder: Path, tmp_path: Path) -> None:
    few = build_town(1)
    object.__setattr__(few, "sites", few.sites[:3])
    for write in (write_recordings, write_photos):
        for path in write(few, tmp_path, NO_PROGRESS).values():
            twin = folder / path.parent.name / path.name
            assert path.read_bytes() == twin.read_bytes()
    levels = json.loads(write_truth(few, tmp_path).read_text(encoding="utf-8"))["sites"]["T01"]
    assert levels == json.loads((folder / "truth.json").read_text(encoding="utf-8"))["sites"]["T01"]


class StopAfter(NoProgress):
    """Cancels once a number of reports has come."""

    def __init__(self, reports: int) -> None:
        self.left = reports
        self.seen: list[float] = []

    def report(self, fraction: float) -> None:
        self.seen.append(fraction)

    def cancelled(self) -> bool:
        return len(self.seen) >= self.left


@pytest.mark.parametrize(("write", "name"), [(write_recordings, "recordings"), (write_photos, "photos")])
def test_cancel_leaves_whole_files_only(town: Town, tmp_path: Path, write, name: str) -> None:
    progress = StopAfter(2)
    with pytest.raises(Cancelled):
        write(town, tmp_path, progress)
    found = sorted(path.name for path in (tmp_path / name).iterdir())
    assert [path.split(".")[0] for path in found] == ["T01", "T02"]
    assert progress.seen == [pytest.approx(1 / len(town.sites)), pytest.approx(2 / len(town.sites))]


def test_a_crash_leaves_the_old_file_and_no_half_one(town: Town, tmp_path: Path, monkeypatch) -> None:
    old = tmp_path / "recordings" / "T01.wav"
    old.parent.mkdir()
    old.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(wave.Wave_write, "writeframes", fail)
    with pytest.raises(MemoryError):
        write_recordings(town, tmp_path, NO_PROGRESS)
    assert [path.name for path in old.parent.iterdir()] == ["T01.wav"]
    assert old.read_bytes() == b"old"
