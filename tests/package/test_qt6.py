"""QGIS 4 has Qt 6: every line of the plugin must run there too."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

HERE = Path(__file__).resolve().parent
QGIS_PYTHON = Path(os.environ.get("QGIS_TEST_PYTHON", ROOT / "build" / "venv-qgis" / "bin" / "python"))

#: What every Qt 6 port stumbles over; the enums are checked by resolving them.
OLD_QT = re.compile(
    r"\bPyQt[56]\b|\bexec_\(|\bQRegExp\b|\bpyrcc|\bimport sip\b|\bQDesktopWidget\b|\bsetMargin\("
)


def run(python: Path | str, script: str, *arguments: str) -> dict:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONDONTWRITEBYTECODE": "1"}
    shown = subprocess.run(
        [str(python), str(HERE / script), *arguments],
        check=False, capture_output=True, text=True, timeout=120, env=environment,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout.strip().splitlines()[-1])


def scan(library: str, folder: Path) -> list[list]:
    python = sys.executable if library == "pyqt6" else QGIS_PYTHON
    if not Path(python).exists():
        pytest.skip("needs QGIS's own Python: run 'make setup'")
    answer = run(python, "enum_check.py", library, str(folder))
    assert answer["files"] > 0
    return answer["findings"]


def test_every_module_imports_under_pyqt6(unpacked):
    answer = run(sys.executable, "qt6_import.py", str(unpacked))
    assert answer["modules"] > 1
    assert answer["failures"] == []


def test_every_qt_name_is_in_pyqt6(unpacked):
    assert scan("pyqt6", unpacked) == []


def test_every_enum_is_scoped_and_every_name_is_in_this_qgis(unpacked):
    assert scan("qgis", unpacked) == []


def test_no_words_of_old_qt(unpacked):
    for path in unpacked.rglob("*.py"):
        assert not OLD_QT.findall(path.read_text("utf-8")), path.relative_to(unpacked)


BAD = """
from qgis.core import QgsProcessing, QgsProcessingAlgorithm
from qgis.PyQt.QtCore import Qt, QVariant
from qgis.PyQt.QtWidgets import QNoSuchWidget

class Tool(QgsProcessingAlgorithm):
    def flags(self):
        return self.FlagNoThreading

a = QgsProcessing.TypeVectorPoint
b = Qt.AlignLeft
c = QgsProcessing.SourceType.TypeVectorPoint
d = Qt.AlignmentFlag.AlignLeft
"""


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        ("pyqt6", {("missing", "qgis.PyQt.QtWidgets.QNoSuchWidget"), ("missing", "Qt.AlignLeft")}),
        (
            "qgis",
            {
                ("missing", "qgis.PyQt.QtWidgets.QNoSuchWidget"),
                ("unscoped", "Qt.AlignLeft"),
                ("unscoped", "QgsProcessing.TypeVectorPoint"),
                ("unscoped", "QgsProcessingAlgorithm.FlagNoThreading"),
            },
        ),
    ],
)
def test_the_check_finds_what_it_should(tmp_path, library, expected):
    tmp_path.joinpath("bad.py").write_text(BAD, "utf-8")
    assert {(kind, name) for kind, _, _, name in scan(library, tmp_path)} == expected


def test_the_import_gate_fails_on_an_unscoped_enum(tmp_path):
    plugin = tmp_path / "soundvis_qgis"
    plugin.joinpath("algorithms").mkdir(parents=True)
    plugin.joinpath("__init__.py").write_text("", "utf-8")
    plugin.joinpath("algorithms", "__init__.py").write_text(
        "from qgis.PyQt.QtCore import Qt\nfrom qgis.core import QgsProcessing\n"
        "fine = QgsProcessing.SourceType.TypeVectorPoint\nbad = Qt.AlignLeft\n",
        "utf-8",
    )
    ((module, error),) = run(sys.executable, "qt6_import.py", str(plugin))["failures"]
    assert module == "soundvis_qgis.algorithms"
    assert "AlignLeft" in error
