"""Masks of windows on their way from the sites to the results of their recordings."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from qgis.core import QgsFeature

from soundvis_core.errors import SiteError
from soundvis_core.pipeline import OK, SiteResult, TaskOrError

from ..compat import is_null


def mask_of(feature: QgsFeature, field: str) -> str | SiteError | None:
    """The mask of a site; None where it has none, the error where the attribute is no mask."""
    from soundvis_core.screening.mask import read_mask

    value = feature.attribute(field) if field else None
    try:
        return read_mask(None if is_null(value) else value)
    except SiteError as error:
        return error


def with_mask(
    result: SiteResult,
    mask: str | SiteError | None,
    reduced: Callable[[SiteResult, str | None], SiteResult],
) -> SiteResult:
    """A result with its mask in force, by ``reduced``; the error of a mask is that of its site."""
    if isinstance(mask, SiteError):
        return SiteResult(mask.status, str(mask)) if result.status == OK else result
    return reduced(result, mask)


def masked_tasks(
    paths: Iterable[TaskOrError[str]], masks: deque[str | SiteError | None]
) -> Iterator[TaskOrError[Any]]:
    """Tasks of path and mask. ``masks`` has that of each path by the time the path is read."""
    for path in paths:
        mask = masks.popleft()
        if isinstance(path, SiteError) or mask is None:
            yield path
        else:
            yield mask if isinstance(mask, SiteError) else {"path": path, "mask": mask}
