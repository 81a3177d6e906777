"""Photos with headers as cameras and people write them: EXIF by Pillow or byte by byte, XMP packets, side-cars."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

MAKE, MODEL, ORIENTATION, ARTIST, COPYRIGHT = 0x010F, 0x0110, 0x0112, 0x013B, 0x8298
TAKEN, OFFSET, SUBSECOND, FOCAL_35 = 0x9003, 0x9011, 0x9291, 0xA405


def gps(latitude: float, longitude: float, **more: Any) -> dict[int, Any]:
    """EXIF's GPS tags of a place; ``direction``, ``direction_ref``, ``status``, ``date``, ``clock`` are optional."""
    names = {
        "direction": 17,
        "direction_ref": 16,
        "status": 9,
        "date": 29,
        "clock": 7,
        "datum": 18,
        "error": 31,
    }
    tags: dict[int, Any] = {
        1: "N" if latitude >= 0 else "S",
        2: sexagesimal(latitude),
        3: "E" if longitude >= 0 else "W",
        4: sexagesimal(longitude),
    }
    tags.update({names[name]: value for name, value in more.items()})
    return tags


def sexagesimal(angle: float) -> tuple[float, float, float]:
    """Degrees, minutes and seconds."""
    minutes, seconds = divmod(abs(angle) * 3600.0, 60.0)
    degrees, minutes = divmod(minutes, 60.0)
    return degrees, minutes, round(seconds, 6)


def photo(
    path: Path,
    size: tuple[int, int] = (64, 48),
    place: Mapping[int, Any] | None = None,
    detail: Mapping[int, Any] | None = None,
    main: Mapping[int, Any] | None = None,
    xmp: str = "",
) -> Path:
    """A grey picture with these tags; its format is that of the ending."""
    exif = Image.Exif()
    for tag, value in (main or {}).items():
        exif[tag] = value
    if detail:
        exif[0x8769] = dict(detail)
    if place:
        exif[0x8825] = dict(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"exif": exif.tobytes()} if place or detail or main else {}
    Image.new("L", size, 128).save(path, **options)
    if xmp:
        _put_in(path, b"http://ns.adobe.com/xap/1.0/\0" + xmp.encode("utf-8"))
    return path


def _put_in(path: Path, segment: bytes) -> None:
    """An APP1 segment behind the first marker of a JPEG."""
    content = path.read_bytes()
    path.write_bytes(content[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + content[2:])


def by_hand(
    path: Path, latitude: tuple[int, int, int], side: bytes, longitude: tuple[int, int, int], other: bytes
) -> Path:
    """A JPEG whose EXIF (big-endian) is packed here, byte by byte: only a place, in whole seconds."""
    Image.new("L", (64, 48), 90).save(path)
    entries, data = [], b""
    gps_at = 8 + 2 + 12 + 4
    data_at = gps_at + 2 + 4 * 12 + 4
    for tag, kind, value in ((1, 2, side), (2, 5, latitude), (3, 2, other), (4, 5, longitude)):
        if kind == 2:
            entries.append(struct.pack(">HHI4s", tag, kind, 2, value + b"\0"))
        else:
            entries.append(struct.pack(">HHII", tag, kind, 3, data_at + len(data)))
            data += b"".join(struct.pack(">II", number, 1) for number in value)
    tiff = b"MM\0*" + struct.pack(">IH", 8, 1) + struct.pack(">HHII", 0x8825, 4, 1, gps_at) + b"\0\0\0\0"
    tiff += struct.pack(">H", 4) + b"".join(entries) + b"\0\0\0\0" + data
    _put_in(path, b"Exif\0\0" + tiff)
    return path


def sphere_xmp(
    width: int, height: int, cropped: tuple[int, int] | None = None, heading: float | None = None
) -> str:
    """A GPano packet as Photo Sphere cameras write it."""
    across, down = cropped or (width, height)
    pose = "" if heading is None else f' GPano:PoseHeadingDegrees="{heading}"'
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" '
        f'GPano:ProjectionType="equirectangular" GPano:FullPanoWidthPixels="{width}" '
        f'GPano:FullPanoHeightPixels="{height}" GPano:CroppedAreaImageWidthPixels="{across}" '
        f'GPano:CroppedAreaImageHeightPixels="{down}"{pose}/></rdf:RDF></x:xmpmeta>'
    )
