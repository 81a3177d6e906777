"""GDAL's errors as exceptions, for a block of code and no longer: the switch belongs to all of QGIS."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from osgeo import gdal

_lock = threading.Lock()
#: How many blocks are open, and whether exceptions were on before the first (GDAL before 3.7 only).
_open_blocks = 0
_were_on = False


@contextmanager
def gdal_exceptions() -> Iterator[None]:
    """Within the block GDAL raises RuntimeError; afterwards everything is as before.

    Other plugins and Processing scripts test for None where GDAL fails, and the switch is theirs as well.
    """
    if hasattr(gdal, "ExceptionMgr"):  # GDAL 3.7 and newer: for this thread alone
        with gdal.ExceptionMgr(useExceptions=True):
            yield
        return
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _open_blocks, _were_on
    with _lock:
        if _open_blocks == 0:
            _were_on = bool(gdal.GetUseExceptions())
            gdal.UseExceptions()
        _open_blocks += 1


def _leave() -> None:
    global _open_blocks
    with _lock:
        _open_blocks -= 1
        if _open_blocks == 0 and not _were_on:
            gdal.DontUseExceptions()
