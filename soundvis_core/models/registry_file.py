"""Reads the two tables of the registry: the one that ships and the user's own.

Both have a header line with the columns of :class:`~.registry.ModelRow` (``task`` and ``files``: several, with
spaces between; ``sha256`` and ``git_blob``: ``file=hash``, likewise). The user's rows need little::

    id,task,like,path
    my-clip,embed-image,clip-vit-l-14,weights/my_clip.safetensors

``like`` is the id of a shipped row whose loader, architecture and other columns hold where the user's are empty.
A bad row never hinders the others: it is kept as a problem with its file and line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..home import REGISTRY_NAME, home
from ..resources import table_path
from .registry import LIGHT, TASKS, TORCH, ModelRow

_LIKE = "like"
_COLUMNS = {entry.name for entry in fields(ModelRow)} - {"tasks"} | {"task"}
#: A relative path that does not lead out of its folder.
_INSIDE = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._/-]*")
#: What a row of the user borrows from the row it is like; the rest (source, hashes, licence) is its own.
_BORROWED = ("tasks", "loader", "architecture", "dimension", "input", "needs")


@dataclass(frozen=True)
class UserRows:
    """The user's rows, and what is wrong with the others: id (or ``line N``) -> sentence with file and line."""

    rows: tuple[ModelRow, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=1)
def shipped_rows() -> tuple[ModelRow, ...]:
    """The rows that ship with SoundVis."""
    with open(table_path("models.csv"), encoding="utf-8", newline="") as file:
        return tuple(_row(values) for values in csv.DictReader(file))


def user_rows() -> UserRows:
    """The rows of ``models.csv`` in the folder of SoundVis; none where there is no such file. Raises nothing."""
    path = home() / REGISTRY_NAME
    try:
        stat = path.stat()
    except OSError:
        return UserRows()
    return _read(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int, _size: int) -> UserRows:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            return _checked(path, list(_numbered(reader)), reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problem = f"The registry of models {path} cannot be read: {error}. Save it as a CSV table in UTF-8."
        return UserRows(problems={str(path): problem})


def _numbered(reader: csv.DictReader[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for values in reader:
        yield reader.line_num, values


def _checked(path: Path, lines: list[tuple[int, dict[str, Any]]], columns: Any) -> UserRows:
    unknown = [str(name) for name in columns if name not in _COLUMNS | {_LIKE}]
    if "id" not in columns or unknown:
        wrong = f"has columns that are not known: {', '.join(unknown)}" if unknown else "has no column 'id'"
        known = ", ".join(sorted(_COLUMNS | {_LIKE}))
        return UserRows(
            problems={str(path): f"{path}, line 1: the table {wrong}. Its columns may be: {known}."}
        )
    rows: dict[str, ModelRow] = {}
    problems: dict[str, str] = {}
    for line, values in lines:
        model_id = str(values.get("id") or "").strip()
        try:
            row = _user_row(values, path.parent)
            if row.id in rows or any(row.id == shipped.id for shipped in shipped_rows()):
                raise InputError(f"there is already a model '{row.id}'; choose another id")
            rows[row.id] = row
        except InputError as error:
            problems[model_id if model_id not in rows else f"line {line}"] = f"{path}, line {line}: {error}."
    return UserRows(tuple(rows.values()), problems)


def _user_row(values: Mapping[str, Any], folder: Path) -> ModelRow:
    if None in values:
        raise InputError(
            "the row has more values than the table has columns; put texts with commas in quotes"
        )
    given = {name: text.strip() for name, text in values.items() if text and text.strip()}
    like = given.pop(_LIKE, "")
    if "id" not in given:
        raise InputError("the row has no id")
    row = _row({**given, "runtime": TORCH})
    _check_names(row)
    if like:
        row = _borrow(row, like, given)
    known = {shipped.loader for shipped in shipped_rows() if shipped.runtime == TORCH}
    if row.loader not in known:
        what = (
            f"the loader '{row.loader}' is not known"
            if row.loader
            else "the row has neither 'like' nor 'loader'"
        )
        raise InputError(
            f"{what}; give 'like' the id of a model of the same kind, or 'loader' one of {_listed(known)}"
        )
    if not row.tasks:
        raise InputError(f"the row has no task; known are {', '.join(TASKS)}")
    if not row.path and not row.repo:
        raise InputError(
            "the row has neither 'path' (a local folder or file) nor 'repo' (a repository of the hub)"
        )
    if row.path:
        row = replace(row, path=str(folder.joinpath(Path(row.path).expanduser())))
    return replace(row, title=row.title or row.id, licence=row.licence or "not stated")


def _check_names(row: ModelRow) -> None:
    """Ids, revisions and files become parts of paths within the models folder, and must not lead out of it."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", row.id):
        raise InputError(f"the id '{row.id}' may hold letters, digits, '.', '_' and '-' only")
    for name in row.files:
        if not _INSIDE.fullmatch(name):
            raise InputError(f"the file '{name}' has to be a name within the repository")
    if row.revision and not _INSIDE.fullmatch(row.revision):
        raise InputError(f"the revision '{row.revision}' has to be a commit, or the name of a branch or tag")


def _borrow(row: ModelRow, like: str, given: Mapping[str, str]) -> ModelRow:
    for other in shipped_rows():
        if other.id == like and other.runtime != LIGHT:
            names = [name for name in _BORROWED if ("task" if name == "tasks" else name) not in given]
            changes: dict[str, Any] = {name: getattr(other, name) for name in names}
            if "architecture" in given:  # whose vectors may have another length
                changes.pop("dimension", None)
            if row.repo and not row.files:
                changes["files"] = other.files
            return replace(row, **changes)
    known = [other.id for other in shipped_rows() if other.runtime == TORCH]
    raise InputError(f"'like' names '{like}', which is no model with weights; known are {_listed(known)}")


def _row(values: Mapping[str, str]) -> ModelRow:
    """A row of texts by column. Raises InputError where a text is not of its kind."""
    texts = {name: text for name, text in values.items() if name in _COLUMNS and text is not None}
    tasks = tuple(texts.pop("task", "").split())
    wrong = [task for task in tasks if task not in TASKS]
    if wrong:
        raise InputError(f"the task '{wrong[0]}' is not known; known are {', '.join(TASKS)}")
    if texts.get("runtime", LIGHT) not in (LIGHT, TORCH):
        raise InputError(f"the runtime '{texts['runtime']}' is not known; known are {LIGHT}, {TORCH}")
    changes: dict[str, Any] = {
        **texts,
        "tasks": tasks,
        "files": tuple(texts.get("files", "").split()),
        "sha256": _hashes("sha256", texts.get("sha256", ""), 64),
        "git_blob": _hashes("git_blob", texts.get("git_blob", ""), 40),
        "bytes": _number("bytes", texts.get("bytes", "")) or 0,
        "dimension": _number("dimension", texts.get("dimension", "")),
    }
    return ModelRow(**{"title": "", "loader": "", **changes})


def _number(name: str, text: str) -> int | None:
    try:
        return int(text) if text.strip() else None
    except ValueError as error:
        raise InputError(f"{name} is '{text}', which is no whole number") from error


def _hashes(name: str, text: str, length: int) -> dict[str, str]:
    hashes = dict(entry.rpartition("=")[::2] for entry in text.split())
    for file, value in hashes.items():
        if not file or len(value) != length or set(value.lower()) - set("0123456789abcdef"):
            raise InputError(f"{name} is '{text}'; it has to be file=hash with {length} digits (0-9, a-f)")
    return {file: value.lower() for file, value in hashes.items()}


def _listed(names: Any) -> str:
    return ", ".join(sorted(names))
