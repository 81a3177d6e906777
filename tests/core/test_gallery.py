"""The gallery: clips and pictures inside one file, missing ones said, nothing of the user's taken for HTML."""

from __future__ import annotations

import base64
import io
import re
import wave
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
from PIL import Image

from soundvis_core.errors import InputError, SiteError
from soundvis_core.gallery import GalleryPair, GallerySite, Media, clip, media, photo, picture, write_gallery
from soundvis_core.gallery.page import distance_text
from soundvis_core.gallery.quadrants import LOOKS
from soundvis_core.statistics.extreme_pairs import BOTH, NEITHER, QUADRANTS, SIGHT_ONLY, ExtremePair

pytestmark = pytest.mark.filterwarnings("error")

RATE = 22050


def recording(path, pieces, rate=RATE, channels=1):
    """Tones of (seconds, amplitude) one after the other; their pitch rises piece by piece."""
    parts = [
        level * np.sin(2 * np.pi * (300 + 200 * place) * np.arange(int(seconds * rate)) / rate)
        for place, (seconds, level) in enumerate(pieces)
    ]
    samples = np.concatenate(parts)
    soundfile.write(path, np.tile(samples[:, None], channels), rate)
    return str(path)


def decoded(uri: str) -> tuple[str, bytes]:
    found = re.fullmatch(r"data:([a-z]+/[a-z]+);base64,([A-Za-z0-9+/=]+)", uri)
    return found[1], base64.b64decode(found[2])


def sound_of(made: Media) -> tuple[np.ndarray, int]:
    return soundfile.read(io.BytesIO(decoded(made.uri)[1]))


def pitch(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples[: 2 * rate]))
    return float(np.argmax(spectrum) * rate / len(samples[: 2 * rate]))


def test_the_loudest_ten_seconds_are_played(tmp_path):
    path = recording(tmp_path / "a.wav", [(10, 0.1), (10, 0.1), (10, 0.6), (10, 0.2)], channels=2)
    made = clip(path)
    samples, rate = sound_of(made)
    assert made.caption == "0:20 to 0:30" and made.reason == ""
    assert samples.ndim == 1 and len(samples) / rate == pytest.approx(10.0, abs=0.1)
    assert pitch(samples[rate:], rate) == pytest.approx(700.0, abs=2.0)
    assert np.abs(samples).max() == pytest.approx(0.6, abs=0.05)
    assert len(made.uri) < 250_000


def test_a_short_rest_is_not_taken_for_a_clip(tmp_path):
    assert clip(recording(tmp_path / "a.wav", [(10, 0.2), (2, 0.9)])).caption == "0:00 to 0:10"


def test_a_short_recording_is_played_whole(tmp_path):
    made = clip(recording(tmp_path / "a.flac", [(3, 0.5)]))
    samples, rate = sound_of(made)
    assert made.caption == "0:00 to 0:03" and len(samples) / rate == pytest.approx(3.0, abs=0.1)


def test_a_very_quiet_recording_is_made_louder_and_says_so(tmp_path):
    made = clip(recording(tmp_path / "a.wav", [(4, 0.005)]))
    assert made.caption == "0:00 to 0:04, made louder by 40 dB"
    assert np.abs(sound_of(made)[0]).max() == pytest.approx(0.5, abs=0.06)


def test_without_soundfile_the_clip_is_wav(tmp_path, monkeypatch):
    path = recording(tmp_path / "a.wav", [(2, 0.5)], rate=44100)
    monkeypatch.setattr(media, "available", lambda module: False)
    kind, data = decoded(clip(path).uri)
    with wave.open(io.BytesIO(data)) as file:
        assert (kind, file.getframerate(), file.getnchannels(), file.getsampwidth()) == (
            "audio/wav",
            16000,
            1,
            2,
        )
        assert file.getnframes() == pytest.approx(32000, abs=200)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.abs(samples).max() == pytest.approx(0.5 * 32767, rel=0.05)


@pytest.mark.parametrize("row", media._COMPRESSED, ids=lambda row: row[0])
def test_each_compressed_format(tmp_path, monkeypatch, row):
    if row[0] not in soundfile.available_formats():
        pytest.skip("not in this libsndfile")
    monkeypatch.setattr(media, "_COMPRESSED", (row,))
    made = clip(recording(tmp_path / "a.wav", [(12, 0.5)]))
    assert decoded(made.uri)[0] == row[2]
    samples, rate = sound_of(made)
    assert rate == row[3] and pitch(samples[rate:], rate) == pytest.approx(300.0, abs=2.0)


def test_recordings_that_cannot_be_played(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    for name, reason in (("none.wav", "no such file"), ("text.wav", "."), ("silent.wav", "is silent")):
        with pytest.raises(SiteError, match=reason):
            clip(tmp_path / name)


def test_pictures_are_small_jpegs(tmp_path):
    image = np.zeros((600, 1200, 3), np.uint8)
    image[:, :600] = (200, 30, 30)
    kind, data = decoded(picture(image, "x").uri)
    opened = Image.open(io.BytesIO(data))
    assert (kind, opened.format, opened.size) == ("image/jpeg", "JPEG", (480, 240))
    assert np.allclose(np.asarray(opened)[120, 100], (200, 30, 30), atol=12)
    small = Image.open(io.BytesIO(decoded(picture(image[:50, :40], "x").uri)[1]))
    assert small.size == (40, 50)  # never made larger
    Image.fromarray(image).save(tmp_path / "a.png")
    assert Image.open(io.BytesIO(decoded(photo(tmp_path / "a.png").uri)[1])).size == (480, 240)


# The page.


def site(name="A", **options) -> GallerySite:
    return GallerySite(name, **options)


def pair(quadrant=BOTH, rank=1, first=None, second=None, z=(2.0, 1.5), **options) -> GalleryPair:
    made = ExtremePair(0, 1, quadrant, rank, 0.91, -0.2, *z)
    return GalleryPair(made, first or site("A"), second or site("B"), **options)


def written(tmp_path, pairs, **options) -> str:
    path = tmp_path / "gallery.html"
    write_gallery(path, pairs, **{"considered": 780, **options})
    return path.read_text("utf-8")


class Checked(HTMLParser):
    """Whether elements are closed in order, and what is loaded."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.loaded += [value for name, value in attributes if name in ("src", "href") and value]
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def parsed(text: str) -> Checked:
    checked = Checked()
    checked.feed(text)
    assert checked.open == []
    return checked


def test_a_card_shows_what_there_is(tmp_path):
    seen = picture(np.full((20, 30, 3), 90, np.uint8), "photo")
    heard = Media("data:audio/wav;base64,AAAA", "0:10 to 0:20")
    missing = Media(caption="photo", reason="the path field is empty")
    first = site("Süd 1", group="Köln", pictures=(seen,), sound=heard)
    second = site(
        "Nord 2", pictures=(missing,), sound=Media(caption="recording", reason="no such file: b.wav")
    )
    text = written(
        tmp_path, [pair(first=first, second=second, distance=1234.0)], provenance={"tool": "soundvis:x"}
    )
    page = parsed(text)
    shown = " ".join(page.texts)
    for expected in (
        "Süd 1", "Köln", "Nord 2", "1.2 km apart", "0.910", "\u22120.200", "2.0 SD above the mean",
        "photo: the path field is empty", "recording: no such file: b.wav", "recording, 0:10 to 0:20", "soundvis:x",
        "The most extreme of 780 pairs of sites",
    ):  # fmt: skip
        assert expected in shown
    assert text.count("<audio") == 1 and text.count("<img") == 1
    assert "left:50.0%;width:25.0%" in text  # two of four standard deviations to the right


def test_the_file_needs_nothing_else(tmp_path):
    text = written(tmp_path, [pair(first=site(pictures=(picture(np.zeros((9, 9, 3), np.uint8), "photo"),)))])
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:" in text
    assert all(address.startswith(("data:", "#q")) for address in parsed(text).loaded)
    assert not re.search(r"<script|<link|<iframe|@import|url\(", text)
    assert [entry.name for entry in tmp_path.iterdir()] == ["gallery.html"]


def test_names_are_text(tmp_path):
    evil = "<script>alert('x')</script>\u202e\"'\x00"
    entry = pair(first=site(evil, group=evil, pictures=(Media(caption=evil, reason=evil),)))
    text = written(tmp_path, [entry], title=evil, provenance={evil: evil})
    assert "<script" not in text and "\x00" not in text
    assert any("<script>alert('x')" in part for part in parsed(text).texts)


def test_pairs_stand_in_their_quadrants(tmp_path):
    entries = [pair(BOTH, rank) for rank in (1, 2)] + [pair(NEITHER, z=(-1.0, -6.0))]
    text = written(tmp_path, entries)
    page = " ".join(parsed(text).texts)
    for quadrant, count in zip(QUADRANTS, (2, 0, 0, 1)):
        assert f"{quadrant.capitalize()} ({count})" in page
    assert text.count("No pair is of this kind.") == 2
    assert "left:0.0%;width:50.0%" in text  # the scale ends at four standard deviations
    assert "class='apart'" not in text
    # What stands in bold beside the bars is told.
    assert "In bold how similar the two are" in page and "<b>0.910</b>" in text


def test_the_quadrants_keep_apart_in_grey_print():
    assert list(LOOKS) == list(QUADRANTS)
    lightness = sorted(
        0.2126 * red + 0.7152 * green + 0.0722 * blue
        for red, green, blue in (look.colour for look in LOOKS.values())
    )
    assert min(np.diff(lightness)) > 20
    # Lines are broken where sound and sight part.
    assert [look.broken for look in LOOKS.values()] == [a * b < 0 for a, b in QUADRANTS.values()]


def test_without_pairs_it_says_why(tmp_path):
    text = written(tmp_path, [], note="all pairs are equally similar in sound")
    assert "There are no pairs to show: all pairs are equally similar in sound." in text
    assert "<article" not in text and "No pair is of this kind" not in text


def test_what_does_not_fit_is_left_out_from_the_end_and_said(tmp_path):
    def entry(quadrant, rank):
        media = Media("data:image/jpeg;base64," + "A" * 1000, f"{quadrant} {rank}")
        return pair(quadrant, rank, first=site(pictures=(media,)))

    entries = [entry(BOTH, 1), entry(BOTH, 2), entry(SIGHT_ONLY, 1)]
    path = tmp_path / "g.html"
    assert write_gallery(path, entries, considered=9, limit=2500) == 1
    text = path.read_text("utf-8")
    assert (
        "1 of the pictures and clips are left out" in text
        and "alike in both 2: left out to keep this file usable" in text
    )
    assert text.count("<img") == 2


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write_gallery(tmp_path / "none" / "g.html", [], considered=0)


def test_distances_in_words():
    assert [distance_text(metres) for metres in (0.0, 412.4, 999.7, 15_250.0, 5_567_000.0)] == [
        "0 m", "412 m", "1.0 km", "15.2 km", "5,567 km",
    ]  # fmt: skip
