"""What one source says about a recording; :mod:`.precedence` weighs several."""

from __future__ import annotations

from dataclasses import dataclass, field

from .clocks import NoTimeError, Told
from .positions import NoPositionError, Position, checked


@dataclass(frozen=True)
class PositionClaim:
    """A place, the source that tells it, and what is doubtful about how it tells it.

    ``coarse``: set for sunrise times, or rounded to a kilometre.
    """

    source: str
    position: Position
    coarse: bool = False
    remark: str = ""


@dataclass(frozen=True)
class TimeClaim:
    """A moment and its source. ``own``: the recorder's clock told it; ``weak``: it is when the file was made.

    ``midnight``: what a date says if the midnight that it was written with is one; another source has to back it.
    """

    source: str
    told: Told
    own: bool = True
    weak: bool = False
    midnight: Told | None = None


@dataclass
class Claims:
    """All that is said about one file, in the order of precedence, and what had to be refused."""

    positions: list[PositionClaim] = field(default_factory=list)
    times: list[TimeClaim] = field(default_factory=list)
    #: Refused positions and other sources with their reasons, in words; then refused times.
    refused: list[str] = field(default_factory=list)
    refused_times: list[str] = field(default_factory=list)
    #: Places that a source has room for and leaves empty, in words: reasons where no other tells one.
    gaps: list[str] = field(default_factory=list)
    recorder: str = ""
    licence: str = ""
    author: str = ""
    link: str = ""
    #: Of photos: where they look (degrees from true north) and their projection, as text.
    heading: str = ""
    projection: str = ""

    def place(
        self, source: str, latitude: float, longitude: float, coarse: bool = False, remark: str = ""
    ) -> None:
        """Add a position, or the reason why it is none."""
        try:
            self.positions.append(PositionClaim(source, checked(latitude, longitude), coarse, remark))
        except NoPositionError as error:
            self.refuse(source, error)

    def refuse(self, source: str, error: Exception) -> None:
        """Keep why something that ``source`` says is not taken."""
        kept = self.refused_times if isinstance(error, NoTimeError) else self.refused
        kept.append(f"{source}: {error}")

    def add(self, other: Claims) -> None:
        """Append what another source says; texts only where there are none yet."""
        self.positions += other.positions
        self.times += other.times
        self.refused += other.refused
        self.refused_times += other.refused_times
        self.gaps += other.gaps
        self.recorder = self.recorder or other.recorder
        self.licence = self.licence or other.licence
        self.author = self.author or other.author
        self.link = self.link or other.link
        self.heading = self.heading or other.heading
        self.projection = self.projection or other.projection
