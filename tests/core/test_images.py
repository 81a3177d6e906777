"""Photos of every kind come out upright and in the right colours, or with a plain reason."""

from __future__ import annotations

import numpy as np
import pytest

from soundvis_core.errors import InputError, SiteError
from soundvis_core.images import load_photo, resize, views
from tests.builders import photos


def corner_colours(image):
    height, width = image.shape[:2]
    rows, columns = (height // 4, height * 3 // 4), (width // 4, width * 3 // 4)
    return np.array([image[row, column] for row in rows for column in columns], dtype=int)


COLOURS = np.array([photos.RED, photos.GREEN, photos.BLUE, photos.GREY])
GREYS = np.repeat(COLOURS[:, 1:2], 3, axis=1)


@pytest.mark.parametrize("name", sorted(photos.GOOD))
def test_good_photos_have_the_right_form(tmp_path, name):
    image = load_photo(photos.GOOD[name](tmp_path))
    assert image.dtype == np.uint8
    assert image.shape == (48, 64, 3)
    assert image.flags.writeable


@pytest.mark.parametrize(
    ("builder", "tolerance"),
    [
        (photos.plain_jpeg, 6),
        (photos.plain_png, 0),
        (photos.webp, 0),
        (photos.cmyk_jpeg, 8),
        (photos.cmyk_tiff, 2),
        (photos.rgb16_tiff, 0),
        (photos.rgb16_png, 0),
        (photos.palette_png, 3),
        (photos.wrong_extension, 0),
    ],
)
def test_colours_are_right(tmp_path, builder, tolerance):
    assert np.abs(corner_colours(load_photo(builder(tmp_path))) - COLOURS).max() <= tolerance


@pytest.mark.parametrize(
    "builder", [photos.grey_png, photos.grey16_png, photos.grey16_tiff, photos.float_tiff]
)
def test_grey_of_any_depth_is_scaled(tmp_path, builder):
    assert np.array_equal(corner_colours(load_photo(builder(tmp_path))), GREYS)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(tmp_path, orientation):
    image = load_photo(photos.rotated(tmp_path, orientation))
    assert image.shape == (48, 64, 3)
    assert np.abs(corner_colours(image) - COLOURS).max() <= 6


def test_transparency_lies_on_white(tmp_path):
    corners = corner_colours(load_photo(photos.alpha_png(tmp_path)))
    assert np.array_equal(corners[:2], COLOURS[:2])
    assert (corners[2:] == 255).all()
    gif = corner_colours(load_photo(photos.palette_alpha_gif(tmp_path)))
    assert (gif[0] == 255).all() and tuple(gif[1]) == photos.RED


@pytest.mark.parametrize("builder", list(photos.BAD), ids=lambda builder: builder.__name__)
def test_bad_photos_say_why(tmp_path, builder):
    path = builder(tmp_path)
    with pytest.raises(SiteError) as error:
        load_photo(path)
    assert error.value.status == photos.BAD[builder]
    assert path.name in str(error.value)


def test_no_path_missing_file_and_folder(tmp_path):
    for nothing in (None, "", "  "):
        with pytest.raises(SiteError) as error:
            load_photo(nothing)
        assert error.value.status == "skipped"
    with pytest.raises(SiteError, match="does not exist") as error:
        load_photo(tmp_path / "no.jpg")
    assert error.value.status == "failed"
    with pytest.raises(SiteError, match="folder"):
        load_photo(tmp_path)
    with pytest.raises(SiteError):
        load_photo("nul\0byte.jpg")


def test_large_panorama_passes_and_is_decoded_small(tmp_path):
    image = load_photo(photos.panorama_jpeg(tmp_path), max_side=1024)
    assert image.shape == (512, 1024, 3)
    assert np.abs(image.astype(int) - 128).max() <= 1


def test_max_side_applies_to_upright_pictures(tmp_path):
    assert load_photo(photos.rotated(tmp_path, 6), max_side=32).shape == (24, 32, 3)
    assert load_photo(photos.plain_png(tmp_path), max_side=500).shape == (48, 64, 3)


def test_views():
    image = photos.quarters()
    assert len(views(image, "centre")) == 1
    assert views(image)[0] is image
    with pytest.raises(InputError, match="centre"):
        views(image, "fish-eye")


def test_resize_does_not_alias():
    """A one-pixel chequerboard averages to grey when it is made eight times smaller."""
    board = (np.indices((128, 128)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = resize(np.dstack([board] * 3), 16, 16)
    assert np.abs(small.astype(int) - 127).max() <= 2


def test_real_photos(test_data):
    paths = sorted((test_data / "photos").glob("*.jpg"))
    assert len(paths) == 9
    for path in paths:
        assert load_photo(path).shape == (480, 640, 3)
