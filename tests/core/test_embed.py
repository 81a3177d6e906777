"""Vectors of recordings, photos and tiles: light and batched models alike."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image

from soundvis_core import images
from soundvis_core.audio import SILENT_REASON, read_windows
from soundvis_core.bga.audioset import load_sound_classes
from soundvis_core.embed import (
    embed_photos,
    embed_recordings,
    embed_tiles,
    embedding_of,
    hear_recordings,
    is_batched,
)
from soundvis_core.errors import FAILED, SKIPPED, InputError, SiteError
from soundvis_core.models.acoustic_features import AcousticFeatures
from soundvis_core.models.colour_texture import ColourTexture
from soundvis_core.pipeline import OK, SiteResult
from soundvis_core.progress import NO_PROGRESS
from tests.builders import photos, recordings


class Bands:
    """A batched model of sound in numpy: band powers of a window as embedding, their shares as probabilities."""

    id = "bands"
    rate = 8000
    dimension = 5
    labels = tuple("abcde")

    def __init__(self, batch_size: int = 4) -> None:
        self.batch_size = batch_size
        self.prepared = 0
        self.batches: list[int] = []
        self._lock = threading.Lock()

    def prepare(self, item: np.ndarray) -> np.ndarray:
        with self._lock:
            self.prepared += 1
        power = np.abs(np.fft.rfft(item.astype(np.float64))) ** 2 / item.size + 1e-9
        return np.array([part.sum() for part in np.array_split(power, 5)], dtype=np.float32)

    def forward(self, batch) -> np.ndarray:
        self.batches.append(len(batch))
        return np.stack(batch)

    def forward_tagged(self, batch):
        embeddings = self.forward(batch)
        return embeddings, embeddings / embeddings.sum(axis=1, keepdims=True)

    def encode(self, windows) -> np.ndarray:
        return self.forward([self.prepare(window) for window in windows])


class Colours:
    """A batched model of pictures in numpy: the mean colour."""

    id = "colours"
    dimension = 3

    def __init__(self, batch_size: int = 4) -> None:
        self.batch_size = batch_size
        self.batches: list[int] = []

    def prepare(self, item: np.ndarray) -> np.ndarray:
        assert item.dtype == np.uint8
        return item.reshape(-1, 3).mean(axis=0).astype(np.float32)

    def forward(self, batch) -> np.ndarray:
        self.batches.append(len(batch))
        return np.stack(batch)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> list[str]:
    """Recordings of 1, 2, 3 and 4 windows, the last one at another rate and short in its last window."""
    folder = tmp_path_factory.mktemp("sounds")
    made = [
        recordings.write(folder, f"{n}.wav", recordings.noise(seconds, rate, seed=n), rate)
        for n, (seconds, rate) in enumerate([(4.0, 8000), (20.0, 8000), (25.5, 16000), (33.0, 11025)])
    ]
    return [str(path) for path in made]


def test_which_models_take_batches():
    assert is_batched(Bands()) and is_batched(Colours())
    assert not is_batched(AcousticFeatures()) and not is_batched(ColourTexture())


@pytest.mark.parametrize("batch_size", [1, 3, 4, 64])
def test_the_vector_of_a_recording_is_the_mean_of_its_windows(sounds, batch_size):
    model = Bands(batch_size)
    results = list(embed_recordings(sounds, model, NO_PROGRESS))
    assert [result.status for result in results] == [OK] * 4
    for path, result in zip(sounds, results):
        windows = list(read_windows(path, 8000))
        expected = np.mean([model.prepare(window.samples) for window in windows], axis=0, dtype=float)
        assert result.vector.dtype == np.float32 and result.vector.shape == (5,)
        np.testing.assert_allclose(result.vector, expected, rtol=1e-6)
        assert result.values["windows"] == len(windows)
        assert result.values["seconds"] == pytest.approx(
            sum(len(window.samples) for window in windows) / 8000
        )
    assert sum(model.batches) == 1 + 2 + 3 + 4 and max(model.batches) <= batch_size


def test_batches_reach_across_recordings(sounds):
    model = Bands(64)
    list(embed_recordings(sounds * 3, model, NO_PROGRESS))
    assert sum(model.batches) == 30 and len(model.batches) < 12


def test_what_is_heard_holds_every_window_and_gives_the_very_same_vector(sounds):
    heard = list(hear_recordings(sounds, Bands(3), NO_PROGRESS))
    embedded = list(embed_recordings(sounds, Bands(3), NO_PROGRESS))
    for path, one, other in zip(sounds, heard, embedded):
        windows = list(read_windows(path, 8000))
        values = one.values
        assert one.status == OK and one.vector is None
        assert {values[name].dtype for name in ("starts", "embeddings", "probabilities")} == {
            np.dtype(np.float32)
        }
        assert (
            values["starts"].tolist()
            == [window.start for window in windows]
            == [10.0 * n for n in range(len(windows))]
        )
        assert values["embeddings"].shape == values["probabilities"].shape == (len(windows), 5)
        for window, embedding, probabilities in zip(windows, values["embeddings"], values["probabilities"]):
            expected = Bands().prepare(window.samples)
            np.testing.assert_array_equal(embedding, expected)
            np.testing.assert_allclose(probabilities, expected / expected.sum(), rtol=1e-6)
        derived = embedding_of(one)
        assert np.array_equal(derived.vector, other.vector)
        assert dict(derived.values) == dict(other.values)


@pytest.mark.parametrize("model", [Bands(3), AcousticFeatures()], ids=["batched", "light"])
def test_each_window_on_request(sounds, model):
    plain = list(embed_recordings(sounds, model, NO_PROGRESS))
    for path, one, mean in zip(sounds, embed_recordings(sounds, model, NO_PROGRESS, True), plain):
        windows = list(read_windows(path, model.rate))
        encode = model.encode if hasattr(model, "encode") else lambda batch: [model.prepare(batch[0])]
        expected = np.array([encode([window.samples])[0] for window in windows])
        assert one.values["starts"].tolist() == [10.0 * n for n in range(len(windows))]
        assert one.values["embeddings"].dtype == one.values["starts"].dtype == np.float32
        np.testing.assert_allclose(one.values["embeddings"], expected, rtol=1e-6)
        np.testing.assert_array_equal(one.vector, mean.vector)
        assert set(mean.values) == {"windows", "seconds"} == set(one.values) - {"starts", "embeddings"}


def test_each_window_of_what_was_heard(sounds):
    for heard in hear_recordings(sounds, Bands(3), NO_PROGRESS):
        derived = embedding_of(heard, each_window=True)
        np.testing.assert_array_equal(derived.vector, embedding_of(heard).vector)
        assert derived.values["embeddings"] is heard.values["embeddings"]
        assert derived.values["starts"] is heard.values["starts"]
        assert "probabilities" not in derived.values


@pytest.mark.parametrize(("turned", "told"), [(False, True), (True, False)])
def test_what_is_heard_tells_whether_audioset_s_classes_are_in_their_order(sounds, turned, told):
    names = tuple(row.name for row in load_sound_classes().rows)
    model = Bands(3)
    model.labels = names[::-1] if turned else names
    for result in hear_recordings(sounds, model, NO_PROGRESS):
        assert result.values["audioset"] is told


def test_a_recording_that_was_not_heard_has_no_embedding_either():
    failed = SiteResult(FAILED, "corrupt")
    assert embedding_of(failed) is failed


@pytest.mark.parametrize("hear", [embed_recordings, hear_recordings])
def test_silent_recordings_are_skipped_and_cost_the_model_nothing(tmp_path, hear):
    model = Bands(2)
    silent = str(recordings.silent(tmp_path, 55.0))
    sound = str(recordings.write(tmp_path, "sound.wav", recordings.noise(12, 8000), 8000))
    skipped, heard = hear([silent, sound], model, NO_PROGRESS)
    assert (skipped.status, skipped.reason) == (SKIPPED, SILENT_REASON)
    assert heard.status == OK and sum(model.batches) == model.prepared == 2


def test_silence_before_a_sound_counts_as_windows(tmp_path):
    samples = np.concatenate([np.zeros(95 * 8000), recordings.noise(10, 8000), np.zeros(15 * 8000)])
    path = str(recordings.write(tmp_path, "late.wav", samples, 8000))
    (result,) = hear_recordings([path], Bands(4), NO_PROGRESS)
    expected = [Bands().prepare(window.samples) for window in read_windows(path, 8000)]
    assert result.values["starts"].tolist() == [10.0 * number for number in range(12)]
    np.testing.assert_array_equal(result.values["embeddings"], expected)


def test_a_long_silent_recording_is_skipped_too(tmp_path):
    (result,) = embed_recordings([str(recordings.silent(tmp_path, 200.0))], Bands(4), NO_PROGRESS)
    assert (result.status, result.reason) == (SKIPPED, SILENT_REASON)


@pytest.mark.parametrize("model", [Bands(3), AcousticFeatures()], ids=["batched", "light"])
def test_bad_recordings_keep_their_reasons_and_cost_no_other_site(tmp_path, sounds, model):
    tasks, expected = [], []
    for name, (builder, status, reason) in recordings.BAD.items():
        (tmp_path / name).mkdir()
        tasks += [str(builder(tmp_path / name)), sounds[0]]
        expected += [(status, reason), (OK, "")]
    tasks.append(SiteError("no path", SKIPPED))
    expected.append((SKIPPED, "no path"))
    results = list(embed_recordings(tasks, model, NO_PROGRESS))
    assert len(results) == len(expected)
    for result, (status, reason) in zip(results, expected):
        assert result.status == status and reason in result.reason


def test_values_that_are_no_numbers_are_not_passed_on(sounds):
    class Broken(Bands):
        def forward(self, batch):
            out = super().forward(batch)
            out[:, 2] = np.nan
            return out

    for results in (
        embed_recordings(sounds, Broken(), NO_PROGRESS),
        hear_recordings(sounds, Broken(), NO_PROGRESS),
    ):
        assert all(result.status == FAILED and "not finite" in result.reason for result in results)


def test_light_models_of_sound_give_what_they_gave(sounds):
    """The mean over windows as it always was, bit for bit."""
    model = AcousticFeatures()
    for path, result in zip(sounds, embed_recordings(sounds, model, NO_PROGRESS)):
        windows = list(read_windows(path, model.rate))
        encoded = model.encode([window.samples for window in windows])
        assert np.array_equal(
            result.vector, (encoded.sum(axis=0, dtype=float) / len(windows)).astype(np.float32)
        )
        assert result.values["windows"] == len(windows)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("pictures")
    paths = []
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 60 + 40 * number, (40, 90, 3), dtype=np.uint8)
        paths.append(str(folder / f"{number}.png"))
        Image.fromarray(pixels).save(paths[-1])
    return paths


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_photos_in_batches(pictures, batch_size):
    model = Colours(batch_size)
    tasks = [*pictures, SiteError("no photo", SKIPPED), pictures[0]]
    *results, missing, last = embed_photos(tasks, model, NO_PROGRESS)
    for path, result in zip([*pictures, pictures[0]], [*results, last]):
        assert result.status == OK and result.values == {"views": 1}
        assert np.array_equal(result.vector, model.prepare(images.load_photo(path)))
    assert (missing.status, missing.reason) == (SKIPPED, "no photo")
    assert sum(model.batches) == 6 and max(model.batches) <= batch_size


def test_several_views_are_combined_after_each_got_length_one(pictures):
    model = Colours(4)
    for path, result in zip(pictures, embed_photos(pictures, model, NO_PROGRESS, views="three-crops")):
        picture = images.load_photo(path)
        crops = [picture[:, start : start + 40] for start in (0, 25, 50)]
        vectors = [model.prepare(crop).astype(float) for crop in crops]
        expected = np.mean([vector / np.linalg.norm(vector) for vector in vectors], axis=0)
        np.testing.assert_allclose(result.vector, expected, rtol=1e-5)
        assert result.vector.dtype == np.float32 and result.values == {"views": 3}
    assert sum(model.batches) == 15 and max(model.batches) == 4


def test_light_models_of_pictures_give_what_they_gave(pictures):
    model = ColourTexture()
    for path, result in zip(pictures, embed_photos(pictures, model, NO_PROGRESS)):
        expected = model.encode([images.load_photo(path)]).mean(axis=0, dtype=float).astype(np.float32)
        assert np.array_equal(result.vector, expected) and result.values == {"views": 1}
    tiles = [images.load_photo(path) for path in pictures]
    for tile, result in zip(tiles, embed_tiles(tiles, model, NO_PROGRESS)):
        assert np.array_equal(result.vector, model.encode([tile])[0].astype(np.float32))


def test_light_models_take_several_views_too(pictures):
    model = ColourTexture()
    (result,) = embed_photos(pictures[:1], model, NO_PROGRESS, views="three-crops")
    crops = images.views(images.load_photo(pictures[0]), "three-crops")
    assert np.array_equal(result.vector, images.combine_views(model.encode(crops), "three-crops"))
    assert result.values == {"views": 3}


@pytest.mark.parametrize("model", [Colours(), ColourTexture()], ids=["batched", "light"])
def test_the_one_square_of_a_square_photo_has_the_length_of_several(tmp_path, model):
    path = str(tmp_path / "square.png")
    Image.fromarray(np.random.default_rng(3).integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(path)
    ((square,), (centre,)) = (
        list(embed_photos([path], model, NO_PROGRESS, views=views)) for views in ("three-crops", "centre")
    )
    assert square.values == centre.values == {"views": 1}
    assert np.linalg.norm(square.vector) == pytest.approx(1.0)
    assert np.linalg.norm(centre.vector) != pytest.approx(1.0)
    np.testing.assert_allclose(square.vector, centre.vector / np.linalg.norm(centre.vector), rtol=1e-5)


@pytest.mark.parametrize("model", [Colours(), ColourTexture()], ids=["batched", "light"])
def test_an_unknown_view_is_said_before_the_first_photo(pictures, model):
    with pytest.raises(InputError, match=r"no view mode 'upside-down'.*centre"):
        embed_photos(pictures, model, NO_PROGRESS, views="upside-down")


@pytest.mark.parametrize("model", [Colours(3), ColourTexture()], ids=["batched", "light"])
def test_bad_photos_are_marked_and_the_others_go_on(tmp_path, pictures, model):
    bad = [photos.truncated_jpeg(tmp_path), photos.text_as_jpeg(tmp_path), photos.tiny_png(tmp_path)]
    tasks = [pictures[0], str(bad[0]), str(bad[1]), pictures[1], str(bad[2]), str(tmp_path / "none.jpg")]
    results = list(embed_photos(tasks, model, NO_PROGRESS))
    assert [result.status for result in results] == [OK, FAILED, FAILED, OK, SKIPPED, FAILED]
    assert all(result.reason for result in results if result.status != OK)


@pytest.mark.parametrize("batch_size", [1, 4, 16])
def test_tiles_in_batches(batch_size):
    random = np.random.default_rng(2)
    tiles = [random.integers(0, 256, (8 + number, 9, 3), dtype=np.uint8) for number in range(21)]
    model = Colours(batch_size)
    tasks = [*tiles[:10], SiteError("outside the raster", SKIPPED), *tiles[10:]]
    results = list(embed_tiles(iter(tasks), model, NO_PROGRESS))
    assert results.pop(10).status == SKIPPED
    for tile, result in zip(tiles, results):
        assert np.array_equal(result.vector, model.prepare(tile)) and result.vector.dtype == np.float32
    assert sum(model.batches) == 21
