"""The page of SoundVis in QGIS's options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from qgis.core import QgsSettings
from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from . import settings

_ICON = Path(__file__).resolve().parent.parent / "resources" / "icons" / "soundvis.svg"

_DEVICES = (
    ("auto", "Automatic: the fastest there is"),
    ("cpu", "Processor (cpu)"),
    ("cuda", "NVIDIA GPU (cuda)"),
    ("mps", "Apple GPU (mps)"),
)
_PRECISIONS = (
    ("auto", "Automatic"),
    ("fp32", "32 bit (fp32)"),
    ("bf16", "16 bit (bf16)"),
)
_MOST_AT_ONCE = 4096
_MOST_GIGABYTES = 10_000.0


def _tr(text: str) -> str:
    return QCoreApplication.translate("SoundVis", text)


class SettingsFactory(QgsOptionsWidgetFactory):
    """Makes the page when QGIS's options are opened."""

    def __init__(self) -> None:
        super().__init__()
        self.setTitle("SoundVis")
        self.setIcon(QIcon(str(_ICON)))

    def icon(self) -> QIcon:
        return QIcon(str(_ICON))

    def createWidget(self, parent):  # noqa: ANN001, ANN201 - QGIS's signature
        return SettingsPage(parent)


class SettingsPage(QgsOptionsPageWidget):
    """Folders, Python, how models run, and the cache. A setting that a variable overrides is shown, not changed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("SoundVisSettings")
        content = QWidget()
        self._column = QVBoxLayout(content)
        self._titles: list[QLabel] = []
        self._add_folders()
        self._add_running()
        self._add_cache()
        width = max(title.sizeHint().width() for title in self._titles)
        for title in self._titles:
            title.setMinimumWidth(width)  # the groups line up
        self._column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def apply(self) -> None:
        """Keep what was changed; QGIS calls it on OK."""
        values = {
            settings.HOME: self.home.filePath().strip(),
            settings.PYTHON: self.python.filePath().strip(),
            settings.MODELS: self.models.filePath().strip(),
            settings.CACHE: self.cache.filePath().strip(),
            settings.DEVICE: str(self.device.currentData()),
            settings.PRECISION: str(self.precision.currentData()),
            settings.BATCH: str(self.batch.value()),
            settings.CACHE_GB: f"{self.cache_size.value():g}",
        }
        stored = QgsSettings()
        for key, value in values.items():
            if _overridden(key):
                continue
            if value == settings.DEFAULTS[key]:
                stored.remove(key)
            elif value != settings.stored(key):
                stored.setValue(key, value)

    def _add_folders(self) -> None:
        form = self._group("Folders and Python")
        self.home = _file_widget(str(Path.home() / ".soundvis"), folder=True)
        self._row(
            form,
            settings.HOME,
            "SoundVis folder",
            self.home,
            "Holds the environment (env), the models (models), kept results (cache) and your own registry of models "
            "(models.csv). What lies in it stays when the plugin is updated.",
        )
        self.python = _file_widget(_tr("made by the tool 'Set up the environment'"), folder=False)
        self._row(
            form,
            settings.PYTHON,
            "Python of the models",
            self.python,
            "A Python that has torch, transformers and open_clip, in place of the environment in the SoundVis folder. "
            "The tool 'Set up the environment' checks it and sets it ('Use this Python instead').",
        )
        self.models = _file_widget(_tr("'models' in the SoundVis folder"), folder=True)
        self._row(
            form,
            settings.MODELS,
            "Models folder",
            self.models,
            "Where the tool 'Download models' puts weights. It may be shared by several people.",
        )

    def _add_running(self) -> None:
        form = self._group("How models run")
        self.device = _choice(_DEVICES)
        self._row(
            form,
            settings.DEVICE,
            "Device",
            self.device,
            "Where torch models run. Automatic takes an NVIDIA GPU, then an Apple GPU, then the processor.",
        )
        self.precision = _choice(_PRECISIONS)
        self._row(
            form,
            settings.PRECISION,
            "Precision",
            self.precision,
            "Automatic takes 16 bit only where the device computes faster with it; vectors agree to a cosine of "
            "at least 0.9999. Take 32 bit to compare results of different computers.",
        )
        self.batch = QSpinBox()
        self.batch.setRange(0, _MOST_AT_ONCE)
        self.batch.setSpecialValueText(_tr("Automatic: as memory allows"))
        self._row(
            form,
            settings.BATCH,
            "Batch size",
            self.batch,
            "How many windows or pictures go through a model at once. A smaller number needs less memory.",
        )

    def _add_cache(self) -> None:
        form = self._group("Kept results")
        self.cache = _file_widget(_tr("'cache' in the SoundVis folder"), folder=True)
        self._row(
            form,
            settings.CACHE,
            "Folder",
            self.cache,
            "Results of models, found again by content, model and parameters: a run that is repeated takes no time.",
        )
        self.cache_size = QDoubleSpinBox()
        self.cache_size.setRange(0.0, _MOST_GIGABYTES)
        self.cache_size.setDecimals(1)
        self.cache_size.setSuffix(" GB")
        self.cache_size.setSpecialValueText(_tr("Keep nothing"))
        self._row(
            form,
            settings.CACHE_GB,
            "Largest size",
            self.cache_size,
            "What was not used for longest is deleted beyond this size. 0: nothing is kept.",
        )
        self.clear = QPushButton(_tr("Delete kept results"))
        self.clear.setToolTip(_tr("They are computed again when they are needed. Models are not deleted."))
        self.clear.clicked.connect(self._clear)
        self.kept = QLabel()
        row = QHBoxLayout()
        row.addWidget(self.clear)
        row.addWidget(self.kept, 1)
        form.addRow("", row)
        self._show_kept()

    def _group(self, title: str) -> QFormLayout:
        box = QGroupBox(_tr(title))
        form = QFormLayout(box)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._column.addWidget(box)
        return form

    def _row(self, form: QFormLayout, key: str, label: str, widget: QWidget, text: str) -> None:
        """One setting: its present value, its help, and whether a variable overrides it."""
        name = settings.variable(key)
        _show(widget, settings.setting(key), settings.DEFAULTS[key])
        widget.setToolTip(f"{_tr(text)}\n\n{_tr('The environment variable')} {name} {_tr('goes before it.')}")
        help_label = QLabel(_tr(text))
        if _overridden(key):
            widget.setEnabled(False)
            help_label.setText(
                _tr("Set by the environment variable {}, which goes before this setting.").format(name)
            )
        help_label.setWordWrap(True)
        font = help_label.font()
        if font.pointSizeF() > 0:  # a theme may count in pixels
            font.setPointSizeF(font.pointSizeF() * 0.9)
        help_label.setFont(font)
        title = QLabel(_tr(label))
        title.setBuddy(widget)
        self._titles.append(title)
        field = QVBoxLayout()
        field.setSpacing(2)
        field.addWidget(widget)
        field.addWidget(help_label)
        form.addRow(title, field)

    def _show_kept(self) -> None:
        from soundvis_core.cache import ResultCache

        count, size = ResultCache(settings.cache_folder(), 0).size()
        entries = _tr("1 result") if count == 1 else _tr("{} results").format(count)
        self.kept.setText(f"{entries}, {size / 1e6:.1f} MB ({settings.cache_folder()})")
        self.clear.setEnabled(count > 0)

    def _clear(self) -> None:
        from soundvis_core.cache import ResultCache

        ResultCache(settings.cache_folder(), 0).clear()
        self._show_kept()


def _overridden(key: str) -> bool:
    return bool(os.environ.get(settings.variable(key), "").strip())


def _file_widget(placeholder: str, folder: bool) -> QgsFileWidget:
    widget = QgsFileWidget()
    mode = QgsFileWidget.StorageMode
    widget.setStorageMode(mode.GetDirectory if folder else mode.GetFile)
    widget.lineEdit().setPlaceholderText(placeholder)
    return widget


def _choice(entries: Sequence[tuple[str, str]]) -> QComboBox:
    widget = QComboBox()
    for value, label in entries:
        widget.addItem(_tr(label), value)
    return widget


def _show(widget: QWidget, value: str, default: str) -> None:
    """Put a value into its widget; in place of one without meaning the default."""
    if isinstance(widget, QgsFileWidget):
        widget.setFilePath(value)
    elif isinstance(widget, QComboBox):
        widget.setCurrentIndex(max(0, widget.findData(value.lower())))
    elif isinstance(widget, (QSpinBox, QDoubleSpinBox)):
        try:
            number = float(value)
        except ValueError:
            number = float(default)
        widget.setValue(int(number) if isinstance(widget, QSpinBox) else number)
