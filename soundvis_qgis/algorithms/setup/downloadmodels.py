"""Get the weights of models: from the hub or a mirror of it, or from a folder."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputFolder,
    QgsProcessingOutputNumber,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
)

from ..base import Algorithm, FeedbackProgress

if TYPE_CHECKING:
    from soundvis_core.models.options import ModelOptions
    from soundvis_core.models.registry import ModelRow
    from soundvis_core.pipeline import SiteResult

MODELS = "MODELS"
SOURCE_FOLDER = "SOURCE_FOLDER"
FOLDER = "FOLDER"
ENDPOINT = "ENDPOINT"
MODELS_FOLDER = "MODELS_FOLDER"
READY = "READY"
#: The five of the paper; SegEarth-OV's sharpener has to be fetched by hand.
PAPER = ("ast-audioset", "clip-vit-l-14", "remoteclip-vit-l-14", "clipseg-rd64", "segearth-ov")


def obtainable() -> list[ModelRow]:
    """The models with weights that lie elsewhere: those that ship, then the user's."""
    from soundvis_core.models.registry import TORCH, rows

    from ...runtime.settings import share_home

    share_home()
    return [row for row in rows() if row.runtime == TORCH and not row.path]


def described(row: ModelRow) -> str:
    """Id, title, size and licence of a model in one sentence each."""
    from soundvis_core.models.installing import megabytes

    size = f"about {megabytes(row.bytes)}" if row.bytes else "size unknown"
    note = f" {row.licence_note}" if row.licence_note else ""
    return f"{row.id}: {row.title}, {size}. Licence: {row.licence}.{note}"


class DownloadModels(Algorithm):
    """``soundvis:downloadmodels``."""

    ID = "downloadmodels"
    LABEL = "Download models"
    GROUP = "setup"
    SUMMARY = (
        "Gets the weights of the chosen models into the models folder and checks that they are the right ones. What "
        "is there is left as it is; a download that broke off goes on where it stopped.\n"
        "No other tool fetches weights. By choosing a model you accept its licence, see below."
    )
    REQUIRES = ()

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        models = [row.id for row in obtainable()]
        self.add(
            QgsProcessingParameterEnum(
                MODELS,
                self.tr("Models"),
                options=models,
                allowMultiple=True,
                defaultValue=[model for model in PAPER if model in models],
                usesStaticStrings=True,
            ),
            "The models to get; the five of the paper by default. Sizes and licences are listed below and in the log.",
        )
        self.add(
            QgsProcessingParameterFile(
                SOURCE_FOLDER,
                self.tr("Copy from this folder instead"),
                behavior=QgsProcessingParameterFile.Behavior.Folder,
                optional=True,
            ),
            "For computers without a network and for files fetched by hand: a models folder of another computer, a "
            "folder with the files, or a cache of the Hugging Face hub. Empty: download.",
        )
        self.add(
            QgsProcessingParameterFile(
                FOLDER,
                self.tr("Models folder"),
                behavior=QgsProcessingParameterFile.Behavior.Folder,
                optional=True,
            ),
            "Where the models are put. Empty: the models folder of the settings, where the tools look for them.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString(ENDPOINT, self.tr("Address of a mirror"), optional=True),
            "Address of a mirror of the Hugging Face hub (https://...), where the hub is blocked. Empty: the hub. "
            "The proxy of QGIS's options is used, else that of the variable HTTPS_PROXY.",
            advanced=True,
        )
        self.addOutput(QgsProcessingOutputFolder(MODELS_FOLDER, self.tr("Models folder")))
        self.addOutput(QgsProcessingOutputNumber(READY, self.tr("Number of models that are ready")))

    def shortHelpString(self) -> str:
        models = "".join(f"<li>{html.escape(described(row))}</li>" for row in obtainable())
        return f"{super().shortHelpString()}<p>{self.tr('Models:')}</p><ul>{models}</ul>"

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        """No model chosen, no such folder, or nothing to download with."""
        chosen = self._rows(parameters, context)
        if not chosen:
            return "Choose one model or more."
        source = self.parameterAsString(parameters, SOURCE_FOLDER, context)
        if source:
            return None if os.path.isdir(source) else f"There is no folder {source} to copy models from."
        endpoint = self.parameterAsString(parameters, ENDPOINT, context).strip()
        if endpoint and not endpoint.startswith(("https://", "http://")):
            return f"The address of the mirror '{endpoint}' has to begin with https:// or http://."
        return _cannot_download(chosen, self._options(parameters, context))

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        rows, options = self._rows(parameters, context), self._options(parameters, context)
        progress.info(f"Into {options.models}:")
        for row in rows:
            progress.info(described(row))
        source = self.parameterAsString(parameters, SOURCE_FOLDER, context)
        endpoint = self.parameterAsString(parameters, ENDPOINT, context).strip()
        failed = []
        for row, result in zip(rows, _results(rows, options, source, endpoint, progress)):
            if result.status != "ok":
                progress.warn(f"{row.id}: {result.reason}")
                failed.append(f"{row.id}: {result.reason}")
        ready = len(rows) - len(failed)
        progress.info(f"{ready} of {len(rows)} models are ready.")
        if failed:
            # What was got stays; the error makes sure that nobody takes the run for complete.
            raise QgsProcessingException(f"{ready} of {len(rows)} models are ready. " + "\n".join(failed))
        return {MODELS_FOLDER: str(options.models), READY: ready}

    def _rows(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> list[ModelRow]:
        chosen = self.parameterAsEnumStrings(parameters, MODELS, context)
        return [row for row in obtainable() if row.id in chosen]

    def _options(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> ModelOptions:
        from ...runtime.settings import model_options

        options = model_options()
        folder = self.parameterAsString(parameters, FOLDER, context)
        return replace(options, models_folder=folder) if folder else options


def _cannot_download(rows: list[ModelRow], options: ModelOptions) -> str | None:
    """What is missing for a download of those models that are not there; None where nothing is."""
    from soundvis_core.models.store import missing_weights

    from ...runtime.environment import worker_python

    wanted = [row for row in rows if missing_weights(row, options) is not None]
    for row in wanted:
        if not row.repo:
            return (
                f"SoundVis does not download '{row.id}'. Get {', '.join(row.files)} from {row.page}, then run this "
                "tool with the folder of the file in 'Copy from this folder instead', or take this model out."
            )
    if wanted and worker_python() is None:
        return (
            "Downloading needs SoundVis' own Python environment, and there is none. Run 'Set up the environment' "
            "first, or copy the models from a folder, which needs no environment."
        )
    return None


def _results(
    rows: list[ModelRow], options: ModelOptions, source: str, endpoint: str, progress: FeedbackProgress
) -> Iterator[SiteResult]:
    from soundvis_core.models.importing import copy_models
    from soundvis_core.models.store import missing_weights

    from ...runtime.client import run_in_worker
    from ...runtime.environment import worker_python

    wanted = [row.id for row in rows]
    python = worker_python()
    if source:
        return copy_models(wanted, options, progress, source)
    if python is None or all(missing_weights(row, options) is None for row in rows):
        # All are there: nothing is asked of anybody.
        return copy_models(wanted, options, progress, options.models)
    sent = {"runtime": options.to_mapping(), "endpoint": endpoint}
    return run_in_worker(python, "download-models", sent, wanted, progress)
