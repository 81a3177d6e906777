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
from typing import Any

import numpy as np

from ..classes import UNCLASSIFIED
from .torch_stack import torch_stack

#: A lead below this share of the probability may be lost in rounding: such cells are interpolated.
_LEAD = 1e-5
_OPEN = -1
#: Rows of cells interpolated at once: few for a processor's cache, more where starting a kernel costs more than work.
_ROWS_ON_CPU, _ROWS_ELSEWHERE = 1, 24


def class_map(logits: Any, size: tuple[int, int], codes: Sequence[int], threshold: float = 0.0) -> np.ndarray:
    """Class codes, uint8 (height, width), of a picture of ``size`` (height, width) in pixels.

    logits: float32 tensor (prompts, h, w). codes: the class of each prompt; a class has its best prompt's
    probability. Where the best is below ``threshold`` (0 to 1) the code is UNCLASSIFIED.
    """
    result = np.empty(size, dtype=np.uint8)
    for row, band in _bands(logits, size, codes, threshold):
        result[row : row + band.shape[0]] = band.cpu().numpy()
    return result


def class_counts(
    logits: Any, size: tuple[int, int], codes: Sequence[int], threshold: float = 0.0
) -> np.ndarray:
    """How many pixels of :func:`class_map` have each code: int64 (256,). Holds a band at a time."""
    torch = torch_stack()
    total = torch.zeros(256, dtype=torch.int64, device=logits.device)
    for _row, band in _bands(logits, size, codes, threshold):
        total += torch.bincount(band.reshape(-1).int(), minlength=256)
    return np.asarray(total.cpu().numpy())


def _bands(
    logits: Any, size: tuple[int, int], codes: Sequence[int], threshold: float
) -> Iterator[tuple[int, Any]]:
    """The first row and the codes (rows, width) of bands that make up the class map from top to bottom."""
    torch, device = torch_stack(), logits.device
    logits = logits.float()
    code_of = torch.tensor(codes, dtype=torch.int16, device=device)
    cells = _settled_cells(logits, codes, threshold)
    down, across = _Axis(logits.shape[1], size[0], device), _Axis(logits.shape[2], size[1], device)
    low = down.low.cpu().numpy()
    step = _ROWS_ON_CPU if device.type == "cpu" else _ROWS_ELSEWHERE
    for first in range(0, logits.shape[1], step):
        start, stop = (int(edge) for edge in np.searchsorted(low, (first, first + step)))
        if start == stop:
            continue
        rows = slice(start, stop)
        painted = cells[first : first + step][down.low[rows] - first][:, across.low]
        columns = (cells[first : first + step] == _OPEN).any(0)[across.low].nonzero().squeeze(1)
        if len(columns):
            # One row of logits more than cells: the lower corners of the last ones.
            source = logits[:, first : first + step + 1]
            left, right = source[:, :, across.low[columns]], source[:, :, across.high[columns]]
            along = _mean(left, right, across.low_weight[columns], across.high_weight[columns])
            upper, lower = along[:, down.low[rows] - first], along[:, down.high[rows] - first]
            values = _mean(upper, lower, down.low_weight[rows, None], down.high_weight[rows, None])
            best, prompt = values.sigmoid_().max(0)
            painted[:, columns] = code_of[prompt].masked_fill_(best < threshold, UNCLASSIFIED)
        yield start, painted.to(torch.uint8)


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
        self.low = (weights > 0).to(torch.uint8).argmax(0)
        self.high = (self.low + 1).clamp(max=small - 1)
        self.low_weight = weights.gather(0, self.low.unsqueeze(0))[0]
        self.high_weight = weights.gather(0, self.high.unsqueeze(0))[0] * (self.high > self.low)


def _settled_cells(logits: Any, codes: Sequence[int], threshold: float) -> Any:
    """int16 (h, w): the code of the whole cell between a logit and its right and lower neighbours, or _OPEN."""
    torch = torch_stack()
    names = sorted(set(codes))
    owner = torch.tensor([names.index(code) for code in codes], device=logits.device)
    by_class = torch.stack([logits[owner == number].amax(0) for number in range(len(names))])
    order = by_class.topk(min(2, len(names)), dim=0)
    leader, lead = order.indices[0], order.values[0].sigmoid()
    chance = logits.sigmoid()
    rival = order.values[1].sigmoid() if len(names) > 1 else torch.zeros_like(lead)
    slack = 1.0 + _LEAD
    wins = (leader == owner.view(-1, 1, 1)) & (chance > rival * slack) & (chance >= threshold * slack)
    code = torch.tensor(names, dtype=torch.int16, device=logits.device)[leader]
    cells = torch.where(_at_all_corners(wins).any(0), code, torch.full_like(code, _OPEN))
    return cells.masked_fill_(_at_all_corners((lead * slack < threshold).unsqueeze(0))[0], UNCLASSIFIED)


def _at_all_corners(there: Any) -> Any:
    """Whether a bool (n, h, w) holds at a place, to its right, below, and below to its right."""
    beside = there.clone()
    beside[:, :, :-1] &= there[:, :, 1:]
    result = beside.clone()
    result[:, :-1] &= beside[:, 1:]
    return result
