"""The sample town: a made-up town with aerial picture, recordings and street views, whose truth is known."""

from .build import Site, Town, build_town
from .files import write_photos, write_recordings, write_truth

__all__ = ["Site", "Town", "build_town", "write_photos", "write_recordings", "write_truth"]
