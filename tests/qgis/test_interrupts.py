"""Ctrl-C under qgis_process: it arrives as an event of the thread in which the tool runs."""

from __future__ import annotations

import pytest
from qgis.core import QgsApplication, QgsProcessingFeedback
from qgis.PyQt.QtCore import QTimer

from soundvis_qgis.algorithms.base import FeedbackProgress


@pytest.mark.parametrize(("platform", "heard"), [("qgis_process", True), ("desktop", False)])
def test_a_waiting_tool_hears_ctrl_c_on_the_command_line_only(
    monkeypatch: pytest.MonkeyPatch, platform: str, heard: bool
) -> None:
    feedback = QgsProcessingFeedback()
    monkeypatch.setattr(QgsApplication, "platform", staticmethod(lambda: platform))
    QTimer.singleShot(0, feedback.cancel)
    assert FeedbackProgress(feedback).cancelled() is heard
    QgsApplication.processEvents()
