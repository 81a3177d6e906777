"""What the log says of tables in a folder that could not be used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ..progress import Progress
from .table_columns import Columns

#: So many kinds of tables are told of.
_MOST = 5
#: So many columns are named.
_COLUMNS = 8


class LeftTables:
    """Tables whose header tells nothing that is known, by their columns: thousands may be alike."""

    def __init__(self, one: str) -> None:
        """``one``: a file in words."""
        self._one = one
        self._paths: dict[str, list[str]] = defaultdict(list)

    def add(self, path: str, names: Sequence[str], columns: Columns) -> None:
        """Keep a table and why it is left."""
        among = f"among its columns {listed([name.strip() or '(empty)' for name in names], _COLUMNS)}"
        if not any(name.strip() for name in names):
            why = "it has no line with the names of its columns"
        elif columns.names_files:
            why = f"none tells a place, a time, a licence, an author or a link {among}"
        else:
            why = f"none names {self._one}s ('file', 'folder' or 'id') {among}"
        self._paths[why].append(path)

    def tell(self, sheets: Sequence[str], progress: Progress) -> None:
        """Say which tables are left, and which spreadsheets."""
        for why, paths in list(self._paths.items())[:_MOST]:
            more = f" So are {len(paths) - 1} more with such columns." if len(paths) > 1 else ""
            progress.info(f"The table {paths[0]} was left: {why}.{more}")
        more_kinds = list(self._paths.values())[_MOST:]
        if more_kinds:
            progress.info(f"{sum(map(len, more_kinds))} further tables were left for the like.")
        if sheets:
            progress.info(
                f"Spreadsheets are not read: {listed(sheets)}. Save a table as CSV to have it used."
            )


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
