"""Layers: features and rasters of QGIS to arrays and back, and their styles."""
