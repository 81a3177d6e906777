"""Photos to scores: what CLIP finds nearer, by sentences for a condition and against it, or brightness alone."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import Cancelled, SiteError
from ..pipeline import OK, SiteResult, TaskOrError, map_sites
from ..progress import Progress
from .rules import INDOOR, NIGHT, RAIN, SNOW

if TYPE_CHECKING:
    from ..models.clip import ClipImageEncoder
    from ..models.options import ModelOptions
    from ..models.store import Weights

#: What CLIP's cosines are multiplied by before the softmax: the scale that its training ended at, and is clipped to
#: (Radford et al. 2021, arXiv 2103.00020, section 2.5).
SCALE = 100.0
#: A pixel whose luma (0 to 1) is below this is dark.
DARK = 0.2
#: For brightness photos are decoded no larger than this (pixels).
SIDE = 256

_SHOTS = ("a photo of {}.", "a street view photo of {}.", "a picture taken with a phone of {}.", "{}.")
#: To be changed together with the version of the job: what was found with other sentences is kept.
#: Per rule the ensembles of what is looked for, each in every shot, and of what else it may be: the nearest counts.
PROMPTS: Mapping[str, tuple[Sequence[str], Sequence[Sequence[str]]]] = {
    INDOOR: (
        (
            "a room indoors", "the inside of a building", "an indoor scene", "the interior of a shop",
            "a hallway inside a building", "the inside of a station hall",
        ),
        (
            ("a street outdoors", "an outdoor scene", "the outside of buildings", "a road under the open sky"),
            ("a park outdoors", "an outdoor landscape", "trees and grass outdoors"),
        ),
    ),
    NIGHT: (
        (
            "a street at night", "a dark outdoor scene at night", "a city lit by street lamps at night",
            "a place after dark under a black sky",
        ),
        (
            ("a street by day", "an outdoor scene in daylight", "a place in bright daylight"),
            ("an overcast day", "a street on a grey cloudy day", "a shaded street by day"),
        ),
    ),
    SNOW: (
        (
            "a street covered with snow", "a snowy outdoor scene", "snow on the ground", "a place in falling snow",
        ),
        (
            ("a street in summer", "a dry street without snow", "green grass and trees"),
            ("a wet street in the rain", "a rainy outdoor scene"),
            ("white buildings in bright sunshine", "an overcast day without snow", "light sand and pale pavement"),
        ),
    ),
    RAIN: (
        (
            "a street in the rain", "a rainy outdoor scene", "rain drops on the lens", "a wet street during rain",
            "people with umbrellas in the rain",
        ),
        (
            ("a street in sunshine", "a dry street on a sunny day", "a dry outdoor scene"),
            ("a dry street on a cloudy day", "an overcast day without rain"),
            ("a street covered with snow", "a snowy outdoor scene"),
        ),
    ),
}  # fmt: skip


def ensembles() -> tuple[list[list[str]], dict[str, list[int]]]:
    """All ensembles of whole sentences, and per rule where its own stand: the one for it, then those against it."""
    found: list[list[str]] = []
    where: dict[str, list[int]] = {}
    for rule, (wanted, others) in PROMPTS.items():
        where[rule] = list(range(len(found), len(found) + 1 + len(others)))
        found += [[shot.format(text) for text in texts for shot in _SHOTS] for texts in (wanted, *others)]
    return found, where


def margin_scores(
    vectors: np.ndarray, texts: np.ndarray, where: Mapping[str, Sequence[int]]
) -> dict[str, np.ndarray]:
    """Per rule the probability 0 to 1 of each picture, (n,) float64, by cosines.

    vectors: (n, d) of pictures, of any length. texts: (m, d) of ensembles, of length 1. The margin is the cosine with
    the ensemble for the rule less the highest of those against it; the probability is the softmax of these two at
    CLIP's scale: 0.5 where the margin is 0, 0.73 at 0.01.
    """
    numbers = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(numbers, axis=1, keepdims=True)
    cosines = numbers / np.where(lengths > 0.0, lengths, 1.0) @ np.asarray(texts, dtype=np.float64).T
    scores = {}
    for rule, (own, *others) in where.items():
        margin = cosines[:, own] - cosines[:, others].max(axis=1)
        scores[rule] = 1.0 / (1.0 + np.exp(-SCALE * margin))
    return scores


def screen_photos(
    paths: Iterable[TaskOrError[str]],
    model: ClipImageEncoder,
    weights: Weights,
    options: ModelOptions,
    progress: Progress,
) -> Iterator[SiteResult]:
    """The scores of each photo by CLIP, in order: by rule a number 0 to 1, see :func:`margin_scores`.

    weights: those of ``model``, whose text tower reads the sentences.
    """
    from ..embed import embed_photos
    from ..models.text_embeddings import embed_ensembles

    sentences, where = ensembles()
    texts = embed_ensembles(sentences, weights, options)
    for result in embed_photos(paths, model, progress):
        if result.status != OK or result.vector is None:
            yield result
            continue
        scores = margin_scores(result.vector[None], texts, where)
        yield SiteResult(OK, result.reason, values={name: float(score[0]) for name, score in scores.items()})


def screen_brightness(paths: Iterable[TaskOrError[str]], progress: Progress) -> Iterator[SiteResult]:
    """The scores of each photo by its brightness alone, in order: ``night``, see :func:`dark_share`."""
    return map_sites(_screen_brightness, paths, progress)


def dark_share(image: np.ndarray) -> float:
    """The share (0 to 1) of pixels of an image, uint8 (h, w, 3), whose luma (ITU-R BT.601) is below :data:`DARK`."""
    luma = np.einsum("hwc,c->hw", image.astype(np.float32), np.array([0.299, 0.587, 0.114], np.float32))
    return float((luma < DARK * 255.0).mean())


def _screen_brightness(path: str, stop: threading.Event) -> SiteResult:
    from ..images import load_photo

    if stop.is_set():
        raise Cancelled
    image = load_photo(path, max_side=SIDE)
    if image.size == 0:
        raise SiteError("the photo has no pixels")
    return SiteResult(OK, values={NIGHT: dark_share(image)})


def scores_of(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, np.ndarray]:
    """By rule the score of a photo as one window, (1,) float64; NaN for a rule that has none."""
    return {name: np.array([float(values.get(name, np.nan))]) for name in names}
