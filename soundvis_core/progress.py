"""How long work reports progress, speaks to the user and learns that it was cancelled."""

from __future__ import annotations

from typing import Protocol

from .errors import Cancelled, SiteError, UnexpectedSiteError


class Progress(Protocol):
    """What every long-running function of the core accepts."""

    def report(self, fraction: float) -> None:
        """Say how much is done, 0 to 1."""

    def info(self, text: str) -> None:
        """Add a line to the log."""

    def warn(self, text: str) -> None:
        """Add a warning to the log."""

    def cancelled(self) -> bool:
        """Whether the user wants to stop."""


class NoProgress:
    """A progress that says nothing and is never cancelled."""

    def report(self, fraction: float) -> None:
        """Nothing."""

    def info(self, text: str) -> None:
        """Nothing."""

    def warn(self, text: str) -> None:
        """Nothing."""

    def cancelled(self) -> bool:
        """Never."""
        return False


NO_PROGRESS = NoProgress()


class PartOf:
    """The share ``start``..``stop`` (0 to 1) of another progress, for one step of several."""

    def __init__(self, whole: Progress, start: float, stop: float) -> None:
        self._whole = whole
        self._start = start
        self._length = stop - start

    def report(self, fraction: float) -> None:
        """Report the step's share of the whole."""
        self._whole.report(self._start + self._length * fraction)

    def info(self, text: str) -> None:
        """Pass a line on."""
        self._whole.info(text)

    def warn(self, text: str) -> None:
        """Pass a warning on."""
        self._whole.warn(text)

    def cancelled(self) -> bool:
        """Whether the whole was cancelled."""
        return self._whole.cancelled()


def check_cancelled(progress: Progress) -> None:
    """Raise :class:`Cancelled` where the user wants to stop."""
    if progress.cancelled():
        raise Cancelled


class FirstUnexpected:
    """Tells the log of the first unexpected error of a run, with its traceback; the next ones are likely the same."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._told = False

    def tell(self, error: SiteError | None) -> None:
        """Log ``error`` where it is the first unexpected one."""
        if self._told or not isinstance(error, UnexpectedSiteError):
            return
        self._told = True
        self._progress.warn(f"A site failed: {error}. The others go on; the details are in the log.")
        self._progress.info(error.trace)
