"""What the statistics tools ask for alike: sites, the fields of blocks, further layers, and the random numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterString,
    QgsVectorLayer,
)

from soundvis_core.errors import InputError
from soundvis_core.progress import NO_PROGRESS, Progress

from ...compat import field_names
from ..base import Algorithm
from ..parameters import add_number

if TYPE_CHECKING:
    from soundvis_core.statistics.results import Block

    from ...layers.joined_sites import JoinedSites
    from ...layers.site_tables import SiteTable

INPUT = "INPUT"
GROUP = "GROUP"
LAYERS = "LAYERS"
SITE_ID = "SITE_ID"
JOINED_FIELDS = "JOINED_FIELDS"
MEASURE = "MEASURE"
METHOD = "METHOD"
PERMUTATIONS = "PERMUTATIONS"
BOOTSTRAPS = "BOOTSTRAPS"
SEED = "SEED"
CONTROLS = "CONTROLS"
KEEP = "KEEP"
#: The blocks by parameter: their names in tables, and what they are.
BLOCKS = {"SOUND": "sound", "STREET": "street", "AERIAL": "aerial"}
BGA_BLOCKS = {"SOUND_BGA": "sound BGA", "STREET_BGA": "street BGA", "AERIAL_BGA": "aerial BGA"}
_WHAT = {"SOUND": "sound", "STREET": "street view", "AERIAL": "aerial view"}
#: Similarities of sets of fields, the first as default.
MEASURES = ("cosine", "hellinger", "jensen-shannon", "aitchison")
METHODS = ("pearson", "spearman")


@dataclass(frozen=True)
class BlockFields:
    """The fields given for one block."""

    name: str
    fields: tuple[str, ...]
    bga: bool = False


def add_sites(algorithm: Algorithm, kind: Any = QgsProcessing.SourceType.TypeVector) -> None:
    """INPUT: the sites."""
    algorithm.add(
        QgsProcessingParameterFeatureSource(INPUT, algorithm.tr("Sites"), [kind]),
        "Layer or table with a row per site and the fields that describe it. Selection and filters are honoured.",
    )


def add_field(
    algorithm: Algorithm,
    name: str,
    label: str,
    text: str,
    several: bool = False,
    numeric: bool = False,
    advanced: bool = False,
    optional: bool = True,
) -> None:
    """A field, or several, of the sites or of a further layer."""
    kinds = QgsProcessingParameterField.DataType
    algorithm.add(
        QgsProcessingParameterField(
            name,
            algorithm.tr(label),
            parentLayerParameterName=INPUT,
            type=kinds.Numeric if numeric else kinds.Any,
            allowMultiple=several,
            optional=optional,
        ),
        text,
        advanced,
    )


def add_blocks(algorithm: Algorithm, names: Sequence[str] = tuple(BLOCKS), need: str = "") -> None:
    """SOUND, STREET, AERIAL: the fields of the blocks. ``need`` says how many have to be given."""
    for name in names:
        add_field(
            algorithm,
            name,
            f"Fields of {_WHAT[name]}",
            f"One embedding field, or one or more numeric fields, that describe the {_WHAT[name]}. {need}".strip(),
            several=True,
        )


def add_bga_blocks(
    algorithm: Algorithm, names: Sequence[str] = tuple(BGA_BLOCKS), advanced: bool = True
) -> None:
    """SOUND_BGA, STREET_BGA, AERIAL_BGA: three fields each."""
    for name in names:
        what = _WHAT[name[: -len("_BGA")]]
        add_field(
            algorithm,
            name,
            f"BGA fields of {what}",
            f"The three fields of biophony, geophony and anthrophony of the {what} (their names end in bio, geo and "
            "ant), in any order. They are compared together and category by category.",
            several=True,
            numeric=True,
            advanced=advanced,
        )


def add_group(algorithm: Algorithm, text: str) -> None:
    """GROUP: the city or district of each site."""
    add_field(algorithm, GROUP, "Group field", text)


def add_measure(algorithm: Algorithm) -> None:
    """MEASURE: the similarity of sets of share fields and of BGA fields."""
    algorithm.add(
        QgsProcessingParameterEnum(
            MEASURE,
            algorithm.tr("Similarity of shares and BGA fields"),
            options=list(MEASURES),
            defaultValue=MEASURES[0],
            usesStaticStrings=True,
        ),
        "How alike two sites are in several numeric fields. cosine: the angle between them, as in the paper. The "
        "others are for shares that are none below 0: hellinger and jensen-shannon compare them as distributions, "
        "aitchison their ratios. Embeddings always take the cosine, one number the difference.",
        advanced=True,
    )


def add_method(algorithm: Algorithm) -> None:
    """METHOD: Pearson or Spearman."""
    algorithm.add(
        QgsProcessingParameterEnum(
            METHOD,
            algorithm.tr("Coefficient to test"),
            options=list(METHODS),
            defaultValue=METHODS[0],
            usesStaticStrings=True,
        ),
        "pearson, as in the paper, or spearman: the correlation of the ranks of the similarities, which asks for a "
        "rising relation and not for a straight one. Both are in the table; this one is tested.",
        advanced=True,
    )


def add_joined_layers(algorithm: Algorithm) -> None:
    """LAYERS, SITE_ID and JOINED_FIELDS: fields of further layers."""
    algorithm.add(
        QgsProcessingParameterMultipleLayers(
            LAYERS, algorithm.tr("Further layers"), QgsProcessing.SourceType.TypeVector, optional=True
        ),
        "Layers or tables with further fields of the same sites, joined by the site id. A site that is missing in one "
        "has no value in the blocks that come from it.",
        advanced=True,
    )
    add_field(
        algorithm,
        SITE_ID,
        "Site id field",
        "Field with the id of each site, under one name in the sites and in every further layer. Where layers are "
        "joined, each id may occur once. Numbers match text of the same value. Also names the sites in the report.",
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterString(
            JOINED_FIELDS, algorithm.tr("Fields of further layers"), optional=True, multiLine=True
        ),
        "Fields that the lists above do not offer because they are in further layers: a line per block, as in "
        "'sound: snd_emb' or 'street bga: photos.st_bio, photos.st_geo, photos.st_ant'. Write layer.field where "
        "several layers have a field of that name. In scripts and models such fields may also be given as the "
        "fields of the block itself.",
        advanced=True,
    )


def add_permutations(algorithm: Algorithm, text: str, default: int = 999) -> None:
    """PERMUTATIONS of a test."""
    add_number(algorithm, PERMUTATIONS, "Permutations", default, 0, text, maximum=1_000_000, integer=True)


def add_seed(algorithm: Algorithm, text: str) -> None:
    """SEED of the random numbers."""
    add_number(
        algorithm, SEED, "Seed", 1, 0, text, maximum=2_147_483_647, integer=True, advanced=True
    )  # fmt: skip


def given_fields(
    algorithm: Algorithm, parameters: Mapping[str, Any], name: str, context: QgsProcessingContext
) -> list[str]:
    """The fields given for a parameter: its own, then those in JOINED_FIELDS. Raises InputError for a line amiss."""
    given = []
    if algorithm.parameterDefinition(name) is not None:
        given = [field for field in field_names(algorithm, parameters, name, context) if field]
    return [*given, *joined_fields(algorithm, parameters, context).get(name, [])]


def joined_fields(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
) -> dict[str, list[str]]:
    """JOINED_FIELDS by parameter. Raises InputError for a line that is not ``block: field, field``."""
    if algorithm.parameterDefinition(JOINED_FIELDS) is None:
        return {}
    known = {
        name.lower().replace("_", " "): name
        for name in (*BLOCKS, *BGA_BLOCKS, GROUP, CONTROLS, KEEP)
        if algorithm.parameterDefinition(name) is not None
    }
    found: dict[str, list[str]] = {}
    text = algorithm.parameterAsString(parameters, JOINED_FIELDS, context) or ""
    for line in text.replace(";", "\n").splitlines():
        if not line.strip():
            continue
        block, _, fields = line.partition(":")
        names = [field.strip() for field in fields.split(",") if field.strip()]
        parameter = known.get(" ".join(block.lower().replace("_", " ").split()))
        if parameter is None or not names:
            raise InputError(
                f"'{line.strip()}' in the fields of further layers is not of the form 'block: field, field'. The "
                f"blocks are {', '.join(known)}."
            )
        found.setdefault(parameter, []).extend(names)
    return found


def block_fields(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
) -> list[BlockFields]:
    """The blocks that were given, of those that the tool has. Raises InputError for a line of JOINED_FIELDS amiss."""
    given = []
    for parameter, name in {**BLOCKS, **BGA_BLOCKS}.items():
        fields = given_fields(algorithm, parameters, parameter, context)
        if fields:
            given.append(BlockFields(name, tuple(fields), parameter in BGA_BLOCKS))
    return given


def same_fields(given: Sequence[BlockFields]) -> Iterator[str]:
    """Warnings for blocks with the same fields: they say nothing of two measurements."""
    for first, second in itertools.combinations(given, 2):
        if sorted(first.fields) == sorted(second.fields):
            yield (
                f"{first.name} and {second.name} are given the same {'field' if len(first.fields) == 1 else 'fields'} "
                f"({', '.join(first.fields)}): their r is 1 whatever the sites are like. Choose two measurements."
            )


def group_field(algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str:
    """The group field; empty where there is none. Raises InputError where there are several."""
    given = given_fields(algorithm, parameters, GROUP, context)
    if len(given) > 1:
        raise InputError(f"Give one group field, not {', '.join(repr(name) for name in given)}.")
    return given[0] if given else ""


def joining_problem(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
) -> str | None:
    """Why further layers cannot be joined, as far as that shows before they are read; None where they can."""
    if parameters.get(LAYERS) and not algorithm.parameterAsString(parameters, SITE_ID, context):
        return (
            "Further layers are joined by a site id. Choose the field with the id of each site (SITE_ID); every layer "
            "has to have it."
        )
    return None


def take_further_layers(
    algorithm: Algorithm, parameters: Mapping[str, Any], context: QgsProcessingContext
) -> list[SiteTable]:
    """LAYERS, to be read in the background. Call it in the main thread, in ``take_layers``.

    Raises InputError for a layer that cannot be read.
    """
    from ...layers.site_tables import further_tables

    if algorithm.parameterDefinition(LAYERS) is None or not parameters.get(LAYERS):
        return []
    given = parameters[LAYERS]
    layers = []
    for one in given if isinstance(given, (list, tuple)) else [given]:
        # One by one: QGIS leaves out what it cannot open, and says nothing.
        found = algorithm.parameterAsLayerList({LAYERS: [one]}, LAYERS, context)
        if not found or not all(isinstance(layer, QgsVectorLayer) for layer in found):
            raise InputError(f"The further layer '{one}' cannot be read. Mend its source, or leave it out.")
        layers.extend(found)
    return further_tables(layers)


def open_sites(
    algorithm: Algorithm,
    parameters: Mapping[str, Any],
    context: QgsProcessingContext,
    further: Sequence[SiteTable] = (),
    progress: Progress = NO_PROGRESS,
) -> JoinedSites:
    """The sites of INPUT with the ``further`` layers joined by SITE_ID. Raises where they cannot be read or joined."""
    from ...layers.joined_sites import JoinedSites

    source = algorithm.parameterAsSource(parameters, INPUT, context)
    if source is None:
        raise QgsProcessingException(algorithm.invalidSourceError(parameters, INPUT))
    site_id = ""
    if algorithm.parameterDefinition(SITE_ID) is not None:
        site_id = algorithm.parameterAsString(parameters, SITE_ID, context)
    return JoinedSites(source, further, site_id, progress)


def read_blocks(sites: JoinedSites, given: Sequence[BlockFields], measure: str = "cosine") -> list[Block]:
    """The blocks of :func:`block_fields`; ``measure`` is that of sets of share fields and of BGA fields.

    Raises InputError naming block and field where fields do not make a block.
    """
    blocks = []
    for block in given:
        chosen = measure if len(block.fields) > 1 else ""
        read = sites.bga_block if block.bga else sites.block
        blocks.append(read(block.fields, block.name, chosen))
    return blocks
