"""From a folder of photos to sites: where, when, looking where, and why not where that cannot be told.

Headers, side-cars, tables and tracks are read, never the pixels: thousands of files take seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import FAILED, SKIPPED, SiteError
from ..pipeline import OK
from ..progress import NO_PROGRESS, PartOf, Progress, check_cancelled
from . import file_names
from .claims import Claims
from .clocks import iso
from .companions import Companions
from .folders import Found, find_files
from .photo_exif import TRUE, PhotoHeader, read_photo
from .photo_tables import JsonTables, is_side_car
from .positions import Position
from .precedence import Moment, choose_position, choose_time
from .recordings import Options

#: Endings of the files that are taken for photos; what Pillow cannot open is told.
EXTENSIONS = (
    *(".jpg", ".jpeg", ".jpe", ".mpo", ".png", ".tif", ".tiff", ".webp", ".jp2"),
    *(".heic", ".heif", ".avif"),
)
_LOOKING = 0.05
_SPHERE = ("equirectangular", "spherical", "sphere")
#: A whole panorama is so many times wider than high, to a pixel or so, and so many pixels wide at least.
_RATIO, _NARROWEST = 2.0, 1000
#: No camera with such a lens (mm of a 35 mm camera) sees all around.
_LONGEST_LENS = 12.0


@dataclass(frozen=True)
class Photo:
    """One file. ``path`` is relative to the folder, with slashes; times are ISO 8601 text, empty where unknown.

    heading: degrees from the north that ``heading_ref`` names ("true", "magnetic", "" where it is not told).
    width, height: pixels, upright. rotation: clockwise turn in degrees that brings the stored picture upright.
    panorama: whether it shows all around. accuracy: of the position in m. ``status`` is ok (it has a position),
    skipped (it has none) or failed (it cannot be read); ``reason`` tells why it is not ok, ``remark`` what is doubtful.
    """

    path: str
    position: Position | None = None
    time_utc: str = ""
    time_local: str = ""
    heading: float | None = None
    heading_ref: str = ""
    width: int | None = None
    height: int | None = None
    rotation: int | None = None
    panorama: bool | None = None
    accuracy: float | None = None
    camera: str = ""
    source_of_position: str = ""
    source_of_time: str = ""
    licence: str = ""
    author: str = ""
    link: str = ""
    status: str = SKIPPED
    reason: str = ""
    remark: str = ""

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.rpartition("/")[2]


def is_photo(name: str) -> bool:
    """Whether a file is taken for a photo by its ending; hidden files are none."""
    return name.lower().endswith(EXTENSIONS) and not name.startswith(".")


def scan_photos(
    folder: str, options: Options | None = None, progress: Progress = NO_PROGRESS
) -> Iterator[Photo]:
    """Every photo in ``folder`` and below, in the order of their paths; then folders that could not be read.

    Nothing is left out: what has no position or cannot be read comes with its reason. Raises InputError where the
    table or the track that ``options`` name cannot be used.
    """
    options = options or Options()
    found = find_files(folder, progress, lambda name: is_photo(name) or is_side_car(name))
    side_cars = [path for path in found.recordings if not is_photo(path.rpartition("/")[2])]
    photos = [path for path in found.recordings if is_photo(path.rpartition("/")[2])]
    progress.report(_LOOKING)
    pictures = Found(photos, found.tables, found.tracks)
    companions = Companions(folder, pictures, options.metadata, options.track, progress)
    tables = JsonTables(folder, side_cars, photos, progress)
    part = PartOf(progress, _LOOKING, 1.0)
    for done, path in enumerate(photos, start=1):
        check_cancelled(progress)
        yield _photo(folder, path, companions, tables, options)
        part.report(done / len(photos))
    for path, reason in found.unreadable:
        yield Photo(_printable(path), status=FAILED, reason=reason)


def _photo(folder: str, path: str, companions: Companions, tables: JsonTables, options: Options) -> Photo:
    if _printable(path) != path:
        reason = "the name of the file is not valid Unicode, so that no table can hold it; rename the file"
        return Photo(_printable(path), status=FAILED, reason=reason)
    header, damage = _header(os.path.join(folder, path), options.clock.fast)
    claims, doubts = companions.tables(path)
    said, more = tables.claims(path)
    claims.add(said)
    claims.recorder = header.claims.recorder or claims.recorder
    claims.add(header.claims)
    claims.add(file_names.read(path.rpartition("/")[2]))
    moment, remarks = choose_time(claims.times, options.clock)
    lost = ""
    if moment is not None and moment.utc is not None:
        track, lost = companions.tracks(path, moment.utc, options.gap)
        claims.positions += track
    elif companions.has_tracks(path):
        lost = "without its time, no track can tell where it was taken"
    place, contradictions = choose_position(claims.positions)
    heading, reference, wrong = _heading(header, claims)
    panorama, by_what = _panorama(header, claims)
    doubts = [*doubts, *more]
    status, reason = OK, ""
    if damage:
        status, reason = FAILED, damage
    elif place is None:
        known = "; ".join(text for text in (*header.remarks, *claims.refused, *doubts, lost) if text)
        nothing = "the header and the name of the file tell none, and no table, side-car or track does"
        status, reason = SKIPPED, f"no position: {known or nothing}"
    remarks = [text.replace("the recorder's clock", "the camera's clock") for text in remarks]
    told = [*header.remarks, wrong, by_what, *doubts, *claims.refused, *contradictions, *remarks]
    return Photo(
        path,
        place.position if place else None,
        *_times(moment),
        heading,
        reference,
        header.width,
        header.height,
        header.turn,
        None if damage else panorama,
        header.accuracy if place is not None and place.source == "EXIF" else None,
        claims.recorder,
        place.source if place else "",
        _source_of(moment),
        claims.licence,
        claims.author,
        claims.link,
        status,
        reason,
        "; ".join(text for text in dict.fromkeys(told) if text and text not in reason),
    )


def _header(path: str, fast: float) -> tuple[PhotoHeader, str]:
    """The header of a file, and why it is none."""
    try:
        return read_photo(path, fast), ""
    except SiteError as error:
        return PhotoHeader(), str(error)
    except PermissionError:
        return PhotoHeader(), "no permission to read the file"
    except OSError as error:
        return PhotoHeader(), f"the file cannot be read: {error.strerror or error}"


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
        return True, ""
    if header.width is None or header.height is None or header.width < _NARROWEST:
        return False, ""
    shaped = abs(header.width - _RATIO * header.height) <= 2.0
    if not shaped or (header.focal is not None and header.focal > _LONGEST_LENS):
        return False, ""
    return True, "taken for a panorama by its shape alone (twice as wide as high)"


def _times(moment: Moment | None) -> tuple[str, str]:
    if moment is None:
        return "", ""
    if moment.utc is None or moment.local is None:
        return "", moment.claim.told.moment.date().isoformat()
    return iso(moment.utc), iso(moment.local)


def _source_of(moment: Moment | None) -> str:
    if moment is None:
        return ""
    return moment.claim.source if moment.utc is not None else f"{moment.claim.source} (date only)"


def _printable(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
