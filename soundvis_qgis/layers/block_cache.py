"""GDAL's memory of raster blocks, kept small while a raster is worked through from top to bottom.

By default GDAL keeps blocks in up to 5 % of the machine's memory. A run that reads and writes each block once gains
nothing from that, and would push out of memory what the rest of the machine needs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from osgeo import gdal

#: Never less than this many bytes: what layers on the map are drawn with meanwhile.
LEAST = 64 * 1024 * 1024
#: Room for tiles that reach beyond the rows in work.
_MARGIN = 1.1


class _Holders:
    """The limits that runs hold the cache to at the moment, and what it was before the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limits: list[int] = []
        self._usual = 0

    def add(self, limit: int) -> None:
        with self._lock:
            if not self._limits:
                self._usual = gdal.GetCacheMax()
            self._limits.append(limit)
            self._apply()

    def remove(self, limit: int) -> None:
        with self._lock:
            self._limits.remove(limit)
            self._apply()

    def _apply(self) -> None:
        # The run that needs most decides; the last one gives the cache back as it was.
        gdal.SetCacheMax(min(self._usual, max(self._limits)) if self._limits else self._usual)


_holders = _Holders()


@contextmanager
def bounded_block_cache(row_bytes: int, rows: int) -> Iterator[None]:
    """Hold GDAL's block cache to ``rows`` whole rows of ``row_bytes`` bytes each, or what it is if that is less.

    Rasters in strips are decoded by whole rows: with less than one row of blocks in memory each strip would
    be decoded again for every block. The cache belongs to all of QGIS and is given back at the end.
    """
    limit = max(LEAST, int(_MARGIN * row_bytes * rows))
    _holders.add(limit)
    try:
        yield
    finally:
        _holders.remove(limit)
