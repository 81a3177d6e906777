"""Check what is there and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingParameterFileDestination

from ..base import Algorithm, FeedbackProgress

OUTPUT = "OUTPUT"


class CheckEnvironment(Algorithm):
    """``soundvis:checkenvironment``."""

    ID = "checkenvironment"
    LABEL = "Check the environment"
    GROUP = "setup"
    SUMMARY = (
        "Lists what SoundVis finds on this computer, what is missing and how to get it: QGIS, Python packages, the "
        "environment of the models (tried out), the settings in use, and of each model its source, licence and size "
        "and where it lies.\n"
        "The report ends with a block of text to copy into a question or a bug report."
    )
    REQUIRES = ()

    def initAlgorithm(self, configuration=None) -> None:  # noqa: ANN001 - QGIS's signature
        self.add(
            QgsProcessingParameterFileDestination(OUTPUT, self.tr("Report"), "HTML (*.html)"),
            "HTML page with the findings.",
        )

    def execute(
        self, parameters: Mapping[str, Any], context: QgsProcessingContext, progress: FeedbackProgress
    ) -> dict:
        from ...runtime.check import TITLE, check_environment, summary
        from ...runtime.findings import page, write_page

        path = self.parameterAsFileOutput(parameters, OUTPUT, context)
        findings = check_environment(progress)
        for finding in findings:
            (progress.info if finding.ok else progress.warn)(finding.line())
        write_page(path, page(findings, TITLE, summary(findings)), self.on_failure)
        return {OUTPUT: path}
