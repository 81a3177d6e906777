"""What a viewer sees who looks around inside an equirectangular panorama."""

from __future__ import annotations

import numpy as np

from .errors import SiteError

#: Directions of the views, degrees clockwise from the middle of the picture.
YAWS = (0.0, 90.0, 180.0, 270.0)
#: Field of view, degrees: four of them go once around.
FIELD = 90.0
#: The longest side (pixels) of a view; the models that look at it take 224 to 352.
LARGEST_VIEW = 512

_RATIO, _TOLERANCE = 2.0, 0.1


def check_panorama(image: np.ndarray) -> None:
    """Raise :class:`SiteError` where a picture (h, w, 3) is not about twice as wide as high."""
    height, width = image.shape[:2]
    if abs(width / height - _RATIO) > _TOLERANCE:
        raise SiteError(
            f"The photo has {width} x {height} pixels and is no whole panorama (those are twice as wide as high: "
            "360 x 180 degrees). Choose another kind of views for such photos."
        )


def view_size(width: int) -> int:
    """Side of the views (pixels) of a panorama of ``width`` pixels: as sharp in the middle as the panorama is."""
    return max(min(round(width / np.pi), LARGEST_VIEW), 1)


def perspective_view(image: np.ndarray, yaw: float, size: int) -> np.ndarray:
    """A square view of a panorama, uint8 (size, size, 3): gnomonic projection at the horizon, 90 degrees wide.

    ``image`` is equirectangular, uint8 (h, w, 3): longitude -180 to 180 from left to right, latitude 90 to -90
    from top to bottom, values at the middles of pixels. ``yaw`` (degrees) is where the view looks, clockwise from
    the middle of the picture. Sampled bilinearly; the left edge goes on at the right one.
    """
    height, width = image.shape[:2]
    reach = np.tan(np.radians(FIELD / 2.0))
    across = ((np.arange(size) + 0.5) / size * 2.0 - 1.0) * reach
    longitude = np.radians(yaw) + np.arctan(across)
    latitude = np.arctan2(-across[:, None], np.hypot(1.0, across)[None, :])
    column = (longitude / (2.0 * np.pi) + 0.5) * width - 0.5
    row = np.clip((0.5 - latitude / np.pi) * height - 0.5, 0.0, height - 1.0)
    left, top = np.floor(column).astype(np.intp), np.floor(row).astype(np.intp)
    right_share = (column - left).astype(np.float32)[None, :, None]
    low_share = (row - top).astype(np.float32)[:, :, None]
    left, right, low = left % width, (left + 1) % width, np.minimum(top + 1, height - 1)
    upper = _between(image[top, left], image[top, right], right_share)
    lower = _between(image[low, left], image[low, right], right_share)
    return np.rint(_between(upper, lower, low_share)).astype(np.uint8)


def _between(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    start = first.astype(np.float32)
    return start + share * (second.astype(np.float32) - start)
