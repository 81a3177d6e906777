"""metadata.txt says all that the plugin repository and QGIS want to know."""

from __future__ import annotations

import configparser
import re
from xml.dom import minidom

import pytest

REQUIRED = (
    "name", "description", "about", "version", "qgisMinimumVersion", "qgisMaximumVersion", "author", "email",
    "homepage", "tracker", "repository", "category", "icon", "tags", "hasProcessingProvider", "license",
)  # fmt: skip


@pytest.fixture(scope="module")
def metadata(unpacked) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read_string(unpacked.joinpath("metadata.txt").read_text("utf-8"))
    return parser["general"]


@pytest.mark.parametrize("key", REQUIRED)
def test_complete(metadata, key):
    assert metadata.get(key, "").strip()


def test_versions(metadata, plugin_zip):
    assert re.fullmatch(r"\d+\.\d+\.\d+", metadata["version"])
    assert plugin_zip.name == f"soundvis_qgis-{metadata['version']}.zip"
    assert metadata["qgisMinimumVersion"] == "3.22"
    assert metadata["qgisMaximumVersion"] == "4.99"


def test_a_provider_for_qgis_process(metadata):
    assert metadata["hasProcessingProvider"] == "yes"
    assert metadata["experimental"] in {"True", "False"}


def test_about_names_the_external_dependencies(metadata):
    for package in ("numpy", "scipy", "shapely", "pyproj", "Pillow", "soundfile", "PyAV", "matplotlib"):
        assert package in metadata["about"], package


def test_icon_is_a_picture_in_the_plugin(metadata, unpacked):
    icon = unpacked / metadata["icon"]
    assert minidom.parse(str(icon)).documentElement.tagName.split(":")[-1] == "svg"


@pytest.mark.parametrize("key", ["homepage", "tracker", "repository"])
def test_addresses(metadata, key):
    assert metadata[key].startswith("https://")


def test_changelog_begins_with_this_version(metadata):
    assert metadata["changelog"].split()[0] == metadata["version"]


def test_short_description_is_one_line(metadata):
    assert len(metadata["description"]) < 300
    assert "<" not in metadata["description"] + metadata["about"]  # the repository shows no HTML


def test_licence_is_the_one_stated(metadata, unpacked):
    assert metadata["license"] == "GPL-2.0-or-later"
    assert "GNU GENERAL PUBLIC LICENSE\n                       Version 2" in unpacked.joinpath(
        "LICENSE"
    ).read_text("utf-8")
