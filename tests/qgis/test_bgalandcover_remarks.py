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
    assert "1 feature near the sites covers no ground of its own: 1 underground (highway=primary: 1)." in (
        made.feedback.text
    )
    assert any(text.startswith("1 line has no usable width") for text in made.feedback.warnings)
    (repaired,) = [text for text in made.feedback.warnings if "repaired" in text]
    assert repaired.startswith("1 invalid polygon was repaired for this run (feature 2 of 'map');")


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
        assert any("1 site has less than 1% of its circle on the map" in w for w in little.feedback.warnings)
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
        "1 as lines of classes without weights (highway=proposed: 1)."
    ) in made.feedback.text
    # With a crosswalk that names two keys only, the ground of others is as unknown.
    own = tmp_path / "own.csv"
    own.write_text("key,value,biophony,geophony,anthrophony\nlanduse,forest,1,0,0\ntourism,zoo,1,0,1\n")
    (site,) = run("bgalandcover", {**parameters, "CROSSWALK_FILE": str(own)}).features()
    assert site["lc_tourism_zoo"] == pytest.approx(0.25, abs=0.0006)
    # The meadow is half of a quarter less what lies below y = -100; all of the quarter's rest is forest.
    assert site["lc_unknown"] > 0.5 and site["lc_nodata"] == 0.0
    assert site["lc_unknown"] + site["lc_landuse_forest"] == pytest.approx(0.75, abs=0.0006)


OVERLAY_FIELDS = ("landuse", "leisure", "natural", "tourism", "military", "man_made", "shop")


@pytest.mark.parametrize(
    "tag",
    [
        "leisure=nature_reserve",
        "natural=peninsula",
        "natural=coastline",
        "tourism=attraction",
        "military=danger_area",
        "man_made=bridge",
    ],
)
@pytest.mark.parametrize("order", ["size", "layers"])
def test_what_lies_over_ground_of_any_kind_hides_none(run, make_points, tag, order):
    """A small area with the tag, on top by size and by order, over a forest on half of the circle."""
    key, value = tag.split("=")
    layer = make_map(
        [(box(-300, -300, 0, 300), {"landuse": "forest"}), (box(-100, -100, 100, 100), {key: value})],
        fields=OVERLAY_FIELDS,
    )
    made = run("bgalandcover", {"INPUT": make_points([CENTRE]), "LANDCOVER": layer.id(), "ORDER": order})
    (site,) = made.features()
    assert site["lc_forest_vegetation"] == pytest.approx(0.5, abs=0.001)
    assert site["lc_bga_status"] == "ok" and site["lc_unknown"] == 0.0
    assert site["lc_bio_raw"] == pytest.approx(0.5, abs=0.001)
    # Rows of the crosswalk count where nothing else lies; overlays without a row cover nothing.
    has_row = key in ("leisure", "natural")
    assert site["lc_nodata"] == pytest.approx(0.0 if has_row else 0.5, abs=0.001)
    assert site["lc_unmapped"] == pytest.approx(0.5, abs=0.001)
    assert (f"1 with tags that are no land cover ({tag}: 1)" in made.feedback.text) != has_row


def test_an_unmapped_tag_beside_a_known_one_and_unknown_ground(run, make_points):
    """Quarters: a reserve tagged as forest, a mall (unknown) on a forest, a reserve on a mall, a reserve alone."""
    layer = make_map(
        [
            (box(0, 0, 200, 200), {"landuse": "forest", "leisure": "nature_reserve", "natural": "peninsula"}),
            (box(-300, 0, 0, 300), {"landuse": "forest"}),
            (box(-200, 0, 0, 200), {"shop": "mall", "tourism": "attraction"}),
            (box(-200, -200, 0, 0), {"shop": "mall"}),
            (box(-150, -150, 0, 0), {"leisure": "nature_reserve"}),
            (box(0, -200, 200, 0), {"leisure": "nature_reserve"}),
        ],
        fields=OVERLAY_FIELDS,
    )
    made = run("bgalandcover", {"INPUT": make_points([CENTRE]), "LANDCOVER": layer.id()})
    (site,) = made.features()
    assert site["lc_forest_vegetation"] == pytest.approx(0.25, abs=0.001)
    assert site["lc_unknown"] == pytest.approx(0.5, abs=0.001) and site["lc_nodata"] == 0.0
    assert site["lc_unmapped"] == pytest.approx(0.75, abs=0.001)


def test_other_schemes_keep_their_unmapped_ground_on_top(run, make_points):
    layer = make_map(
        [(box(-300, -300, 300, 300), {"code": "311"}), (box(0, -200, 200, 200), {"code": "335"})],
        fields=("code",),
    )
    parameters = {"INPUT": make_points([CENTRE]), "LANDCOVER": layer.id(), "CROSSWALK": "corine"}
    (site,) = run("bgalandcover", {**parameters, "CLASS_FIELD": "code"}).features()
    assert site["lc_unmapped"] == pytest.approx(0.5, abs=0.001)


def test_overlays_of_geofabrik_hide_nothing(run, make_points):
    layer = make_map(
        [(box(-300, -300, 300, 300), {"fclass": "forest"})]
        + [(box(-150, -150, 150, 150), {"fclass": kind}) for kind in ("nature_reserve", "attraction")],
        fields=("fclass",),
    )
    made = run("bgalandcover", {"INPUT": make_points([CENTRE]), "LANDCOVER": layer.id()})
    assert made.features()[0]["lc_forest_vegetation"] == 1.0
    assert "1 with tags that are no land cover (attraction: 1)" in made.feedback.text
