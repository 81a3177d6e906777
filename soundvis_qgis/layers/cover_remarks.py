"""What is met while reading a land cover map, and how the log tells it.

Features are counted once, in however many neighbourhoods of sites they are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

#: So many examples are kept of what is counted.
_EXAMPLES = 5
#: So many tags are told of each reason.
_TAGS = 10
#: Why a feature covers no ground, as the log says it behind a number.
NO_CLASS = "without a class"
UNDERGROUND = "underground"
NO_GROUND = "with tags that are no land cover"
NO_WEIGHTS = "as lines of classes without weights"
NO_DATA = "marked as no data"
_REASONS = (NO_CLASS, UNDERGROUND, NO_GROUND, NO_WEIGHTS, NO_DATA)


class FeatureKey(NamedTuple):
    """Which feature: position of its layer among all, and its id."""

    layer: int
    id: int


class LeftOut(NamedTuple):
    """Why a feature covers no ground, and its class or tag, "" where it has none."""

    reason: str
    name: str = ""


@dataclass
class Remarks:
    """What was met: features whose shapes count, invalid polygons, geometries of no use, and what is no land cover."""

    used: set[FeatureKey] = field(default_factory=set)
    repaired: set[FeatureKey] = field(default_factory=set)
    unreadable: set[FeatureKey] = field(default_factory=set)
    examples: list[str] = field(default_factory=list)
    _left: dict[LeftOut, set[FeatureKey]] = field(default_factory=dict)

    def repair(self, feature: FeatureKey, layer: str) -> None:
        """Remember a feature of the layer called ``layer`` whose geometry was repaired."""
        if feature not in self.repaired and len(self.examples) < _EXAMPLES:
            self.examples.append(f"{feature.id} of '{layer}'")
        self.repaired.add(feature)

    def leave_out(self, feature: FeatureKey, why: LeftOut) -> None:
        """Remember a feature that covers no ground."""
        self._left.setdefault(why, set()).add(feature)

    def warnings(self) -> list[str]:
        """What the user should know, one per line of the log."""
        lines = []
        if self.repaired:
            lines.append(
                f"{_counted(len(self.repaired), 'invalid polygon was', 'invalid polygons were')} repaired for this run "
                f"({'feature' if len(self.repaired) == 1 else 'features'} "
                f"{', '.join(self.examples)}{', ...' if len(self.repaired) > len(self.examples) else ''}); the "
                "layers stay as they are. 'Fix geometries' repairs them for good."
            )
        if self.unreadable:
            lines.append(
                _counted(
                    len(self.unreadable),
                    "feature has a geometry that cannot be used; it covers nothing.",
                    "features have a geometry that cannot be used; they cover nothing.",
                )
            )
        return lines

    def left_out(self) -> str:
        """What is said of features that cover no ground, by reason; empty where there are none."""
        parts = []
        for reason in _REASONS:
            names = Counter(
                {why.name: len(found) for why, found in self._left.items() if why.reason == reason}
            )
            if not names:
                continue
            shown = [f"{name}: {count}" for name, count in names.most_common(_TAGS) if name]
            if len(names) > _TAGS:
                shown.append("...")
            parts.append(f"{sum(names.values())} {reason}" + (f" ({', '.join(shown)})" if shown else ""))
        if not parts:
            return ""
        total = sum(map(len, self._left.values()))
        said = _counted(
            total,
            "feature near the sites covers no ground of its own",
            "features near the sites cover no ground of their own",
        )
        return f"{said}: {'; '.join(parts)}."


@dataclass
class WidthRemarks:
    """Whether lines had a width of their own, and which have one that is of no use, with examples of it."""

    own: bool = False
    unusable: set[FeatureKey] = field(default_factory=set)
    examples: list[str] = field(default_factory=list)

    def refuse(self, feature: FeatureKey, text: str) -> None:
        """Remember a width that is none."""
        self.unusable.add(feature)
        if len(self.examples) < _EXAMPLES and text not in self.examples:
            self.examples.append(text)

    def warning(self, name: str, width: float) -> str:
        """What the user should know: ``name`` of the field, and the ``width`` in its place; empty if nothing."""
        if self.unusable:
            shown = ", ".join(f"'{example}'" for example in self.examples)
            lines = _counted(len(self.unusable), "line has", "lines have")
            return (
                f"{lines} no usable width in '{name}' (such as {shown}; a length of more than 0 and at most 1000 m is "
                f"one); {width:g} m was taken."
            )
        return "" if self.own else f"No line near the sites has a width in '{name}'; {width:g} m was taken."


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def tally(areas: Mapping[str, float], most: int = 30) -> str:
    """Classes with their areas in hectares, largest first."""
    ranked = Counter(dict(areas)).most_common()
    shown = "; ".join(f"{name} ({square / 10_000.0:.3g} ha)" for name, square in ranked[:most])
    return shown + (f"; and {len(ranked) - most} more" if len(ranked) > most else "")
