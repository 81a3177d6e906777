"""What there is to see and to hear at the sites of a gallery."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Callable

from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsProcessingContext

from soundvis_core.errors import SKIPPED, Cancelled, SiteError, as_site_error
from soundvis_core.progress import FirstUnexpected, Progress, check_cancelled

from ...layers.sources import PathResolver, make_transform, site_point

if TYPE_CHECKING:
    from soundvis_core.gallery import GalleryPair, GallerySite, Media
    from soundvis_core.statistics.extreme_pairs import ExtremePairs

    from ...layers.rasters import RasterSource

#: Pixels of a tile on each side.
_TILE_PIXELS = 400


class PairMedia:
    """Photos, tiles and clips of the sites of the chosen pairs; each site is read once."""

    def __init__(
        self,
        resolver: PathResolver,
        audio_field: str,
        photo_field: str,
        raster: RasterSource | None,
        footprint: float,
        crs: QgsCoordinateReferenceSystem,
        context: QgsProcessingContext,
    ) -> None:
        """``footprint``: side of a tile in true metres. Raises InputError for a basemap where ``crs`` is not set."""
        self._resolver = resolver
        self._audio_field, self._photo_field = audio_field, photo_field
        self._raster, self._footprint = raster, footprint
        #: By what it is: how many were asked for; by reason, how many are missing, and one of them in full.
        self._asked: Counter[str] = Counter()
        self._reasons: dict[str, dict[str, tuple[int, str]]] = {}
        self._transform = make_transform(crs, raster.crs, context) if raster is not None else None

    def gallery(
        self,
        found: ExtremePairs,
        rows: Sequence[Mapping[str, Any]],
        features: Mapping[int, QgsFeature],
        progress: Progress,
    ) -> list[GalleryPair]:
        """The pairs with their sites; ``rows`` are the attributes of each pair, ``features`` the sites by position."""
        from soundvis_core.gallery import GalleryPair, GallerySite

        sites: dict[int, GallerySite] = {}
        unexpected = FirstUnexpected(progress)
        for pair, row in zip(found.pairs, rows):
            for position, end in ((pair.a, "a"), (pair.b, "b")):
                if position in sites:
                    continue
                check_cancelled(progress)
                pictures, sound = self._seen_and_heard(features[position], unexpected)
                sites[position] = GallerySite(
                    str(row[f"site_{end}"]), str(row[f"group_{end}"] or ""), pictures, sound
                )
                progress.report(len(sites) / len(features))
        return [
            GalleryPair(pair, sites[pair.a], sites[pair.b], row["distance_m"])
            for pair, row in zip(found.pairs, rows)
        ]

    def failures(self) -> Iterator[str]:
        """What the gallery lacks and why, when it is made: a line for each kind of media."""
        if not self._asked:
            yield (
                "The gallery has no photos, tiles and recordings: choose the fields with their paths (PHOTO_FIELD, "
                "AUDIO_FIELD) or a basemap (RASTER)."
            )
        for what, reasons in self._reasons.items():
            (_, first), *_ = sorted(reasons.values(), key=lambda found: -found[0])
            missing = sum(count for count, _ in reasons.values())
            common = "The reason" if len(reasons) == 1 else "The commonest reason"
            yield (
                f"{missing} of {self._asked[what]} {what} could not be shown; the gallery says why. {common}, as of "
                f"one site: {first}."
            )

    def _counted(self, what: str, media: Media, path: Any = None) -> Media:
        self._asked[what] += 1
        if media.reason:
            # One reason, whatever the name of the file.
            name = re.split(r"[\\/]", str(path).strip())[-1]
            kind = re.sub(r"\S*" + re.escape(name), "", media.reason) if name else media.reason
            count, first = self._reasons.setdefault(what, {}).get(kind, (0, media.reason.rstrip(".")))
            self._reasons[what][kind] = count + 1, first
        return media

    def _seen_and_heard(
        self, feature: QgsFeature, unexpected: FirstUnexpected
    ) -> tuple[tuple[Media, ...], Media | None]:
        from soundvis_core.gallery import clip, photo

        pictures = []
        if self._photo_field:
            seen = _media("photo", lambda: photo(self._path(feature, self._photo_field)), unexpected)
            pictures.append(self._counted("photos", seen, feature.attribute(self._photo_field)))
        if self._raster is not None:
            pictures.append(
                self._counted("tiles", _media("from above", lambda: self._tile(feature), unexpected))
            )
        sound = None
        if self._audio_field:
            sound = _media("recording", lambda: clip(self._path(feature, self._audio_field)), unexpected)
            self._counted("recordings", sound, feature.attribute(self._audio_field))
        return tuple(pictures), sound

    def _path(self, feature: QgsFeature, field: str) -> str:
        return self._resolver.resolve(feature.attribute(field))

    def _tile(self, feature: QgsFeature) -> Media:
        from soundvis_core.gallery import picture
        from soundvis_core.geodesy import LocalFrame

        from ...layers.tiles import read_tile

        raster, transform = self._raster, self._transform
        if raster is None or transform is None:
            raise SiteError("there is no basemap", SKIPPED)
        point = site_point(feature, transform, raster.crs)
        frame = LocalFrame(raster.crs_text, point.x(), point.y())
        source = read_tile(raster, frame, (point.x(), point.y()), self._footprint, _TILE_PIXELS)
        tile, share = source.tile() if source is not None else (None, 0.0)
        if tile is None or share == 0.0:
            raise SiteError("the place lies outside the basemap, or no image came back", SKIPPED)
        return picture(tile, f"from above, {self._footprint:g} m across")


def _media(caption: str, make: Callable[[], Media], unexpected: FirstUnexpected) -> Media:
    """What ``make`` gives, or the reason why there is none: one unreadable file must not cost the gallery."""
    from soundvis_core.gallery import Media

    try:
        return make()
    except Cancelled:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a decoder raises is said on the card
        found = as_site_error(error)
        unexpected.tell(found)
        return Media(caption=caption, reason=str(found))
