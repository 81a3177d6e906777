"""The rules of screening, and from which score on each applies. Plain data: the plugin reads it when it loads.

The paper (sections 3.1 and 3.2) leaves out recordings dominated by speech, indoor ones and those with transient
events, and street views that are indoor, at night, in snow or in rain. It gives no numbers: the thresholds here are
ours, each with its ground, and can be calibrated on sites that someone has listened to or looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field

TAGS, SIGNAL = "ast-audioset", "light"
CLIP, BRIGHTNESS = "clip", "light"
#: The model behind ``CLIP``.
CLIP_MODEL = "clip-vit-l-14"

SPEECH, INDOOR, TRANSIENT, WIND = "speech", "indoor", "transient", "wind"
SILENCE, CLIPPING = "silence", "clipping"
NIGHT, SNOW, RAIN = "night", "snow", "rain"


@dataclass(frozen=True)
class Rule:
    """One rule. label: in tables.

    score, thresholds, grounds: by method what its number is, from which on it applies, and why from there; a method
    that is missing has no such score. below: it applies at or below the threshold. limits: of any threshold. units: of
    scores and thresholds, by method, where they are no share or probability of 0 to 1.
    """

    name: str
    label: str
    score: dict[str, str]
    thresholds: dict[str, float]
    grounds: dict[str, str]
    below: bool = False
    limits: tuple[float, float] = (0.0, 1.0)
    units: dict[str, str] = field(default_factory=dict)

    def unit(self, method: str) -> str:
        """The unit of the method's scores; empty where it has none of this rule."""
        return self.units.get(method, _SHARE) if method in self.thresholds else ""


_SHARE, _DECIBEL = "0-1", "dB"
_FULL_SCALE = "dB re full scale"
_LEVEL = "level of the window, dB re full scale: RMS over channels and samples as recorded, full band"
_SILENT = "below the noise of any microphone in use outdoors; 'Embed recordings' asks the same of the mix that it hears"
_CLIPPED = "share of samples in runs at full scale, or at the lower top of what was turned down"
_FEW_CLIPPED = "1 sample in 1000; a rule of thumb, no standard"

SOUND_RULES = (
    Rule(
        SPEECH,
        "Speech",
        {
            TAGS: "highest probability of a class of speech or babble",
            SIGNAL: "likeness to speech by the modulation of 300-1200 Hz around 4 Hz",
        },
        {TAGS: 0.5, SIGNAL: 0.2},
        {
            TAGS: "more likely than not, as the paper leaves out what speech dominates, not where it is heard",
            SIGNAL: "reached by synthetic speech 5 dB louder than the street behind it; streets alone stay below 0.05",
        },
    ),
    Rule(
        INDOOR,
        "Indoor",
        {TAGS: "AudioSet's three classes of inside against its two of outside"},
        {TAGS: 0.5},
        {TAGS: "inside is the likelier of the two"},
    ),
    Rule(
        TRANSIENT,
        "Transient event",
        {
            TAGS: "highest probability of a siren, alarm, horn, outcry, cheer, shot or the like",
            SIGNAL: "loudest 1/8 s, dB(A) above L50 and above what a quarter of the other seconds reach",
        },
        {TAGS: 0.2, SIGNAL: 15.0},
        {
            TAGS: "the threshold of 'BGA of recordings' for a sound that is heard",
            SIGNAL: "noise events are found by 10 to 15 dB above the background (Brown and De Coensel 2018)",
        },
        limits=(0.0, 100.0),
        units={SIGNAL: _DECIBEL},
    ),
    Rule(
        WIND,
        "Wind on the microphone",
        {
            TAGS: "probability of 'Wind noise (microphone)'",
            SIGNAL: "share of the power below 150 Hz, where the spectrum falls from there on",
        },
        {TAGS: 0.2, SIGNAL: 0.5},
        {
            TAGS: "the threshold of 'BGA of recordings' for a sound that is heard",
            SIGNAL: "wind on a microphone has most of its energy below 200 Hz (Nelke and Vary 2014)",
        },
    ),
    Rule(
        SILENCE,
        "Silence",
        {TAGS: _LEVEL, SIGNAL: _LEVEL},
        {TAGS: -70.0, SIGNAL: -70.0},
        {TAGS: _SILENT, SIGNAL: _SILENT},
        below=True,
        limits=(-120.0, 0.0),
        units={TAGS: _FULL_SCALE, SIGNAL: _FULL_SCALE},
    ),
    Rule(
        CLIPPING,
        "Clipping",
        {TAGS: _CLIPPED, SIGNAL: _CLIPPED},
        {TAGS: 0.001, SIGNAL: 0.001},
        {TAGS: _FEW_CLIPPED, SIGNAL: _FEW_CLIPPED},
    ),
)

_CLOSER = "probability of CLIP, of the sentences for it against the nearest of the others"
_SURE = "a margin of 0.0085 in cosine over the nearest other, so that an even match is kept"

PHOTO_RULES = (
    Rule(INDOOR, "Indoor", {CLIP: _CLOSER}, {CLIP: 0.7}, {CLIP: _SURE}),
    Rule(
        NIGHT,
        "Night",
        {CLIP: _CLOSER, BRIGHTNESS: "share of dark pixels (luma below 0.2)"},
        {CLIP: 0.7, BRIGHTNESS: 0.6},
        {CLIP: _SURE, BRIGHTNESS: "most of the picture is dark; a deep shade by day may be, too"},
    ),
    Rule(SNOW, "Snow", {CLIP: _CLOSER}, {CLIP: 0.7}, {CLIP: _SURE}),
    Rule(RAIN, "Rain", {CLIP: _CLOSER}, {CLIP: 0.7}, {CLIP: _SURE}),
)
