"""Copy weights from a folder into the store: for computers without a network, and for files fetched by hand.

The folder may be laid out like the store, hold the files by their names, or be a cache of the hub
(``models--owner--name/snapshots/commit``). Needs nothing but Python, so it runs within QGIS, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import InputError
from ..pipeline import SiteResult, TaskOrError
from ..progress import Progress
from .hashing import read_json
from .installing import Transfer, ensure_room, install, is_commit, megabytes
from .options import ModelOptions
from .registry import ModelRow
from .store import LOCAL, MANIFEST, pinned_revision, revision_folder, wrong_content

_BLOCK = 4 << 20


def copy_models(
    model_ids: Iterable[TaskOrError[str]], options: ModelOptions, progress: Progress, source: str | Path
) -> Iterator[SiteResult]:
    """Copy the weights of models from the folder ``source``; one result per model, see :func:`.installing.install`.

    What the registry pins is verified before anything is copied. Raises InputError where there is no such folder.
    """
    source = Path(source)
    if not source.is_dir():
        raise InputError(f"There is no folder {source} to copy models from. Correct SOURCE_FOLDER.")

    def bring(row: ModelRow, transfer: Transfer) -> tuple[Path, str]:
        found = _find(row, source)
        revision = pinned_revision(row) or _revision(found)
        target = revision_folder(row, options, revision)
        ensure_room(target, sum((found / name).stat().st_size for name in row.files))
        for name in row.files:
            _copy(found / name, target / name, transfer)
        return target, revision

    return install(model_ids, options, progress, bring, "copied")


def _find(row: ModelRow, source: Path) -> Path:
    """The folder within ``source`` that holds all files of a model. Raises InputError that says what is wrong."""
    wrong = ""
    partly = ""
    for folder in _candidates(row, source):
        absent = [name for name in row.files if not (folder / name).is_file()]
        if not absent:
            problems = [wrong_content(row, name, folder / name) for name in row.files]
            found = next(filter(None, problems), None)
            if found is None:
                return folder
            wrong = wrong or found
        elif len(absent) < len(row.files):
            partly = partly or f"{folder} lacks {', '.join(absent)}"
    if wrong:
        raise InputError(f"The files of '{row.id}' are not the right ones: {wrong}. Get them again.")
    if partly:
        raise InputError(f"The files of '{row.id}' are not complete: {partly}.")
    size = f" ({megabytes(row.bytes)})" if row.bytes else ""
    where = row.page or f"https://huggingface.co/{row.repo}"
    raise InputError(
        f"{source} does not hold '{row.id}': {', '.join(row.files)}{size}, from {where}. Put the files into this "
        f"folder, or into a folder '{row.id}' in it."
    )


def _candidates(row: ModelRow, source: Path) -> Iterator[Path]:
    own = source / row.id
    pinned = pinned_revision(row)
    if pinned:
        yield revision_folder(row, ModelOptions(str(source)), pinned)
    yield own
    yield from sorted(path.parent for path in own.glob(f"*/{MANIFEST}"))
    if row.repo:
        kept = "models--" + row.repo.replace("/", "--")
        for cache in (source / kept, source / "hub" / kept, source):
            if pinned:
                yield cache / "snapshots" / pinned
            else:
                yield from sorted((cache / "snapshots").glob("*"))
    yield source


def _revision(folder: Path) -> str:
    """The revision of files in a folder, as its manifest or its place in the hub's cache tells."""
    told = read_json(folder / MANIFEST).get("revision")
    if isinstance(told, str) and is_commit(told):  # it becomes part of a path
        return told
    return folder.name if is_commit(folder.name) else LOCAL


def _copy(source: Path, target: Path, transfer: Transfer) -> None:
    """Copy a file; nothing but the whole one ever has its name."""
    size = source.stat().st_size
    transfer.start(source.name, size)
    if target.exists() and target.samefile(source):
        transfer.finish(size)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with open(source, "rb") as reader, open(partial, "wb") as writer:
            while block := reader.read(_BLOCK):
                writer.write(block)
                transfer.at(writer.tell())
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    transfer.finish(size)
