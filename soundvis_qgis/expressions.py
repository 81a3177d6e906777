"""Expression functions: embeddings and BGA compositions in labels, styles and the field calculator.

The help of each function is what QGIS shows in the expression builder.
"""

from __future__ import annotations

from typing import Any

from qgis.core import QgsExpression, QgsExpressionFunction

from .compat import is_null
from .layers.colours import mix
from .layers.sources import numbers_of

GROUP = "SoundVis"


class _Function(QgsExpressionFunction):
    """A function of fixed arity; problems become expression errors, nulls give null."""

    def __init__(self, name: str, arguments: int, help_text: str) -> None:
        super().__init__(name, arguments, GROUP, help_text)

    def func(self, values, context, parent, node):  # noqa: ANN001, ANN202 - QGIS's signature
        if any(is_null(value) for value in values):
            return None
        try:
            return self.evaluate(*values)
        except (ValueError, TypeError) as error:
            parent.setEvalErrorString(f"{self.name()}: {error}")
            return None

    def evaluate(self, *values: Any) -> Any:
        raise NotImplementedError


class Vector(_Function):
    """``soundvis_vector(embedding)``."""

    def __init__(self) -> None:
        super().__init__(
            "soundvis_vector",
            1,
            "<h3>soundvis_vector(embedding)</h3><p>The numbers of an embedding field as an array.</p>"
            '<p>Example: <code>array_get(soundvis_vector("snd_emb"), 0)</code></p>',
        )

    def evaluate(self, *values: Any) -> list[float] | None:
        return numbers_of(values[0])


class Cosine(_Function):
    """``soundvis_cosine(a, b)``."""

    def __init__(self) -> None:
        super().__init__(
            "soundvis_cosine",
            2,
            "<h3>soundvis_cosine(a, b)</h3><p>The cosine similarity of two embeddings of the same model, "
            '-1 to 1. Null where one of them is all zero.</p><p>Example: <code>soundvis_cosine("snd_emb", '
            "attribute(get_feature('sites', 'site_id', 'T01'), 'snd_emb'))</code></p>",
        )

    def evaluate(self, *values: Any) -> float | None:
        a, b = numbers_of(values[0]), numbers_of(values[1])
        if a is None or b is None:
            return None
        if len(a) != len(b):
            raise ValueError(
                f"the embeddings have {len(a)} and {len(b)} dimensions; compare those of one model"
            )
        norms = sum(x * x for x in a) ** 0.5 * sum(y * y for y in b) ** 0.5
        return sum(x * y for x, y in zip(a, b)) / norms if norms > 0 else None


class BgaColor(_Function):
    """``soundvis_bga_color(bio, geo, ant)``."""

    def __init__(self) -> None:
        super().__init__(
            "soundvis_bga_color",
            3,
            "<h3>soundvis_bga_color(bio, geo, ant)</h3><p>The ternary colour of a composition, as text that "
            "every colour setting takes: green for biophony, blue for geophony, orange for anthrophony, and "
            "mixtures between. The three numbers need not sum to 1.</p><p>Example: "
            '<code>soundvis_bga_color("aer_bio", "aer_geo", "aer_ant")</code></p>',
        )

    def evaluate(self, *values: Any) -> str | None:
        bio, geo, ant = (float(value) for value in values)
        if min(bio, geo, ant) < 0:
            raise ValueError("shares cannot be negative")
        colour = mix(bio, geo, ant)
        return None if colour is None else "{},{},{}".format(*colour)


_FUNCTIONS: list[_Function] = []


def register() -> list[str]:
    """Register the functions and return their names. QGIS does not own them: they are kept here."""
    if not _FUNCTIONS:
        _FUNCTIONS.extend([Vector(), Cosine(), BgaColor()])
    for function in _FUNCTIONS:
        QgsExpression.registerFunction(function)
    return [function.name() for function in _FUNCTIONS]


def unregister(names: list[str]) -> None:
    """Take the functions back."""
    for name in names:
        QgsExpression.unregisterFunction(name)
