"""The gallery of the most extreme pairs of sites: photos, tiles and clips side by side, quadrant by quadrant."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..report.frame import framed, provenance_section
from ..report.markup import escape, isolated
from ..report.wording import number
from ..report.writing import replace_together
from ..statistics.extreme_pairs import QUADRANTS, ExtremePair
from .media import Media
from .quadrants import LOOKS
from .style import CSS

#: What pictures and clips may take in the file; browsers get slow beyond.
MOST_BYTES = 60_000_000
#: The scale of the bars ends at so many standard deviations.
_WIDEST_Z = 4.0


@dataclass(frozen=True)
class GallerySite:
    """One site: what the user calls it, its group, and what there is to see and to hear (None: not asked for)."""

    name: str
    group: str = ""
    pictures: tuple[Media, ...] = ()
    sound: Media | None = None


@dataclass(frozen=True)
class GalleryPair:
    """A pair with its two sites and the distance between them in metres, None where it is unknown."""

    pair: ExtremePair
    a: GallerySite
    b: GallerySite
    distance: float | None = None


def write_gallery(
    path: str | os.PathLike[str],
    pairs: Sequence[GalleryPair],
    *,
    considered: int,
    note: str = "",
    title: str = "Where sound and sight meet and part",
    provenance: Mapping[str, str] | None = None,
    limit: int = MOST_BYTES,
) -> int:
    """Write the gallery to ``path`` (HTML, UTF-8); replaces an earlier one once it is complete.

    considered: of how many pairs these are the most extreme. note: why there are none. limit: bytes that pictures and
    clips may take; of each quadrant the least extreme pairs go without where they take more. Returns how many
    pictures and clips were left out for that.

    Raises :class:`InputError` where the file cannot be written.
    """
    kept, left_out = _within(pairs, limit)
    page = render_gallery(
        kept, considered=considered, note=note, title=title, provenance=provenance or {}, left_out=left_out
    )
    replace_together({Path(path): page.encode("utf-8", errors="replace")})
    return left_out


def render_gallery(
    pairs: Sequence[GalleryPair],
    *,
    considered: int,
    note: str,
    title: str,
    provenance: Mapping[str, str],
    left_out: int = 0,
) -> str:
    """The gallery as HTML text; see :func:`write_gallery`."""
    sections = {
        quadrant: [entry for entry in pairs if entry.pair.quadrant == quadrant] for quadrant in QUADRANTS
    }
    links = "".join(
        f"<a href='#q{place}'><i style='background:{LOOKS[quadrant].css}'></i>{quadrant.capitalize()} "
        f"({len(entries)})</a>"
        for place, (quadrant, entries) in enumerate(sections.items())
    )
    said = (
        f"The most extreme of {considered:,} pairs of sites. In bold how similar the two are; the bar shows by how "
        "many standard deviations (SD) that lies above (right) or below (left) the mean of all pairs. A pair ranks by "
        "the shorter of its two bars."
    )
    if note:
        said = f"There are no pairs to show: {note}."
    if left_out:
        said += f" {left_out} of the pictures and clips are left out to keep this file usable."
    body = "".join(
        _section(place, quadrant, entries)
        for place, (quadrant, entries) in enumerate(sections.items())
        if not note
    )
    lead = f"<p class='lead'>{escape(said)}</p>"
    body += provenance_section(provenance)
    return framed("SoundVis pairs of sites", title, lead, "" if note else links, body, CSS)


def _section(place: int, quadrant: str, entries: Sequence[GalleryPair]) -> str:
    look = LOOKS[quadrant]
    cards = "".join(_card(entry, look.css) for entry in entries)
    shown = (
        f"<div class='cards'>{cards}</div>" if cards else "<p class='missing'>No pair is of this kind.</p>"
    )
    return (
        f"<section id='q{place}'><h2><i style='background:{look.css}'></i>{quadrant.capitalize()}</h2>"
        f"<p class='what'>{escape(look.meaning)}</p>{shown}</section>\n"
    )


def _card(entry: GalleryPair, colour: str) -> str:
    pair = entry.pair
    apart = (
        f"<span class='apart'>{distance_text(entry.distance)} apart</span>"
        if entry.distance is not None
        else ""
    )
    return (
        f"<article style='--quadrant:{colour}'><header><h3>{pair.rank}. {isolated(entry.a.name)} and "
        f"{isolated(entry.b.name)}</h3>{apart}</header><div class='measures'>"
        f"{_measure('Sound', pair.similarity_a, pair.z_a)}{_measure('Sight', pair.similarity_b, pair.z_b)}</div>"
        f"<div class='sites'>{_site(entry.a)}{_site(entry.b)}</div></article>"
    )


def _measure(what: str, similarity: float, z: float) -> str:
    length = min(abs(z), _WIDEST_Z) / _WIDEST_Z * 50.0
    left = 50.0 if z >= 0 else 50.0 - length
    return (
        f"<span>{what}</span><b>{number(similarity)}</b>"
        f"<span class='z'><i style='left:{left:.1f}%;width:{length:.1f}%'></i></span>"
        f"<small>{number(abs(z), 1)} SD {'above' if z >= 0 else 'below'} the mean</small>"
    )


def _site(site: GallerySite) -> str:
    group = f" <span>{isolated(site.group)}</span>" if site.group else ""
    pictures = "".join(
        f"<figure><img src='{one.uri}' alt='{escape(f'{one.caption} of {site.name}')}'>"
        f"<figcaption>{escape(one.caption)}</figcaption></figure>"
        if one.uri
        else f"<figure>{_missing(one)}</figure>"
        for one in site.pictures
    )
    sound = ""
    if site.sound is not None:
        player = (
            "<audio controls controlslist='nodownload noplaybackrate' preload='metadata' "
            f"src='{site.sound.uri}'></audio>"
            f"<figcaption>{escape(f'recording, {site.sound.caption}')}</figcaption>"
            if site.sound.uri
            else _missing(site.sound)
        )
        sound = f"<figure class='sound'>{player}</figure>"
    return f"<section class='site'><h4>{isolated(site.name)}{group}</h4>{pictures}{sound}</section>"


def _missing(media: Media) -> str:
    what = f"{media.caption}: " if media.caption else ""
    return f"<p class='missing'>{escape(what + media.reason)}</p>"


def distance_text(metres: float) -> str:
    """A distance in words: metres below a kilometre, kilometres with one digit below a hundred."""
    if metres < 999.5:
        return f"{metres:.0f} m"
    kilometres = metres / 1000.0
    return f"{kilometres:.1f} km" if kilometres < 99.95 else f"{kilometres:,.0f} km"


def _within(pairs: Sequence[GalleryPair], limit: int) -> tuple[list[GalleryPair], int]:
    """The pairs with as many pictures and clips as fit, first those of the highest ranks; and how many do not fit."""
    room, left_out = limit, 0
    kept: dict[int, GalleryPair] = {}

    def fit(media: Media) -> Media:
        nonlocal room, left_out
        if not media.uri:
            return media
        if len(media.uri) <= room:
            room -= len(media.uri)
            return media
        left_out += 1
        return Media(caption=media.caption, reason="left out to keep this file usable; ask for fewer pairs")

    for place, entry in sorted(enumerate(pairs), key=lambda item: item[1].pair.rank):
        sites = [
            replace(
                site,
                pictures=tuple(fit(one) for one in site.pictures),
                sound=fit(site.sound) if site.sound is not None else None,
            )
            for site in (entry.a, entry.b)
        ]
        kept[place] = replace(entry, a=sites[0], b=sites[1])
    return [kept[place] for place in range(len(pairs))], left_out
