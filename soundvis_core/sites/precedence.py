"""Several sources about one recording: which place and which time are taken, and what contradicts them.

The order of the sources is that of the claims: the table that the user names, the side-car of the file, a table of its
folder, the header, the file name, tracks. What people wrote down about a file corrects what the recorder was set to;
what is told about the file itself goes before what follows from its time. Last come places that a recorder was only
set up with, and the time at which the file was made.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from . import file_names
from .claims import PositionClaim, TimeClaim
from .clocks import NoTimeError, RecorderClock
from .positions import distance_km

#: Two places further apart contradict each other.
FAR_KM = 1.0
#: Two times further apart contradict each other: below lie slow clocks, above wrong zones.
FAR_SECONDS = 600.0


@dataclass(frozen=True)
class Moment:
    """The time taken: in UTC and local (both None where only a date is known), its source, and the claim."""

    claim: TimeClaim
    utc: dt.datetime | None
    local: dt.datetime | None


def choose_position(claims: Sequence[PositionClaim]) -> tuple[PositionClaim | None, list[str]]:
    """The claim taken, and remarks on those that lie elsewhere."""
    ordered = sorted(claims, key=lambda claim: claim.coarse)
    if not ordered:
        return None, []
    taken = ordered[0]
    remarks = [f"{taken.source}: {taken.remark}"] if taken.remark else []
    for other in ordered[1:]:
        away = distance_km(taken.position, other.position)
        if away > FAR_KM:
            length = f"{away:.1f}" if away < 100 else f"{away:.0f}"
            remarks.append(
                f"{other.source} puts it {length} km away "
                f"({other.position.latitude:.5f}, {other.position.longitude:.5f})"
            )
    if taken.coarse:
        remarks.append("the place is the one that the recorder was configured with, to about 1 km")
    return taken, remarks


def choose_time(claims: Sequence[TimeClaim], clock: RecorderClock) -> tuple[Moment | None, list[str]]:
    """The time taken, and remarks on what is wrong with it and on those that tell another."""
    remarks: list[str] = []
    known: list[tuple[Moment, str]] = []
    for claim in (_backed(claim, claims, clock) for claim in claims):
        whole = not claim.told.date_only
        try:
            utc, doubt = clock.utc(claim.told, claim.own)
            local = clock.local(utc, claim.told) if whole else None
        except NoTimeError as error:
            if not claim.weak:
                remarks.append(f"{claim.source}: {error}")
            continue
        except (OverflowError, ValueError):
            continue
        known.append((Moment(claim, utc if whole else None, local), doubt))
    dates = [moment.claim.told.moment.date() for moment, _ in known if moment.utc is None]
    known.sort(key=lambda pair: _rank(pair[0], dates[0] if dates else None))
    if not known:
        return None, remarks
    taken, doubt = known[0]
    if doubt:
        remarks.append(doubt)
    remarks += [text for other, _ in known[1:] if (text := _contradiction(taken, other))]
    return taken, remarks


def _rank(moment: Moment, date: dt.date | None) -> int:
    """Moments go first; when a file was made goes before the date that another source tells only where it is on it."""
    if moment.utc is None:
        return 2
    if not moment.claim.weak:
        return 0
    return 1 if date is None or (moment.local is not None and moment.local.date() == date) else 3


def _backed(claim: TimeClaim, claims: Sequence[TimeClaim], clock: RecorderClock) -> TimeClaim:
    """A claim; one of a date that was written with a midnight tells this midnight where another source does, too."""
    told = claim.midnight
    if told is None:
        return claim
    day = told.moment.replace(tzinfo=None)
    for other in claims:
        if other.told.date_only or other.weak:
            continue
        try:
            away = (clock.utc(told, claim.own)[0] - clock.utc(other.told, other.own)[0]).total_seconds()
        except NoTimeError:
            continue
        digits = (other.told.moment.replace(tzinfo=None) - day).total_seconds()
        if min(abs(away), abs(digits)) <= FAR_SECONDS:
            return replace(claim, told=told, weak=False)
    return claim


def _contradiction(taken: Moment, other: Moment) -> str:
    if other.utc is None:
        days = (taken.claim.told.moment.date() - other.claim.told.moment.date()).days
        # Of a day more or less the zones may be the reason.
        date = f"{other.claim.told.moment:%Y-%m-%d}"
        return f"{other.claim.source} tells another day ({date})" if abs(days) > 1 else ""
    if taken.utc is None or taken.local is None or other.claim.weak:
        return ""
    away = abs((taken.utc - other.utc).total_seconds())
    same_digits = taken.claim.told.moment.replace(tzinfo=None) - other.claim.told.moment.replace(tzinfo=None)
    same_clock = abs(same_digits.total_seconds()) <= FAR_SECONDS
    # The same digits on the clock are one time where a zone was only supposed, as it is of names.
    if away <= FAR_SECONDS or (same_clock and not (_tells_zone(taken) and _tells_zone(other))):
        return ""
    return f"{other.claim.source} tells another time ({other.utc:%Y-%m-%d %H:%M:%S} UTC)"


def _tells_zone(moment: Moment) -> bool:
    return moment.claim.told.has_zone and not moment.claim.source.startswith(file_names.SOURCE)
