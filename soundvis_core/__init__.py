"""SoundVis core: sound, images and statistics as arrays, files and tables.

Knows nothing of QGIS. Importing the package imports nothing else; take what you need from its modules.
"""
