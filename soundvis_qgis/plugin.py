"""The plugin: registers the Processing provider and the expression functions, and nothing else."""

from __future__ import annotations

from qgis.core import QgsApplication

from .provider import SoundVisProvider


class SoundVisPlugin:
    """Loaded once by QGIS; ``iface`` is None in ``qgis_process``."""

    def __init__(self, iface) -> None:  # noqa: ANN001 - a QgisInterface or None
        self.iface = iface
        self.provider: SoundVisProvider | None = None
        self._functions: list[str] = []

    def initProcessing(self) -> None:
        """Register the tools. ``qgis_process`` calls only this."""
        from .expressions import register

        self.provider = SoundVisProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)
        # The ready model names other tools of the provider, which are found only once it is registered.
        self.provider.refreshAlgorithms()
        self._functions = register()

    def initGui(self) -> None:
        """Register the tools in the desktop."""
        self.initProcessing()

    def unload(self) -> None:
        """Take everything back that was registered."""
        from .expressions import unregister

        unregister(self._functions)
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
