"""One error family. Every message says what was wrong, where, and what to do about it."""

from __future__ import annotations

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


class Cancelled(Exception):
    """The user cancelled the run. Not an error: nothing is reported, nothing half-written is left."""
