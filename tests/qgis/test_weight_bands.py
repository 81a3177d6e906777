"""Bands of BGA compositions under uncertain weights, in QGIS: fields, files that hold no bytes, what has no band."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import AlgorithmError, make_raster
from qgis.core import QgsVectorLayer

from soundvis_core.bga.uncertainty import draw_weights, unpack_draws
from soundvis_core.bga.weights import load_weights

SHARES = [{"building": 0.4, "road": 0.25, "vegetation": 0.25}, {"sky": 0.9}, {"vegetation": 0.7, "road": 0.2}]
DRAWS = {"WEIGHT_DRAWS": 60, "WEIGHT_SPREAD": 40.0, "SEED": 9}


def layer(make_points):
    fields = {
        f"st_{name}": [site.get(name, 0.0) for site in SHARES]
        for name in ("building", "road", "vegetation", "sky")
    }
    return make_points([(500000 + index, 5000000) for index in range(3)], fields)


def test_bands_and_draws_of_sites(run, make_points):
    sites = run("bgashares", {"INPUT": layer(make_points), **DRAWS}).features()
    drawn = draw_weights(load_weights(scene="street"), 60, 0.4, 9)
    for site, shares in zip(sites, SHARES):
        expected = drawn.compositions(shares)
        if expected is None:
            assert site["st_bga_status"] == "skipped"
            assert site["st_bio_lo"] is None and site["st_bga_draws"] is None
            continue
        low, high = np.quantile(expected, [0.025, 0.975], axis=0)
        for index, name in enumerate(("bio", "geo", "ant")):
            assert site[f"st_{name}_lo"] == pytest.approx(low[index], abs=1e-12)
            assert site[f"st_{name}_hi"] == pytest.approx(high[index], abs=1e-12)
            assert low[index] <= site[f"st_{name}"] <= high[index]
        np.testing.assert_allclose(unpack_draws(bytes(site["st_bga_draws"])), expected, atol=5e-4)
    alike = run("bgashares", {"INPUT": layer(make_points)}).features()
    assert [site["st_bio"] for site in sites] == [site["st_bio"] for site in alike]


def test_a_text_file_holds_the_draws_as_text(run, make_points, tmp_path):
    path = tmp_path / "sites.csv"
    run("bgashares", {"INPUT": layer(make_points), **DRAWS, "OUTPUT": str(path)})
    (first, *_) = QgsVectorLayer(str(path), "sites", "ogr").getFeatures()
    expected = draw_weights(load_weights(scene="street"), 60, 0.4, 9).compositions(SHARES[0])
    np.testing.assert_allclose(unpack_draws(first["st_bga_draws"]), expected, atol=5e-4)


def test_bgasites_has_them_too(run, make_points, tmp_path):
    codes = np.array([[7, 6, 2, 7]] * 4, dtype=np.uint8).repeat(100, axis=0).repeat(100, axis=1)
    classes = make_raster(tmp_path / "classes.tif", codes, nodata=255)
    parameters = {"INPUT": make_points([(500200.0, 4999800.0)]), "CLASSES": classes, "RADIUS": 100}
    (site,) = run("bgasites", {**parameters, **DRAWS}).features()
    shares = {name: site["aer_" + name] for name in ("building", "road_sidewalk", "forest_vegetation")}
    expected = draw_weights(load_weights(), 60, 0.4, 9).compositions(
        {
            "Building": shares["building"],
            "Road/Sidewalk": shares["road_sidewalk"],
            "Forest": shares["forest_vegetation"],
        }
    )
    assert site["aer_bio_lo"] == pytest.approx(np.quantile(expected[:, 0], 0.025), abs=1e-12)
    assert site["aer_bio_lo"] < site["aer_bio"] < site["aer_bio_hi"]


def test_one_draw_is_no_band(run, make_points):
    with pytest.raises(AlgorithmError, match="at least 2"):
        run("bgashares", {"INPUT": layer(make_points), "WEIGHT_DRAWS": 1})
