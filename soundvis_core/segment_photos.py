"""Street photos to shares of classes: light models by themselves, trained ones in batches across photos."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Union, runtime_checkable

from .classes import UNCLASSIFIED, UNCLASSIFIED_NAME, ClassList
from .errors import InputError, SiteError
from .pipeline import OK, SiteResult, TaskOrError, map_sites
from .progress import Progress

if TYPE_CHECKING:  # the plugin reads the constants of this module when it loads, and numpy is heavy
    import numpy as np

#: For light models photos are decoded no larger than this (pixels).
PHOTO_SIDE = 1024
#: Below this probability a pixel is unclassified. The scores of a model that reads words are low and not calibrated:
#: CLIPSeg's authors tell one object from everything else best at 0.3 (arXiv 2112.10003, table 1). Where the best of
#: several classes is taken, a third of that leaves out what none of the prompts means and keeps what is merely faint.
DEFAULT_THRESHOLD = 0.1


class PhotoSegmenter(Protocol):
    """What a light model for photos offers (see :class:`.models.colour_index.ColourIndex`)."""

    def shares(self, image: np.ndarray) -> dict[str, float]:
        """Name -> share of the picture, summing to 1."""


@runtime_checkable
class PromptedSegmenter(Protocol):
    """What a trained model for photos offers (see :class:`.models.clipseg.ClipSeg`)."""

    batch_size: int

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """A photo as the model's input. Safe to call from several threads at once."""

    def logits(self, batch: Sequence[np.ndarray], prompts: Sequence[str]) -> list[Any]:
        """For each input a tensor (prompts, h, w)."""


def segment_photos(
    paths: Iterable[TaskOrError[str]],
    model: Union[PhotoSegmenter, PromptedSegmenter],
    classes: ClassList,
    threshold: float,
    progress: Progress,
) -> Iterator[SiteResult]:
    """Shares of the classes in each photo, in order.

    Values: class name -> share (0 to 1) in the order of ``classes``, and ``unclassified`` where there is such; they
    sum to 1. A trained model gives each pixel of the photo, at its full size, the class with the most probable
    prompt, and none below ``threshold`` (0 to 1); light models have no threshold.

    Raises InputError for a threshold out of range.
    """
    if not 0.0 <= threshold <= 1.0:
        raise InputError(f"The threshold is a probability between 0 and 1, not {threshold:g}.")
    if isinstance(model, PromptedSegmenter):
        return _prompted(paths, model, classes, threshold, progress)
    return map_sites(partial(_light_shares, model, classes), paths, progress)


def _prompted(
    paths: Iterable[TaskOrError[str]],
    model: PromptedSegmenter,
    classes: ClassList,
    threshold: float,
    progress: Progress,
) -> Iterator[SiteResult]:
    from .batching import map_batches

    prompts, codes = classes.prompts()

    def forward(batch: Sequence[np.ndarray]) -> list[Any]:
        return model.logits(batch, prompts)

    sites = (
        path if isinstance(path, SiteError) else _Photo(path, model, classes, codes, threshold)
        for path in paths
    )
    return map_batches(sites, forward, model.batch_size, progress)


def segment_photo(path: str | Path | None, model: PhotoSegmenter, classes: ClassList) -> dict[str, float]:
    """Shares of the classes in a photo by a light model (0 to 1, summing to 1), in the order of ``classes``.

    What the model finds but the list does not hold is given under ``"unclassified"``, which is present only
    then. Raises :class:`.errors.SiteError` where the photo cannot be read.
    """
    from .images import load_photo

    found = model.shares(load_photo(path, max_side=PHOTO_SIDE))
    shares = {entry.name: 0.0 for entry in classes.classes}
    unclassified = 0.0
    for name, share in found.items():
        entry = classes.find(name)
        if entry is None:
            unclassified += share
        else:
            shares[entry.name] += share
    if unclassified > 0.0:
        shares[UNCLASSIFIED_NAME] = unclassified
    return shares


def _light_shares(model: PhotoSegmenter, classes: ClassList, path: str, _stop: threading.Event) -> SiteResult:
    return SiteResult(OK, values=segment_photo(path, model, classes))


class _Photo:
    """A photo on its way through a trained model: its pixels go once they are prepared, its size stays."""

    def __init__(
        self,
        path: str,
        model: PromptedSegmenter,
        classes: ClassList,
        codes: Sequence[int],
        threshold: float,
    ) -> None:
        self._path = path
        self._model = model
        self._classes = classes
        self._codes = codes
        self._threshold = threshold
        self._size = (0, 0)
        self._shares: dict[str, float] = {}

    def items(self, _stop: threading.Event) -> Iterator[np.ndarray]:
        from .images import load_photo

        image = load_photo(self._path)
        self._size = (image.shape[0], image.shape[1])
        prepared = self._model.prepare(image)
        del image
        yield prepared

    def add(self, output: Any) -> None:
        from .models.logit_maps import class_counts

        if not bool(output.isfinite().all()):
            raise SiteError(
                "the model gave values that are not finite numbers; its weights may be damaged, or the number format "
                "too short for it (set the precision to fp32)"
            )
        counts = class_counts(output, self._size, self._codes, self._threshold)
        self._shares = shares_of(counts, self._classes)

    def result(self) -> SiteResult:
        return SiteResult(OK, values=self._shares)


def shares_of(counts: np.ndarray, classes: ClassList) -> dict[str, float]:
    """Pixels per code, (256,), as shares of the classes; ``unclassified`` only where there is such."""
    total = float(counts.sum())
    shares = {entry.name: float(counts[entry.code] / total) for entry in classes.classes}
    if counts[UNCLASSIFIED]:
        shares[UNCLASSIFIED_NAME] = float(counts[UNCLASSIFIED] / total)
    return shares
