"""How the four quadrants of extreme pairs look, in the gallery and on the map, and what each means."""

from __future__ import annotations

from dataclasses import dataclass

from ..statistics.extreme_pairs import BOTH, NEITHER, SIGHT_ONLY, SOUND_ONLY


@dataclass(frozen=True)
class Look:
    """Of one quadrant: its colour (red, green, blue, 0 to 255), whether its lines are broken, and what it means."""

    colour: tuple[int, int, int]
    broken: bool
    meaning: str

    @property
    def css(self) -> str:
        """The colour as HTML has it."""
        return "#{:02x}{:02x}{:02x}".format(*self.colour)


#: Colours of Paul Tol's high-contrast and bright schemes, which keep apart in grey print too; broken lines where sound
#: and sight part.
LOOKS = {
    BOTH: Look((0, 68, 136), False, "They sound alike and look alike: sound and sight say the same."),
    SOUND_ONLY: Look(
        (221, 170, 51),
        True,
        "They sound alike and look different: listen for a source that both have, in the pictures or out of sight.",
    ),
    SIGHT_ONLY: Look(
        (51, 160, 200),
        True,
        "They look alike and sound different: listen for what was going on there when it was recorded.",
    ),
    NEITHER: Look(
        (187, 85, 102), False, "They sound different and look different: sound and sight say the same."
    ),
}
