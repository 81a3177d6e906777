"""What is told of a land cover map: what covers no ground, unknown ground, counts, empty layers, circles too large."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import AlgorithmError, make_raster
from vector_maps import CENTRE, box, make_map

TAGGED = ("landuse", "man_made", "tourism", "boundary", "place", "historic", "name", "other_tags")


def test_features_are_counted_once_in_however_many_neighbourhoods(run, make_points):
    """Sites 8 km apart are read in neighbourhoods of their own; what lies in all of them is one feature each."""
    spots = [(CENTRE[0] + 8000.0 * step, CENTRE[1]) for step in range(4)]
    corners = ((-9e4, -100), (9e4, 100), (9e4, -100), (-9e4, 100), (-9e4, -100))
    bow = f"POLYGON(({', '.join(f'{CENTRE[0] + east} {CENTRE[1] + north}' for east, north in corners)}))"
    areas = make_map([(box(-9e4, -500, 9e4, 500), {"landuse": "forest"}), (bow, {"natural": "water"})])
    way = f"LINESTRING({CENTRE[0] - 9e4} 5700020, {CENTRE[0] + 9e4} 5700020)"
    lines = make_map(
        [
            (way, {"highway": "primary", "width": "wide"}),
            (way, {"highway": "primary", "tunnel": "yes"}),
        ],
        "LineString",
        fields=("highway", "width", "tunnel"),
    )
    parameters = {
        "INPUT": make_points(spots),
        "LANDCOVER": [areas.id(), lines.id()],
        "WIDTH_FIELD": "width",
    }
    made = run("bgalandcover", parameters)
    assert "3 polygons and lines lie near the sites." in made.feedback.text
    assert "1 features near the sites cover no ground of their own: 1 underground (highway=primary: 1)." in (
        made.feedback.text
    )
    assert any(text.startswith("1 lines have no usable width") for text in made.feedback.warnings)
    (repaired,) = [text for text in made.feedback.warnings if "repaired" in text]
    assert repaired.startswith("1 invalid polygons were repaired for this run (features 2 of 'map');")


def test_class_fields_stand_in_the_order_of_the_crosswalk(run, make_points, tmp_path):
    own = tmp_path / "own.csv"
    own.write_text(
        "class,biophony,geophony,anthrophony,source\nZoo,1,0,1,\nAlm,1,0,0,\nNODATA,,,,unmapped\nMoor,1,0,0,\n"
    )
    kinds = {"Zoo": box(-200, 0, 0, 200), "NODATA": box(0, 0, 200, 200), "Alm": box(-200, -200, 200, 0)}
    layer = make_map([(shape, {"art": kind}) for kind, shape in kinds.items()], fields=("art",))
    made = run(
        "bgalandcover",
        {
            "INPUT": make_points([CENTRE]),
            "LANDCOVER": layer.id(),
            "CROSSWALK_FILE": str(own),
            "CLASS_FIELD": "art",
        },
    )
    names = [field.name() for field in made.layer().fields()]
    first = names.index("lc_zoo")
    assert names[first : first + 5] == ["lc_zoo", "lc_alm", "lc_moor", "lc_unknown", "lc_nodata"]
    # What is called no data is none, in one field.
    (site,) = made.features()
    assert site["lc_nodata"] == pytest.approx(0.25, abs=0.0006) and site["lc_unknown"] == 0.0
    assert "1 marked as no data (NODATA: 1)" in made.feedback.text


def test_a_circle_far_larger_than_the_map_is_told(run, make_points, tmp_path):
    layer = make_map([(box(-200, -200, 200, 200), {"landuse": "forest"})])
    raster = make_raster(tmp_path / "codes.tif", np.full((9, 9), 10, dtype=np.uint8), CENTRE)
    for more in ({"LANDCOVER": layer.id()}, {"LANDCOVER": raster, "CROSSWALK": "worldcover"}):
        parameters = {"INPUT": make_points([CENTRE]), "RADIUS": 100_000.0, **more}
        (site,) = run("bgalandcover", parameters).features()
        assert site["lc_bga_status"] == "skipped"
        little = run("bgalandcover", {**parameters, "RADIUS": 5000.0 if "CROSSWALK" not in more else 60.0})
        assert any(
            "1 sites have less than 1% of their circle on the map" in w for w in little.feedback.warnings
        )
        assert "fills too little of it to be measured: choose a smaller radius" in site["lc_bga_reason"]


def test_an_empty_layer_is_named(run, make_points):
    empty = make_map([], name="left_empty", fields=("kind",))
    full = make_map([(box(-200, -200, 200, 200), {"landuse": "forest"})])
    parameters = {"INPUT": make_points([CENTRE]), "LANDCOVER": empty.id()}
    with pytest.raises(AlgorithmError, match=r"'left_empty' has no features\. Check the source and filter"):
        run("bgalandcover", parameters)
    made = run("bgalandcover", {**parameters, "LANDCOVER": [full.id(), empty.id()]})
    assert made.features()[0]["lc_forest_vegetation"] == 1.0
    assert "'left_empty' has no features, so it covers nothing." in made.feedback.warnings


def test_ground_with_keys_beyond_the_crosswalk_is_unknown_and_listed(run, make_points, tmp_path):
    """Quarters of the circle on a forest: works, a zoo, a substation; borders and names above cover nothing."""
    whole = box(-300, -300, 300, 300)
    areas = make_map(
        [
            (whole, {"landuse": "forest"}),
            (box(0, 0, 200, 200), {"man_made": "wastewater_plant"}),
            (box(-200, 0, 0, 200), {"tourism": "zoo", "name": "Zoo"}),
            (box(-200, -200, 0, 0), {"other_tags": '"power"=>"substation","voltage"=>"110000"'}),
            # Several keys: the known one counts.
            (box(0, -100, 200, 0), {"landuse": "meadow", "tourism": "picnic_site"}),
            (box(-250, -250, 250, 250), {"boundary": "administrative", "other_tags": '"admin_level"=>"8"'}),
            (box(-250, -250, 250, 250), {"place": "suburb", "tourism": "attraction"}),
            (box(-90, -90, 90, 90), {"historic": "district"}),
            (box(-90, -90, 90, 90), {"name": "Somewhere"}),
            (
                box(-90, -90, 90, 90),
                {"man_made": "reservoir_covered", "other_tags": '"location"=>"underground"'},
            ),
        ],
        fields=TAGGED,
    )
    x, y = CENTRE
    way = f"LINESTRING({x - 200} {y - 50}, {x + 200} {y - 50})"
    lines = make_map(
        [
            (way, {"other_tags": '"power"=>"line"'}),
            (way, {"man_made": "pipeline"}),
            (way, {"other_tags": '"barrier"=>"fence"'}),
            (way, {"other_tags": '"highway"=>"proposed"'}),
        ],
        "LineString",
        fields=TAGGED,
    )
    parameters = {"INPUT": make_points([CENTRE]), "LANDCOVER": [areas.id(), lines.id()]}
    made = run("bgalandcover", parameters)
    (site,) = made.features()
    assert site["lc_unknown"] == pytest.approx(0.75, abs=0.0006)
    assert site["lc_forest_vegetation"] + site["lc_grassland"] == pytest.approx(0.25, abs=0.0006)
    (warning,) = [text for text in made.feedback.warnings if "does not know" in text]
    for named in ("man_made=wastewater_plant", "tourism=zoo", "power=substation"):
        assert f"{named} (0.785 ha)" in warning or f"{named} (0.786 ha)" in warning
    assert (
        "9 features near the sites cover no ground of their own: 1 without a class; 1 underground "
        "(man_made=reservoir_covered: 1); 6 with tags that are no land cover (boundary=administrative: 1, "
        "place=suburb: 1, historic=district: 1, power=line: 1, man_made=pipeline: 1, barrier=fence: 1); "
        "1 lines of classes without weights (highway=proposed: 1)."
    ) in made.feedback.text
    # With a crosswalk that names two keys only, the ground of others is as unknown.
    own = tmp_path / "own.csv"
    own.write_text("key,value,biophony,geophony,anthrophony\nlanduse,forest,1,0,0\ntourism,zoo,1,0,1\n")
    (site,) = run("bgalandcover", {**parameters, "CROSSWALK_FILE": str(own)}).features()
    assert site["lc_tourism_zoo"] == pytest.approx(0.25, abs=0.0006)
    # The meadow is half of a quarter less what lies below y = -100; all of the quarter's rest is forest.
    assert site["lc_unknown"] > 0.5 and site["lc_nodata"] == 0.0
    assert site["lc_unknown"] + site["lc_landuse_forest"] == pytest.approx(0.75, abs=0.0006)
