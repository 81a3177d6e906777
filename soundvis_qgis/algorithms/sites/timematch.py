"""Records that fall into given hours, weekdays and seasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsProcessingContext,
    QgsProcessingParameterEnum,
    QgsProcessingParameterField,
    QgsProcessingParameterString,
)

from soundvis_core.errors import InputError, SiteError

from ...compat import is_null
from ...layers.sinks import FieldSpec, integer, text
from ...layers.sources import site_point
from ..base import FeedbackProgress
from ..parameters import PREFIX
from ..per_site import SitesAlgorithm

if TYPE_CHECKING:
    import datetime as dt

    from soundvis_core.statistics.time_match import TimeRules

    from ...layers.outputs import Styler

TIME_FIELD = "TIME_FIELD"
TIME_ZONE = "TIME_ZONE"
HOURS = "HOURS"
WEEKDAYS = "WEEKDAYS"
SEASONS = "SEASONS"
MONTHS = "MONTHS"
HEMISPHERE = "HEMISPHERE"
ZONE_FIELD = "ZONE_FIELD"
CLOCK_ZONE = "CLOCK_ZONE"
#: What other tools of this plugin call a time. The field is optional with it as default, not required: QGIS 3.22 does
#: not take the defaults of required fields under qgis_process.
TIME_NAME = "time_utc"
#: As soundvis_core.statistics.time_match has them, which is not read when the plugin loads.
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FOUR = ("winter", "spring", "summer", "autumn")
AUTO = "by latitude"


class TimeMatch(SitesAlgorithm):
    """``soundvis:timematch``."""

    ID = "timematch"
    LABEL = "Match hours, weekdays and seasons"
    GROUP = "sites"
    SUMMARY = (
        "Marks the records that were made in given hours, on given weekdays and in given seasons, by the clocks of "
        "their place, so that a dawn chorus is not compared with a rush hour.\n"
        "Nothing is deleted: all records pass through, with their local time, hour, weekday and season, 'keep' (1 or "
        "0) and the reason. Give the field 'keep' to the tools that ask for one, or select by it. A record without a "
        "time that can be read is not kept as soon as anything is asked for.\n"
        "Seasons are the meteorological ones, by whole months: winter is December to February in the north and June to "
        "August in the south. Near the equator they say little; give months there. Hours over midnight belong to "
        "the weekday of the clock: at 2 o'clock after a Saturday night it is Sunday."
    )
    REQUIRES = ("numpy",)
    COLLISION_REMEDY = "Choose another prefix, or remove the field from the layer first."
    OUTPUT_LABEL = "Records with their times"

    def site_parameters(self) -> None:
        kinds = QgsProcessingParameterField.DataType
        self.add(
            QgsProcessingParameterField(
                TIME_FIELD,
                self.tr("Time field"),
                TIME_NAME,
                parentLayerParameterName=self.INPUT,
                type=kinds.Any,
                optional=True,
            ),
            "When each record was made: a date with time, or text as 2024-05-14T05:30:00Z (ISO 8601, with or without "
            f"zone). A date alone tells weekday and season. Empty: '{TIME_NAME}'.",
        )
        self.add(
            QgsProcessingParameterString(
                TIME_ZONE, self.tr("Time zone of the sites"), defaultValue="UTC", optional=True
            ),
            "Whose hours and days count: a name as Europe/London (with its summer time), or UTC+2, +05:30, UTC. Empty: "
            "UTC. For sites in several zones see the zone field.",
        )
        self.add(
            QgsProcessingParameterString(HOURS, self.tr("Hours"), optional=True),
            "Ranges of local hours, such as 5-9, 17:30-20 or 22-4 (over midnight); the end is not included. One hour, "
            "such as 5, is from 5:00 to 6:00. Empty: all day.",
        )
        for name, label, options in (
            (WEEKDAYS, "Weekdays", DAYS),
            (SEASONS, "Seasons", FOUR),
        ):
            self.add(
                QgsProcessingParameterEnum(
                    name,
                    self.tr(label),
                    options=list(options),
                    allowMultiple=True,
                    defaultValue=list(options),
                    optional=True,
                    usesStaticStrings=True,
                ),
                f"{label} that are kept; all of them, or none chosen, rule nothing out.",
            )
        self._add_advanced()

    def _add_advanced(self) -> None:
        self.add(
            QgsProcessingParameterString(MONTHS, self.tr("Months"), optional=True),
            "Months by number, such as 4-6 or 11-2 (over new year), beside the seasons or in their place.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterEnum(
                HEMISPHERE,
                self.tr("Hemisphere"),
                options=[AUTO, "north", "south"],
                defaultValue=AUTO,
                usesStaticStrings=True,
            ),
            "Whose seasons count; by latitude: that of each site.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterField(
                ZONE_FIELD,
                self.tr("Field with the time zone"),
                parentLayerParameterName=self.INPUT,
                type=QgsProcessingParameterField.DataType.String,
                optional=True,
            ),
            "Text field with each site's own time zone, for sites in several; empty: the zone above.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString(
                CLOCK_ZONE, self.tr("Zone of times that come without one"), optional=True
            ),
            "What the clock of the recorder was set to, where the times do not say. Empty: UTC for a field whose name "
            "ends in utc, else the time zone of the site.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString(
                PREFIX, self.tr("Prefix of the new fields"), defaultValue="tm_", optional=True
            ),
            "Put before the name of every new field.",
            advanced=True,
        )

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        problem = super().problem(parameters, context)
        if problem:
            return problem
        try:
            self._zones(parameters, context)
            self._rules(parameters, context)
        except InputError as error:
            return str(error)
        source = self.source(parameters, context)
        name = self._time_name(parameters, context)
        if source.fields().lookupField(name) < 0:
            names = ", ".join(f"'{field.name()}'" for field in source.fields()) or "none"
            return f"The layer has no field '{name}' (given as time field); its fields are {names}."
        return None

    def _time_name(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str:
        return str(self.parameterAsString(parameters, TIME_FIELD, context)) or TIME_NAME

    def _zones(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext
    ) -> tuple[dt.tzinfo, dt.tzinfo | None]:
        """The zone of the sites, and of times without one where that is another. Raises InputError."""
        from ...layers.moments import zone_of

        clock = self.parameterAsString(parameters, CLOCK_ZONE, context).strip()
        zone = zone_of(self.parameterAsString(parameters, TIME_ZONE, context))
        return zone, zone_of(clock) if clock else None

    def _rules(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> TimeRules:
        from soundvis_core.statistics.time_match import TimeRules, parse_hours, parse_months

        chosen = {
            name: frozenset(self.parameterAsEnumStrings(parameters, name, context))
            for name in (WEEKDAYS, SEASONS)
        }
        return TimeRules(
            parse_hours(self.parameterAsString(parameters, HOURS, context)),
            chosen[WEEKDAYS] if len(chosen[WEEKDAYS]) < len(DAYS) else frozenset(),
            chosen[SEASONS] if len(chosen[SEASONS]) < len(FOUR) else frozenset(),
            parse_months(self.parameterAsString(parameters, MONTHS, context)),
        )

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        self._prefix = prefix = self.parameterAsString(parameters, PREFIX, context)
        self._zone, self._clock = self._zones(parameters, context)
        self._rule = self._rules(parameters, context)
        self._hemisphere = self.parameterAsEnumString(parameters, HEMISPHERE, context)
        fields = self.source(parameters, context).fields()
        self._time_field = self._time_name(parameters, context)
        self._time = fields.lookupField(self._time_field)
        zone_field = self.parameterAsString(parameters, ZONE_FIELD, context)
        self._zone_field = fields.lookupField(zone_field) if zone_field else -1
        crs = self.source(parameters, context).sourceCrs()
        self._degrees = QgsCoordinateReferenceSystem("EPSG:4326")
        self._to_degrees = (
            QgsCoordinateTransform(crs, self._degrees, context.transformContext()) if crs.isValid() else None
        )
        self.status_field = prefix + "keep"
        return [
            text(prefix + "local", "Local time", "ISO 8601 in the time zone of the site"),
            integer(prefix + "hour", "Hour (0-23)", "of the local time"),
            text(prefix + "weekday", "Weekday"),
            text(prefix + "season", "Season", "meteorological, of the site's hemisphere"),
            integer(
                prefix + "keep", "Keep (1 or 0)", "whether the record falls into the hours and days asked for"
            ),
            text(
                prefix + "reason", "Reason", "why the record is not kept, or what is doubtful about its time"
            ),
        ]

    def styles(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Mapping[str, Styler]:
        from ...layers.time_styles import time_styles

        return time_styles(self.parameterAsString(parameters, PREFIX, context))

    @property
    def reason_field(self) -> str:
        """The field that tells why a record is not kept."""
        return self.status_field[: -len("keep")] + "reason"

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Generator[Mapping[str, Any], None, None]:
        self._lost: Counter[str] = Counter()
        self._timed, self._first_unread = 0, ""
        zones: dict[str, dt.tzinfo | None] = {}
        for feature in features:
            yield self._record(feature, zones)

    def _record(self, feature: QgsFeature, zones: dict[str, dt.tzinfo | None]) -> dict[str, Any]:
        from soundvis_core.sites.clocks import NoTimeError
        from soundvis_core.statistics.time_match import match_time, unknown_time

        from ...layers.moments import told_by, zone_of_field

        value = feature.attribute(self._time)
        try:
            zone = self._zone_at(feature, zones)
            if is_null(value) or not str(value).strip():
                raise NoTimeError("the time field is empty")
            told = told_by(value)
            untold = self._clock or zone_of_field(self._time_field, zone)
            found = match_time(told, zone, untold, self._hemisphere_at(feature), self._rule)
        except NoTimeError as error:
            found = unknown_time(str(error), self._rule)
        if found.local is None:
            self._lost["no usable time"] += 1
            self._first_unread = self._first_unread or found.reason
        else:
            self._timed += 1
            self._lost["outside"] += not found.keep
        return {
            self._prefix + "local": found.local,
            self._prefix + "hour": found.hour,
            self._prefix + "weekday": found.weekday,
            self._prefix + "season": found.season,
            self._prefix + "keep": int(found.keep),
            self._prefix + "reason": found.reason or None,
        }

    def _zone_at(self, feature: QgsFeature, zones: dict[str, dt.tzinfo | None]) -> dt.tzinfo:
        """The zone of a site. Raises NoTimeError where its own is not known."""
        from soundvis_core.sites.clocks import NoTimeError

        from ...layers.moments import zone_of

        value = feature.attribute(self._zone_field) if self._zone_field >= 0 else None
        name = "" if is_null(value) else str(value).strip()
        if not name:
            return self._zone
        if name not in zones:
            try:
                zones[name] = zone_of(name)
            except InputError:
                zones[name] = None
        zone = zones[name]
        if zone is None:
            raise NoTimeError(f"the time zone '{name}' is not known")
        return zone

    def _hemisphere_at(self, feature: QgsFeature) -> str | None:
        if self._hemisphere != AUTO:
            return self._hemisphere
        if self._to_degrees is None:
            return None
        try:
            latitude = site_point(feature, self._to_degrees, self._degrees).y()
        except SiteError:
            return None
        if not abs(latitude) <= 90.0:
            return None
        return "north" if latitude >= 0.0 else "south"

    def _say_counts(self, counts: Counter[str], first_reason: str, progress: FeedbackProgress) -> None:
        total = sum(counts.values())
        if total == 0:
            progress.warn("The layer has no records (mind selections and filters); the output is empty.")
            return
        progress.info(f"{counts['1']} of {total} records are kept.")
        if self._lost["outside"]:
            progress.info(
                f"{self._lost['outside']} do not fall into the hours, weekdays, seasons and months."
            )
        lost = self._lost["no usable time"]
        if lost and not self._timed:
            from ...layers.moments import FORMS

            progress.warn(
                f"No value of the time field '{self._time_field}' can be read as a time ({self._first_unread}). A time "
                f"is {FORMS}. Choose another time field."
            )
            return
        if lost:
            progress.warn(
                f"{lost} have no time that can be read (the first: {self._first_unread}); the reasons are in the field "
                f"'{self.reason_field}'."
            )
        if not counts["1"]:
            progress.warn("No record is kept. Check the time zone, and widen the hours, weekdays or seasons.")
