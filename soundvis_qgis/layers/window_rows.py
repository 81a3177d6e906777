"""Rows of one or more tables, several per site, to the measurements of each site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qgis.core import QgsFeature

from soundvis_core.errors import InputError
from soundvis_core.progress import Progress, check_cancelled

from ..compat import is_null
from .blocks import is_embedding, read_numbers, read_vectors
from .site_tables import SiteTable, listed_fields

if TYPE_CHECKING:
    import numpy as np

_STRIDE = 2000


@dataclass(frozen=True)
class Measurements:
    """Several measurements of the same sites.

    windows: per site that was read (w, d) float, a row per measurement, NaN where a row had no value. single: sites
    with one measurement only, which were not read. sites: all with two or more, of which ``windows`` may be a sample.
    unnamed: rows without a site.
    """

    windows: list[np.ndarray]
    single: int
    sites: int
    unnamed: int


@dataclass(frozen=True)
class WindowTables:
    """Tables with a row per measurement: which fields hold the site, the measurement (or "") and the values."""

    tables: Sequence[SiteTable]
    site: str
    unit: str
    values: Sequence[str]

    def check(self) -> None:
        """Raise InputError where a table lacks a field, or the fields of values do not make a block."""
        for table in self.tables:
            for name in (self.site, *((self.unit,) if self.unit else ()), *self.values):
                if table.fields.lookupField(name) < 0:
                    raise InputError(
                        f"The table '{table.name}' has no field '{name}'; its fields are {listed_fields(table)}."
                    )
            kinds = [table.fields.at(table.fields.lookupField(name)) for name in self.values]
            other = [field for field in kinds if not field.isNumeric()]
            if other and (len(kinds) > 1 or not is_embedding(other[0])):
                raise InputError(
                    f"'{other[0].name()}' in the table '{table.name}' is not numeric. Give either one embedding field "
                    "or one or more numeric fields."
                )

    def read(self, most: int, seed: int, progress: Progress) -> Measurements:
        """The measurements of each site that has two or more; of more than ``most`` such sites a random sample.

        With several tables, or a field that names measurements, rows of one site with the same table and name are one
        measurement, the mean of these rows; else each row is one.
        Raises InputError for what is no embedding and for lengths that differ, and Cancelled.
        """
        import numpy as np

        self.check()
        places: dict[tuple[str, Any], int] = {}
        units: dict[str, list[int]] = {}
        rows: list[list[int]] = []
        unnamed = 0
        grouped = len(self.tables) > 1 or bool(self.unit)
        for number, table in enumerate(self.tables):
            rows.append([])
            for row, (site, unit) in enumerate(self._keys(table, progress)):
                if site is None or (self.unit and unit is None):
                    unnamed += 1
                    rows[-1].append(-1)
                    continue
                key = (site, (number, unit) if grouped else (number, row))
                if key not in places:
                    places[key] = len(places)
                    units.setdefault(site, []).append(places[key])
                rows[-1].append(places[key])
        split = [found for found in units.values() if len(found) >= 2]
        chosen = split
        if len(split) > most:
            drawn = np.random.default_rng(seed).choice(len(split), most, replace=False)
            chosen = [split[site] for site in np.sort(drawn).tolist()]
        wanted = np.full(len(places), -1)
        order = [place for found in chosen for place in found]
        wanted[order] = np.arange(len(order))
        values = self._values(rows, wanted, len(order), progress)
        edges = np.cumsum([len(found) for found in chosen])
        windows = np.split(values, edges[:-1]) if chosen else []
        return Measurements(windows, len(units) - len(split), len(split), unnamed)

    def _keys(self, table: SiteTable, progress: Progress) -> Iterator[tuple[str | None, str | None]]:
        indices = [table.fields.lookupField(name) if name else -1 for name in (self.site, self.unit)]
        for feature in _checked(table.features(indices), progress):
            site, unit = (_text(feature.attribute(index)) if index >= 0 else None for index in indices)
            yield site, unit

    def _values(
        self, rows: Sequence[Sequence[int]], wanted: np.ndarray, count: int, progress: Progress
    ) -> np.ndarray:
        """The mean over the rows of each wanted measurement, (count, d); NaN where none has a value."""
        import numpy as np

        total: np.ndarray | None = None
        counts = np.zeros(count)
        for table, places in zip(self.tables, rows):
            index = np.array(places, dtype=np.intp)
            mine = np.full(len(index), -1)
            mine[index >= 0] = wanted[index[index >= 0]]
            kept = np.flatnonzero(mine >= 0)
            positions = {int(row): position for position, row in enumerate(kept)}
            values = self._table_values(table, positions, progress)
            if values.size == 0 or np.isnan(values).all():
                continue
            if total is None:
                total = np.zeros((count, values.shape[1]))
            if total.shape[1] != values.shape[1]:
                raise InputError(
                    f"The embeddings in '{table.name}' have {values.shape[1]} numbers, those of the tables before "
                    f"{total.shape[1]}: they come from different models. Embed all of them with one model."
                )
            found = np.isfinite(values).all(axis=1)
            np.add.at(total, mine[kept[found]], values[found])
            np.add.at(counts, mine[kept[found]], 1)
        if total is None:
            return np.full((count, 1), np.nan)
        total[counts == 0] = np.nan
        return total / np.maximum(counts, 1)[:, None]

    def _table_values(self, table: SiteTable, positions: dict[int, int], progress: Progress) -> np.ndarray:
        indices = [table.fields.lookupField(name) for name in self.values]

        def wanted() -> Iterator[tuple[int, QgsFeature]]:
            for row, feature in enumerate(_checked(table.features(indices), progress)):
                if row in positions:
                    yield positions[row], feature

        if table.fields.at(indices[0]).isNumeric():
            return read_numbers(wanted(), indices, len(positions))
        return read_vectors(wanted(), indices[0], len(positions), self.values[0], table.name)


def _checked(features: Iterator[QgsFeature], progress: Progress) -> Iterator[QgsFeature]:
    for number, feature in enumerate(features):
        if number % _STRIDE == 0:
            check_cancelled(progress)
        yield feature


def _text(value: Any) -> str | None:
    """A site or measurement as text; 7 and 7.0 are the same. None where there is none."""
    if is_null(value):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None
