"""Two layers as the core joins them: places, days, keys and paths."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureRequest,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QByteArray, QDate, QDateTime, Qt, QTime

from soundvis_core.errors import SKIPPED, InputError, SiteError
from soundvis_core.progress import Progress, check_cancelled
from soundvis_core.sites.clocks import NoTimeError
from soundvis_core.sites.joins import Places

from ..compat import BINARY, DOUBLE, INTEGER, LONG, STRING, is_null
from .moments import FORMS, day_of, zone_of_field
from .sources import PathResolver, make_transform, site_point

_WGS84 = "EPSG:4326"
#: How often a long reading asks whether it was cancelled, in features.
_STRIDE = 2000
#: Begins names in the table of paths; no path begins so.
NAME = "\0"


def places_of(
    features: Iterable[QgsFeature],
    source: QgsProcessingFeatureSource,
    time_index: int,
    zone: dt.tzinfo,
    context: QgsProcessingContext,
) -> Places:
    """Where and when the features of a layer are; NaN where that is unknown. ``time_index``: -1 for none.

    ``zone``: of times without one, but in a field that says by its name that it is in UTC.
    Raises InputError where a layer with geometry has no coordinate reference system.
    """
    target = QgsCoordinateReferenceSystem(_WGS84)
    spatial = source.wkbType() != QgsWkbTypes.Type.NoGeometry
    transform = make_transform(source.sourceCrs(), target, context) if spatial else None
    lonlat, days = [], []
    unread: dict[int, str] = {}
    unplaced: dict[int, str] = {}
    if time_index >= 0:
        zone = zone_of_field(source.fields().at(time_index).name(), zone)
    for number, feature in enumerate(features):
        place = (np.nan, np.nan)
        if transform is not None:
            try:
                point = site_point(feature, transform, target)
                place = _on_earth(point.x(), point.y())
            except SiteError as error:
                unplaced[number] = str(error)
        lonlat.append(place)
        day = None
        if time_index >= 0:
            try:
                day = day_of(feature.attribute(time_index), zone)
            except NoTimeError as error:
                unread[number] = str(error)
        days.append(np.nan if day is None else day)
    return Places(np.array(lonlat, dtype=float).reshape(-1, 2), np.array(days, dtype=float), unread, unplaced)


def _on_earth(longitude: float, latitude: float) -> tuple[float, float]:
    """The place itself. Raises SiteError where degrees are none of the earth."""
    if abs(longitude) <= 360.0 and abs(latitude) <= 90.0:
        return longitude, latitude
    swapped = abs(longitude) <= 90.0 and abs(latitude) <= 360.0
    remedy = (
        "longitude and latitude look swapped" if swapped else "check the layer's coordinate reference system"
    )
    raise SiteError(
        f"longitude {longitude:.10g}, latitude {latitude:.10g} is no place: latitudes end at 90 degrees; {remedy}",
        SKIPPED,
    )


def check_times(places: Places, field: str, layer: str, needed: bool, progress: Progress) -> None:
    """Tell of times that cannot be read, with one of them and what is accepted.

    ``needed``: whether nothing could be joined without times. Raises InputError where they are, and none is there.
    """
    if not places.unread:
        return
    known = int(np.isfinite(places.days).sum())
    first = next(iter(places.unread.values()))
    count, all_told = len(places.unread), len(places.unread) + known
    text = f"Of {all_told} values of '{field}' in '{layer}' {count} cannot be read as a time: {first}."
    if known == 0:
        text = f"None of the {count} values of '{field}' in '{layer}' can be read as a time: {first}."
    text += f" A time is {FORMS}."
    if known == 0 and needed:
        raise InputError(f"{text} Choose another time field, or leave 'Most days between' empty.")
    progress.warn(text)


def read_some(
    source: QgsProcessingFeatureSource, attributes: Sequence[int], geometry: bool, progress: Progress
) -> Iterable[QgsFeature]:
    """The features of a layer with these attributes, and their geometry where it is asked for."""
    request = QgsFeatureRequest().setSubsetOfAttributes(sorted({index for index in attributes if index >= 0}))
    if not geometry:
        request.setFlags(QgsFeatureRequest.Flag.NoGeometry)
    flag = QgsProcessingFeatureSource.Flag.FlagSkipGeometryValidityChecks
    for number, feature in enumerate(source.getFeatures(request, flag)):
        if number % _STRIDE == 0:
            check_cancelled(progress)
        yield feature


def keys_of(features: Iterable[QgsFeature], index: int) -> list[str | None]:
    """The key of each feature as text without blanks around it; whole numbers without a point. None where empty."""
    return [_key(feature.attribute(index)) for feature in features]


def _key(value: Any) -> str | None:
    if is_null(value):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def first_places(keys: Iterable[str | None]) -> tuple[dict[str, int], dict[str, int]]:
    """The place of each key where it stands first, and how often those occur that occur several times."""
    places: dict[str, int] = {}
    recurring: dict[str, int] = {}
    for place, key in enumerate(keys):
        if key is None:
            continue
        if places.setdefault(key, place) != place:
            recurring[key] = recurring.get(key, 1) + 1
    return places, recurring


class Paths:
    """The files that the features of the other layer stand for, found by whole paths or by names."""

    def __init__(self, values: Iterable[Any], resolver: PathResolver) -> None:
        """``values``: the attribute of each feature, in their order."""
        self.whole = [_whole(value, resolver) for value in values]
        self.places, self.recurring = first_places(self.whole)
        names: dict[str, int] = {}
        several: set[str] = set()
        for path, place in self.places.items():
            name = NAME + os.path.basename(path)
            if names.setdefault(name, place) != place:
                several.add(name)
        alone = {name: place for name, place in names.items() if name not in several}
        for name, place in alone.items():
            times = self.recurring.get(str(self.whole[place]))
            if times:
                self.recurring[name] = times
        self.places.update(alone)

    def key(self, value: Any, resolver: PathResolver) -> str | None:
        """What stands for the path of a site: one of :attr:`places`, else the path as it is."""
        path = _whole(value, resolver)
        if path is None or path in self.places:
            return path
        name = NAME + os.path.basename(path)
        return name if name in self.places else str(value).strip()


def _whole(value: Any, resolver: PathResolver) -> str | None:
    try:
        path = resolver.resolve(value)
    except SiteError:
        return None
    return os.path.normcase(os.path.realpath(path) if os.path.exists(path) else os.path.normpath(path))


def kept_kind(kind: Any) -> Any:
    """The type of field in which an attribute of ``kind`` is taken over: what is no number, text or bytes is text."""
    return kind if kind in (STRING, INTEGER, LONG, DOUBLE, BINARY) else STRING


def kept_value(value: Any) -> Any:
    """An attribute as :func:`kept_kind` keeps it: dates and times as ISO 8601 text."""
    if is_null(value):
        return None
    if isinstance(value, (QDateTime, QDate, QTime)):
        return value.toString(Qt.DateFormat.ISODate)
    plain = isinstance(value, (str, int, float, bytes, QByteArray)) and not isinstance(value, bool)
    return value if plain else str(value)
