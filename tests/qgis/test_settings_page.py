"""The page of SoundVis in QGIS's options."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from qgis.core import QgsSettings
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtWidgets import QLabel

from soundvis_core.cache import ResultCache
from soundvis_qgis.plugin import SoundVisPlugin
from soundvis_qgis.runtime import settings
from soundvis_qgis.runtime.settings_page import SettingsFactory, SettingsPage


@pytest.fixture(autouse=True)
def clean(qgis_app, monkeypatch, tmp_path):
    """No settings before and after; no variables but the folder of SoundVis."""
    for key in settings.DEFAULTS:
        monkeypatch.delenv(settings.variable(key), raising=False)
    monkeypatch.setenv(settings.variable(settings.HOME), str(tmp_path / "home"))
    yield
    for key in settings.DEFAULTS:
        QgsSettings().remove(key)


@pytest.fixture
def page():
    """``page()``: the page as it opens now."""
    made = []

    def open_page() -> SettingsPage:
        made.append(SettingsFactory().createWidget(None))
        return made[-1]

    yield open_page
    for opened in made:
        opened.deleteLater()


def texts(page):
    return [label.text() for label in page.findChildren(QLabel)]


def test_defaults_are_shown_and_not_written(page):
    opened = page()
    assert opened.device.currentData() == opened.precision.currentData() == "auto"
    assert (opened.batch.value(), opened.cache_size.value()) == (0, 5.0)
    assert opened.python.filePath() == opened.models.filePath() == ""
    opened.apply()
    assert {key: settings.stored(key) for key in settings.DEFAULTS} == dict.fromkeys(settings.DEFAULTS, "")


def test_what_is_changed_is_kept_and_used(page, tmp_path):
    opened = page()
    opened.python.setFilePath("/opt/python")
    opened.models.setFilePath(str(tmp_path / "models"))
    opened.cache.setFilePath(str(tmp_path / "kept"))
    opened.device.setCurrentIndex(opened.device.findData("cpu"))
    opened.precision.setCurrentIndex(opened.precision.findData("bf16"))
    opened.batch.setValue(4)
    opened.cache_size.setValue(0.5)
    opened.apply()
    options = settings.model_options()
    assert (options.device, options.precision, options.batch) == ("cpu", "bf16", 4)
    assert (options.models, options.cache) == (tmp_path / "models", tmp_path / "kept")
    assert settings.cache_bytes() == 500_000_000
    again = page()
    assert again.python.filePath() == "/opt/python"
    assert (again.device.currentData(), again.batch.value(), again.cache_size.value()) == ("cpu", 4, 0.5)
    # Back to the defaults leaves nothing behind.
    again.device.setCurrentIndex(0)
    again.batch.setValue(0)
    again.models.setFilePath("")
    again.apply()
    assert [settings.stored(key) for key in (settings.DEVICE, settings.BATCH, settings.MODELS)] == [
        "",
        "",
        "",
    ]


def test_a_variable_goes_before_and_is_named(page, monkeypatch):
    QgsSettings().setValue(settings.DEVICE, "cuda")
    monkeypatch.setenv("SOUNDVIS_DEVICE", "cpu")
    opened = page()
    assert opened.device.currentData() == "cpu" and not opened.device.isEnabled()
    assert opened.precision.isEnabled()
    assert any("SOUNDVIS_DEVICE" in text for text in texts(opened))
    opened.apply()
    assert settings.stored(settings.DEVICE) == "cuda"  # what is overridden is not overwritten


def test_a_value_without_meaning_shows_the_default(page):
    QgsSettings().setValue(settings.CACHE_GB, "much")
    QgsSettings().setValue(settings.DEVICE, "abacus")
    opened = page()
    assert opened.cache_size.value() == 5.0 and opened.device.currentData() == "auto"
    opened.apply()
    assert settings.cache_bytes() == 5_000_000_000


def test_kept_results_are_counted_and_deleted(page):
    cache = ResultCache(settings.cache_folder(), 10**9)
    cache.put("ab" * 32, b"x" * 2_000_000)
    other = settings.cache_folder() / "notes.txt"
    other.write_text("mine")
    opened = page()
    assert "1 result, 2.0 MB" in opened.kept.text() and opened.clear.isEnabled()
    opened.clear.click()
    assert "0 results, 0.0 MB" in opened.kept.text() and not opened.clear.isEnabled()
    assert cache.get("ab" * 32) is None and other.read_text() == "mine"


def test_every_setting_has_help(page):
    opened = page()
    widgets = [opened.home, opened.python, opened.models, opened.device, opened.precision, opened.batch]
    for widget in [*widgets, opened.cache, opened.cache_size]:
        assert "SOUNDVIS_" in widget.toolTip()
    assert len(opened.findChildren(QgsFileWidget)) == 4


class Desktop:
    """Stands in for QGIS's interface."""

    def __init__(self) -> None:
        self.pages = []

    def registerOptionsWidgetFactory(self, factory) -> None:
        self.pages.append(factory)

    def unregisterOptionsWidgetFactory(self, factory) -> None:
        self.pages.remove(factory)


def test_the_page_comes_and_goes_with_the_plugin(qgis_app, monkeypatch):
    desktop = Desktop()
    plugin = SoundVisPlugin(desktop)
    monkeypatch.setattr(plugin, "initProcessing", lambda: None)  # a second provider would delete the first
    plugin.initGui()
    (factory,) = desktop.pages
    assert factory.title() == "SoundVis" and not factory.icon().isNull()
    plugin.unload()
    assert desktop.pages == []


def test_loading_the_plugin_loads_no_page():
    code = (
        "import sys, soundvis_qgis.plugin, soundvis_qgis.provider\n"
        "assert 'soundvis_qgis.runtime.settings_page' not in sys.modules\n"
        "assert 'soundvis_qgis.runtime.installer' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
