"""``segearth-ov``: land cover from any class names, by CLIP, sharpened by SimFeatUp (arXiv 2410.01768).

Written from the paper's equations; the numbers in comments are theirs as listed in the methods page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...classes import UNCLASSIFIED, ClassList
from ...errors import InputError
from ...progress import NO_PROGRESS, Progress, check_cancelled
from ..checkpoints import check_keys, read_state_dict
from ..clip_architecture import read_config, visual_tower
from ..device import Placement, out_of_memory, place
from ..options import ModelOptions
from ..store import Weights
from ..text_embeddings import embed_names
from ..torch_stack import torch_stack
from .encoder import PatchEncoder
from .simfeatup import SimFeatUp, expected_shapes
from .windows import CROP, visits

UPSAMPLER = "simfeatup-aid"
_PREFIX = "upsampler."
_NOT_SHARPENED = "without SimFeatUp's weights, the maps of CLIP's 16-pixel patches are enlarged bilinearly"
#: How much the crop's own token takes part in the logits of its pixels, and the scale of the softmax.
DEBIAS, SCALE = -0.3, 50.0
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
#: Memory of a crop at its peak: the encoder's activations, the features of the last step, the logits.
_BYTES_PER_CROP = 160_000_000


@dataclass(frozen=True)
class Prompts:
    """What is looked for: texts (q, d) of length 1 and the class code of each, uint8 (q,), on the model's device.

    threshold: below this probability a pixel gets the code ``background``.
    """

    texts: Any
    codes: Any
    threshold: float
    background: int


class SegEarth:
    """CLIP's patch features, SimFeatUp and the logits; see :meth:`load`.

    batch_size: crops that fit the memory at once. placement: device and number format of CLIP; what follows it is
    computed in float32. sharpened: whether SimFeatUp's weights are there.
    """

    def __init__(
        self, visual: Any, upsampler: SimFeatUp | None, placement: Placement, batch_size: int
    ) -> None:
        self._torch = torch_stack()
        self._encoder = PatchEncoder(visual)
        self._upsampler = upsampler
        self.placement, self.batch_size = placement, batch_size
        self.sharpened = upsampler is not None
        self.id, self.revision = "segearth-ov", ""
        self._embed: Callable[[tuple[str, ...]], np.ndarray] | None = None
        colours = {"dtype": self._torch.float32, "device": placement.device}
        self._mean = self._torch.tensor(MEAN, **colours)[:, None, None]
        self._std = self._torch.tensor(STD, **colours)[:, None, None]

    @classmethod
    def load(cls, weights: Weights, options: ModelOptions) -> SegEarth:
        """The model of CLIP's weight file, with SimFeatUp's where ``weights.parts`` holds them.

        Raises InputError where a file is damaged, holds code or belongs to another architecture.
        """
        tower = visual_tower(weights, read_config(weights))
        placement, batch_size = place(
            options,
            activation_bytes_per_item=_BYTES_PER_CROP,
            weight_bytes=sum(4 * parameter.numel() for parameter in tower.parameters()),
        )
        part = weights.parts.get(UPSAMPLER)
        width = PatchEncoder(tower).width
        upsampler = None if part is None else read_upsampler(part.weight_file(), width, placement.device)
        tower = tower.to(device=placement.device, dtype=placement.torch_dtype)
        model = cls(tower, upsampler, placement, batch_size)
        model.id, model.revision = weights.row.id, weights.revision
        model._embed = lambda names: embed_names(names, weights, options)
        return model

    def describe(self) -> str:
        """For the log and the layer's metadata."""
        how = "sharpened by SimFeatUp" if self.sharpened else _NOT_SHARPENED
        revision = f", revision {self.revision}" if self.revision else ""
        return f"{self.id}{revision}: {how}; {self.placement.describe()}, {self.batch_size} windows at once."

    def prompts(self, classes: ClassList, threshold: float | None = None) -> Prompts:
        """What to look for: every prompt of every class, in 80 sentences each (see :mod:`..text_embeddings`).

        ``threshold`` (0 to 1) takes the place of the class list's. Below it a pixel is the list's background, or
        unclassified where it has none. Raises InputError for a threshold without meaning.
        """
        if self._embed is None:
            raise ValueError("the model was made without a text tower")
        limit = classes.threshold if threshold is None else float(threshold)
        if not 0.0 <= limit <= 1.0:
            raise InputError(f"The threshold is a probability from 0 to 1, not {limit}.")
        names, codes = classes.prompts()
        texts = self._tensor(np.asarray(self._embed(names), dtype=np.float32))
        background = UNCLASSIFIED if classes.background is None else classes.background
        return Prompts(texts, self._tensor(np.array(codes, dtype=np.uint8)), limit, background)

    def logits(self, crops: np.ndarray, valid: np.ndarray, prompts: Prompts) -> Any:
        """Equations 1 to 5: crops uint8 (n, 224, 224, 3), valid bool (n, 224, 224) -> (n, 224, 224, q) float32.

        Pixels that are not valid count as the mean colour of CLIP's training pictures.
        """
        torch, device = self._torch, self.placement.device
        with torch.inference_mode():
            images = torch.from_numpy(np.ascontiguousarray(crops)).to(device).permute(0, 3, 1, 2)
            images = images.float().div_(255).sub_(self._mean).div_(self._std)
            if not valid.all():
                images *= torch.from_numpy(np.ascontiguousarray(valid)).to(device)[:, None]
            whole, features = self._encoder.encode(images)
            # Eq. 5: the debiasing is done on the logits, not on the features.
            bias = DEBIAS * (torch.nn.functional.normalize(whole, dim=-1) @ prompts.texts.t())
            if self._upsampler is None:
                return self._enlarged(features, prompts, bias)
            return self._sharpened(features, images, prompts, bias)

    def _enlarged(self, features: Any, prompts: Prompts, bias: Any) -> Any:
        """Without SimFeatUp: the logits of the patches, enlarged bilinearly."""
        functional = self._torch.nn.functional
        logits = functional.normalize(features, dim=-1) @ prompts.texts.t() + bias[:, None, None, :]
        maps = logits.permute(0, 3, 1, 2)
        return functional.interpolate(maps, size=(CROP, CROP), mode="bilinear", align_corners=False).permute(
            0, 2, 3, 1
        )

    def _sharpened(self, features: Any, images: Any, prompts: Prompts, bias: Any) -> Any:
        """Equations 3 to 5: the features enlarged to pixels, their last layer, the logits."""
        upsampler = self._upsampler
        if upsampler is None:
            raise ValueError("there is no upsampler")
        turn = turned(features, upsampler.last_weight, upsampler.last_bias, prompts.texts)

        def finish(pixels: Any, which: slice) -> Any:
            pixels[..., 0] += turn.offset[which, None, None]
            lengths = pixels.norm(dim=-1, keepdim=True).clamp_(min=1e-12)
            tiles = pixels.flatten(1, 2)
            logits = self._torch.bmm(tiles, turn.texts[which]).view(*pixels.shape[:-1], -1)
            return logits.div_(lengths).add_(bias[which, None, None])

        enlarged = turn.features
        while 2 * enlarged.shape[1] < CROP:
            enlarged = upsampler.double(enlarged, images)
        return upsampler.double(enlarged, images, finish)

    def class_codes(
        self,
        image: np.ndarray,
        valid: np.ndarray,
        rows: Sequence[int],
        columns: Sequence[int],
        prompts: Prompts,
        progress: Progress = NO_PROGRESS,
    ) -> np.ndarray:
        """Equations 6 and 7: class codes uint8 (h, w) of a picture (h, w, 3) uint8, valid (h, w).

        Windows begin at ``rows`` x ``columns`` and cover the picture; those without a valid pixel are left out. The
        logits are held for as many rows as a batch needs, not for the whole picture. Codes of pixels that are not
        valid mean nothing.

        Raises Cancelled between batches.
        """
        codes = np.full(valid.shape, UNCLASSIFIED, dtype=np.uint8)
        across = self._tensor(visits(tuple(columns), valid.shape[1]))
        down = self._tensor(visits(tuple(rows), valid.shape[0]))
        group = max(1, self.batch_size // len(columns))
        band, end = None, rows[0]
        for first in range(0, len(rows), group):
            some = rows[first : first + group]
            top, bottom = some[0], some[-1] + CROP
            total = across.new_zeros(bottom - top, valid.shape[1], len(prompts.texts))
            if band is not None:
                total[: end - top] = band[top - end :]
            places = [(row, column) for row in some for column in columns]
            for (row, column), logits in self._window_logits(image, valid, places, prompts, progress):
                total[row - top : row - top + CROP, column : column + CROP] += logits
            done = rows[first + group] if first + group < len(rows) else bottom
            counts = down[top:done, None] * across[None, :]
            codes[top:done] = decide(total[: done - top] / counts[..., None], prompts)
            band, end = total, bottom
        return codes

    def _window_logits(
        self,
        image: np.ndarray,
        valid: np.ndarray,
        places: Sequence[tuple[int, int]],
        prompts: Prompts,
        progress: Progress,
    ) -> Iterator[tuple[tuple[int, int], Any]]:
        """The logits of the windows at ``places`` that hold a valid pixel, in batches."""

        def window(array: np.ndarray, place: tuple[int, int]) -> np.ndarray:
            return array[place[0] : place[0] + CROP, place[1] : place[1] + CROP]

        waiting = [place for place in places if window(valid, place).any()]
        while waiting:
            check_cancelled(progress)
            batch = waiting[: self.batch_size]
            try:
                found = self.logits(
                    np.stack([window(image, place) for place in batch]),
                    np.stack([window(valid, place) for place in batch]),
                    prompts,
                )
            except (RuntimeError, MemoryError) as error:
                if len(batch) == 1 or not out_of_memory(error):
                    raise
                self.batch_size = len(batch) // 2
                progress.warn(
                    f"The memory is too small for {len(batch)} windows at once; going on with half."
                )
                continue
            yield from zip(batch, found)
            waiting = waiting[len(batch) :]

    def _tensor(self, array: np.ndarray) -> Any:
        return self._torch.from_numpy(array).to(self.placement.device)


def read_upsampler(path: Path, width: int, device: str) -> SimFeatUp:
    """SimFeatUp from its checkpoint: Lightning's ``state_dict``, whose names begin with ``upsampler.``.

    Raises InputError where the file is damaged, holds code or belongs to another architecture.
    """
    state = {name.removeprefix(_PREFIX): tensor for name, tensor in read_state_dict(path).items()}
    check_keys(state, expected_shapes(width), path)
    return SimFeatUp(state, device)


@dataclass(frozen=True)
class Turn:
    """The features of n crops in the directions that they span, r of them, and what belongs to them.

    features: (n, h, w, r). texts: (n, r, q). offset: (n,), to be added to the first direction after the features
    were enlarged. Products with the texts and lengths are as before.
    """

    features: Any
    texts: Any
    offset: Any


def turned(features: Any, weight: Any, bias: Any, texts: Any) -> Turn:
    """Turn features (n, h, w, d) after SimFeatUp's last layer (eq. 4) into the directions that they span.

    Enlarging weighs all channels of a pixel alike, so it may come after the last layer x + 0.1 (W x + b) as far as it
    is linear, and after any rotation. With [0.1 b, (I + 0.1 W) F] = Q R, orthonormal Q (d, r) and r <= h w + 1, R
    is enlarged in place of F: fewer channels, the same lengths, and products with the texts T Q in place of T. As b
    comes first, its image has one entry.
    """
    torch = torch_stack()
    n, height, width, channels = features.shape
    flat = features.reshape(n, height * width, channels)
    columns = torch.cat([(0.1 * bias).expand(n, 1, channels), flat + 0.1 * (flat @ weight.t())], dim=1)
    columns = columns.transpose(1, 2)
    # Apple's GPUs have no float64.
    exact = (columns.cpu() if columns.device.type == "mps" else columns).double()
    q, r = torch.linalg.qr(exact)
    q, r = q.float().to(features.device), r.float().to(features.device)
    return Turn(
        r[:, :, 1:].transpose(1, 2).reshape(n, height, width, -1).contiguous(),
        (texts @ q).transpose(1, 2),
        r[:, 0, 0],
    )


def decide(logits: Any, prompts: Prompts) -> np.ndarray:
    """Equation 7: mean logits (h, w, q) -> class codes uint8 (h, w).

    softmax(50 L) over all prompts, the best prompt of each class, the best class: that is the class of the best
    prompt, whose probability is 1 / sum exp(50 (L - L_best)). Below the threshold: the background.
    """
    best, index = logits.max(dim=-1, keepdim=True)
    codes = prompts.codes[index[..., 0]]
    if prompts.threshold > 0:
        shares = (logits - best).mul_(SCALE).exp_().sum(-1)
        codes[1 / shares < prompts.threshold] = prompts.background
    return np.asarray(codes.cpu().numpy(), dtype=np.uint8)
