"""Which fields of two layers join them, and why they may not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import QgsProcessingContext, QgsProcessingFeatureSource, QgsWkbTypes

from soundvis_core.errors import InputError

from ..parameters import optional_number

if TYPE_CHECKING:
    from ..per_site import SitesAlgorithm

OTHER = "OTHER"
MAX_DAYS = "MAX_DAYS"
KEY_FIELD = "KEY_FIELD"
OTHER_KEY = "OTHER_KEY"
SITE_PATH = "SITE_PATH"
OTHER_PATH = "OTHER_PATH"
SITE_TIME = "SITE_TIME"
OTHER_TIME = "OTHER_TIME"
TIME_ZONE = "TIME_ZONE"
#: How the fields are called where other tools of this plugin wrote them.
_TIME, _PATH = "time_utc", "path"
_NO_POINTS = (
    QgsWkbTypes.GeometryType.NullGeometry,
    QgsWkbTypes.GeometryType.LineGeometry,
    QgsWkbTypes.GeometryType.PolygonGeometry,
)


class JoinFields:
    """The sites, what is joined with them, and the indices of the fields that the parameters name (-1: none)."""

    def __init__(
        self, algorithm: SitesAlgorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
    ) -> None:
        """Raises InputError where a layer cannot be read or lacks a field that is named."""
        self._algorithm, self._parameters, self.context = algorithm, parameters, context
        self.sites: QgsProcessingFeatureSource = algorithm.source(parameters, context)
        others = algorithm.parameterAsSource(parameters, OTHER, context)
        if others is None:
            raise InputError("The layer of recordings or photos cannot be read. Choose another.")
        self.others: QgsProcessingFeatureSource = others
        self.times = self._index(SITE_TIME, self.sites, _TIME), self._index(OTHER_TIME, self.others, _TIME)
        name = algorithm.parameterAsString(parameters, KEY_FIELD, context)
        self.keys = self._index(KEY_FIELD, self.sites), self._index(OTHER_KEY, self.others, name)
        self.paths = self._index(SITE_PATH, self.sites), self._index(OTHER_PATH, self.others, _PATH)

    @property
    def by_key(self) -> bool:
        """Whether sites are joined by a key."""
        return self.keys[0] >= 0

    @property
    def by_path(self) -> bool:
        """Whether sites are joined by a path."""
        return self.paths[0] >= 0

    def check(self, tiles: bool) -> None:
        """Raise InputError where nothing could be joined, or not as it is asked for.

        ``tiles``: whether sites that nothing is found for get a tile, so that nothing has to be near.
        """
        kind = QgsWkbTypes.geometryType(self.others.wkbType())
        pointless = kind == QgsWkbTypes.GeometryType.NullGeometry
        if kind != QgsWkbTypes.GeometryType.PointGeometry and not pointless:
            raise InputError(
                "The layer of recordings or photos has lines or areas. Choose a point layer or a table without "
                "geometry ('Centroids' makes points of areas)."
            )
        named = self.by_key or self.by_path
        if not named and QgsWkbTypes.geometryType(self.sites.wkbType()) in _NO_POINTS:
            raise InputError(
                "The sites are no points, so nothing is near to them. Choose a point layer ('Centroids' makes points "
                "of areas), or the key or path fields that join them."
            )
        for wanted, index, parameter, what in (
            (self.by_key, self.keys[1], OTHER_KEY, "key"),
            (self.by_path, self.paths[1], OTHER_PATH, "path"),
        ):
            if wanted and index < 0:
                raise InputError(
                    f"The recordings or photos have no such {what} field as the sites. Choose it ({parameter}); their "
                    f"fields are {_names(self.others)}."
                )
        if pointless and not named and not tiles:
            raise InputError(
                "The table has no points, so nothing is near. Choose the key or path fields that join it to the sites."
            )
        if optional_number(self._algorithm, self._parameters, MAX_DAYS, self.context) is None:
            return
        for index, parameter, what in (
            (self.times[0], SITE_TIME, "sites"),
            (self.times[1], OTHER_TIME, "recordings or photos"),
        ):
            if index < 0:
                raise InputError(
                    f"Days between are limited, but the {what} have no field '{_TIME}'. Choose their time field "
                    f"({parameter}), or leave 'Most days between' empty."
                )

    def _index(self, parameter: str, source: QgsProcessingFeatureSource, default: str = "") -> int:
        """The index of the field that a parameter names, else of ``default``."""
        chosen = self._algorithm.parameterAsString(self._parameters, parameter, self.context)
        if not (chosen or default):
            return -1
        index = source.fields().lookupField(chosen or default)
        if chosen and index < 0:
            label = self._algorithm.parameterDefinition(parameter).description().lower()
            raise InputError(
                f"There is no field '{chosen}' (given as {label}); the layer's fields are {_names(source)}."
            )
        return int(index)


def _names(source: QgsProcessingFeatureSource) -> str:
    return ", ".join(f"'{field.name()}'" for field in source.fields()) or "none"
