"""GDAL's errors as exceptions, or not at all, for a block of code and no longer: its switches belong to all of QGIS."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from osgeo import gdal


class _SharedSwitch:
    """The switch of GDAL before 3.7, one for all threads: on with the first open block, restored after the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = 0
        self._were_on = False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._blocks == 0:
                self._were_on = bool(gdal.GetUseExceptions())
                gdal.UseExceptions()
            self._blocks += 1
        try:
            yield
        finally:
            with self._lock:
                self._blocks -= 1
                if self._blocks == 0 and not self._were_on:
                    _switch_off()


def _switch_off() -> None:
    try:
        gdal.DontUseExceptions()
    except RuntimeError:
        # Someone switched exceptions on meanwhile (Processing does so when it loads), and GDAL 3.6 lets only the
        # last one switch them off: they stay on, as that one wants them.
        return


_shared_switch = _SharedSwitch()


def gdal_exceptions() -> AbstractContextManager[None]:
    """Within the block GDAL raises RuntimeError; afterwards everything is as before.

    Other plugins and Processing scripts test for None where GDAL fails, and the switch is theirs as well.
    """
    if hasattr(gdal, "ExceptionMgr"):  # GDAL 3.7 and newer: for this thread alone
        return gdal.ExceptionMgr(useExceptions=True)
    return _shared_switch()


@contextmanager
def quiet_gdal() -> Iterator[None]:
    """Within the block GDAL writes no errors of this thread; they are still raised, or returned."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        yield
    finally:
        gdal.PopErrorHandler()
