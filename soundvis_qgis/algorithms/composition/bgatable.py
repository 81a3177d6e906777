"""Weights and crosswalks as tables: to look at, to edit in QGIS, to check."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFileDestination,
)

from ...layers.overwriting import same_file
from ...layers.sinks import is_wanted, output_path
from ..base import Algorithm, FeedbackProgress
from ..parameters import add_choice, add_table_file

SOURCE = "SOURCE"
TABLE = "TABLE"
KIND = "KIND"
OUTPUT = "OUTPUT"
ROWS = "ROWS"
#: As soundvis_core.bga.table_check has them, which imports numpy and is not read when the plugin loads.
SOURCES = (
    "table-1", "audioset", "osm", "worldcover", "corine", "openearthmap", "loveda", "cityscapes-19", "cityscapes-34",
    "ade20k",
)  # fmt: skip
AUTO = "by its columns"
KINDS = (AUTO, "weights", "crosswalk", "sound classes")
#: Mistakes that the log lists.
_LOGGED = 1000


class BgaTable(Algorithm):
    """``soundvis:bgatable``."""

    ID = "bgatable"
    LABEL = "Edit or check a table of BGA weights"
    GROUP = "composition"
    SUMMARY = (
        "Opens a table of weights as a layer that can be edited in QGIS, or checks one of your own.\n"
        "Choose a table that ships with SoundVis and a file: the table is copied there as it is and loaded. Open its "
        "attribute table, switch editing on, change what you disagree with, save, and give the file to the other "
        "tools: Table 1 to those with 'BGA weights', sounds to 'BGA of recordings', crosswalks to 'BGA of a land cover "
        "map'. Write 'user' in the column source of rows that you change.\n"
        "With a table of your own, every row is checked as the tools would, and all that is wrong is listed by line, "
        "counted as text editors do (the header is line 1). An empty cell of a weight, or a dash, is 0; a cell that is "
        "missing from its row is a mistake. A table without mistakes is loaded, and copied where an output is given; "
        "not a byte is changed."
    )

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        add_choice(
            self,
            SOURCE,
            "Table of SoundVis",
            SOURCES,
            "table-1: classes of aerial and street views with the weights of the paper. audioset: the 527 classes of "
            "sounds. The others: crosswalks from the classes of published land cover schemes and data sets.",
        )
        add_table_file(
            self,
            TABLE,
            "Table of your own (CSV)",
            "Checked and loaded in place of the table of SoundVis.",
            endings="*.csv *.tsv *.txt",
        )
        add_choice(
            self,
            KIND,
            "What your table is",
            KINDS,
            "weights: class, biophony, geophony, anthrophony. crosswalk: the same by code, by key and value, or with "
            "paper_class. sound classes: names or ids (mid) of AudioSet. By its columns: whichever they fit; what may "
            "be weights or a crosswalk is checked as both.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFileDestination(
                OUTPUT, self.tr("Copy to edit"), fileFilter="CSV (*.csv)", optional=True, createByDefault=True
            ),
            "Where the copy is written and loaded from. Without it, a table of your own is loaded where it lies.",
        )
        self.addOutput(QgsProcessingOutputNumber(ROWS, self.tr("Rows of the table")))

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        table = self.parameterAsString(parameters, TABLE, context).strip()
        wanted = is_wanted(parameters.get(OUTPUT))
        if table and not os.path.isfile(table):
            return f"There is no file {table} (given as 'Table of your own')."
        if not table and not wanted:
            return "Give a file for the copy: the tables of SoundVis are not edited where they lie."
        path = output_path(parameters.get(OUTPUT)) if wanted else ""
        if table and same_file(path, table):
            return "The copy would overwrite the table that is checked. Leave the copy out to have it loaded itself."
        return None

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from pathlib import Path

        from soundvis_core.bga.csv_table import TableError
        from soundvis_core.bga.table_check import CROSSWALK, check_table, shipped_table
        from soundvis_core.errors import InputError

        own = self.parameterAsString(parameters, TABLE, context).strip()
        name = self.parameterAsEnumString(parameters, SOURCE, context)
        kind = self.parameterAsEnumString(parameters, KIND, context) if own else AUTO
        source = Path(own) if own else shipped_table(name)
        try:
            found = check_table(source, "" if kind == AUTO else kind)
        except TableError as error:
            for problem in error.problems[:_LOGGED]:
                progress.warn(problem)
            # QGIS itself writes an error several times, so it does not list them once more.
            more = "" if len(error.problems) == 1 else " The log lists them all."
            raise InputError(f"{error.summary}. {error.problems[0]}{more}") from error
        progress.info(
            f"{source.name}: {found.kind}, {found.rows} {'row' if found.rows == 1 else 'rows'}, no mistakes."
        )
        if found.not_crosswalk:
            progress.warn(
                "By its columns the table may be a crosswalk as well, and as one it has mistakes. Mend them if it is "
                f"meant for 'BGA of a land cover map', and check it again with 'What your table is' as {CROSSWALK}."
            )
            for problem in found.not_crosswalk[:_LOGGED]:
                progress.warn(problem)
        path = str(source)
        if is_wanted(parameters.get(OUTPUT)):
            path = self._copy(source, self.parameterAsFileOutput(parameters, OUTPUT, context))
        self._load(path, Path(path).stem if own else name, context)
        return {OUTPUT: path, ROWS: found.rows}

    def _copy(self, source: os.PathLike[str], path: str) -> str:
        """An exact copy that is whole or absent."""
        # QGIS names temporary files after the first format of the filter, or without an ending.
        path = path if os.path.splitext(path)[1] else path + ".csv"
        partial = path + ".part"
        self.on_failure(lambda: os.path.exists(partial) and os.remove(partial))
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        shutil.copyfile(source, partial)
        os.replace(partial, path)
        return path

    def _load(self, path: str, name: str, context: QgsProcessingContext) -> None:
        """Have the table loaded when the run is done. All columns are text there, so that 1.0 stays 1.0."""
        details = QgsProcessingContext.LayerDetails(name, context.project(), OUTPUT)
        context.addLayerToLoadOnCompletion(path, details)
