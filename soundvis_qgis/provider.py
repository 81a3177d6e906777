"""The Processing provider: every tool registers, always; what a tool lacks is said when it is run."""

from __future__ import annotations

import os
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsProcessingModelAlgorithm,
    QgsProcessingParameterFileDestination,
    QgsProcessingProvider,
)
from qgis.PyQt.QtGui import QIcon

from .algorithms import ALGORITHMS
from .algorithms.statistics.output_files import report_problem
from .layers.sinks import format_problem

RESOURCES = Path(__file__).resolve().parent / "resources"

#: Which parameters of ready models choose a model: the job that it does, and the option that names it.
_CHOICES = {
    "SOUND_MODEL": ("embed-recordings", "model"),
    "SOUND_METHOD": ("compose-sound", "method"),
    "PHOTO_MODEL": ("embed-photos", "model"),
    "PHOTO_CLASSES_MODEL": ("segment-photos", "model"),
    "IMAGERY_MODEL": ("embed-tiles", "model"),
    "LAND_COVER_MODEL": ("segment-blocks", "model"),
}


class ReadyModel(QgsProcessingModelAlgorithm):
    """A model that ships with the plugin. Its name is its id, so the toolbox shows a label of its own."""

    def createInstance(self) -> ReadyModel:
        # QGIS's own makes a plain model, whose dialog would be titled with the id.
        instance = ReadyModel()
        instance.loadVariant(self.toVariant())
        instance.setSourceFilePath(self.sourceFilePath())
        return instance

    def checkParameterValues(self, parameters, context):  # noqa: ANN001, ANN201 - QGIS's signature
        """A format, a place or a model that the last step would refuse is refused before the first."""
        layers, reports = {}, []
        for definition in self.destinationParameterDefinitions():
            value = parameters.get(definition.name())
            problem = format_problem(value)
            if problem:
                return False, problem
            if isinstance(definition, QgsProcessingParameterFileDestination):
                reports.append(value)
            else:
                layers[definition.description()] = value
        for report in reports or [None]:
            problem = report_problem(layers, report)
            if problem:
                return False, problem
        from .runtime.execution import job_problem

        for name, (job, option) in _CHOICES.items():
            chosen = parameters.get(name)
            problem = job_problem(job, {option: chosen}) if isinstance(chosen, str) and chosen else None
            if problem:
                return False, problem
        return super().checkParameterValues(parameters, context)

    def displayName(self) -> str:
        label = self.name().replace("_", " ")
        return label[:1].upper() + label[1:]

    def group(self) -> str:
        return "Ready models"

    def groupId(self) -> str:
        return "models"


class SoundVisProvider(QgsProcessingProvider):
    """The provider ``soundvis``."""

    def id(self) -> str:
        return "soundvis"

    def name(self) -> str:
        return "SoundVis"

    def longName(self) -> str:
        return "SoundVis: sound and sight of places"

    def icon(self) -> QIcon:
        return QIcon(str(RESOURCES / "icons" / "soundvis.svg"))

    def svgIconPath(self) -> str:
        return str(RESOURCES / "icons" / "soundvis.svg")

    def loadAlgorithms(self) -> None:
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())
        if QgsApplication.processingRegistry().providerById(self.id()) is not None:
            self._load_models()

    def add_ready_models(self) -> None:
        """Add the ready models, once the provider is registered.

        They name other tools of the provider, which are not found before; :meth:`refreshAlgorithms` would make all
        tools anew.
        """
        self._load_models()
        self.algorithmsLoaded.emit()

    def _load_models(self) -> None:
        folder = RESOURCES / "models"
        for file in sorted(os.listdir(folder)) if folder.is_dir() else []:
            model = ReadyModel()
            if file.endswith(".model3") and model.fromFile(str(folder / file)):
                self.addAlgorithm(model)
