"""From the small logits of a model to the class map of a large picture: exact, in bands, and mostly without sums.

The map is that of the literal way: logits -> bilinear to the size of the picture -> sigmoid -> argmax over all
prompts -> the prompt's class, or unclassified below a threshold. For twelve megapixels and nine prompts that
takes a hundred million values. Most need not be worked out: between four neighbouring logits the interpolation
is a mean with positive weights, so where a prompt of one class leads every prompt of every other class at all
four, it leads everywhere between them, and likewise for the threshold. Only cells whose corners do not settle it
are interpolated, in the order of operations of torch's own interpolation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..classes import UNCLASSIFIED
from .torch_stack import torch_stack

#: A lead below this share of the probability may be lost in rounding: such cells are interpolated.
_LEAD = 1e-5
_OPEN = -1
#: About so many pixels are interpolated at once: on a processor they stay in its cache, elsewhere starting a kernel
#: costs more than its work.
_PIXELS_ON_CPU, _PIXELS_ELSEWHERE = 1 << 15, 1 << 21


def class_map(logits: Any, size: tuple[int, int], codes: Sequence[int], threshold: float = 0.0) -> np.ndarray:
    """Class codes, uint8 (height, width), of a picture of ``size`` (height, width) in pixels.

    logits: float32 tensor (prompts, h, w). codes: the class of each prompt; a class has its best prompt's
    probability. Where the best is below ``threshold`` (0 to 1) the code is UNCLASSIFIED.
    """
    result = np.empty(size, dtype=np.uint8)
    with _one_thread():
        for row, band in _bands(logits, size, codes, threshold):
            result[row : row + band.shape[0]] = band.cpu().numpy()
    return result


def class_counts(
    logits: Any, size: tuple[int, int], codes: Sequence[int], threshold: float = 0.0
) -> np.ndarray:
    """How many pixels of :func:`class_map` have each code: int64 (256,). Holds a band at a time."""
    torch = torch_stack()
    total = torch.zeros(256, dtype=torch.int64, device=logits.device)
    with _one_thread():
        for _row, band in _bands(logits, size, codes, threshold):
            total += torch.bincount(band.reshape(-1), minlength=256)
    return np.asarray(total.cpu().numpy())


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on the calling thread alone: many small sums wait longer for other threads than they take."""
    torch = torch_stack()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _bands(
    logits: Any, size: tuple[int, int], codes: Sequence[int], threshold: float
) -> Iterator[tuple[int, Any]]:
    """The first row and the codes (rows, width) of bands that make up the class map from top to bottom."""
    torch, device = torch_stack(), logits.device
    logits = logits.float()
    code_of = torch.tensor(codes, dtype=torch.int16, device=device)
    cells = _settled_cells(logits, codes, threshold)
    down, across = _Axis(logits.shape[1], size[0], device), _Axis(logits.shape[2], size[1], device)
    pixels = _PIXELS_ON_CPU if device.type == "cpu" else _PIXELS_ELSEWHERE
    step = max(1, pixels * logits.shape[1] // (size[0] * size[1]))
    contenders = _contenders(logits, cells == _OPEN, step)
    for first in range(0, logits.shape[1], step):
        rows = down.pixels(first, first + step)
        if rows.start == rows.stop:
            continue
        band = cells[first : first + step].index_select(1, across.low)
        painted = band.index_select(0, down.low[rows] - first)
        columns = (band == _OPEN).any(0).nonzero().squeeze(1)
        if len(columns):
            prompts = contenders[first // step]
            # One row of logits more than cells: the lower corners of the last ones.
            source = logits[prompts, first : first + step + 1]
            values = _interpolated(source, down, rows, first, across, columns)
            best, place = _first_best(values.sigmoid_())
            found = code_of[prompts][place].masked_fill_(best < threshold, UNCLASSIFIED)
            settled = painted.index_select(1, columns)
            painted[:, columns] = torch.where(settled == _OPEN, found, settled)
        yield rows.start, painted.to(torch.uint8)


def _interpolated(source: Any, down: _Axis, rows: slice, first: int, across: _Axis, columns: Any) -> Any:
    """Logits (p, rows of cells, w), the first of them row ``first``, at pixels: (p, rows, columns)."""
    left = source.index_select(2, across.low[columns])
    right = source.index_select(2, across.high[columns])
    along = _mean(left, right, across.low_weight[columns], across.high_weight[columns])
    low = down.low[rows] - first
    if int(low[-1]) == 0:  # all between the same two rows
        upper, lower = along[:, :1], along[:, -1:]
    else:
        upper = along.index_select(1, low)
        lower = along.index_select(1, down.high[rows] - first)
    return _mean(upper, lower, down.low_weight[rows, None], down.high_weight[rows, None])


def _first_best(values: Any) -> tuple[Any, Any]:
    """The largest of (p, rows, columns) over p, and the first p that has it (torch's own max takes thrice as long)."""
    torch = torch_stack()
    count = values.shape[0]
    best = values.amax(0)
    rank = torch.arange(count, 0, -1, dtype=torch.int16, device=values.device).view(-1, 1, 1)
    return best, count - ((values == best) * rank).amax(0).long()


def _mean(first: Any, second: Any, first_weight: Any, second_weight: Any) -> Any:
    """The weighted mean, rounded as torch's interpolation rounds it on a processor (one fused product)."""
    return torch_stack().addcmul(second * second_weight, first, first_weight)


class _Axis:
    """Which two neighbours each of ``large`` pixels lies between along an axis of ``small`` logits, and their weights.

    They are read off torch's own interpolation of a one at each place, which rounds them in its own way.
    """

    def __init__(self, small: int, large: int, device: Any) -> None:
        torch = torch_stack()
        ones = torch.eye(small, device=device).unsqueeze(0)
        weights = torch.nn.functional.interpolate(ones, size=large, mode="linear", align_corners=False)[0]
        places = torch.arange(small, device=device).unsqueeze(1)
        self.low = torch.where(weights > 0, places, small).amin(0)
        self.high = (self.low + 1).clamp(max=small - 1)
        self.low_weight = weights.gather(0, self.low.unsqueeze(0))[0]
        self.high_weight = weights.gather(0, self.high.unsqueeze(0))[0] * (self.high > self.low)
        self._edges = np.searchsorted(self.low.cpu().numpy(), np.arange(small + 1))

    def pixels(self, start: int, stop: int) -> slice:
        """The pixels that lie right of (below) the logits ``start`` to ``stop``, without the last."""
        last = len(self._edges) - 1
        return slice(int(self._edges[min(start, last)]), int(self._edges[min(stop, last)]))


def _settled_cells(logits: Any, codes: Sequence[int], threshold: float) -> Any:
    """int16 (h, w): the code of the whole cell between a logit and its right and lower neighbours, or _OPEN."""
    torch = torch_stack()
    names = sorted(set(codes))
    owner = torch.tensor([names.index(code) for code in codes], device=logits.device)
    by_class = torch.stack([logits[owner == number].amax(0) for number in range(len(names))])
    best, leader = _first_best(by_class)
    rival = by_class.scatter(0, leader.unsqueeze(0), float("-inf")).amax(0).sigmoid()
    lead, chance = best.sigmoid(), logits.sigmoid()
    slack = 1.0 + _LEAD
    wins = (leader == owner.view(-1, 1, 1)) & (chance > rival * slack) & (chance >= threshold * slack)
    code = torch.tensor(names, dtype=torch.int16, device=logits.device)[leader]
    wins_everywhere = _over_corners(wins, torch.logical_and).any(0)
    cells = torch.where(wins_everywhere, code, torch.full_like(code, _OPEN))
    low = (lead * slack < threshold).unsqueeze(0)
    return cells.masked_fill_(_over_corners(low, torch.logical_and)[0], UNCLASSIFIED)


def _contenders(logits: Any, still_open: Any, step: int) -> list[Any]:
    """Which prompts can be the best somewhere in the open cells of each ``step`` rows: their numbers, rising."""
    torch = torch_stack()
    chance = logits.sigmoid()
    # Somewhere in the cell a prompt may be as good as the one that is nowhere below its worst corner.
    floor = _over_corners(chance, torch.minimum).amax(0)
    reach = (_over_corners(chance, torch.maximum) * (1.0 + _LEAD) >= floor) & still_open
    in_row = reach.any(2).cpu()
    groups = (
        in_row[:, row : row + step].any(1).nonzero().squeeze(1) for row in range(0, in_row.shape[1], step)
    )
    return [group.to(logits.device) for group in groups]


def _over_corners(values: Any, fold: Any) -> Any:
    """``fold`` of each of (n, h, w) with its neighbours to the right, below, and below to the right."""
    beside = values.clone()
    beside[:, :, :-1] = fold(values[:, :, :-1], values[:, :, 1:])
    result = beside.clone()
    result[:, :-1] = fold(beside[:, :-1], beside[:, 1:])
    return result
