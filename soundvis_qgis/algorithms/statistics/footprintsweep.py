"""Which footprint of land cover agrees best with the sound."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from soundvis_core.errors import Cancelled, InputError, as_site_error

from ...compat import NO_GEOMETRY, field_names
from ...layers.sinks import integer, number, text
from ...layers.sources import make_transform, site_point
from ..base import Algorithm, FeedbackProgress
from ..composition.bgasites import SAMPLES
from ..composition.class_cover import add_crosswalk, cover_problem, take_class_cover
from ..parameters import add_choice, add_weights
from .correlation_parameters import (
    GROUP,
    INPUT,
    MEASURE,
    METHOD,
    PERMUTATIONS,
    SEED,
    add_field,
    add_group,
    add_measure,
    add_method,
    add_permutations,
    add_seed,
    add_sites,
    open_sites,
)
from .output_files import files_problem

if TYPE_CHECKING:
    import numpy as np

    from soundvis_core.statistics.footprint_sweep import Sweep, SweepRow

    from ...layers.joined_sites import JoinedSites

CLASSES = "CLASSES"
SOUND = "SOUND"
RADII = "RADII"
SIGHT = "SIGHT"
OUTPUT = "OUTPUT"
BGA, SHARES = "bga", "shares"
MOST_RADII, WIDEST = 40, 100_000.0
#: Where more of the circles is unmapped on the average, r says little of the ground in them.
MOST_UNMAPPED = 0.5
FIELDS = (
    number("radius_m", "Radius (m)", "metres on the ground"),
    integer("sites", "Sites", "with sound and with land cover at every radius"),
    integer("sites_dropped", "Sites left out"),
    integer("pairs", "Pairs of sites"),
    number("r", "Pearson's r", "between the similarities of sound and of land cover"),
    number("rho", "Spearman's rho", "the same of ranks"),
    number("p", "p of this radius alone", "Mantel permutation test, two-sided"),
    number("p_best", "p corrected for choosing", "by the largest |r| of all radii in each permutation"),
    integer("best", "Best radius (1)", "where the tested coefficient is farthest from 0, on either side"),
    number("unmapped", "Unmapped (0-1)", "mean share of the circle that no weight covers"),
    text("note", "Note", "why a number is missing, or what to mind before it is believed"),
)


class FootprintSweep(Algorithm):
    """``soundvis:footprintsweep``."""

    ID = "footprintsweep"
    LABEL = "Best footprint of land cover"
    GROUP = "statistics"
    SUMMARY = (
        "Tells how the agreement of sound and land cover changes with the radius that the land cover is measured "
        "in, in metres on the ground.\n"
        "At each radius the composition about every site is measured on the class raster, as 'BGA of land cover around "
        "sites' does, and its similarities between sites are correlated with those of the sound. Whoever tries "
        "several radii and reports the best has looked several times, so each radius has two p: its own, and "
        "one corrected for the choice. For that the sites are permuted, all radii alike, and the largest |r| of each "
        "permutation is what an r has to exceed (Westfall and Young 1993). Report the corrected one.\n"
        "All radii are compared over the same sites: those with sound, and with land cover at every radius. Circles of "
        "neighbouring sites that overlap share their ground; the p of both kinds are of the Mantel test, which knows "
        "nothing of distances. For the whole ladder of tests give the fields of the chosen radius to 'Correlate sound "
        "and sight'."
    )
    REQUIRES = ("numpy", "scipy", "pyproj")

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        add_sites(self, QgsProcessing.SourceType.TypeVectorPoint)
        self.add(
            QgsProcessingParameterRasterLayer(CLASSES, self.tr("Class raster")),
            "Raster of class codes, as 'Segment raster' makes it, or any land cover raster.",
        )
        add_field(
            self,
            SOUND,
            "Fields of sound",
            "One embedding field, or one or more numeric fields (the three BGA fields, shares of tags, a number), that "
            "describe the sound.",
            several=True,
            optional=False,
        )
        self.add(
            QgsProcessingParameterString(
                RADII, self.tr("Radii (metres on the ground)"), defaultValue="50, 100, 200, 400, 800"
            ),
            f"Radii of the circles in true metres, separated by commas; at most {MOST_RADII}.",
        )
        add_group(
            self,
            "Field with the city or district of each site. Sites are then permuted within their group only, so that "
            "differences between groups do not count as agreement.",
        )
        add_permutations(self, "Random orders of the sites; 0 leaves the tests out.")
        self._add_advanced()
        self.add(
            QgsProcessingParameterFeatureSink(
                OUTPUT, self.tr("r by radius"), QgsProcessing.SourceType.TypeVector
            ),
            "Table without geometry: a row per radius.",
        )

    def _add_advanced(self) -> None:
        add_crosswalk(self, advanced=True)
        add_weights(self, "aerial", advanced=True)
        add_choice(
            self,
            SIGHT,
            "What is compared",
            [BGA, SHARES],
            "bga: biophony, geophony and anthrophony that the land cover suggests. shares: the shares of its classes.",
            advanced=True,
        )
        add_measure(self)
        add_method(self)
        add_seed(self, "Start of the random orders; the same seed gives the same p.")

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        try:
            parse_radii(self.parameterAsString(parameters, RADII, context))
        except InputError as error:
            return str(error)
        return cover_problem(self, parameters, context) or files_problem(
            self, parameters, context, (INPUT,), (OUTPUT,), ""
        )

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._cover = take_class_cover(self, parameters, context, CLASSES)

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        import numpy as np

        from soundvis_core.progress import PartOf
        from soundvis_core.statistics.footprint_sweep import Footprint, footprint_sweep

        if self._cover.warning:
            progress.warn(self._cover.warning)
        radii = parse_radii(self.parameterAsString(parameters, RADII, context))
        sites = open_sites(self, parameters, context, progress=progress)
        measure = self.parameterAsEnumString(parameters, MEASURE, context)
        names = [name for name in field_names(self, parameters, SOUND, context) if name]
        sound = sites.block(names, "sound", measure if len(names) > 1 else "")
        groups = sites.groups(self.parameterAsString(parameters, GROUP, context))
        as_shares = self.parameterAsEnumString(parameters, SIGHT, context) == SHARES
        values, unmapped = self._describe(parameters, context, sites, radii, as_shares, progress)
        sweep = footprint_sweep(
            sound,
            [Footprint(radius, values[:, at]) for at, radius in enumerate(radii)],
            measure,
            groups,
            self.parameterAsInt(parameters, PERMUTATIONS, context),
            self.parameterAsInt(parameters, SEED, context),
            self.parameterAsEnumString(parameters, METHOD, context),
            PartOf(progress, 0.8, 1.0),
        )
        method = self.parameterAsEnumString(parameters, METHOD, context)
        used = np.array([not reason for reason in sweep.reasons], dtype=bool)
        means = unmapped[used].mean(axis=0).tolist() if used.any() else [None] * len(radii)
        self._say(sweep, means, sites, method, progress)
        return {OUTPUT: self._write(parameters, context, sweep, means, method)}

    def _describe(
        self,
        parameters: Mapping[str, Any],
        context: QgsProcessingContext,
        sites: JoinedSites,
        radii: list[float],
        as_shares: bool,
        progress: FeedbackProgress,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The land cover (sites, radii, d), NaN where there is none, and what of it is unmapped (sites, radii)."""
        import numpy as np

        from soundvis_core.bga.composition import compose
        from soundvis_core.geodesy import LocalFrame, disc_mask
        from soundvis_core.progress import FirstUnexpected, check_cancelled
        from soundvis_core.sampling import class_shares

        raster, names = self._cover.raster, self._cover.names
        classes = list(dict.fromkeys(names.values()))
        values = np.full((len(sites), len(radii), len(classes) if as_shares else 3), np.nan)
        unmapped = np.full((len(sites), len(radii)), np.nan)
        source = self.parameterAsSource(parameters, INPUT, context)
        transform = make_transform(source.sourceCrs(), raster.crs, context)
        disc = disc_mask(SAMPLES)
        reasons: dict[str, int] = {}
        log = FirstUnexpected(progress)
        for site, feature in enumerate(sites.features()):
            check_cancelled(progress)
            progress.report(0.8 * site / len(sites))
            try:
                point = site_point(feature, transform, raster.crs)
                frame = LocalFrame(raster.crs_text, point.x(), point.y())
                for at, radius in enumerate(radii):
                    check_cancelled(progress)
                    x, y = frame.square_to_crs(2.0 * radius, SAMPLES)
                    shares = class_shares(*raster.codes_at(x[disc], y[disc]), names)
                    composition = compose(shares, self._cover.table)
                    unmapped[site, at] = composition.unmapped
                    if as_shares and math.fsum(shares.values()) > 0.0:
                        values[site, at] = [shares[name] for name in classes]
                    elif not as_shares and composition.normalised is not None:
                        values[site, at] = composition.normalised
            except Cancelled:
                raise
            except Exception as error:  # noqa: BLE001 - one unreadable block must not cost the other sites
                reason = as_site_error(error)
                log.tell(reason)
                reasons[str(reason)] = reasons.get(str(reason), 0) + 1
        for reason, count in reasons.items():
            progress.warn(f"{count} {'site has' if count == 1 else 'sites have'} no land cover: {reason}.")
        return values, unmapped

    def _say(
        self,
        sweep: Sweep,
        unmapped: list[float | None],
        sites: JoinedSites,
        method: str,
        progress: FeedbackProgress,
    ) -> None:
        """What the rows say, in plain words."""
        thin = [
            (row.radius, mean) for row, mean in zip(sweep.rows, unmapped) if mean and mean > MOST_UNMAPPED
        ]
        if thin:
            listed = ", ".join(f"{int(100 * mean)}% at {radius:g} m" for radius, mean in thin)
            progress.warn(
                f"More than half of the circles is unmapped on the average ({listed}): r rests on what little is "
                "known there. Use a raster that reaches beyond the sites by the largest radius, or a crosswalk that "
                "knows its classes."
            )
        dropped = [site for site, reason in enumerate(sweep.reasons) if reason]
        if dropped:
            names = sites.site_names()
            shown = "; ".join(f"{names[site]} ({sweep.reasons[site]})" for site in dropped[:5])
            more = f" and {len(dropped) - 5} more" if len(dropped) > 5 else ""
            progress.warn(
                f"{len(dropped)} of {len(sites)} sites {'is' if len(dropped) == 1 else 'are'} left out: {shown}{more}."
            )
        best = sweep.best
        if best is None:
            progress.warn(f"No radius can be compared: {sweep.rows[0].note}.")
            return
        value, letter = _tested(best, method)
        if value is not None and value < 0.0:
            progress.warn(
                f"The best radius, {best.radius:g} m, has a negative {letter}: sites with like ground sound less alike "
                "there than others. That is no agreement of sound and land cover."
            )
        line = f"The best of {len(sweep.rows)} radii is {best.radius:g} m: {letter} = {value:.3f}, {sweep.sites} sites"
        if best.p_best is None:
            progress.info(f"{line}; nothing was tested.")
            return
        verdict = (
            "more than the best of as many radii reaches by chance"
            if best.p_best <= 0.05
            else "no more than the best of as many radii reaches by chance"
        )
        progress.info(
            f"{line}; p = {best.p:.3g} for this radius alone, {best.p_best:.3g} corrected for the choice: {verdict}."
        )

    def _write(
        self,
        parameters: Mapping[str, Any],
        context: QgsProcessingContext,
        sweep: Sweep,
        unmapped: list[float | None],
        method: str,
    ) -> str:
        from ...layers.outputs import OutputLayer

        sink = self.open_sink(
            parameters, OUTPUT, context, FIELDS, QgsCoordinateReferenceSystem(), NO_GEOMETRY
        )
        for row, mean in zip(sweep.rows, unmapped):
            sink.add(_values(row, sweep, mean, method), geometry=QgsGeometry())
        sink.close()
        notes = {f"field {spec.name}": spec.comment for spec in FIELDS if spec.comment}
        self.on_success(
            OutputLayer(
                sink.destination,
                {**self.provenance, **notes},
                name=self.tr("r by radius"),
                labels=sink.labels,
                in_database=not sink.own_file,
            )
        )
        return str(sink.destination)


def _tested(row: SweepRow, method: str) -> tuple[float | None, str]:
    """The coefficient that is tested, and its letter."""
    return (row.rho, "rho") if method == "spearman" else (row.r, "r")


def _values(row: SweepRow, sweep: Sweep, unmapped: float | None, method: str) -> dict[str, Any]:
    value, letter = _tested(row, method)
    notes = [row.note]
    if unmapped is not None and unmapped > MOST_UNMAPPED:
        notes.append(f"{int(100 * unmapped)}% of the circles is unmapped on the average")
    if row.best and value is not None and value < 0.0:
        notes.append(f"{letter} is negative: sites with like ground sound less alike")
    return {
        "radius_m": row.radius,
        "sites": sweep.sites,
        "sites_dropped": len(sweep.reasons) - sweep.sites,
        "pairs": sweep.pairs,
        "r": row.r,
        "rho": row.rho,
        "p": row.p,
        "p_best": row.p_best,
        "best": int(row.best),
        "unmapped": unmapped,
        "note": "; ".join(filter(None, notes)) or None,
    }


def parse_radii(given: str) -> list[float]:
    """The radii of a text, rising. Raises InputError naming what is no radius."""
    radii = []
    for part in re.split(r"[,;\s]+", given.strip()):
        try:
            radius = float(part)
        except ValueError:
            radius = math.nan
        if not 0.1 <= radius <= WIDEST:
            raise InputError(
                f"'{part}' in the radii is not a number of metres from 0.1 to {WIDEST:,.0f}. Write, for instance, "
                "50, 100, 200."
            )
        radii.append(radius)
    if len(set(radii)) < len(radii):
        raise InputError(f"A radius is given twice ({given.strip()}). Give each once.")
    if len(radii) > MOST_RADII:
        raise InputError(f"{len(radii)} radii are given; at most {MOST_RADII} are possible.")
    return sorted(radii)
