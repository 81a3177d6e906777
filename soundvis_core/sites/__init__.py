"""Sites from what people have: ``scan_recordings`` is the door to a folder of recordings."""

from __future__ import annotations

from .clocks import RecorderClock, time_zone
from .folder_scan import Options, ScannedFile
from .recordings import Recording, scan_recordings

__all__ = ["Options", "RecorderClock", "Recording", "ScannedFile", "scan_recordings", "time_zone"]
