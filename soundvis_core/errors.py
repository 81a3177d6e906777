"""One error family. Every message says what was wrong, where, and what to do about it."""

from __future__ import annotations

import traceback

FAILED = "failed"
SKIPPED = "skipped"


class SoundVisError(Exception):
    """The run cannot go on; the message is shown to the user as it is."""


class InputError(SoundVisError):
    """An input of the whole run cannot be used (a table, a parameter, a raster)."""


class MissingDependencyError(SoundVisError):
    """A Python package that this step needs is not installed."""


class SiteError(SoundVisError):
    """One site cannot be processed; the run goes on with the others.

    ``status`` is ``failed`` where something is broken (a corrupt recording) and ``skipped`` where there
    is nothing to work on (no path, silence, outside the raster). ``str(error)`` is the reason.
    """

    def __init__(self, reason: str, status: str = FAILED) -> None:
        super().__init__(reason)
        self.status = status


class UnexpectedSiteError(SiteError):
    """Something went wrong at one site that nobody foresaw; ``trace`` is its traceback."""

    def __init__(self, error: Exception) -> None:
        super().__init__(_plain_reason(error))
        self.trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))


def as_site_error(error: Exception) -> SiteError:
    """Any error at one site as the reason why that site has no result. Not for :class:`Cancelled`."""
    if isinstance(error, SiteError):
        return error
    return SiteError(str(error)) if isinstance(error, SoundVisError) else UnexpectedSiteError(error)


def _plain_reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "there was not enough memory for this site"
    what = "the file could not be read" if isinstance(error, OSError) else "an unexpected error"
    return f"{what} ({type(error).__name__}: {error})"


class Cancelled(Exception):
    """The user cancelled the run. Not an error: nothing is reported, nothing half-written is left."""
