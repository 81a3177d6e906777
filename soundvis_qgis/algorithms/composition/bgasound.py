"""BGA composition of recordings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qgis.core import QgsFeature, QgsProcessingContext, QgsProcessingParameterEnum

from ...layers.sinks import FieldSpec, integer, number
from ..base import FeedbackProgress
from ..embedding.files import paths_of
from ..parameters import BASE_FOLDER, PATH_FIELD, PREFIX, add_path_parameters, add_prefix
from .base import ComposeSites
from .fields import bga_fields, bga_values

METHOD = "METHOD"
JOB = "compose-sound"


class BgaSound(ComposeSites):
    """``soundvis:bgasound``."""

    ID = "bgasound"
    LABEL = "BGA of recordings"
    SUMMARY = (
        "Estimates how much of each recording is biophony, geophony and anthrophony.\n"
        "The method 'ndsi' is a baseline without a model. Tones and calls between 2 and 11 kHz count as biophony, "
        "those between 1 and 2 kHz as anthrophony: the bands of the soundscape index NDSI. Steady "
        "broadband noise is parted by its spectrum: that of road traffic is anthrophony, that of rain, running water "
        "and wind is geophony. It does not recognise sources: a whistling machine is biophony to it, and the tyres "
        "on a wet road sound like rain. Silent windows are unmapped; a silent recording has no composition (null)."
    )

    def site_parameters(self) -> None:
        add_path_parameters(self, "recording")
        self.add(
            QgsProcessingParameterEnum(
                METHOD, self.tr("Method"), options=["ndsi"], defaultValue="ndsi", usesStaticStrings=True
            ),
            "How sources are told apart. ndsi: band energies and steadiness, a baseline.",
        )
        add_prefix(self, "snd_")

    def dependency_problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        from ...runtime.execution import job_problem

        return super().dependency_problem(parameters, context) or job_problem(JOB)

    def take_layers(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> None:
        self._resolver = self.path_resolver(parameters, BASE_FOLDER, context)

    def new_fields(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Sequence[FieldSpec]:
        self._prefix = self.parameterAsString(parameters, PREFIX, context)
        self._path_field = self.parameterAsString(parameters, PATH_FIELD, context)
        self.status_field = self._prefix + "bga_status"
        prefix = self._prefix
        return [
            number(
                prefix + "ndsi",
                "NDSI (-1 to 1)",
                "(biophony band - anthrophony band) / sum, Kasten et al. 2012",
            ),
            number(prefix + "band_bio", "Energy 2-11 kHz (dBFS)", "mean power of the biophony band"),
            number(prefix + "band_ant", "Energy 1-2 kHz (dBFS)", "mean power of the anthrophony band"),
            number(prefix + "steadiness", "Broadband steadiness (0-1)", "how flat and steady the sound is"),
            integer(prefix + "bga_windows", "Windows of the composition", "number of 10-s windows used"),
            number(prefix + "bga_seconds", "Length heard (s)", "seconds of the recording in those windows"),
            *bga_fields(prefix, "recording, ndsi baseline"),
        ]

    def describe(
        self, features: Iterator[QgsFeature], total: int, progress: FeedbackProgress
    ) -> Iterator[Mapping[str, Any]]:
        from soundvis_core.bga.composition import composition_from_raw

        from ...runtime.execution import run_for_sites

        progress.info("Method ndsi: a baseline from band energies, without a model.")
        paths = paths_of(features, self._path_field, self._resolver)
        for result in run_for_sites(JOB, {}, paths, progress):
            composition = None
            values = result.values
            if values:
                composition = composition_from_raw(values["raw"], values["unmapped"])
            yield {
                **bga_values(self._prefix, composition, result.status, result.reason),
                **{
                    self._prefix + name: values.get(name)
                    for name in ("ndsi", "band_bio", "band_ant", "steadiness")
                },
                self._prefix + "bga_windows": values.get("windows"),
                self._prefix + "bga_seconds": values.get("seconds"),
            }
