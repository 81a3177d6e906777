"""Where sound and sight agree: each site's own correlation."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qgis.core import QgsFeature, QgsProcessingContext

from soundvis_core.errors import SKIPPED, InputError
from soundvis_core.pipeline import OK

from ...layers.sinks import FieldSpec, check_collisions, integer, number, text
from ..base import FeedbackProgress
from ..parameters import PREFIX, add_prefix
from ..per_site import SitesAlgorithm
from .correlation_parameters import PERMUTATIONS, SEED, add_measure, add_permutations, add_seed
from .two_blocks import add_two_blocks, add_within, blocks_problem, read_pair

if TYPE_CHECKING:
    from soundvis_core.statistics.aligned_sites import AlignedSites

    from ...layers.outputs import Styler

#: The endings of the fields of partners: which block, what it is called.
_PARTNERS = (("snd", "sounds", "in sound"), ("see", "looks", "in sight"))


class SiteAlignment(SitesAlgorithm):
    """``soundvis:sitealignment``."""

    ID = "sitealignment"
    LABEL = "Map where sound and sight agree"
    GROUP = "statistics"
    SUMMARY = (
        "Gives each site its own correlation of sound and sight, for a map of where the two agree.\n"
        "A site's r is the correlation between its similarities to all other sites in sound and those in sight: near "
        "1, what sounds like the site also looks like it; near 0, the one says nothing about the other; below 0, what "
        "sounds like it looks different. Its p comes from a permutation test that shuffles the other sites, and from "
        "the t-test with the same mean and variance where more than 3,000 sites are compared. With many sites some p "
        "are small by chance: the field al_p_bh is adjusted for that (Benjamini and Hochberg). Sites near each other "
        "share what is around them, so neighbouring r are not independent.\n"
        "Beside r stand the sites that are most and least similar in sound and in sight. Times grow with the square of "
        "the number of sites; 100,000 take minutes."
    )
    REQUIRES = ("numpy", "scipy")
    OUTPUT_LABEL = "Sites with alignment"

    def site_parameters(self) -> None:
        add_two_blocks(self)
        add_within(self)
        add_permutations(
            self,
            "Permutations of the test of each site's r. With 999 the smallest possible p is 0.001; 0 leaves the test "
            "out.",
        )
        add_prefix(self, "al_")
        add_measure(self)
        add_seed(self, "Start of the random numbers; the same seed gives the same p.")

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        return super().problem(parameters, context) or blocks_problem(self, parameters, context)

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._prefix = self.parameterAsString(parameters, PREFIX, context)
        self.status_field = self._prefix + "status"

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        prefix = self._prefix
        partners = [
            spec
            for end, degree in (("near", "most"), ("far", "least"))
            for short, verb, where in _PARTNERS
            for spec in (
                text(f"{prefix}{end}_{short}", f"Site that {verb} {degree} like it"),
                number(f"{prefix}{end}_{short}_sim", f"Similarity to that site {where}"),
            )
        ]
        return [
            number(prefix + "r", "Alignment r", "Pearson, of its similarities in sound and in sight"),
            number(prefix + "p", "p of r", "two-sided; each site tested by itself"),
            number(prefix + "p_bh", "p, adjusted", "Benjamini-Hochberg over all sites of the run"),
            *partners,
            integer(prefix + "sites", "Other sites compared with"),
            text(prefix + "status", "Status of the alignment", "ok, or skipped"),
            text(prefix + "reason", "Why there is no r"),
        ]

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        import numpy as np

        from soundvis_core.progress import PartOf
        from soundvis_core.statistics.aligned_sites import align_sites

        source = self.source(parameters, context)
        check_collisions(source.fields(), self.new_fields(parameters, context), self.COLLISION_REMEDY)
        read = read_pair(self, parameters, context, progress)
        self._ids, self._names = read.sites.ids, read.sites.site_names()
        permutations, seed = (self.parameterAsInt(parameters, name, context) for name in (PERMUTATIONS, SEED))
        self._found = align_sites(read.pair, permutations, seed, PartOf(progress, 0.1, 0.9))
        self._known_r = self._found.r[np.isfinite(self._found.r)].tolist()
        results = super().execute(parameters, context, PartOf(progress, 0.9, 1.0))
        for line in said(self._found, permutations):
            progress.info(line)
        return results

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Generator[Mapping[str, Any], None, None]:
        found, prefix = self._found, self._prefix
        for site, feature in enumerate(features):
            if site >= len(self._ids) or self._ids[site] != feature.id():
                raise InputError("The layer changed while it was read. Run again.")
            values: dict[str, Any] = {
                prefix + "r": found.r[site],
                prefix + "p": found.p[site],
                prefix + "p_bh": found.p_bh[site],
                prefix + "sites": int(found.others[site]),
                prefix + "reason": found.reasons[site] or None,
                prefix + "status": SKIPPED if found.reasons[site] else OK,
            }
            for (short, _, _), partners in zip(_PARTNERS, (found.a, found.b)):
                for end, who, similarity in (
                    ("near", partners.nearest, partners.nearest_similarity),
                    ("far", partners.farthest, partners.farthest_similarity),
                ):
                    values[f"{prefix}{end}_{short}"] = self._names[who[site]] if who[site] >= 0 else None
                    values[f"{prefix}{end}_{short}_sim"] = similarity[site]
            yield values

    def styles(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Mapping[str, Styler]:
        from ...layers.alignment_styles import alignment_styles

        return alignment_styles(self._prefix, self._known_r)


def said(found: AlignedSites, permutations: int) -> Iterator[str]:
    """What the run found, in plain words."""
    import numpy as np

    r, p, adjusted = found.r, found.p, found.p_bh
    known = np.isfinite(r)
    if not known.any():
        yield "No site has an r; the reasons are in the layer."
        return
    low, middle, high = np.quantile(r[known], [0.05, 0.5, 0.95])
    yield (
        f"Sound and sight agree about {int((r[known] > 0).sum())} of {int(known.sum())} sites (r above 0); half of the "
        f"sites have an r above {middle:.2f}, nine in ten between {low:.2f} and {high:.2f}."
    )
    tested = np.isfinite(p)
    # The t-test of many sites has no such limit.
    least = 1.0 / (permutations + 1) if all("permutation" in test for test in found.tests) else 0.0
    if tested.any() and least > 0.05:
        yield (
            f"{permutations} permutations cannot tell which r are more than chance: no p can be below {least:.2g}. Ask "
            "for 999."
        )
    elif tested.any():
        with_p, expected = int((p[tested] <= 0.05).sum()), 0.05 * int(tested.sum())
        have = "site has" if with_p == 1 else "sites have"
        yield (
            f"{with_p} {have} p \u2264 .05, where {expected:.0f} would by chance; adjusted for the number of sites "
            f"{int((adjusted[tested] <= 0.05).sum())} do. p is by {' and by '.join(found.tests)}."
        )
