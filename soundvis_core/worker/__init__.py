"""The worker process: the only door between QGIS and an isolated Python environment."""
