"""What is met while reading a land cover map, and how the log tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

#: So many examples are kept of what is counted.
_EXAMPLES = 5


@dataclass
class Remarks:
    """Counts of what was met.

    repaired: invalid polygons; unreadable: geometries of no use; unclassed: features that are no land cover.
    """

    repaired: int = 0
    unreadable: int = 0
    unclassed: int = 0
    examples: list[str] = field(default_factory=list)

    def repair(self, feature: str) -> None:
        """Count a feature whose geometry was repaired."""
        self.repaired += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(feature)

    def warnings(self) -> list[str]:
        """What the user should know, one per line of the log."""
        lines = []
        if self.repaired:
            lines.append(
                f"{self.repaired} invalid polygons were repaired for this run (features "
                f"{', '.join(self.examples)}{', ...' if self.repaired > len(self.examples) else ''}); the layers "
                "stay as they are. 'Fix geometries' repairs them for good."
            )
        if self.unreadable:
            lines.append(
                f"{self.unreadable} features have a geometry that cannot be used; they cover nothing."
            )
        return lines

    def left_out(self) -> str:
        """What is said of features left out because they are no land cover; empty where there are none."""
        if not self.unclassed:
            return ""
        return (
            f"{self.unclassed} features were left out: they name no class, lie underground, or are lines without "
            "weights."
        )


@dataclass
class WidthRemarks:
    """How many lines had a width of their own, and how many one that is of no use, with examples of it."""

    own: int = 0
    unusable: int = 0
    examples: list[str] = field(default_factory=list)

    def refuse(self, text: str) -> None:
        """Count a width that is none."""
        self.unusable += 1
        if len(self.examples) < _EXAMPLES and text not in self.examples:
            self.examples.append(text)

    def warning(self, name: str, width: float) -> str:
        """What the user should know: ``name`` of the field, and the ``width`` in its place; empty if nothing."""
        if self.unusable:
            shown = ", ".join(f"'{example}'" for example in self.examples)
            return (
                f"{self.unusable} lines have no usable width in '{name}' (such as {shown}; a length of more than 0 and "
                f"at most 1000 m is one); {width:g} m was taken."
            )
        return "" if self.own else f"No line near the sites has a width in '{name}'; {width:g} m was taken."


def tally(areas: Mapping[str, float], most: int = 30) -> str:
    """Classes with their areas in hectares, largest first."""
    ranked = Counter(dict(areas)).most_common()
    shown = "; ".join(f"{name} ({square / 10_000.0:.3g} ha)" for name, square in ranked[:most])
    return shown + (f"; and {len(ranked) - most} more" if len(ranked) > most else "")
