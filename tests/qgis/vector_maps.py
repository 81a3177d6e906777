"""Small land cover maps for tests."""

from __future__ import annotations

from helpers import as_crs
from qgis.core import QgsFeature, QgsGeometry, QgsProject, QgsVectorLayer

CENTRE = (500_000.0, 5_700_000.0)
OSM_FIELDS = ("building", "highway", "landuse", "natural")


def make_map(shapes, kind="Polygon", crs=32631, fields=OSM_FIELDS, name="map"):
    """A memory layer of (WKT or QgsGeometry, tags) features."""
    columns = "".join(f"&field={field}:string" for field in fields)
    layer = QgsVectorLayer(f"{kind}?{columns[1:]}&index=yes", name, "memory")
    layer.setCrs(as_crs(crs))
    features = []
    for geometry, tags in shapes:
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromWkt(geometry) if isinstance(geometry, str) else geometry)
        feature.setAttributes([tags.get(field) for field in fields])
        features.append(feature)
    assert layer.dataProvider().addFeatures(features)[0]
    layer.updateExtents()
    QgsProject.instance().addMapLayer(layer)
    return layer


def box(left, bottom, right, top, centre=CENTRE):
    """A rectangle in the plane of the map, about a centre."""
    x, y = centre
    return QgsGeometry.fromWkt(
        f"POLYGON(({x + left} {y + bottom}, {x + right} {y + bottom}, {x + right} {y + top}, {x + left} {y + top}, "
        f"{x + left} {y + bottom}))"
    )
