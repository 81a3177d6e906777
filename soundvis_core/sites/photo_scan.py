"""From a folder of photos to sites: where, when, looking where, and why not where that cannot be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..progress import NO_PROGRESS, Progress
from .claims import Claims, PositionClaim
from .folder_scan import Kind, Options, ScannedFile, scan
from .photo_exif import SOURCE, TRUE, PhotoHeader, read_photo
from .photo_tables import is_side_car

#: Endings of the files that are taken for photos; what Pillow cannot open is told.
EXTENSIONS = (
    *(".jpg", ".jpeg", ".jpe", ".mpo", ".png", ".tif", ".tiff", ".webp", ".jp2"),
    *(".heic", ".heif", ".avif"),
)
_SPHERE = ("equirectangular", "spherical", "sphere")
#: A whole panorama is so many times wider than high, to a pixel or so, and so many pixels wide at least.
_RATIO, _NARROWEST = 2.0, 1000
#: So far from that ratio, as a part of the width, a smaller copy of what an archive calls a panorama may be.
_LEEWAY = 0.01
#: No camera with such a lens (mm of a 35 mm camera) sees all around.
_LONGEST_LENS = 12.0


@dataclass(frozen=True)
class Photo(ScannedFile):
    """One photo.

    heading: degrees from the north that ``heading_ref`` names ("true", "magnetic", "" where it is not told).
    width, height: pixels, upright. rotation: clockwise turn in degrees that brings the stored picture upright.
    panorama: whether it shows all around. accuracy: of the position in m.
    """

    heading: float | None = None
    heading_ref: str = ""
    width: int | None = None
    height: int | None = None
    rotation: int | None = None
    panorama: bool | None = None
    accuracy: float | None = None
    camera: str = ""


def is_photo(name: str) -> bool:
    """Whether a file is taken for a photo by its ending; hidden files are none."""
    return name.lower().endswith(EXTENSIONS) and not name.startswith(".")


def scan_photos(
    folder: str, options: Options | None = None, progress: Progress = NO_PROGRESS
) -> Iterator[Photo]:
    """Every photo in ``folder`` and below (see :func:`.folder_scan.scan`, also for what is raised)."""
    return scan(folder, _PHOTOS, options or Options(), progress)


def _read(path: str, options: Options) -> PhotoHeader:
    return read_photo(path, options.clock.fast)


def _details(
    header: PhotoHeader, claims: Claims, place: PositionClaim | None
) -> tuple[Mapping[str, Any], list[str]]:
    heading, reference, wrong = _heading(header, claims)
    panorama, by_what = _panorama(header, claims)
    fields = {
        "heading": heading,
        "heading_ref": reference,
        "width": header.width,
        "height": header.height,
        "rotation": header.turn,
        "panorama": None if header.width is None else panorama,
        "accuracy": header.accuracy if place is not None and place.source == SOURCE else None,
        "camera": claims.recorder,
    }
    return fields, [*header.remarks, wrong, by_what]


def _heading(header: PhotoHeader, claims: Claims) -> tuple[float | None, str, str]:
    """Direction and its reference, and what is wrong: what tables say goes first, then GPano, then the compass."""
    if claims.heading:
        try:
            told = float(claims.heading.replace(",", "."))
        except ValueError:
            told = -1.0
        if 0.0 <= told <= 360.0:
            return told % 360.0, TRUE, ""
        wrong = f"a table tells the direction '{claims.heading[:20]}', which is none within 0 and 360 degrees"
        return header.heading, header.heading_ref, wrong
    pose = header.xmp.heading
    if pose is not None and 0.0 <= pose <= 360.0:
        return pose % 360.0, TRUE, ""
    return header.heading, header.heading_ref, ""


def _panorama(header: PhotoHeader, claims: Claims) -> tuple[bool, str]:
    """Whether a photo is a whole equirectangular panorama, and what is doubtful about that."""
    xmp = header.xmp
    if xmp.projection:
        whole = xmp.share is None or xmp.share > 0.99
        if xmp.projection in _SPHERE and whole:
            return True, ""
        kind = "a part of a panorama" if xmp.projection in _SPHERE else f"a {xmp.projection[:20]} panorama"
        return False, f"{kind}, not a whole equirectangular one"
    if claims.projection.lower() in _SPHERE:
        return _told_sphere(header)
    if header.width is None or header.height is None or header.width < _NARROWEST:
        return False, ""
    shaped = abs(header.width - _RATIO * header.height) <= 2.0
    if not shaped or (header.focal is not None and header.focal > _LONGEST_LENS):
        return False, ""
    return True, "taken for a panorama by its shape alone (twice as wide as high)"


def _told_sphere(header: PhotoHeader) -> tuple[bool, str]:
    """Whether what a table calls a sphere can be one: street-level archives have spheres of phones among them."""
    if header.width is None or header.height is None:
        return True, ""
    if abs(header.width - _RATIO * header.height) <= max(2.0, _LEEWAY * header.width):
        return True, ""
    size = f"{header.width} x {header.height}"
    return False, f"a table calls it a panorama, but a whole one is twice as wide as high, and this is {size}"


_PHOTOS: Kind[PhotoHeader, Photo] = Kind(
    one="photo",
    made="taken",
    device="camera",
    is_one=is_photo,
    is_side_car=is_side_car,
    read=_read,
    empty=PhotoHeader,
    details=_details,
    row=Photo,
)
