"""Similarity against similarity, pair of sites by pair of sites (the paper's Figures 5 and 9)."""

from __future__ import annotations

from ..statistics.results import CorrelationResult, CorrelationRow, PairSimilarities
from .figures import colour_of, drawing, plain, tidy, wrapped
from .wording import number

#: More pairs than this are drawn as density.
MAX_POINTS = 2000


def pair_figure(pairs: PairSimilarities, row: CorrelationRow, result: CorrelationResult, prefix: str) -> str:
    """Similarity in one block against similarity in the other, with the least-squares line.

    Points where there are few pairs, hexagons coloured by the number of pairs where there are many.
    ``prefix`` keeps the ids of several figures on one page apart. Returns an ``<svg>`` element.
    """
    with drawing(4.2, 3.6, f"Similarity in {pairs.block_a} against {pairs.block_b}") as (figure, save):
        axes = figure.add_subplot()
        colour = colour_of(pairs.block_a, pairs.block_b, result)
        if len(pairs.a) > MAX_POINTS:
            from matplotlib.colors import LinearSegmentedColormap
            from matplotlib.ticker import FuncFormatter

            shades = LinearSegmentedColormap.from_list("shades", ["#EDEDED", colour, "#1A1A1A"])
            bins = axes.hexbin(
                pairs.a,
                pairs.b,
                gridsize=42,
                mincnt=1,
                bins="log",
                cmap=shades,
                linewidths=0.1,
                rasterized=True,
            )
            sampled = "" if len(pairs.a) == pairs.pairs else f" (sample of {len(pairs.a):,})"
            bar = figure.colorbar(bins, ax=axes, pad=0.02, aspect=28)
            bar.set_label(f"Pairs of sites per cell{sampled}")
            bar.outline.set_visible(False)
            bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:g}"))
        else:
            axes.scatter(
                pairs.a,
                pairs.b,
                s=22.0 if len(pairs.a) < 300 else 11.0,
                color=colour,
                alpha=0.45,
                linewidths=0,
                rasterized=len(pairs.a) > 400,
            )
        if pairs.slope is not None and pairs.intercept is not None and len(pairs.a):
            ends = [float(pairs.a.min()), float(pairs.a.max())]
            line = [pairs.intercept + pairs.slope * x for x in ends]
            axes.plot(ends, line, color="white", linewidth=4.0, solid_capstyle="round")
            axes.plot(ends, line, color="black", linewidth=1.8, solid_capstyle="round")
        axes.locator_params(nbins=5)
        axes.set_title(wrapped(f"{pairs.block_a} \u2013 {pairs.block_b}: r = {number(row.r, 2)}", 44, 2))
        axes.set_xlabel(_axis_label(pairs.block_a, result))
        axes.set_ylabel(_axis_label(pairs.block_b, result))
        tidy(axes)
        return save(prefix)


def _axis_label(block: str, result: CorrelationResult) -> str:
    measures = {name: measure for name, _, measure in result.blocks}
    measure = measures.get(block, "mean of z-scores").replace(" - ", " \u2212 ")
    return plain(f"Similarity in {block} ({measure})", 52)
