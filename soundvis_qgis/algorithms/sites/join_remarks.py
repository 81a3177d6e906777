"""What the log says of a join: ways, names that were not found, long distances, and what several sites share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from soundvis_core.progress import Progress

if TYPE_CHECKING:
    import numpy as np

    from soundvis_core.sites.joins import Joined, Limits, Places


def say_recurring(
    what: str, wanted: Sequence[Any], recurring: Mapping[str, int], layer: str, progress: Progress
) -> None:
    """Tell of the keys that sites ask for and several of the others have."""
    from ...layers.join_sources import NAME

    asked = {key: recurring[key] for key in wanted if key in recurring}
    if not asked:
        return
    # A name of a file that stands for a path begins with a zero byte.
    told = list(asked.items())[:3]
    named = ", ".join(f"'{key[1:] if key[0] == NAME else key}' ({times} times)" for key, times in told)
    more = f" and {len(asked) - 3} more" if len(asked) > 3 else ""
    one = len(asked) == 1
    progress.warn(
        f"{len(asked)} {what}{'' if one else 's'} {'occurs' if one else 'occur'} several times in '{layer}'; the first "
        f"row was taken: {named}{more}."
    )


def say_unplaced(others: Places, layer: str, progress: Progress) -> None:
    """Tell of rows of the other layer that have no place, so that they are nobody's nearest."""
    if others.unplaced:
        count, first = len(others.unplaced), next(iter(others.unplaced.values()))
        progress.warn(
            f"{count} of the {len(others)} rows of '{layer}' cannot be the nearest of a site, for want of a place "
            f"(the first: {first})."
        )


def say_joined(joined: Joined, limits: Limits, prefix: str, progress: Progress) -> None:
    """Tell what in a join asks for a look."""
    _say_unfound(joined, prefix, progress)
    _say_far(joined, limits, prefix, progress)
    _say_shared(joined, limits, prefix, progress)


def say_ways(joined: Joined, tiles: int, prefix: str, progress: Progress) -> None:
    """Tell how many sites were joined in which way, ``tiles`` of them by a tile."""
    ways = Counter(way for way in joined.ways if way)
    counts = [f"{way}: {count}" for way, count in ways.items()] + [f"tile: {tiles}"] * bool(tiles)
    if counts:
        progress.info(f"Joined by {', '.join(counts)}.")
    if tiles:
        progress.warn(
            f"{_sites(tiles)} a tile from above, for nothing else was found ({prefix}way = 'tile'). It does not "
            "replace a street photo: beside such, leave these sites out of what you compare."
        )


def _sites(count: int, one: str = "has", several: str = "have") -> str:
    return f"1 site {one}" if count == 1 else f"{count} sites {several}"


def _named(joined: Joined) -> np.ndarray:
    """Which sites are joined by a path or key: bool (sites,)."""
    import numpy as np

    from soundvis_core.sites.joins import NEAREST

    return np.array([bool(way) and way != NEAREST for way in joined.ways], dtype=bool)


def _say_unfound(joined: Joined, prefix: str, progress: Progress) -> None:
    from soundvis_core.sites.joins import NEAREST

    replaced = [way for way, reason in zip(joined.ways, joined.reasons) if way and reason]
    if not replaced:
        return
    near = sum(way == NEAREST for way in replaced)
    got = []
    if near:
        got.append(f"{near} got the nearest in its place")
    if len(replaced) > near:
        got.append(f"{len(replaced) - near} got what the key names")
    progress.warn(
        f"{_sites(len(replaced), 'names', 'name')} what is not in the other layer, and {' and '.join(got)}. Correct "
        f"the path or key where that is not meant ({prefix}reason tells which)."
    )


def _say_far(joined: Joined, limits: Limits, prefix: str, progress: Progress) -> None:
    import numpy as np

    from soundvis_core.sites.joins import metres_above

    far = np.flatnonzero(_named(joined) & (np.nan_to_num(joined.metres) > limits.metres))
    if far.size:
        progress.warn(
            f"{_sites(far.size, 'is', 'are')} joined by path or key with what lies further than {limits.metres:.10g} m "
            f"away (the furthest {metres_above(float(joined.metres[far].max()), limits.metres)}). Paths and keys hold "
            f"whatever the distance: look at {prefix}dist_m."
        )


def _say_shared(joined: Joined, limits: Limits, prefix: str, progress: Progress) -> None:
    several = joined.shared > 1
    if not several.any():
        return
    things = len(set(joined.other[several].tolist()))
    named = int((several & _named(joined)).sum())
    remedies = []
    if int(several.sum()) > named and not limits.alone:
        remedies.append("For those joined as nearest, 'One to one' or a shorter distance parts them.")
    if named:
        remedies.append(
            f"{named} of them have it by path or key, which 'One to one' and the distance leave as they are: where "
            "that is not meant, correct the path or key, or leave all but one of the sites out."
        )
    progress.warn(
        f"{int(several.sum())} sites share {things} of the recordings or photos with other sites "
        f"(field {prefix}shared_by). Where it stands for what is seen or heard there, such sites are perfectly alike "
        f"by that alone, which raises correlations. {' '.join(remedies)}"
    )
