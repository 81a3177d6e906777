"""Make the isolated environment that the paper's models run in, or name a Python that has everything."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterString,
)

from soundvis_core.errors import SoundVisError

from ...runtime.settings import COMPUTES
from ..base import Algorithm, FeedbackProgress

COMPUTE, PYTHON, WHEELS, FOLDER = "COMPUTE", "PYTHON", "WHEELS", "FOLDER"
INDEX, REINSTALL, OUTPUT = "INDEX", "REINSTALL", "OUTPUT"


class SetUpEnvironment(Algorithm):
    """``soundvis:setupenvironment``."""

    ID = "setupenvironment"
    LABEL = "Set up the environment"
    GROUP = "setup"
    SUMMARY = (
        "Makes the Python environment that the paper's models run in, apart from QGIS: torch, transformers, "
        "open_clip and what they need, in tested versions. QGIS and its own Python are left as they are.\n"
        "Takes about 350 MB of downloads and 1.6 GB of disk for the processor, about 3 GB and 6 GB for NVIDIA "
        "GPUs. The log says what, how large and where before anything is done. A run that was cancelled or broken "
        "off goes on where it ended; where everything is up to date, it ends at once.\n"
        "The models' weights are fetched by 'Download models'. The light models need neither."
    )
    REQUIRES = ()

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        self.add(
            QgsProcessingParameterEnum(
                COMPUTE,
                self.tr("Models run on"),
                options=list(COMPUTES),
                defaultValue=COMPUTES[0],
                usesStaticStrings=True,
            ),
            "auto: cuda where an NVIDIA driver answers, else cpu; an environment that is there stays what it is. "
            "cpu: the processor (on Macs Apple's GPU, too). cuda: NVIDIA GPUs.",
        )
        self._add_file(
            PYTHON,
            "Use this Python instead",
            "Python program of an environment that has everything, as on managed computers and those without a "
            "network. Nothing is installed: it is checked, and SoundVis uses it from then on.",
        )
        self._add_file(
            WHEELS,
            "Offline folder of packages",
            "Folder with the wheels (.whl) of all packages of resources/environment in the plugin's folder, for "
            "this system and Python. The network is not used then.",
            folder=True,
        )
        self._add_file(
            FOLDER,
            "Environment folder",
            "Where the environment is made: a new or empty folder, or one that this tool made. Empty: the folder "
            "'env' in the folder of SoundVis.",
            folder=True,
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString(INDEX, self.tr("Package index"), optional=True),
            "Address of a package index or mirror to use in place of PyPI; further ones after spaces are used as "
            "well. It has to have torch's builds, too. Empty: PyPI, and torch's official index.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterBoolean(REINSTALL, self.tr("Make everything anew"), defaultValue=False),
            "Removes the environment first. For environments that were damaged.",
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFileDestination(
                OUTPUT, self.tr("Report"), "HTML (*.html)", optional=True, createByDefault=False
            ),
            "HTML page that tells what the environment holds and where models run.",
        )

    def _add_file(
        self, name: str, label: str, text: str, folder: bool = False, advanced: bool = False
    ) -> None:
        kinds = QgsProcessingParameterFile.Behavior
        definition = QgsProcessingParameterFile(
            name, self.tr(label), behavior=kinds.Folder if folder else kinds.File, optional=True
        )
        if not folder:
            # Not *.*, which is the default: QGIS would refuse a program without an ending.
            definition.setFileFilter("All files (*)")
        self.add(definition, text, advanced)

    def problem(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> str | None:
        from ...runtime.install_plan import check_folder
        from ...runtime.recipe import shipped_recipe
        from ...runtime.settings import AUTO, CPU

        python = self.parameterAsFile(parameters, PYTHON, context)
        if python:
            return _python_problem(python)
        request = self._request(parameters, context)
        try:
            check_folder(request.folder)
            shipped_recipe().build(CPU if request.compute == AUTO else request.compute)
        except SoundVisError as error:
            return str(error)
        if request.wheels is not None and not any(request.wheels.glob("*.whl")):
            return f"The offline folder {request.wheels} holds no packages (*.whl)."
        for address in request.index:
            if not address.startswith(("http://", "https://", "file://")):
                return f"The package index '{address}' is no address: it has to begin with https://."
        return None

    def _request(self, parameters: Mapping[str, Any], context: QgsProcessingContext) -> Any:
        from ...runtime.environment import environment_folder
        from ...runtime.install_plan import Request
        from ...runtime.recipe import shipped_recipe

        folder = self.parameterAsFile(parameters, FOLDER, context)
        wheels = self.parameterAsFile(parameters, WHEELS, context)
        return Request(
            shipped_recipe(),
            Path(folder).absolute() if folder else environment_folder(),
            self.parameterAsEnumString(parameters, COMPUTE, context),
            Path(wheels).absolute() if wheels else None,
            tuple(self.parameterAsString(parameters, INDEX, context).split()),
            self.parameterAsBool(parameters, REINSTALL, context),
        )

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from ...runtime.environment_report import findings_of
        from ...runtime.findings import page, write_page
        from ...runtime.install_plan import make_plan
        from ...runtime.installer import adopt, set_up

        python = self.parameterAsFile(parameters, PYTHON, context)
        if python:
            found = adopt(os.path.abspath(python), progress)
        else:
            plan = make_plan(self._request(parameters, context))
            python = str(plan.python)
            found = set_up(plan, progress)
        findings = findings_of(python, found)
        for finding in findings:
            progress.info(finding.line())
        path = self.parameterAsFileOutput(parameters, OUTPUT, context)
        if not path:
            return {}
        text = page(findings, "SoundVis: the environment of the models", "The environment works.")
        write_page(path, text, self.on_failure)
        return {OUTPUT: path}


def _python_problem(python: str) -> str | None:
    if os.path.isdir(python):
        return f"{python} is a folder. Name the Python program in it (bin/python, on Windows python.exe)."
    if not os.path.isfile(python):
        return f"There is no Python at {python}. Correct the path."
    if not os.access(python, os.X_OK):
        return f"{python} is no program that can be run. Name the Python program itself."
    return None
