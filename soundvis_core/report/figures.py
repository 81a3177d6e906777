"""What all figures of the report share: colours, how a row is read, and inline SVG.

matplotlib is imported inside, and only its Figure class is used: pyplot's global state stays untouched. The
same numbers give the same bytes.
"""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

from ..dependencies import require
from ..statistics.results import CorrelationResult
from .wording import printable

#: Width of a figure that takes the whole page, in inches. Letters of 9 points in it are 7.6 points high on A4.
WIDE = 8.4
#: Colours of the modalities: told apart with any colour vision, and none of them a colour of the BGA categories.
COLOURS = {"sound": "#CC79A7", "street": "#56B4E9", "aerial": "#E69F00", "street+aerial": "#882255"}
#: Colours of the BGA categories, as the layers have them (Okabe and Ito's).
BGA_COLOURS = {"biophony": "#009E73", "geophony": "#0072B2", "anthrophony": "#D55E00"}
OTHER_COLOURS = ("#8C6D00", "#332288", "#3B5B5B", "#999933", "#AA4499", "#6699CC")
VISUAL_PAIR = "#6B6B6B"
INK, SOFT, FAINT = "#1D2321", "#5B6560", "#E2E5E3"
_BGA = " BGA"

_STYLE = {
    "svg.hashsalt": "soundvis",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "text.usetex": False,
    "hatch.linewidth": 0.8,
    "path.simplify": True,
}


def colour_of(block_a: str, block_b: str, result: CorrelationResult) -> str:
    """The colour of a pair of blocks: that of what sound is compared with, grey for street with aerial."""
    first, second = _modality(block_a), _modality(block_b)
    if first != "sound" and first in COLOURS:
        return VISUAL_PAIR
    if second in COLOURS:
        return COLOURS[second]
    names = [_modality(name) for name, _, _ in result.blocks if _modality(name) not in COLOURS]
    return OTHER_COLOURS[names.index(second) % len(OTHER_COLOURS)] if second in names else VISUAL_PAIR


def _modality(block: str) -> str:
    """``sound`` of ``sound`` and of ``sound BGA``."""
    return block[: -len(_BGA)] if block.endswith(_BGA) else block


def plain(text: str, limit: int = 60) -> str:
    """Text that matplotlib takes literally: no math mode, no control characters, not endless."""
    text = " ".join(printable(text).split())
    if len(text) > limit:
        text = text[: limit - 1] + "\u2026"
    return text.replace("$", r"\$")


def wrapped(text: str, width: int, lines: int = 2) -> str:
    """Text over at most ``lines`` lines of ``width`` letters."""
    whole = " ".join(printable(text).split())
    kept = textwrap.wrap(whole, width, max_lines=lines, placeholder="\u2026")
    return "\n".join(line.replace("$", r"\$") for line in kept)


def tidy(axes: Any) -> None:
    """No frame above and on the right."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors="#333333", width=0.8)


def hatched(colour: str) -> dict[str, Any]:
    """How a bar looks that stands for no more than chance."""
    return {"facecolor": "white", "edgecolor": colour, "hatch": "////"}


def in_parts(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """The items in parts of nearly the same length, none longer than ``size``."""
    count = -(-len(items) // size)
    bounds = [round(part * len(items) / count) for part in range(count + 1)] if count else [0]
    return [items[start:stop] for start, stop in zip(bounds, bounds[1:])]


@contextmanager
def drawing(
    width: float, height: float, label: str, fitted: bool = True
) -> Iterator[tuple[Any, Callable[[str], str]]]:
    """A figure of ``width`` by ``height`` inches, and what turns it into SVG read aloud as ``label``.

    fitted: axes are laid out so that nothing overlaps; else they stay where they are put.
    """
    matplotlib = require("matplotlib")
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    def save(prefix: str) -> str:
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", dpi=160, metadata={"Date": None})
        return _inline(buffer.getvalue(), prefix, label)

    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # Names in scripts that matplotlib's own font lacks are drawn by the browser all the same.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        figure = Figure(figsize=(width, height), constrained_layout=fitted)
        FigureCanvasSVG(figure)
        yield figure, save


def _inline(svg: str, prefix: str, label: str) -> str:
    """The ``<svg>`` element alone: no XML head, no metadata, ids with ``prefix``, as wide as its place."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="([^"]*)"', rf' id="{prefix}\1"', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}", svg)
    svg = re.sub(r'href="#', f'href="#{prefix}', svg)
    head, rest = svg.split(">", 1)
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{escape(printable(label))}">{rest}'.strip()
