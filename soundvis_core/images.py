"""Decode photos: upright 8-bit RGB arrays from the files people have, and plain reasons where that fails."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .dependencies import require
from .errors import SKIPPED, InputError, SiteError

#: Pillow starts an outside program for some formats (EPS); only these are ever opened.
FORMATS = ("JPEG", "MPO", "PNG", "TIFF", "WEBP", "JPEG2000", "GIF", "BMP", "PPM")
SMALLEST_SIDE = 16
#: Pillow's own limit against decompression bombs; a 16384 x 8192 panorama (134 megapixels) is below.
MOST_PIXELS = 178_000_000
#: How a photo is looked at: the whole picture, three squares of it, or four directions of a panorama.
VIEWS = ("centre", "three-crops", "panorama")

_EXIF_ORIENTATION = 0x0112
_ORIENTATIONS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_open_lock = threading.Lock()


def load_photo(path: str | Path | None, max_side: int | None = None) -> np.ndarray:
    """Read a photo as upright RGB, uint8 of shape (height, width, 3).

    The EXIF rotation is applied, transparency is laid on white, 16-bit values are scaled to 8 bits. With
    ``max_side`` (pixels) the longer side comes out no longer than that; a large JPEG is then decoded at a
    reduced size, which is much faster.

    Raises :class:`SiteError`: ``skipped`` without a path and for pictures below 16 pixels, else ``failed``.
    """
    if path is None or not str(path).strip():
        raise SiteError("No photo is given.", SKIPPED)
    file = Path(path)
    check_photo(file)
    image_module = require("PIL.Image")
    image = open_photo(image_module, file)
    try:
        width, height = image.size
        if min(width, height) < SMALLEST_SIDE:
            raise SiteError(
                f"The photo '{file.name}' has only {width} x {height} pixels ({SMALLEST_SIDE} are needed).",
                SKIPPED,
            )
        if width * height > MOST_PIXELS:
            raise SiteError(_too_large(file, width, height))
        return _decode(image_module, image, file, max_side)
    finally:
        image.close()


def views(image: np.ndarray, mode: str = "centre") -> list[np.ndarray]:
    """The parts of a photo, uint8 (h, w, 3) each, that are described one by one.

    ``centre`` is the whole picture (models look at its middle square). ``three-crops`` are the left, middle and
    right squares of a wide photo, the top, middle and bottom ones of a tall one. ``panorama`` are four
    perspective views, 90 degrees wide each, of an equirectangular picture: ahead, right, behind, left.

    Raises :class:`InputError` for an unknown mode, :class:`SiteError` for a panorama that is not about 2:1.
    """
    if mode not in VIEWS:
        raise InputError(f"There is no view mode '{mode}'. Choose one of: {', '.join(VIEWS)}.")
    if mode == "three-crops":
        return _squares(image)
    return _look_around(image) if mode == "panorama" else [image]


def combine_views(vectors: np.ndarray, mode: str = "centre") -> np.ndarray:
    """One vector (d,) float32 of the vectors (n, d) of the views of a photo, see :func:`views`.

    The one of ``centre`` stays as the model gave it. Else each is given length 1 and their mean is taken, so that all
    views count alike; also where a square photo has a single one, so that photos of all shapes can be compared.
    """
    if mode == "centre":
        return np.asarray(vectors[0], dtype=np.float32)
    numbers = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(numbers, axis=1, keepdims=True)
    return (numbers / np.where(lengths > 0.0, lengths, 1.0)).mean(axis=0).astype(np.float32)


def resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """``image`` (uint8, (h, w, 3)) at another size, smoothed before it is made smaller (no aliasing)."""
    image_module = require("PIL.Image")
    if image.shape[:2] == (height, width):
        return image
    resized = image_module.fromarray(np.ascontiguousarray(image)).resize(
        (width, height), _constant(image_module, "Resampling", "BILINEAR")
    )
    return np.asarray(resized)


def _squares(image: np.ndarray) -> list[np.ndarray]:
    """The first, middle and last square along the longer side; one square of a square picture."""
    height, width = image.shape[:2]
    side = min(height, width)
    spare = max(height, width) - side
    starts = sorted({0, spare // 2, spare})
    if width > height:
        return [image[:, start : start + side] for start in starts]
    return [image[start : start + side] for start in starts]


def _look_around(image: np.ndarray) -> list[np.ndarray]:
    from .panorama import YAWS, check_panorama, perspective_view, view_size

    check_panorama(image)
    size = view_size(image.shape[1])
    # Smoothed to the sharpness of the views first: points picked from a larger picture would be grainy.
    width = min(round(size * np.pi), image.shape[1])
    smooth = resize(image, width, round(width * image.shape[0] / image.shape[1]))
    return [perspective_view(smooth, yaw, size) for yaw in YAWS]


def check_photo(path: str | Path) -> None:
    """Raise :class:`SiteError` where ``path`` is no file with something in it; the picture is not opened."""
    file = Path(path)
    try:
        if not file.exists():
            raise SiteError(f"The photo '{file}' does not exist.")
        if file.is_dir():
            raise SiteError(f"'{file}' is a folder, not a photo.")
        if file.stat().st_size == 0:
            raise SiteError(f"The photo '{file.name}' is empty (0 bytes).")
    except (OSError, ValueError) as error:
        raise SiteError(f"The photo '{file}' cannot be reached ({error}).") from error


def _too_large(file: Path, width: int | None = None, height: int | None = None) -> str:
    size = f"{width} x {height} pixels" if width else "too many pixels"
    return f"The photo '{file.name}' has {size}; {MOST_PIXELS // 1_000_000} megapixels is the most that is opened."


def open_photo(image_module: Any, file: Path) -> Any:
    """The picture of a file by Pillow, whose pixels are not read yet. Raises :class:`SiteError` where it is none."""
    image_module.init()
    formats = [name for name in FORMATS if name in image_module.OPEN]
    # The lock is for the warning filters, which belong to the whole process.
    with _open_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return image_module.open(file, formats=formats)
        except image_module.DecompressionBombError as error:
            raise SiteError(_too_large(file)) from error
        except image_module.UnidentifiedImageError as error:
            hint = (
                " Convert it to JPEG first."
                if file.suffix.lower() in (".heic", ".heif", ".avif", ".dng")
                else ""
            )
            raise SiteError(
                f"'{file.name}' is not a photo that can be read (JPEG, PNG, TIFF, WebP...).{hint}"
            ) from error
        except PermissionError as error:
            raise SiteError(f"The photo '{file.name}' may not be read (permission denied).") from error
        # A decoder may raise anything on a broken file; each means the same to the user.
        except Exception as error:
            raise SiteError(f"The photo '{file.name}' is corrupt ({_short(error)}).") from error


def _decode(image_module: Any, image: Any, file: Path, max_side: int | None) -> np.ndarray:
    try:
        if max_side is not None:
            image.draft(None, (max_side, max_side))
        image.load()
        orientation = _orientation(image)
        rgb = _to_rgb(image_module, image)
        if max_side is not None and max(rgb.size) > max_side:
            rgb.thumbnail(
                (max_side, max_side), _constant(image_module, "Resampling", "BICUBIC"), reducing_gap=2.0
            )
        if orientation in _ORIENTATIONS:
            rgb = rgb.transpose(_constant(image_module, "Transpose", _ORIENTATIONS[orientation]))
        return np.array(rgb, dtype=np.uint8)
    except MemoryError as error:
        raise SiteError(f"There is not enough memory to open the photo '{file.name}'.") from error
    except SiteError:
        raise
    except Exception as error:
        raise SiteError(f"The photo '{file.name}' is truncated or corrupt ({_short(error)}).") from error


def _orientation(image: Any) -> int:
    if image.format == "TIFF":
        return 1  # Pillow has turned it as it loaded it, and older versions say still that it is to be turned
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - broken EXIF raises anything, and says nothing about the picture itself
        return 1


def _to_rgb(image_module: Any, image: Any) -> Any:
    """An 8-bit RGB picture of any mode; values of more than 8 bits are scaled, not clipped."""
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return image_module.fromarray(_to_8_bit(np.asarray(image), mode)).convert("RGB")
    if "transparency" in image.info or mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        over = image.convert("RGBA")
        paper = image_module.new("RGBA", over.size, (255, 255, 255, 255))
        return image_module.alpha_composite(paper, over).convert("RGB")
    return image.convert("RGB")


def _to_8_bit(values: np.ndarray, mode: str) -> np.ndarray:
    """Grey values of 16 or 32 bits or floats as uint8."""
    numbers = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    if mode == "F" and low >= 0.0 and high <= 1.0:
        full = 1.0
    elif mode == "F" and low >= 0.0 and high <= 255.0:
        full = 255.0
    elif low >= 0.0 and high <= 65535.0:
        full = 65535.0
    else:
        numbers, full = numbers - low, max(high - low, 1.0)
    return np.rint(numbers * (255.0 / full)).astype(np.uint8)


def _constant(image_module: Any, group: str, name: str) -> Any:
    """A Pillow constant, from its enum where Pillow has one (9.1 and later)."""
    return getattr(getattr(image_module, group, image_module), name)


def _short(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]
