"""A gallery of pairs of sites to look at and listen to: one HTML file that needs nothing else."""

from __future__ import annotations

from .media import Media, clip, photo, picture
from .page import GalleryPair, GallerySite, write_gallery

__all__ = ["GalleryPair", "GallerySite", "Media", "clip", "photo", "picture", "write_gallery"]
