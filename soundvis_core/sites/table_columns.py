"""Which columns of a metadata table mean what: names as archives and recorders' people publish them.

Recognised are the columns of xeno-canto (API 2 and 3, website, warbleR), freesound (API), archive.org (search and
metadata API, which hold Radio Aporee's maps), SoundingEarth (doi:10.1016/j.isprsjprs.2022.11.025), Darwin Core, and
plain words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

#: Normalised names (lower case, letters and digits only) by meaning, in the order of preference.
_NAMES = {
    "file": "path filepath filename mp3name file {one} name originalfilename",
    "folder": "folder directory key identifier deployment card",
    "id": "id imageid photoid recordingid xcid freesoundid catnr catalognumber nr",
    "latitude": "latitude lat decimallatitude gpslatitude gpslat latdd latitudedd ycoord y",
    "longitude": "longitude lon lng long decimallongitude gpslongitude gpslon gpslong londd longdd longitudedd "
    "xcoord x",
    "pair": "geotag latlon latlng latlong coordinates coordinate position gps gpsposition coverage",
    "utc": "timeutc datetimeutc utc utctime timestamputc utcdatetime startutc shotdate",
    "moment": "datetime timestamp recordedat recorded eventdate recordingdatetime starttime start recordingstart "
    "timelocal localtime datetimelocal",
    "date": "date recordingdate recorddate dateobserved",
    "time": "time timeofday eventtime recordingtime",
    "licence": "licence license licenseurl licenceurl lic rights copyright",
    "author": "author creator recordist recordedby rec username artist recorder user uploader",
    "link": "link url source references page uri identifierurl permalink",
    "heading": "computedcompassangle compassangle heading gpsimgdirection direction azimuth bearing",
    "projection": "projection projectiontype cameratype",
    "recorder": "device recorderid dvc model recordermodel serial serialnumber equipment",
}
#: What the column of the files is called by what they are: a table about sites may have one for each kind.
_FILES = {
    "recording": "recording recordingfile audiofile audio soundfile sound wav wavfile",
    "photo": "photo photofile photoname image imagefile imagename picture",
}
#: What a table has to tell beside a file to be of any use.
_USEFUL = ("latitude", "pair", "utc", "moment", "date", "licence", "author", "link")


#: What may stand in brackets behind latitude and longitude. Not S or W, of which only some tables count below 0.
_UNIT = re.compile(
    r"(?P<name>\s*(?:lat|lon|lng|y|x|decimal|gps|coord|pos)[^(\[]*)[(\[](?P<unit>[^)\]]*)[)\]]\s*",
    re.IGNORECASE,
)
_UNITS = [
    "deg",
    "degree",
    "degrees",
    "dd",
    "decimal",
    "decimaldegrees",
    "n",
    "e",
    "degn",
    "dege",
    "wgs84",
    "epsg4326",
]


@dataclass(frozen=True)
class Columns:
    """The place of each known meaning in a row; ``names``: what all columns are called."""

    by_meaning: dict[str, int]
    names: tuple[str, ...] = ()

    def value(self, row: Sequence[str], meaning: str) -> str:
        """The text of a row, stripped; empty where there is none."""
        index = self.by_meaning.get(meaning, -1)
        value = row[index].strip() if 0 <= index < len(row) else ""
        return "" if value.lower() in ("", "na", "n/a", "nan", "none", "null", "?", "-") else value

    @property
    def naming(self) -> list[str]:
        """The columns by which rows say which files they are about, as the table calls them."""
        return [
            self.names[self.by_meaning[name]] for name in ("file", "folder", "id") if name in self.by_meaning
        ]

    @property
    def names_files(self) -> bool:
        """Whether rows say which files they are about."""
        return bool(self.naming)

    @property
    def useful(self) -> bool:
        """Whether rows say anything that is looked for."""
        return any(meaning in self.by_meaning for meaning in _USEFUL)


def recognise(header: Sequence[str], one: str = "recording") -> Columns:
    """The columns of a header of a table about files of a kind (``one``); of several with one meaning the preferred."""
    plain = [_plain(name) for name in header]
    found: dict[str, int] = {}
    for meaning, names in _NAMES.items():
        words = names.format(one=_FILES[one]).split()
        index = next((plain.index(name) for name in words if name in plain), None)
        if index is not None:
            found[meaning] = index
    # xeno-canto's "file" is an address to download from; its "file-name" is the name.
    if "filename" in plain and "file" in plain and "lic" in plain:
        found["file"] = plain.index("filename")
    if "mp3name" in plain:
        found["file"] = plain.index("mp3name")
    if "username" in plain and "license" in plain:
        # Freesound: "name" is a title, "created" the day of the upload.
        found.pop("file", None) if "filename" not in plain else None
    if ("latitude" in found) != ("longitude" in found):
        found.pop("latitude", None)
        found.pop("longitude", None)
    return Columns(found, tuple(name.strip() for name in header))


def _plain(name: str) -> str:
    """A name of a column in lower case, letters and digits only, without a unit that changes nothing behind it."""
    found = _UNIT.fullmatch(name)
    if found and re.sub(r"[^a-z0-9]", "", found["unit"].lower()) in ("", *_UNITS):
        name = found["name"]
    return re.sub(r"[^a-z0-9]", "", name.lower())
