"""M4A, MP4, 3GP and MOV files: box by box to where phones write place and time, never the samples.

Boxes are those of ISO/IEC 14496-12; the places are in Apple's ``udta`` (``©xyz``) and ``keys`` (QuickTime File Format,
"User data atoms" and "Metadata keys"), and in 3GPP TS 26.244's ``loci``.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Iterator
from typing import BinaryIO

from .claims import TimeClaim
from .clocks import NoTimeError, Told, parse_time
from .media import MOST_CHUNKS, Header, NoRecordingError, read_at, size_of, text_of
from .positions import NoPositionError, iso6709

SOURCE = "M4A header"
_START = dt.datetime(1904, 1, 1, tzinfo=dt.timezone.utc)
_LOCATION, _CREATED = "com.apple.quicktime.location.ISO6709", "com.apple.quicktime.creationdate"
_AUTHOR, _COPYRIGHT = "com.apple.quicktime.author", "com.apple.quicktime.copyright"
#: name, start of the content, its size
Box = tuple[bytes, int, int]


def boxes(file: BinaryIO, start: int, stop: int) -> Iterator[Box]:
    """The boxes between two places of a file; one that promises more than there is ends at ``stop``."""
    for _ in range(MOST_CHUNKS):
        head = read_at(file, start, 16)
        if len(head) < 8 or start + 8 > stop:
            return
        size, name, skip = struct.unpack(">I", head[:4])[0], head[4:8], 8
        if size == 1 and len(head) == 16:
            size, skip = struct.unpack(">Q", head[8:])[0], 16
        elif size == 0:
            size = stop - start
        if size < skip:
            return
        yield name, start + skip, min(size, stop - start) - skip
        start += size


def read(file: BinaryIO) -> Header:
    """The header of an open file. Raises :class:`NoRecordingError` where it has no index or no sound."""
    header = Header()
    total = size_of(file)
    moov = _first(file, 0, total, b"moov")
    if moov is None:
        raise NoRecordingError("the M4A file has no index (moov): the recording was cut short")
    sound = False
    for name, start, size in boxes(file, *moov):
        if name == b"mvhd":
            _read_movie(header, read_at(file, start, min(size, 120)))
        elif name == b"trak":
            sound = _read_track(file, header, start, start + size) or sound
        elif name == b"udta":
            _read_user_data(file, header, start, start + size)
        elif name == b"meta":
            _read_keys(file, header, start, start + size)
    if not sound:
        raise NoRecordingError("there is no sound in the file")
    return header


def _first(file: BinaryIO, start: int, stop: int, *path: bytes) -> tuple[int, int] | None:
    """Start and stop of the content of the first box at ``path``."""
    for wanted in path:
        box = next((box for box in boxes(file, start, stop) if box[0] == wanted), None)
        if box is None:
            return None
        start, stop = box[1], box[1] + box[2]
    return start, stop


def _times(content: bytes) -> tuple[int, int, int] | None:
    """Creation time, units per second and duration of a movie or media header."""
    try:
        if content[:1] == b"\x01":
            created, _, scale, length = struct.unpack_from(">QQIQ", content, 4)
        else:
            created, _, scale, length = struct.unpack_from(">IIII", content, 4)
    except struct.error:
        return None
    return created, scale, length


def _read_movie(header: Header, content: bytes) -> None:
    times = _times(content)
    if times is None:
        return
    created, scale, length = times
    if scale and 0 < length < 0xFFFFFFFF:
        header.seconds = length / scale
    # 0 and 1970 stand for "not told"; what lies beyond the calendar is damage.
    if 0 < created < 2**33 and created != 2_082_844_800:
        moment = _START + dt.timedelta(seconds=created)
        header.claims.times.append(TimeClaim("M4A header (file made)", Told(moment), weak=True))


def _read_track(file: BinaryIO, header: Header, start: int, stop: int) -> bool:
    """Rate, channels and duration of a track of sound; whether it is one."""
    media = _first(file, start, stop, b"mdia")
    if media is None:
        return False
    kind = _first(file, *media, b"hdlr")
    if kind is None or read_at(file, kind[0] + 8, 4) != b"soun":
        return False
    times = _first(file, *media, b"mdhd")
    told = _times(read_at(file, times[0], 36)) if times else None
    if told and told[1] and 0 < told[2] < 0xFFFFFFFF:
        header.seconds = told[2] / told[1]
    table = _first(file, *media, b"minf", b"stbl", b"stsd")
    if table:
        entry = read_at(file, table[0] + 8, min(table[1] - table[0], 512))  # behind version and count
        if len(entry) >= 36:
            channels, rate = (
                struct.unpack_from(">H", entry, 24)[0],
                struct.unpack_from(">I", entry, 32)[0] >> 16,
            )
            header.channels = _channels_of_aac(entry) or channels or None
            header.rate = rate or (told[1] if told else None) or None
    return True


def _channels_of_aac(entry: bytes) -> int:
    """The channels in the decoder's own configuration (ISO/IEC 14496-3, 1.6); 0 where there is none.

    The count in the sample entry itself is 2 whatever is true, as ISO/IEC 14496-12 once asked for.
    """
    at = entry.find(b"esds") + 8
    # Descriptors within each other: of the stream (3 bytes of its own), its decoder (13), what is special to it.
    for tag, own in ((3, 3), (4, 13), (5, 0)):
        if at < 8 or at >= len(entry) or entry[at] != tag:
            return 0
        at += 1
        while at < len(entry) and entry[at] & 0x80:  # a length of up to four bytes
            at += 1
        at += 1 + own
    bits = int.from_bytes(entry[at : at + 2].ljust(2, b"\0"), "big")
    kind, rate, channels = bits >> 11, bits >> 7 & 15, bits >> 3 & 15
    return {7: 8}.get(channels, channels) if kind in (2, 5, 29) and rate < 13 and channels < 8 else 0


def _read_user_data(file: BinaryIO, header: Header, start: int, stop: int) -> None:
    for name, at, size in boxes(file, start, stop):
        if name == b"\xa9xyz" and size > 4:
            content = read_at(file, at, min(size, 256))
            length = struct.unpack_from(">H", content)[0]
            _place(header, text_of(content[4 : 4 + length]))
        elif name == b"loci":
            _read_3gpp_place(header, read_at(file, at, min(size, 512)))
        elif name == b"meta":
            _read_keys(file, header, at, at + size)


def _place(header: Header, text: str) -> None:
    try:
        header.claims.place(SOURCE, *iso6709(text))
    except NoPositionError as error:
        header.claims.refuse(SOURCE, error)


def _read_3gpp_place(header: Header, content: bytes) -> None:
    """Version and language, a name closed by zero, a role, then longitude and latitude in 1/65536 degrees."""
    end = content.find(b"\0", 6)
    if end >= 0 and len(content) >= end + 10:
        longitude, latitude = struct.unpack_from(">ii", content, end + 2)
        header.claims.place(SOURCE, latitude / 65536.0, longitude / 65536.0)


def _read_keys(file: BinaryIO, header: Header, start: int, stop: int) -> None:
    """Apple's metadata: a list of keys, and values by their number (QuickTime), or values by four letters (iTunes)."""
    # QuickTime's box begins with boxes, that of ISO with a version before them.
    begin = start if read_at(file, start + 4, 4) in (b"hdlr", b"keys", b"ilst") else start + 4
    names: list[str] = []
    values = _first(file, begin, stop, b"ilst")
    keys = _first(file, begin, stop, b"keys")
    if keys:
        names = [
            text_of(read_at(file, at, min(size, 256))) for _, at, size in boxes(file, keys[0] + 8, keys[1])
        ]
    for name, at, size in boxes(file, *values) if values else ():
        data = _first(file, at, at + size, b"data")
        if data is None:
            continue
        value = text_of(read_at(file, data[0] + 8, min(data[1] - data[0] - 8, 1024)))
        number = struct.unpack(">I", name)[0]
        _take(header, names[number - 1] if 0 < number <= len(names) else name.decode("latin-1"), value)


def _take(header: Header, name: str, value: str) -> None:
    claims = header.claims
    if name in (_LOCATION, "location", "©xyz"):
        _place(header, value)
    elif name in (_CREATED, "©day"):
        try:
            told = parse_time(value)
            claims.times.append(TimeClaim(SOURCE, told, weak=told.date_only))
        except NoTimeError as error:
            # The iTunes tag holds the year of a song as well.
            if name == _CREATED:
                claims.refuse(SOURCE, error)
    elif name in (_AUTHOR, "©ART"):
        claims.author = claims.author or value
    elif name in (_COPYRIGHT, "cprt"):
        claims.licence = claims.licence or value
