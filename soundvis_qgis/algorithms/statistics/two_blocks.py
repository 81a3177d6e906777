"""What the tools that set sound beside sight, site by site, ask for alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qgis.core import QgsProcessingContext, QgsProcessingParameterBoolean

from soundvis_core.progress import Progress

from ...compat import field_names
from ..base import Algorithm
from .correlation_parameters import GROUP, MEASURE, SITE_ID, add_field, open_sites

if TYPE_CHECKING:
    from soundvis_core.statistics.paired_blocks import PairedBlocks

    from ...layers.joined_sites import JoinedSites

SOUND, SIGHT, WITHIN = "SOUND", "SIGHT", "WITHIN"


@dataclass(frozen=True)
class SoundAndSight:
    """The two blocks of a layer, ready to be compared, and the groups of its sites (None where none are given)."""

    sites: JoinedSites
    pair: PairedBlocks
    groups: list[str | None] | None


def add_two_blocks(algorithm: Algorithm) -> None:
    """SOUND and SIGHT: the fields of the two blocks."""
    for name, what in ((SOUND, "sound"), (SIGHT, "sight")):
        add_field(
            algorithm,
            name,
            f"Fields of {what}",
            f"One embedding field, or one or more numeric fields (shares of classes, the three BGA fields, a number), "
            f"that describe the {what}.",
            several=True,
            optional=False,
        )


def add_within(algorithm: Algorithm, advanced: bool = False) -> None:
    """GROUP, whether only sites of a group are compared, and the field that names sites."""
    add_field(
        algorithm, GROUP, "Group field", "Field with the city or district of each site.", advanced=advanced
    )
    algorithm.add(
        QgsProcessingParameterBoolean(WITHIN, algorithm.tr("Compare within groups only"), defaultValue=True),
        "Compare a site only with sites of its own group, where a group field is given; sites without a group are "
        "left out. Otherwise all sites are compared with each other.",
        advanced=True,
    )
    add_field(
        algorithm,
        SITE_ID,
        "Site id field",
        "Field by which sites are named in the results. Empty: a field site_id, site, id, name or fid, else the "
        "feature ids.",
        advanced=True,
    )


def blocks_problem(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
) -> str | None:
    """Why the fields cannot be compared; None where they can."""
    given = {name: _fields(algorithm, parameters, name, context) for name in (SOUND, SIGHT)}
    for name, fields in given.items():
        if not fields:
            return f"Give the fields of {name.lower()} ({name})."
    if sorted(given[SOUND]) == sorted(given[SIGHT]):
        return f"Sound and sight are given the same fields ({', '.join(given[SOUND])}). Choose two sets."
    return None


def _fields(
    algorithm: Algorithm, parameters: Mapping[str, Any], name: str, context: QgsProcessingContext
) -> list[str]:
    return [field for field in field_names(algorithm, parameters, name, context) if field]


def read_pair(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: Progress
) -> SoundAndSight:
    """Read the two blocks and the groups of INPUT. Raises InputError naming what is wrong with which field."""
    from soundvis_core.progress import PartOf
    from soundvis_core.statistics.paired_blocks import pair_blocks

    sites = open_sites(algorithm, parameters, context, progress=progress)
    measure = algorithm.parameterAsEnumString(parameters, MEASURE, context)
    blocks = []
    for name in (SOUND, SIGHT):
        fields = _fields(algorithm, parameters, name, context)
        blocks.append(sites.block(fields, name.lower(), measure if len(fields) > 1 else ""))
    groups = sites.groups(algorithm.parameterAsString(parameters, GROUP, context))
    within = algorithm.parameterAsBool(parameters, WITHIN, context)
    pair = pair_blocks(blocks[0], blocks[1], groups if within else None, PartOf(progress, 0.0, 0.1))
    return SoundAndSight(sites, pair, groups)
