"""Classes of published schemes, typed from their publications: what the crosswalks have to hold."""

from __future__ import annotations

#: ESA WorldCover, product user manual v2.0 (Van De Kerchove 2022), table of classes; the same in 2020 and 2021.
WORLDCOVER = {
    10: "Tree cover", 20: "Shrubland", 30: "Grassland", 40: "Cropland", 50: "Built-up",
    60: "Bare / sparse vegetation", 70: "Snow and ice", 80: "Permanent water bodies", 90: "Herbaceous wetland",
    95: "Mangroves", 100: "Moss and lichen",
}  # fmt: skip

#: GRID_CODE, CLC_CODE and LABEL3 of the legend that the European Environment Agency delivers with the rasters of
#: CORINE land cover (clc_legend.csv). 255 has the code of 49 there.
CORINE = """
1 111 Continuous urban fabric
2 112 Discontinuous urban fabric
3 121 Industrial or commercial units
4 122 Road and rail networks and associated land
5 123 Port areas
6 124 Airports
7 131 Mineral extraction sites
8 132 Dump sites
9 133 Construction sites
10 141 Green urban areas
11 142 Sport and leisure facilities
12 211 Non-irrigated arable land
13 212 Permanently irrigated land
14 213 Rice fields
15 221 Vineyards
16 222 Fruit trees and berry plantations
17 223 Olive groves
18 231 Pastures
19 241 Annual crops associated with permanent crops
20 242 Complex cultivation patterns
21 243 Land principally occupied by agriculture, with significant areas of natural vegetation
22 244 Agro-forestry areas
23 311 Broad-leaved forest
24 312 Coniferous forest
25 313 Mixed forest
26 321 Natural grasslands
27 322 Moors and heathland
28 323 Sclerophyllous vegetation
29 324 Transitional woodland-shrub
30 331 Beaches, dunes, sands
31 332 Bare rocks
32 333 Sparsely vegetated areas
33 334 Burnt areas
34 335 Glaciers and perpetual snow
35 411 Inland marshes
36 412 Peat bogs
37 421 Salt marshes
38 422 Salines
39 423 Intertidal flats
40 511 Water courses
41 512 Water bodies
42 521 Coastal lagoons
43 522 Estuaries
44 523 Sea and ocean
48 999 NODATA
49 990 UNCLASSIFIED LAND SURFACE
50 995 UNCLASSIFIED WATER BODIES
255 990 UNCLASSIFIED
"""

#: OpenEarthMap (Xia et al. 2023), values of its label rasters; 0 is unlabelled.
OPENEARTHMAP = {
    1: "Bareland", 2: "Rangeland", 3: "Developed space", 4: "Road", 5: "Tree", 6: "Water",
    7: "Agriculture land", 8: "Building",
}  # fmt: skip

#: LoveDA (Wang et al. 2021, arXiv 2110.08733), values of its masks; 0 is no data.
LOVEDA = {1: "Background", 2: "Building", 3: "Road", 4: "Water", 5: "Barren", 6: "Forest", 7: "Agriculture"}

#: labels.py of the Cityscapes scripts: id, trainId (255: none), name. Licence plates, -1, are in no raster.
CITYSCAPES = """
0 255 unlabeled
1 255 ego vehicle
2 255 rectification border
3 255 out of roi
4 255 static
5 255 dynamic
6 255 ground
7 0 road
8 1 sidewalk
9 255 parking
10 255 rail track
11 2 building
12 3 wall
13 4 fence
14 255 guard rail
15 255 bridge
16 255 tunnel
17 5 pole
18 255 polegroup
19 6 traffic light
20 7 traffic sign
21 8 vegetation
22 9 terrain
23 10 sky
24 11 person
25 12 rider
26 13 car
27 14 truck
28 15 bus
29 255 caravan
30 255 trailer
31 16 train
32 17 motorcycle
33 18 bicycle
"""

#: Scene Parsing Benchmark (SceneParse150 of ADE20K), objectInfo150.txt, the first name of each class.
ADE20K = (
    "wall;building;sky;floor;tree;ceiling;road;bed;windowpane;grass;cabinet;sidewalk;person;earth;door;table;mountain;"
    "plant;curtain;chair;car;water;painting;sofa;shelf;house;sea;mirror;rug;field;armchair;seat;fence;desk;rock;"
    "wardrobe;lamp;bathtub;railing;cushion;base;box;column;signboard;chest of drawers;counter;sand;sink;skyscraper;"
    "fireplace;refrigerator;grandstand;path;stairs;runway;case;pool table;pillow;screen door;stairway;river;bridge;"
    "bookcase;blind;coffee table;toilet;flower;book;hill;bench;countertop;stove;palm;kitchen island;computer;"
    "swivel chair;boat;bar;arcade machine;hovel;bus;towel;light;truck;tower;chandelier;awning;streetlight;booth;"
    "television receiver;airplane;dirt track;apparel;pole;land;bannister;escalator;ottoman;bottle;buffet;poster;stage;"
    "van;ship;fountain;conveyer belt;canopy;washer;plaything;swimming pool;stool;barrel;basket;waterfall;tent;bag;"
    "minibike;cradle;oven;ball;food;step;tank;trade name;microwave;pot;animal;bicycle;lake;dishwasher;screen;blanket;"
    "sculpture;hood;sconce;vase;traffic light;tray;ashcan;fan;pier;crt screen;plate;monitor;bulletin board;shower;"
    "radiator;glass;clock;flag"
)

#: "Map features" of the wiki of OpenStreetMap and the pages of its keys (2024): values that are documented there.
OSM = {
    "landuse": (
        "commercial construction education fairground industrial residential retail institutional aquaculture "
        "allotments farmland farmyard paddy animal_keeping flowerbed forest logging greenhouse_horticulture meadow "
        "orchard plant_nursery vineyard basin reservoir salt_pond brownfield cemetery depot garages grass greenery "
        "greenfield landfill military port quarry railway recreation_ground religious village_green winter_sports"
    ),
    "natural": (
        "fell grassland heath moor scrub shrubbery tree tree_row tree_stump tundra wood bay beach beach_ridge blowhole "
        "cape coastline crevasse geyser glacier hot_spring isthmus mud peninsula reef shingle shoal spring strait "
        "water wetland arch arete bare_rock blockfield cave_entrance cliff dune earth_bank fumarole gully hill peak "
        "ridge rock saddle sand scree sinkhole stone valley volcano"
    ),
    "highway": (
        "motorway trunk primary secondary tertiary unclassified residential motorway_link trunk_link primary_link "
        "secondary_link tertiary_link living_street service pedestrian track bus_guideway escape raceway road busway "
        "footway bridleway steps corridor path via_ferrata cycleway proposed construction bus_stop crossing "
        "cyclist_waiting_aid elevator emergency_bay emergency_access_point give_way hitchhiking ladder milestone "
        "mini_roundabout motorway_junction passing_place platform rest_area services speed_camera speed_display stop "
        "street_lamp toll_gantry traffic_mirror traffic_signals trailhead turning_circle turning_loop"
    ),
    "railway": (
        "rail light_rail narrow_gauge tram monorail miniature funicular preserved subway abandoned construction "
        "disused proposed station halt platform subway_entrance tram_stop crossing level_crossing railway_crossing "
        "stop buffer_stop derail signal switch turntable roundhouse traverser wash yard"
    ),
    "aeroway": (
        "aerodrome airstrip apron control_center gate hangar helipad heliport highway_strip jet_bridge model_runway "
        "navigationaid parking_position runway spaceport stopway taxilane taxiway terminal tower windsock"
    ),
    "waterway": (
        "river riverbank stream tidal_channel canal drain ditch pressurised fairway dock boatyard dam weir waterfall "
        "lock_gate turning_point water_point fuel soakhole sluice_gate canoe_pass fish_pass flowline rapids link "
        "floodgate debris_screen security_lock check_dam small_waterfall soakaway wadi"
    ),
    "leisure": (
        "adult_gaming_centre amusement_arcade bandstand bathing_place beach_resort bird_hide bleachers bowling_alley "
        "common dance disc_golf_course dog_park escape_game firepit fishing fitness_centre fitness_station garden "
        "golf_course hackerspace horse_riding ice_rink indoor_play marina miniature_golf nature_reserve "
        "outdoor_seating park picnic_table pitch playground resort sauna slipway sports_centre sports_hall stadium "
        "summer_camp swimming_area swimming_pool tanning_salon track trampoline_park water_park wildlife_hide"
    ),
}

#: Classes ("fclass") of Geofabrik's free shapefiles: "OpenStreetMap Data in Layered GIS Format", 2022-04-29.
GEOFABRIK_AREAS = {
    "landuse": (
        "forest park residential industrial cemetery allotments meadow commercial nature_reserve recreation_ground "
        "retail military quarry orchard vineyard scrub grass heath national_park basin village_green plant_nursery "
        "brownfield greenfield construction railway farmland farmyard"
    ),
    "natural": "spring glacier peak cliff volcano tree mine cave_entrance beach",
    "water": "water reservoir river dock glacier wetland",
    "buildings": "building",
}
GEOFABRIK_LINES = {
    "roads": (
        "motorway trunk primary secondary tertiary unclassified residential living_street pedestrian busway "
        "motorway_link trunk_link primary_link secondary_link tertiary_link service track track_grade1 track_grade2 "
        "track_grade3 track_grade4 track_grade5 bridleway cycleway footway path steps ferry unknown"
    ),
    "railways": (
        "rail light_rail subway tram monorail narrow_gauge miniature funicular rack drag_lift chair_lift cable_car "
        "gondola goods other_lift"
    ),
    "waterways": "river stream canal drain",
}


def numbered(listed: str) -> list[tuple[int, int, str]]:
    """The lines of a list above: two numbers and a name."""
    rows = [line.split(" ", 2) for line in listed.strip().splitlines()]
    return [(int(first), int(second), name) for first, second, name in rows]
