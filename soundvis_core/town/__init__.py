"""The sample town: a made-up town with aerial picture, recordings and street views, whose truth is known."""

from .build import Site, Town, build_town

__all__ = ["Site", "Town", "build_town"]
