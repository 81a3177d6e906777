"""The comment that AudioMoths write into each recording: when, in which zone, by which device."""

from __future__ import annotations

import re

from .claims import Claims, TimeClaim
from .clocks import NoTimeError, Told, offset_zone, parse_time
from .positions import NoPositionError, degrees

SOURCE = "AudioMoth header"
_RECORDED = re.compile(
    r"Recorded at (?P<time>\d{2}:\d{2}:\d{2}(?:\.\d+)?) (?P<day>\d{2})/(?P<month>\d{2})/(?P<year>\d{4})"
    r"(?: \((?P<zone>UTC[^)]*)\))?"
)
_DEVICE = re.compile(r"AudioMoth\s+(?:0x)?([0-9A-Fa-f]{8,16})\b")
#: A place in a comment, as people's own firmware and tools add it: "at 51.5074N 0.1278W".
_PLACE = re.compile(r"(\d{1,2}\.\d{2,}\s?°?\s?[NS])[ ,;]+(\d{1,3}\.\d{2,}\s?°?\s?[EW])\b")


def read(comment: str, artist: str) -> Claims:
    """What the comment and the artist say; empty where neither is an AudioMoth's."""
    claims = Claims()
    device = _DEVICE.search(artist) or _DEVICE.search(comment)
    recorded = _RECORDED.search(comment)
    if device is None and "AudioMoth" not in artist + comment:
        return claims
    claims.recorder = f"AudioMoth {device[1]}" if device else "AudioMoth"
    if recorded:
        # The first firmware named no zone and knew UTC only.
        zone = recorded["zone"] or "UTC"
        try:
            told = parse_time("{year}-{month}-{day} {time}".format(**recorded.groupdict()))
            moment = told.moment.replace(tzinfo=offset_zone(zone))
            claims.times.append(TimeClaim(SOURCE, Told(moment)))
        except (NoTimeError, ValueError) as error:
            claims.refuse(SOURCE, error)
    place = _PLACE.search(comment)
    if place:
        try:
            claims.place(SOURCE, degrees(place[1]), degrees(place[2]))
        except NoPositionError as error:
            claims.refuse(SOURCE, error)
    return claims
