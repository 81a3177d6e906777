"""Whether an output would be written over what is being read."""

from __future__ import annotations

import os
from typing import Any

from qgis.core import QgsDataProvider, QgsDataSourceUri, QgsMapLayer, QgsProviderRegistry

from .sinks import database_uri, is_database, output_path
from .sources import layer_file


def same_file(one: str, other: str) -> bool:
    """Whether two paths name one file, whatever links and (on Windows) capitals say."""
    return bool(one and other) and _plain(one) == _plain(other)


def overwrites(layer: QgsMapLayer, output: Any) -> bool:
    """Whether writing to an OUTPUT parameter would replace ``layer``: its file, or its table in a database.

    Call it in the main thread.
    """
    if not is_database(output):
        path = output_path(output)
        # QGIS puts .gpkg behind a name whose ending no format has.
        return bool(path) and any(same_file(layer_file(layer), path + ending) for ending in ("", ".gpkg"))
    provider, uri = database_uri(output)
    target = QgsDataSourceUri(uri)
    if provider in ("ogr", "spatialite"):
        return (
            same_file(layer_file(layer), target.database())
            and _table_of(layer).lower() == target.table().lower()
        )
    return layer.providerType() == provider and _address(QgsDataSourceUri(layer.source())) == _address(target)


def _plain(path: str) -> str:
    return os.path.normcase(os.path.realpath(path))


def _table_of(layer: QgsMapLayer) -> str:
    """The table that a layer shows; where its source names none, the first of the file."""
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    name = str(parts.get("layerName") or "")
    if name or layer.providerType() != "ogr":
        return name or QgsDataSourceUri(layer.source()).table()
    tables = [text.split(QgsDataProvider.sublayerSeparator()) for text in layer.dataProvider().subLayers()]
    number = str(parts.get("layerId") or "0")
    return next((table[1] for table in tables if table[0] == number), "")


def _address(uri: QgsDataSourceUri) -> tuple[str, ...]:
    """Server, database, schema and table; what a connection leaves out has the server's default."""
    server = uri.service() or f"{uri.host().lower() or 'localhost'}:{uri.port() or '5432'}"
    return server, uri.database(), uri.schema() or "public", uri.table()
