"""Write resources/tables/audioset_bga.csv: which of AudioSet's 527 classes is biophony, geophony or anthrophony.

Usage: build_audioset_table.py FOLDER, where FOLDER holds class_labels_indices.csv and ontology.json of AudioSet
(https://research.google.com/audioset/, https://github.com/audioset/ontology; CC BY 4.0 and CC BY-SA 4.0).
The verdict comes from the top branch of the ontology that a class lies in; what departs from that is listed here with
its reason, which goes into the table's note.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

OUTPUT = Path(__file__).resolve().parent.parent / "resources" / "tables" / "audioset_bga.csv"
COLUMNS = ("index", "mid", "name", "biophony", "geophony", "anthrophony", "group", "branch", "source", "note")

BIO, GEO, ANT, NONE = "biophony", "geophony", "anthrophony", ""
BRANCHES = {
    "Human sounds": ANT,
    "Music": ANT,
    "Sounds of things": ANT,
    "Animal": BIO,
    "Natural sounds": GEO,
    "Source-ambiguous sounds": NONE,
    "Channel, environment and background": NONE,
}
PETS, LIVESTOCK = "pets", "livestock"
#: Wild or kept: the class alone does not tell which.
EITHER = "either"
GROUPS = {"Domestic animals, pets": PETS, "Livestock, farm animals, working animals": LIVESTOCK}

#: Classes with several parents: verdict, group and the reason. What two branches disagree on is mapped only where
#: the ontology's own description of the class names one source.
SEVERAL_PARENTS = {
    "Children shouting": (ANT, "", "shouting and group actions: people both"),
    "Choir": (ANT, "", "singing and instruments: people both"),
    "Chant": (ANT, "", "singing and vocal music: people both"),
    "Clapping": (ANT, "", "hands and group actions: people both"),
    "Hubbub, speech noise, speech babble": (
        ANT,
        "",
        "group actions and noise: made of voices, so the source is known",
    ),
    "Howl": (BIO, EITHER, "dogs and wolves: an animal in any case, kept or wild"),
    "Growling": (BIO, EITHER, "dogs, cats, lions and wolves: an animal in any case, kept or wild"),
    "Hiss": (NONE, "", "cats, snakes, steam and anything that hisses: no one source"),
    "Clip-clop": (BIO, LIVESTOCK, "horses and clicking: described as a horse's hoofs"),
    "Cowbell": (ANT, "", "cattle, percussion and bells: the bell sounds, a thing that people made and hung"),
    "Bleat": (BIO, LIVESTOCK, "goats and sheep: livestock both"),
    "Chirp, tweet": (BIO, "", "birds and brief tones: described as made by a small bird"),
    "Buzz": (
        NONE,
        "",
        "flies, bees and brief tones: wires and motors buzz too; insects have classes of their own",
    ),
    "Rattle": (NONE, "", "snakes and anything that rattles: described as small hard items in a container"),
    "Bell": (ANT, "", "instruments and things: made by people both"),
    "Bicycle bell": (ANT, "", "bells, bicycles and alarms: made by people all"),
    "Beatboxing": (ANT, "", "hip hop and vocal music: people both"),
    "Wind noise (microphone)": (NONE, "", "wind and microphones: noise of the recorder, not of the place"),
    "Crackle": (NONE, "", "fire and anything that crackles: no one source"),
    "Vehicle horn, car horn, honking": (ANT, "", "cars and alarms: machines both"),
    "Car alarm": (ANT, "", "cars and alarms: machines both"),
    "Air horn, truck horn": (ANT, "", "trucks and alarms: machines both"),
    "Police car (siren)": (ANT, "", "emergency vehicles and sirens: machines both"),
    "Ambulance (siren)": (ANT, "", "emergency vehicles and sirens: machines both"),
    "Fire engine, fire truck (siren)": (ANT, "", "emergency vehicles and sirens: machines both"),
    "Jet engine": (ANT, "", "aircraft engines and engines: machines both"),
    "Dental drill, dentist's drill": (ANT, "", "light engines and drills: machines both"),
    "Doorbell": (ANT, "", "doors and alarms: things both"),
    "Knock": (NONE, "", "doors and impacts of any kind: woodpeckers knock as well"),
    "Tap": (NONE, "", "doors and impacts of any kind: drops tap as well"),
    "Squeak": (NONE, "", "doors and brief tones: animals squeak as well"),
    "Tick": (NONE, "", "clocks and clicking: insects and metal tick as well"),
    "Crack": (NONE, "", "wood and anything that cracks: no one source"),
    "Squish": (NONE, "", "liquids and anything that squishes: no one source"),
    "Whoosh, swoosh, swish": (
        NONE,
        "",
        "arrows and anything that sweeps through air: wind and wings as well",
    ),
    "Thump, thud": (NONE, "", "arrows and impacts of any kind: no one source"),
    "Thunk": (NONE, "", "inherits the parents of Thump, thud: no one source"),
}
#: Classes whose verdict departs from that of their branch.
_MOVING_LIQUID = "moving water of any kind, streams and surf as well as taps"
EXCEPTIONS = {
    "Patter": (NONE, "rain and feet patter too; not for annotation in the ontology"),
    "Steam": (NONE, "kettles, pipes and engines far more often than hot springs"),
    "Eruption": (NONE, "described as a volcano or any such release; blasts by people as well"),
    "Boom": (NONE, "described by its sound alone; thunder booms as well"),
    "Liquid": (NONE, _MOVING_LIQUID),
    "Splash, splatter": (NONE, _MOVING_LIQUID),
    "Slosh": (NONE, _MOVING_LIQUID),
    "Drip": (NONE, "rain from leaves and roofs as well as taps"),
    "Trickle, dribble": (NONE, _MOVING_LIQUID),
    "Gush": (NONE, _MOVING_LIQUID),
    "Spray": (NONE, _MOVING_LIQUID),
}
#: Classes that may be wild or kept, or are mostly wild, whatever the branch says.
GROUP_EXCEPTIONS = {
    "Animal": (EITHER, "stands for all animals, kept or wild"),
    "Canidae, dogs, wolves": (EITHER, "dogs and their wild kin"),
    "Fowl": (EITHER, "hens as well as ducks and geese"),
    "Duck": ("", "ducks on open water are wild, and counted with wild animals"),
    "Quack": ("", "ducks on open water are wild, and counted with wild animals"),
    "Goose": ("", "geese on open water are wild, and counted with wild animals"),
    "Honk": ("", "the cry of a goose; geese on open water are wild, and counted with wild animals"),
}
#: Remarks on verdicts that follow the branch and might surprise.
REMARKS = {
    "Wind chime": "rung by wind, but made and hung by people",
    "Sailboat, sailing ship": "with the wind in its sails, but a vehicle",
    "Fire": "counted as natural, as in the ontology; hearths as well as wildfires",
    "Water": "taps and fountains as well as streams",
    "Gurgling": "described as water in a narrow passage, such as a brook or a bottle",
    "Rustling leaves": "moved by the wind or by what walks there",
    "Wind": "wind at the microphone often sounds the same",
    "Rustle": "anything thin and light; Rustling leaves is a class of its own",
    "Environmental noise": "described as transport, industry and leisure, but labelled on any background",
    "Television": "tells how the sound was played, not what was heard",
    "Radio": "tells how the sound was played, not what was heard",
    "Outside, urban or manmade": "tells the place, not the source",
    "Outside, rural or natural": "tells the place, not the source",
    "Inside, small room": "tells the place, not the source",
    "Inside, large room or hall": "tells the place, not the source",
    "Inside, public space": "tells the place, not the source",
    "Silence": "no sound at all",
}


def paths(identity: str, parents: Mapping[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """Every way from a top branch of the ontology down to a class."""
    if identity not in parents:
        yield (identity,)
    for parent in parents.get(identity, []):
        for path in paths(parent, parents):
            yield (*path, identity)


def rows(folder: Path) -> Iterator[dict[str, object]]:
    """The rows of the table. Raises ValueError where a class has no verdict."""
    ontology = {node["id"]: node for node in json.loads((folder / "ontology.json").read_text("utf-8"))}
    parents: dict[str, list[str]] = {}
    for identity, node in ontology.items():
        for child in node["child_ids"]:
            parents.setdefault(child, []).append(identity)
    with (folder / "class_labels_indices.csv").open(encoding="utf-8", newline="") as file:
        labels = list(csv.DictReader(file))
    names = {label["display_name"] for label in labels}
    for listed in (SEVERAL_PARENTS, EXCEPTIONS, GROUP_EXCEPTIONS, REMARKS):
        unknown = set(listed) - names
        if unknown:
            raise ValueError(f"no such classes: {sorted(unknown)}")
    for label in labels:
        ways = [[ontology[step]["name"] for step in way] for way in paths(label["mid"], parents)]
        several = len(parents.get(label["mid"], ())) > 1
        yield _row(label, ways, several)


def _row(label: Mapping[str, str], ways: list[list[str]], several: bool) -> dict[str, object]:
    name = label["display_name"]
    branches = list(dict.fromkeys(way[0] for way in ways))
    verdicts = {BRANCHES[branch] for branch in branches}
    groups = {next((GROUPS[step] for step in way if step in GROUPS), "") for way in ways}
    if name in SEVERAL_PARENTS:
        verdict, group, reason = SEVERAL_PARENTS[name]
        source, note = "parents", f"several parents: {reason}"
    elif several or len(verdicts) > 1:
        raise ValueError(f"'{name}' has several parents and no rule")
    elif name in EXCEPTIONS:
        verdict, reason = EXCEPTIONS[name]
        group, source, note = "", "exception", f"exception: {reason}"
    else:
        (verdict,), group, source, note = verdicts, groups.pop(), "branch", REMARKS.get(name, "")
        if name in GROUP_EXCEPTIONS:
            group, reason = GROUP_EXCEPTIONS[name]
            note = f"exception of the group: {reason}"
    return {
        "index": label["index"],
        "mid": label["mid"],
        "name": name,
        **{category: int(category == verdict) for category in (BIO, GEO, ANT)},
        "group": group,
        "branch": " | ".join(branches),
        "source": source,
        "note": note,
    }


def main() -> None:
    """Write the table and say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path, help="holds class_labels_indices.csv and ontology.json")
    table = list(rows(parser.parse_args().folder))
    with OUTPUT.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    counts = {category: sum(int(row[category]) for row in table) for category in (BIO, GEO, ANT)}  # type: ignore[call-overload]
    print(f"{OUTPUT}: {len(table)} classes, {counts}, {len(table) - sum(counts.values())} unmapped")


if __name__ == "__main__":
    main()
