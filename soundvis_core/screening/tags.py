"""Scores of windows from the probabilities of AudioSet's classes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..bga.audioset import SoundClasses, check_probabilities, load_sound_classes
from ..classes import slug
from .rules import INDOOR, SPEECH, TRANSIENT, WIND

#: Voices that say something, one or many.
SPEECH_CLASSES = (
    "Speech", "Male speech, man speaking", "Female speech, woman speaking", "Child speech, kid speaking",
    "Conversation", "Narration, monologue", "Babbling", "Speech synthesizer", "Whispering", "Chatter",
    "Hubbub, speech noise, speech babble",
)  # fmt: skip
#: "Alarms, crowd outbursts, or isolated vocalizations" (paper, section 3.1), and what else goes off once.
TRANSIENT_CLASSES = (
    "Siren", "Civil defense siren", "Police car (siren)", "Ambulance (siren)", "Fire engine, fire truck (siren)",
    "Alarm", "Alarm clock", "Smoke detector, smoke alarm", "Fire alarm", "Car alarm", "Buzzer", "Foghorn",
    "Vehicle horn, car horn, honking", "Air horn, truck horn", "Train horn",
    "Cheering", "Applause", "Battle cry", "Whoop",
    "Shout", "Bellow", "Yell", "Children shouting", "Screaming", "Laughter", "Crying, sobbing",
    "Baby cry, infant cry", "Wail, moan", "Explosion", "Gunshot, gunfire", "Fireworks", "Firecracker",
)  # fmt: skip
WIND_CLASSES = ("Wind noise (microphone)",)
#: AudioSet's places: 506 to 508, and 509 and 510.
INSIDE_CLASSES = ("Inside, small room", "Inside, large room or hall", "Inside, public space")
OUTSIDE_CLASSES = ("Outside, urban or manmade", "Outside, rural or natural")

#: With less than this for both together, little is known of the place.
_PLACED = 0.1


def tag_scores(probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """By rule the score of each window, (windows,) float64 0 to 1, from probabilities (windows, 527).

    Speech, transient events and wind: the highest probability of their classes. Indoor: the highest of AudioSet's
    three insides over itself and the higher of the two outsides, of 0.1 at least.

    Raises InputError where the classes are not those of AudioSet, SiteError where these are no probabilities.
    """
    checked = check_probabilities(probabilities, load_sound_classes()).astype(np.float64)
    highest = {
        name: checked[:, _indices(classes)].max(axis=1)
        for name, classes in (
            (SPEECH, SPEECH_CLASSES),
            (TRANSIENT, TRANSIENT_CLASSES),
            (WIND, WIND_CLASSES),
            ("inside", INSIDE_CLASSES),
            ("outside", OUTSIDE_CLASSES),
        )
    }
    inside, outside = highest.pop("inside"), highest.pop("outside")
    return {**highest, INDOOR: inside / np.maximum(inside + outside, _PLACED)}


@lru_cache(maxsize=8)
def _indices(names: tuple[str, ...]) -> list[int]:
    return places(load_sound_classes(), names)


def places(classes: SoundClasses, names: tuple[str, ...]) -> list[int]:
    """Where the classes of these names stand. Raises KeyError for a name that AudioSet does not have."""
    known = {slug(row.name): row.index for row in classes.rows}
    return [known[slug(name)] for name in names]
