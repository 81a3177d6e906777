"""Where the files of sites lie: URLs, relative paths, and the folders that these start at."""

from __future__ import annotations

import os

import pytest
from helpers import make_points
from qgis.core import QgsVectorLayer

from soundvis_core.errors import SiteError
from soundvis_qgis.layers.moved_files import Searches
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


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


@pytest.mark.parametrize(
    "path",
    ["/old/study/a/b/c.wav", "D:\\old\\a\\b\\c.wav", "D:/a/b/c.wav", "//nas/share/a/b\\c.wav",
     "file:///C:/old/a/b/c.wav", "/a/./x/../b//c.wav"],
)  # fmt: skip
def test_moved_files_are_found_by_the_longest_end_of_their_path(tmp_path, path):
    base = str(tmp_path)
    resolver = PathResolver(base)
    touch(tmp_path / "c.wav")
    assert resolver.resolve(path) == str(tmp_path / "c.wav")
    touch(tmp_path / "b" / "c.wav")
    assert resolver.resolve(path) == str(tmp_path / "b" / "c.wav")
    touch(tmp_path / "a" / "b" / "c.wav")
    assert resolver.resolve(path) == str(tmp_path / "a" / "b" / "c.wav")
    assert (resolver.searches.asked, resolver.searches.missing) == (3, 0)


def test_a_file_at_its_whole_path_goes_before_the_base_folder(tmp_path):
    touch(tmp_path / "here" / "a.wav", tmp_path / "base" / "a.wav")
    resolver = PathResolver(str(tmp_path / "base"))
    assert resolver.resolve(str(tmp_path / "here" / "a.wav")) == str(tmp_path / "here" / "a.wav")
    assert resolver.searches.info() == ""


def test_moved_files_are_not_looked_for_without_a_base_folder(tmp_path):
    touch(tmp_path / "a.wav")
    resolver = PathResolver("", (str(tmp_path),))
    assert resolver.resolve("/old/a.wav") == "/old/a.wav"
    assert resolver.searches.missing == 1


def test_a_path_does_not_lead_out_of_the_base_folder(tmp_path):
    touch(tmp_path / "secret.wav")
    (tmp_path / "base").mkdir()
    path = "/x/../../secret.wav"
    assert PathResolver(str(tmp_path / "base")).resolve(path) == path


def test_files_found_by_name_alone_are_warned_of(tmp_path):
    """A recorder of another name has files of the same names."""
    base = tmp_path / "new" / "A"
    touch(base / "r.wav", base / "s.wav", base / "x" / "t.wav")
    for path, by_name in (
        ("/study/B/r.wav", True),
        ("C:\\study\\B\\r.wav", True),
        ("/study/A/r.wav", False),  # the base folder itself is called so
        ("/r.wav", False),  # there is no more to agree
        ("/study/x/t.wav", False),
    ):
        resolver = PathResolver(str(base), (), Searches(str(base)))
        assert os.path.dirname(resolver.resolve(path)).startswith(str(base))
        assert bool(list(resolver.searches.warnings())) == by_name, path
        assert bool(resolver.searches.info()) != by_name
    for path in ("/study/B/r.wav", "/study/B/s.wav"):
        resolver.resolve(path)
    (warning,) = resolver.searches.warnings()
    assert warning.startswith(
        f"2 files were found below the base folder by name alone: {base / 'r.wav'} for /study/B/r.wav and so on. Check "
    )
    assert "1 file is not where" in resolver.searches.info()


def test_two_paths_that_lead_to_one_file_are_told(tmp_path):
    touch(tmp_path / "c.wav")
    resolver = PathResolver(str(tmp_path))
    for path in ("/old/a/c.wav", "/old/a/c.wav"):
        resolver.resolve(path)
    assert list(resolver.searches.warnings()) == []
    resolver.resolve("/old/b/c.wav")
    (warning,) = resolver.searches.warnings()
    assert warning.startswith(f"/old/a/c.wav and /old/b/c.wav both led to {tmp_path / 'c.wav'}")


@pytest.mark.parametrize(
    ("path", "base", "folders", "words"),
    [
        ("/old/a.wav", "", ("/x",), "is not there. If the files were moved, give the folder"),
        ("/old/a.wav", "/new", (), "no file below the base folder /new has a path that ends like it"),
        ("rec/a.wav", "", ("/x", "/y"), "was looked for in vain in /x and in /y. Give the folder"),
        ("rec/a.wav", "/new", ("/x",), "is not in the base folder /new"),
        ("rec/a.wav", "", (), "is a relative path, and neither the layer nor the project has a folder"),
    ],
)
def test_where_files_were_looked_for_is_told_if_none_was_found(path, base, folders, words, tmp_path):
    resolver = PathResolver(base, folders, Searches(base, folders))
    resolver.resolve(path)
    with pytest.raises(SiteError):
        resolver.resolve(" ")
    (warning,) = resolver.searches.warnings()
    assert warning.startswith(f"The file {path} ") and words in warning
    resolver.resolve(path)
    (warning,) = resolver.searches.warnings()
    assert warning.startswith(f"None of the 2 files was found. The first, {path}, ") and words in warning
    touch(tmp_path / "b.wav")
    resolver.resolve(str(tmp_path / "b.wav"))
    assert list(resolver.searches.warnings()) == []
