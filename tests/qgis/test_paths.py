"""Where the files of sites lie: URLs, relative paths, and the folders that these start at."""

from __future__ import annotations

import pytest
from helpers import make_points
from qgis.core import QgsVectorLayer

from soundvis_qgis.layers.sources import PathResolver, layer_file, path_of_url


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///a/b%20c%231.wav", "/a/b c#1.wav"),
        ("file:///a/b%20c#1.wav", "/a/b c#1.wav"),
        ("file:///a/b?.wav", "/a/b?.wav"),
        ("file://localhost/a/b.wav", "/a/b.wav"),
        ("FILE:/a/%C3%A9.wav", "/a/\u00e9.wav"),
        ("file:b.wav", "b.wav"),
    ],
)
def test_file_urls(url, path):
    assert path_of_url(url, windows=False) == path
    assert PathResolver("").resolve(url) == path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///C:/sound%20s/x.wav", "C:/sound s/x.wav"),
        ("file:///C:/x#1.wav", "C:/x#1.wav"),
        ("file://C:/x.wav", "C:/x.wav"),
        ("file:C:/x.wav", "C:/x.wav"),
        ("file:/C:/x.wav", "C:/x.wav"),
        ("file://server/share/x.wav", "//server/share/x.wav"),
        ("file://localhost/C:/x.wav", "C:/x.wav"),
        ("file:////server/share/x.wav", "//server/share/x.wav"),
    ],
)
def test_file_urls_on_windows(url, path):
    assert path_of_url(url, windows=True) == path


def test_the_folder_of_a_delimited_text_layer(qgis_app, tmp_path):
    folder = tmp_path / "my sites #1"
    folder.mkdir()
    table = folder / "sites.csv"
    table.write_text("x,y,photo\n1,2,a.jpg\n")
    layer = QgsVectorLayer(
        table.as_uri() + "?delimiter=,&xField=x&yField=y&crs=EPSG:32631", "s", "delimitedtext"
    )
    assert layer.isValid()
    assert layer_file(layer) == str(table)


def test_the_file_of_other_layers(project, tmp_path):
    made = make_points([(0, 0)], path=tmp_path / "a.gpkg")
    assert layer_file(made) == str(tmp_path / "a.gpkg")
    assert layer_file(make_points([(0, 0)])) == ""
    assert layer_file(None) == ""
