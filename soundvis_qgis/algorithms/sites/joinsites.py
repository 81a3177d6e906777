"""Join sites with recordings or photos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsFeature,
    QgsField,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from soundvis_core.errors import SKIPPED, InputError
from soundvis_core.pipeline import OK

from ...compat import STRING, field_names
from ...layers.sinks import FieldSpec, integer, number, text
from ..base import FeedbackProgress
from ..parameters import PREFIX, add_number, add_prefix, optional_number
from ..per_site import SitesAlgorithm
from .join_fields import (
    KEY_FIELD,
    MAX_DAYS,
    OTHER,
    OTHER_KEY,
    OTHER_PATH,
    OTHER_TIME,
    SITE_PATH,
    SITE_TIME,
    TIME_ZONE,
    JoinFields,
)
from .join_tiles import BY_TILE, TILE_FOLDER, JoinTiles, add_tile_parameters

if TYPE_CHECKING:
    from ...layers.site_tiles import Cut, SiteTiles

MAX_DISTANCE = "MAX_DISTANCE"
ONE_TO_ONE = "ONE_TO_ONE"
FIELDS = "FIELDS"
#: What the tool itself tells of a join, by name behind the prefix.
OWN = ("way", "dist_m", "days_gap", "shared_by", "status", "reason")


class JoinSites(SitesAlgorithm):
    """``soundvis:joinsites``."""

    ID = "joinsites"
    OUTPUT_LABEL = "Joined sites"
    LABEL = "Join sites with recordings or photos"
    GROUP = "sites"
    SUMMARY = (
        "Gives each site the recording or photo that belongs to it, from a second layer such as 'Sites from photos' "
        "makes: by a path that names it, else by a key that both have, else the nearest within a distance in true "
        "metres and a number of days, else, where a basemap is given (advanced), by a tile cut from it. Where there is "
        "none, the reason is told.\n"
        "New fields, behind the prefix: way (path, key, nearest or tile), dist_m and days_gap (how far apart), "
        "shared_by (how many sites have the same one), status, reason (why there is none, and which path or key of the "
        "site was not found), and the fields of the other layer. The path of a tile stands where the paths of that "
        "layer do, else in a new field path.\n"
        "Sites that share a photo look perfectly alike because they are one picture, not because the places are: this "
        "artificial similarity raises correlations, so it is warned of. One to one lets each photo serve one site at "
        "most: as many sites as possible get one, at the least sum of distances.\n"
        "Of several as near as each other (to a millimetre) the one closest in time is taken, then the first of the "
        "layer. Paths and keys hold whatever the distance; look at dist_m."
    )
    REQUIRES = ("numpy", "scipy", "pyproj")

    def site_parameters(self) -> None:
        self.add(
            QgsProcessingParameterFeatureSource(
                OTHER, self.tr("Recordings or photos"), [QgsProcessing.SourceType.TypeVector]
            ),
            "Point layer of what is joined, or a table without points, which can be joined by path or key. Selection "
            "and filters are honoured.",
        )
        self._field(
            KEY_FIELD,
            "Key field of the sites",
            self.INPUT,
            "Field with an id that the other layer has, too. Values are compared as text, without blanks around them. "
            "Where an id occurs several times in the other layer, its first row is taken, and that is told.",
            advanced=False,
        )
        add_number(
            self,
            MAX_DISTANCE,
            "Longest distance (metres on the ground)",
            50.0,
            0.0,
            "The nearest further away is not taken. 0: only what lies at the very same place.",
            maximum=20_100_000.0,
        )
        kind = QgsProcessingParameterNumber.Type.Double
        self.add(
            QgsProcessingParameterNumber(MAX_DAYS, self.tr("Most days between"), kind, None, True, 0.0),
            "The nearest further away in time is not taken; a part of a day is allowed. Empty: time is not looked at, "
            "but for ties.",
        )
        self.add(
            QgsProcessingParameterBoolean(ONE_TO_ONE, self.tr("One to one"), defaultValue=False),
            "Each recording or photo is the nearest of one site at most. Those that a path or key names stay shared.",
        )
        self._field(
            OTHER_KEY,
            "Key field of the recordings or photos",
            OTHER,
            "Empty: the field of the same name as that of the sites.",
        )
        self._field(
            SITE_PATH,
            "Path field of the sites",
            self.INPUT,
            "Text field with the path of each site's recording or photo. Whole paths are compared; where those differ, "
            "the name of the file decides if only one is called so.",
        )
        self._field(
            OTHER_PATH,
            "Path field of the recordings or photos",
            OTHER,
            "Empty: 'path'. In the output its paths are whole ones, so that the next tool finds the files; those of "
            "tiles stand there, too.",
        )
        self._field(
            SITE_TIME,
            "Time field of the sites",
            self.INPUT,
            "Date and time, a date, or text as 2024-05-14T05:30:00Z. Empty: 'time_utc', where the layer has it.",
        )
        self._field(
            OTHER_TIME,
            "Time field of the recordings or photos",
            OTHER,
            "As that of the sites. A date without a time of day is taken for its noon.",
        )
        self.add(
            QgsProcessingParameterString(
                TIME_ZONE, self.tr("Time zone of times without one"), defaultValue="UTC", optional=True
            ),
            "UTC, UTC+2, +05:30, or a name as Europe/London (with its summer time). A field whose name ends in utc, as "
            "'time_utc', is in UTC.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterField(
                FIELDS,
                self.tr("Fields to take over"),
                parentLayerParameterName=OTHER,
                allowMultiple=True,
                optional=True,
            ),
            "Fields of the recordings or photos that the sites get. Empty: all, but for its status, reason and id.",
            advanced=True,
        )
        add_tile_parameters(self)
        add_prefix(self, "j_")
        definition = self.parameterDefinition(PREFIX)
        definition.setFlags(definition.flags() | definition.Flag.FlagAdvanced)

    def _field(self, name: str, label: str, layer: str, help_text: str, advanced: bool = True) -> None:
        self.add(
            QgsProcessingParameterField(name, self.tr(label), parentLayerParameterName=layer, optional=True),
            help_text,
            advanced=advanced,
        )

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        problem = super().problem(parameters, context)
        problem = problem or self.overwrite_problem(parameters, context, OTHER, self.OUTPUT)
        if problem:
            return problem
        from ...layers.moments import zone_of

        tiles = JoinTiles(self, parameters, context)
        try:
            zone_of(self.parameterAsString(parameters, TIME_ZONE, context))
            JoinFields(self, parameters, context).check(tiles.given)
        except InputError as error:
            return str(error)
        return tiles.problem()

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        from ...layers.field_notes import field_notes
        from ...layers.source_folder import carried_folder, own_folder
        from ...layers.sources import PathResolver

        layer = self.parameterAsVectorLayer(parameters, OTHER, context)
        home = context.project().homePath() if context.project() is not None else ""
        self._paths = PathResolver("", (*self._folders, home))
        self._other_paths = PathResolver("", (own_folder(layer), carried_folder(layer), home))
        self._other_notes = field_notes(layer)
        self._tile_wishes = JoinTiles(self, parameters, context)
        self._tile_wishes.take_raster()

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        from soundvis_core.sites.joins import Limits

        prefix = self.parameterAsString(parameters, PREFIX, context)
        self._fields = JoinFields(self, parameters, context)
        self._zone = self.parameterAsString(parameters, TIME_ZONE, context)
        self._limits = Limits(
            self.parameterAsDouble(parameters, MAX_DISTANCE, context),
            optional_number(self, parameters, MAX_DAYS, context),
            self.parameterAsBoolean(parameters, ONE_TO_ONE, context),
        )
        key_field = self.parameterAsString(parameters, KEY_FIELD, context)
        self._make_tiles = self._tile_wishes.maker(self._fields.sites, key_field, context)
        self._tiles: SiteTiles | None = None
        other = self._fields.others
        self.status_field = prefix + "status"
        chosen = set(field_names(self, parameters, FIELDS, context))
        left = {*OWN, "fid"} if not chosen else set()
        self._taken = [
            index
            for index, field in enumerate(other.fields())
            if (field.name() in chosen if chosen else field.name().lower() not in left)
        ]
        taken = [_spec(prefix, other.fields().at(index), self._other_notes) for index in self._taken]
        tile_field = self._tile_field(prefix, taken) if self._make_tiles is not None else None
        return [
            text(prefix + "way", "How it was joined", "path, key, nearest or tile"),
            number(prefix + "dist_m", "Distance (m)", "geodesic between the site and what was joined"),
            number(prefix + "days_gap", "Days between", "empty where a time is unknown"),
            integer(
                prefix + "shared_by",
                "Shared by",
                "how many sites have the same one; above 1 they are alike by it",
            ),
            text(prefix + "status", "Status", "ok, skipped (nothing was joined) or failed (its tile)"),
            text(prefix + "reason", "Reason", "why nothing was joined, or which path or key was not found"),
            *taken,
            *([] if tile_field is None else [tile_field]),
        ]

    def _tile_field(self, prefix: str, taken: Sequence[FieldSpec]) -> FieldSpec | None:
        """The new field for the paths of tiles; None where they stand among those of the other layer."""
        path = self._fields.paths[1]
        if path in self._taken and self._fields.others.fields().at(path).type() == STRING:
            self._path_name = prefix + self._fields.others.fields().at(path).name()
            return None
        names = {spec.name.lower() for spec in taken}
        free = (name for name in ("path", "tile", "tile_path") if (prefix + name).lower() not in names)
        self._path_name = prefix + next(free, "tile_path")
        return text(self._path_name, "Tile", "path of the tile that was cut")

    def styles(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Mapping[str, Any]:
        from ...layers.join_styles import join_styles

        styles: Mapping[str, Any] = join_styles(self.parameterAsString(parameters, PREFIX, context))
        return styles

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        results = super().execute(parameters, context, progress)
        if self._tiles is None:
            return results
        self._tiles.publish(progress)
        return {**results, TILE_FOLDER: self._tiles.folder}

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Iterator[Mapping[str, Any]]:
        from soundvis_core.progress import PartOf
        from soundvis_core.sites.joins import join

        from ...layers.join_sources import check_times, kept_value, places_of, read_some
        from ...layers.moments import zone_of
        from .join_remarks import say_joined, say_unplaced, say_ways

        fields, zone, limits = self._fields, zone_of(self._zone), self._limits
        told: Mapping[str, str] = {}
        if self._make_tiles is not None:
            self._tiles = self._make_tiles()
            self.on_failure(self._tiles.discard)
            told = self._tiles.say_values(progress)
        sites = list(features)
        needed = [fields.times[1], fields.keys[1], fields.paths[1]]
        others = list(read_some(fields.others, needed, True, progress))
        progress.report(0.1)
        mine = places_of(sites, fields.sites, fields.times[0], zone, fields.context)
        theirs = places_of(others, fields.others, fields.times[1], zone, fields.context)
        # What a path or key names is joined without times, too.
        needed_times = limits.days is not None and not (fields.by_key or fields.by_path)
        for places, source, index in zip((mine, theirs), (fields.sites, fields.others), fields.times):
            if index >= 0:
                name = source.fields().at(index).name()
                check_times(places, name, source.sourceName(), needed_times, progress)
        layer = fields.others.sourceName()
        say_unplaced(theirs, layer, progress)
        named = self._named(sites, others, layer, progress)
        joined = join(mine, theirs, limits, named, PartOf(progress, 0.1, 0.9))
        del others
        used = set(joined.other[joined.other >= 0].tolist())
        values: dict[int, list[Any]] = {}
        for place, feature in enumerate(read_some(fields.others, self._taken, False, progress)):
            if place in used:
                values[place] = [kept_value(feature.attribute(index)) for index in self._taken]
        self._make_whole(values)
        prefix = self.status_field[: -len("status")]
        say_joined(joined, limits, prefix, progress)
        names = [prefix + fields.others.fields().at(index).name() for index in self._taken]
        tiles = 0
        for site, place in enumerate(joined.other.tolist()):
            row = {
                prefix + "way": joined.ways[site] or None,
                prefix + "dist_m": joined.metres[site],
                prefix + "days_gap": joined.days[site],
                prefix + "shared_by": int(joined.shared[site]) if place >= 0 else None,
                prefix + "status": OK if place >= 0 else SKIPPED,
                prefix + "reason": joined.reasons[site] or None,
                **(dict(zip(names, values[place])) if place >= 0 else {}),
            }
            if self._tiles is not None:
                named_as = self._tiles.name_for(sites[site], site + 1)
                if place < 0:
                    made = self._tiles.cut(sites[site], named_as)
                    tiles += made.path is not None
                    row.update(self._tile_values(made, joined.reasons[site], prefix))
            yield row
        self.facts.update(told if tiles else {})
        say_ways(joined, tiles, prefix, progress)

    def _tile_values(self, made: Cut, reason: str, prefix: str) -> dict[str, Any]:
        """The values of a site that had nothing, now that a tile was cut for it, or was not."""
        if made.path is None:
            # A site without a place says that once.
            both = reason if made.reason in reason else f"{reason}; no tile: {made.reason}"
            return {prefix + "status": made.status, prefix + "reason": both}
        return {
            prefix + "way": BY_TILE,
            prefix + "dist_m": 0.0,
            prefix + "shared_by": 1,
            prefix + "status": OK,
            self._path_name: made.path,
        }

    def _named(
        self,
        sites: Sequence[QgsFeature],
        others: Sequence[QgsFeature],
        layer: str,
        progress: FeedbackProgress,
    ) -> list[Any]:
        """The ways that go before the nearest, as the core takes them."""
        from soundvis_core.sites.joins import BY_KEY, BY_PATH

        from ...layers.join_sources import Paths, first_places, keys_of
        from .join_remarks import say_recurring

        named: list[Any] = []
        if self._fields.by_path:
            mine, theirs = self._fields.paths
            files = Paths((feature.attribute(theirs) for feature in others), self._other_paths)
            wanted = [files.key(feature.attribute(mine), self._paths) for feature in sites]
            named.append((BY_PATH, wanted, files.places))
            say_recurring("path", wanted, files.recurring, layer, progress)
        if self._fields.by_key:
            mine, theirs = self._fields.keys
            places, recurring = first_places(keys_of(others, theirs))
            wanted = keys_of(sites, mine)
            named.append((BY_KEY, wanted, places))
            say_recurring("key", wanted, recurring, layer, progress)
        return named

    def _make_whole(self, values: dict[int, list[Any]]) -> None:
        """Relative paths of the other layer start at its folder, not at that of the sites: make them whole."""
        if self._fields.paths[1] not in self._taken:
            return
        import os

        column = self._taken.index(self._fields.paths[1])
        for row in values.values():
            if isinstance(row[column], str) and row[column].strip():
                path = self._other_paths.resolve(row[column])
                row[column] = os.path.abspath(path) if os.path.exists(path) else row[column]


def _spec(prefix: str, field: QgsField, notes: Mapping[str, str]) -> FieldSpec:
    name = field.name()
    from ...layers.join_sources import kept_kind

    alias = field.alias().removeprefix(f"{name}: ") or name
    return FieldSpec(prefix + name, kept_kind(field.type()), alias, notes.get(name, ""))
