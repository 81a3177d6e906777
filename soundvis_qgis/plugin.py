"""The plugin: registers the Processing provider, the expression functions and the page of settings."""

from __future__ import annotations

from qgis.core import QgsApplication

from .provider import SoundVisProvider


class SoundVisPlugin:
    """Loaded once by QGIS; ``iface`` is None in ``qgis_process``."""

    def __init__(self, iface) -> None:  # noqa: ANN001 - a QgisInterface or None
        self.iface = iface
        self.provider: SoundVisProvider | None = None
        self._options = None
        self._functions: list[str] = []

    def initProcessing(self) -> None:
        """Register the tools. ``qgis_process`` calls only this."""
        from .expressions import register

        self.provider = SoundVisProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)
        self.provider.add_ready_models()
        self._functions = register()

    def initGui(self) -> None:
        """Register the tools and the page of settings in the desktop."""
        from .runtime.settings_page import SettingsFactory

        self.initProcessing()
        self._options = SettingsFactory()
        self.iface.registerOptionsWidgetFactory(self._options)

    def unload(self) -> None:
        """Take everything back that was registered."""
        from .expressions import unregister

        unregister(self._functions)
        if self._options is not None:
            self.iface.unregisterOptionsWidgetFactory(self._options)
            self._options = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
