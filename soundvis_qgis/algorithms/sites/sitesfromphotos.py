"""Sites from photos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...layers.sinks import integer, number, text
from ..base import FeedbackProgress
from .folder_scan import FolderScan, ScanWords, scan_fields

if TYPE_CHECKING:
    from soundvis_core.sites import Options
    from soundvis_core.sites.photo_scan import Photo

    from ...layers.outputs import Styler

WORDS = ScanWords(
    one="photo",
    device="camera",
    begun="Taken",
    table="Places, times, directions, licences, authors and links",
    zone="Of times that come without one and without the satellites' time: UTC, UTC+2, +05:30, or a name as "
    "Europe/London (with its summer time).",
    kept="those in tables and of satellites",
)


class SitesFromPhotos(FolderScan):
    """``soundvis:sitesfromphotos``."""

    ID = "sitesfromphotos"
    LABEL = "Sites from photos"
    SUMMARY = (
        "Turns a folder of photos, with all folders in it, into sites: a point for each photo whose place is known, "
        "with its time, direction of view, size, rotation, and whether it is a panorama. Headers are read, not the "
        "pixels, so that thousands of files take seconds.\n"
        "Places and times are taken from the first source that tells them: the table given here; a side-car beside "
        "the photo (same name, .csv or .json); a table or Mapillary's or KartaView's JSON in its folder or above; the "
        "header (EXIF, XMP); the file name; for places then GPX tracks, matched by the time of the photo. Two places "
        "more than 1 km apart, and two times more than 10 minutes apart, are told in the field 'remark'.\n"
        "Cameras without a time zone: where the satellites' time is in the photo too, the zone follows from it; else "
        "it is the one given here. Photos are taken for whole panoramas by their XMP (GPano), by a side-car or an "
        "archive's list (if they are twice as wide as high), or by their shape alone (twice as wide as high, and 1000 "
        "pixels wide at least), which is remarked.\n"
        "Folders as mapillary_tools and street-level archives leave them are understood: "
        "mapillary_image_description.json, and answers of the APIs of Mapillary and KartaView that were kept beside "
        "the pictures. Nothing is downloaded.\n"
        "Files without a place and files that cannot be read are listed with the reason in a second table. Paths are "
        "whole ones, so that all other tools find the files by them. Where the photos are moved later, tell those "
        "tools the base folder."
    )
    REQUIRES = ("numpy", "PIL")
    WORDS = WORDS
    FIELDS = scan_fields(
        WORDS,
        [
            number(
                "heading",
                "Direction of view (degrees)",
                "clockwise from north; of a panorama that of its middle",
            ),
            text(
                "heading_ref",
                "North of the direction",
                "true, magnetic, or empty where the photo does not tell",
            ),
            integer("width", "Width (pixels)", "upright"),
            integer("height", "Height (pixels)", "upright"),
            integer(
                "rotation",
                "Rotation (degrees)",
                "clockwise turn that brings the stored picture upright (EXIF)",
            ),
            integer(
                "panorama",
                "Whole panorama (1 or 0)",
                "1: a whole equirectangular one, for the panorama views of 'Embed photos'",
            ),
            number("accuracy_m", "Accuracy (m)", "of the position, by the camera"),
            text("camera", "Make and model", "of the camera, as far as they are told"),
        ],
    )

    def scan(self, folder: str, options: Options, progress: FeedbackProgress) -> Iterator[Photo]:
        from soundvis_core.sites.photo_scan import scan_photos

        return scan_photos(folder, options, progress)

    def styles(self) -> Mapping[str, Styler]:
        from ...layers.photo_styles import photo_styles

        return photo_styles()

    def values(self, file: Photo) -> dict[str, Any]:
        return {"accuracy_m": file.accuracy}
