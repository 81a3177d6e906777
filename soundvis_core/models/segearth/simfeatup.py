"""SimFeatUp: CLIP's 14 x 14 features at 224 x 224, each step guided by the picture (arXiv 2410.01768, from FeatUp).

A step doubles the size: every new pixel is a weighted sum of the bicubically enlarged features around it, and the
weights (11 x 11 taps) follow from how alike the picture is there, not from the features. That allows three
shortcuts. None changes what is computed, only the order of the sums:

1. All steps are linear in the features, and what is asked for afterwards are products with the text and the length
   of the result. So the features are turned, before they are enlarged, into the at most 197 directions that those
   of one crop span (:func:`.model.turned`), in place of 512.
2. Bicubic enlargement is linear, too, and its weights at a pixel depend only on whether row and column are even. So
   the 11 x 11 taps on the enlarged features become 9 x 9 taps on the features themselves. Taps beyond the border
   are first added to those that they mirror.
3. Both the likeness (products of each pixel with those around it) and the weighted sum are done tile by tile as
   products of dense matrices, many times faster than going over the taps. In the matrix of a tile the taps of a
   pixel lie on diagonals: a view with other strides reads or writes them all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..torch_stack import torch_stack

RADIUS = 5
_SIDE = 2 * RADIUS + 1
TAPS = _SIDE * _SIDE
#: Taps on the features to each side, once the bicubic enlargement is part of the weights.
_REACH = 4
_COARSE_SIDE = 2 * _REACH + 1
#: Pixels of the result at work at once: what a step needs for so many stays in a CPU's cache.
_CPU_PIXELS, _GPU_PIXELS = 3584, 100_352
#: A tile is at least this many features wide, so that only the outermost tiles reach beyond the border.
_LEAST_TILE = 4
#: The parameter of torch's bicubic interpolation.
_BICUBIC_A = -0.75
_LEAST_SUM = 1e-7
_RANGE_WIDTH = 32


def expected_shapes(width: int) -> dict[str, tuple[int, ...]]:
    """The tensors of a checkpoint for features of ``width`` channels (512), without the prefix ``upsampler.``."""
    shapes: dict[str, tuple[int, ...]] = {"up.range_temp": (), "up.sigma_spatial": ()}
    layers = {
        "up.range_proj.0": (_RANGE_WIDTH, 3),
        "up.range_proj.3": (_RANGE_WIDTH, _RANGE_WIDTH),
        "up.fixup_proj.0": (TAPS, TAPS + 3),
        "up.fixup_proj.3": (TAPS, TAPS),
        "fixup_proj.1": (width, width),
    }
    for name, (outputs, inputs) in layers.items():
        shapes[f"{name}.weight"] = (outputs, inputs, 1, 1)
        shapes[f"{name}.bias"] = (outputs,)
    return shapes


class SimFeatUp:
    """Joint bilateral upsampling with learned weights (equation 3). ``state``: see :func:`expected_shapes`."""

    def __init__(self, state: Mapping[str, Any], device: str = "cpu") -> None:
        torch = torch_stack()
        self._torch = torch
        self._pixels = _CPU_PIXELS if device == "cpu" else _GPU_PIXELS

        def tensor(name: str) -> Any:
            return state[name].detach().to(device=device, dtype=torch.float32)

        def layer(name: str) -> tuple[Any, Any]:
            return tensor(f"{name}.weight").flatten(1), tensor(f"{name}.bias")

        self._range = (layer("up.range_proj.0"), layer("up.range_proj.3"))
        weight, self._fix_bias = layer("up.fixup_proj.0")
        self._fix_taps, self._fix_guidance = weight[:, :TAPS].t().contiguous(), weight[:, TAPS:].contiguous()
        weight, bias = layer("up.fixup_proj.3")
        self._fix_again, self._fix_again_bias = (0.1 * weight).t().contiguous(), 0.1 * bias
        self._temperature = tensor("up.range_temp").exp().clamp(1e-4, 1e4)
        line = torch.linspace(-1, 1, _SIDE, device=device)
        squares = (line[:, None] ** 2 + line[None, :] ** 2).flatten()
        self._log_spatial = -squares / (2 * tensor("up.sigma_spatial") ** 2)
        # As sum R = 1, sum R S >= min S: where min S is larger than the clamp's bound, the clamp never acts.
        self._clamp_acts = float(self._log_spatial.min().exp()) < 10 * _LEAST_SUM
        self._bicubic = [
            torch.tensor(np.kron(_bicubic(row), _bicubic(column)), dtype=torch.float32, device=device)
            for row in (0, 1)
            for column in (0, 1)
        ]
        #: Equation 4: the enlarged features x become ``x + 0.1 (weight x + bias)``.
        self.last_weight, self.last_bias = layer("fixup_proj.1")

    def double(self, features: Any, crops: Any, finish: Callable[[Any, slice], Any] | None = None) -> Any:
        """One step: features (n, h, w, c), h = w, and normalised crops (n, 3, ., .) -> (n, 2h, 2w, c) float32.

        ``finish`` turns pixels (n', tiles, pixels, c) of the crops of a slice into (n', tiles, pixels, d) while they
        are at hand: then the result is (n, 2h, 2w, d).
        """
        n, height, width, channels = features.shape
        tile = _tile(height)
        step = _Step(self, features, crops, tile)
        result = None
        most_rows = max(1, self._pixels // (4 * tile * width))
        most_crops = max(1, self._pixels // (4 * height * width))
        for first in range(0, n, most_crops):
            which = slice(first, min(n, first + most_crops))
            for top in range(0, height // tile, most_rows):
                rows = slice(top, min(height // tile, top + most_rows))
                pixels = step.enlarged(which, rows)
                if finish is not None:
                    pixels = finish(pixels, which)
                if result is None:
                    result = pixels.new_empty(
                        n, height // tile, tile, 2, width // tile, tile, 2, pixels.shape[-1]
                    )
                shape = (which.stop - first, rows.stop - top, width // tile, 2, 2, tile, tile, -1)
                result[which, rows] = pixels.view(shape).permute(0, 1, 5, 3, 2, 6, 4, 7)
        if result is None:
            return features.new_empty(0, 2 * height, 2 * width, channels)
        return result.view(n, 2 * height, 2 * width, -1)

    def guide(self, crops: Any, size: int) -> tuple[Any, Any]:
        """Guidance (n, 3, size, size) and its projection p (n, 32, size, size)."""
        functional = self._torch.nn.functional
        guidance = functional.adaptive_avg_pool2d(crops.float(), size)
        (first, first_bias), (second, second_bias) = self._range
        hidden = functional.conv2d(guidance, first[:, :, None, None], first_bias)
        return guidance, functional.conv2d(functional.gelu(hidden), second[:, :, None, None], second_bias)

    def normalised(self, scores: Any) -> Any:
        """K before the fixup: scores t <p(x+n), p(x)> (pixels, 121), overwritten -> R S / max(sum R S, 1e-7)."""
        torch = self._torch
        if self._clamp_acts:
            product = torch.softmax(scores, dim=-1).mul_(self._log_spatial.exp())
            return product.div_(product.sum(-1, keepdim=True).clamp_(min=_LEAST_SUM))
        return torch.softmax(scores.add_(self._log_spatial), dim=-1)

    def fixed(self, weights: Any, guidance: Any) -> Any:
        """K + 0.1 fixup([K, g]), not normalised again: K (pixels, 121), overwritten, guidance (pixels, 3)."""
        torch = self._torch
        hidden = torch.nn.functional.linear(guidance, self._fix_guidance, self._fix_bias)
        hidden = torch.nn.functional.gelu(hidden.addmm_(weights, self._fix_taps))
        return weights.add_(self._fix_again_bias).addmm_(hidden, self._fix_again)

    def on_features(self, weights: Any) -> Any:
        """Taps on the enlarged features (4, pixels, 121), by evenness of row and column, as taps on the features."""
        return self._torch.stack([taps @ matrix for taps, matrix in zip(weights, self._bicubic)])


class _Step:
    """One step for a batch of crops, tile by tile.

    A tile is ``tile`` x ``tile`` features and the four times as many pixels that come of them, ordered by evenness
    of row and column (a, b), then by feature (i, j): the pixel's row is 2 i + a, its column 2 j + b.
    """

    def __init__(self, model: SimFeatUp, features: Any, crops: Any, tile: int) -> None:
        torch = torch_stack()
        functional = torch.nn.functional
        self._torch, self._model, self._tile = torch, model, tile
        size, fine = 2 * features.shape[1], 2 * tile
        guidance, projected = model.guide(crops, size)
        around = functional.pad(projected, (RADIUS,) * 4, mode="reflect")
        #: (n, tile rows, tile columns, 32, pixels around, pixels around)
        self._around = _windows(around, fine + 2 * RADIUS, fine)
        #: (n, tile rows, tile columns, pixel row, pixel column, 32), with the temperature
        self._queries = _windows(projected * model._temperature, fine, fine).permute(0, 1, 2, 4, 5, 3)
        tiled = _windows(guidance, fine, fine).unflatten(5, (tile, 2)).unflatten(4, (tile, 2))
        #: (a, b, n, tile rows, tile columns, i, j, 3)
        self._guidance = tiled.permute(5, 7, 0, 1, 2, 4, 6, 3)
        replicated = functional.pad(features.permute(0, 3, 1, 2), (_REACH,) * 4, mode="replicate")
        #: (n, tile rows, tile columns, features around, features around, c)
        self._features = _windows(
            replicated.contiguous(memory_format=torch.channels_last), tile + 2 * _REACH, tile
        ).permute(0, 1, 2, 4, 5, 3)
        self._tile_rows = features.shape[1] // tile
        folds = torch.tensor(_folds(), dtype=torch.float32, device=features.device)
        self._folds = folds
        self._dense = features.new_zeros(0)

    def enlarged(self, which: slice, rows: slice) -> Any:
        """The pixels of the tiles in ``rows`` of the crops ``which``: (crops, tiles, 4 tile^2, c)."""
        torch = self._torch
        features = self._features[which, rows]
        crops, tile_rows, tile_columns = features.shape[:3]
        weights = self._weights(which, rows)
        pixels = 4 * self._tile**2
        dense = self._dense_weights(weights, crops * tile_rows * tile_columns)
        summed = torch.bmm(dense, features.reshape(len(dense), -1, features.shape[-1]))
        return summed.view(crops, -1, pixels, features.shape[-1])

    def _weights(self, which: slice, rows: slice) -> Any:
        """Taps on the features, (4, crops x tiles x features of a tile, 81)."""
        tile, fine = self._tile, 2 * self._tile
        queries, around = self._queries[which, rows], self._around[which, rows]
        lead = queries.shape[:3]
        tiles, side = lead.numel(), fine + 2 * RADIUS
        scores = self._torch.bmm(
            queries.reshape(tiles, fine * fine, -1), around.reshape(tiles, -1, side * side)
        )
        # The scores of pixel (y, x) of a tile with (y + dy, x + dx) around it, as (a, b, tile, i, j, dy, dx).
        down, right = fine * side * side + side, side * side + 1
        strides = (down, right, fine * fine * side * side, 2 * down, 2 * right, side, 1)
        taps = scores.as_strided((2, 2, tiles, tile, tile, _SIDE, _SIDE), strides).reshape(-1, TAPS)
        guidance = self._guidance[:, :, which, rows].reshape(-1, 3)
        weights = self._model.fixed(self._model.normalised(taps), guidance)
        self._fold(weights.view(2, 2, *lead, tile, tile, _SIDE, _SIDE), rows)
        return self._model.on_features(weights.view(4, -1, TAPS))

    def _fold(self, weights: Any, rows: slice) -> None:
        """Add the taps beyond the border to those that they mirror (padding "reflect"), in place.

        weights: (a, b, crops, tile rows, tile columns, i, j, dy, dx).
        """
        self._fold_columns(weights, 0, self._folds)
        self._fold_columns(weights, -1, self._folds.flip(0, 1, 2))
        turned = weights.permute(1, 0, 2, 4, 3, 6, 5, 8, 7)
        if rows.start == 0:
            self._fold_columns(turned, 0, self._folds)
        if rows.stop == self._tile_rows:
            self._fold_columns(turned, -1, self._folds.flip(0, 1, 2))

    def _fold_columns(self, weights: Any, column: int, folds: Any) -> None:
        """Fold the taps of the first or last column of tiles; folds: (distance to the border, tap, tap)."""
        edge = weights[:, :, :, :, column]
        # Columns of pixels from the border inwards; those further in than the radius need nothing.
        order = edge.permute(5, 1, 0, 2, 3, 4, 6, 7)  # (j, b, a, crops, tile rows, i, dy, dx)
        count = min(order.shape[0], (RADIUS + 1) // 2)
        near = order[:count] if column == 0 else order[-count:]
        matrices = folds[: 2 * count] if column == 0 else folds[-2 * count :]
        flat = near.reshape(2 * count, -1, _SIDE)
        near.copy_(self._torch.bmm(flat, matrices).view(near.shape))

    def _dense_weights(self, weights: Any, tiles: int) -> Any:
        """Taps (4, pixels, 81) on the diagonals of a matrix per tile: (tiles, 4 tile^2, features around)."""
        tile = self._tile
        side, pixels = tile + 2 * _REACH, 4 * tile * tile
        if self._dense.shape[:1] != (tiles,):
            # What is not on a diagonal is zero and stays so.
            self._dense = weights.new_zeros(tiles, pixels, side * side)
        row = side * side
        strides = (
            2 * tile * tile * row, tile * tile * row, pixels * row, tile * row + side, row + 1, side, 1
        )  # fmt: skip
        diagonals = self._dense.as_strided((2, 2, tiles, tile, tile, _COARSE_SIDE, _COARSE_SIDE), strides)
        diagonals.copy_(weights.view(diagonals.shape))
        return self._dense


def _tile(size: int) -> int:
    """The smallest tile that divides a square of features and is no smaller than the least."""
    return next(tile for tile in range(min(size, _LEAST_TILE), size + 1) if size % tile == 0)


def _windows(maps: Any, size: int, stride: int) -> Any:
    """A view of maps (n, c, h, w) as windows (n, rows, columns, c, size, size)."""
    return maps.unfold(2, size, stride).unfold(3, size, stride).permute(0, 2, 3, 1, 4, 5)


def _bicubic(parity: int) -> np.ndarray:
    """Taps on a line enlarged twice, around pixel 2 i + parity, as taps on the line itself around i: (11, 9)."""
    matrix = np.zeros((_SIDE, _COARSE_SIDE))
    for tap in range(_SIDE):
        # Pixel x of the enlarged line lies at (x + 0.5) / 2 - 0.5 of the line (align_corners=False).
        place = (parity + tap - RADIUS) / 2 - 0.25
        for index in range(int(np.floor(place)) - 1, int(np.floor(place)) + 3):
            matrix[tap, index + _REACH] = _cubic(abs(place - index))
    return matrix


def _cubic(distance: float) -> float:
    """The cubic convolution kernel (Keys 1981) with torch's parameter."""
    a, x = _BICUBIC_A, distance
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a


def _folds() -> np.ndarray:
    """For a pixel 0 to 5 from the first one: which tap each tap is added to, (6, 11, 11)."""
    matrices = np.zeros((RADIUS + 1, _SIDE, _SIDE))
    for distance in range(RADIUS + 1):
        for tap in range(_SIDE):
            mirrored = abs(distance + tap - RADIUS)
            matrices[distance, tap, mirrored - distance + RADIUS] = 1.0
    return matrices
