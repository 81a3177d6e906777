"""What downloading and copying of weights share: room on the disk, progress, verification, the last step."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Callable

from ..errors import FAILED, Cancelled, InputError, SiteError, SoundVisError
from ..pipeline import OK, SiteResult, TaskOrError
from ..progress import Progress, check_cancelled
from .options import ModelOptions
from .registry import LIGHT, ModelRow, by_id
from .store import MissingWeightsError, locate, write_manifest

#: Left free on the disk beside the weights.
_SPARE = 200_000_000
_MEGABYTE = 1_000_000.0
#: A line in the log for every tenth of a file, of files larger than this.
_LARGE = 20_000_000


class Transfer:
    """The bytes of a run, for progress: per file in the log, in all as a fraction."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = max(total, 1)
        self._before = 0
        self._name = ""
        self._size = 0
        self._told = 0

    def say(self, text: str) -> None:
        """Add a line to the log."""
        self._progress.info(text)

    def start(self, name: str, size: int | None, present: int = 0) -> None:
        """Begin a file of ``size`` bytes, ``present`` of which are there already."""
        self._name, self._size = name, size or 0
        self._told = 10 * present // self._size if self._size else 0
        rest = f", going on at {megabytes(present)}" if present else ""
        self._progress.info(f"  {name}: {megabytes(size) if size else 'size unknown'}{rest}")
        self.at(present)

    def at(self, present: int) -> None:
        """Say how many bytes of the file are there. Raises Cancelled where the user wants to stop."""
        check_cancelled(self._progress)
        done = self._before + present
        self._progress.report(min(done / self._total, 1.0))
        tenth = 10 * present // self._size if self._size else 0
        if tenth > self._told and self._size > _LARGE:
            self._told = tenth
            in_all = f"{megabytes(done)} of {megabytes(self._total)} in all"
            self._progress.info(f"  {self._name}: {megabytes(present)} of {megabytes(self._size)} ({in_all})")

    def finish(self, size: int) -> None:
        """End the file, or pass over one that is there: it has ``size`` bytes."""
        self._before += size
        self._size = 0
        self.at(0)


#: What brings the files of a model: gives their folder and revision.
Bring = Callable[[ModelRow, Transfer], "tuple[Path, str]"]


def megabytes(size: int) -> str:
    """A size as people read it: ``1,710.6 MB``; small files in kB or bytes."""
    if size >= _MEGABYTE / 10:
        return f"{size / _MEGABYTE:,.1f} MB"
    return f"{size / 1000.0:,.1f} kB" if size >= 1000 else f"{size} bytes"


def ensure_room(folder: Path, size: int) -> None:
    """Raise InputError where the disk of ``folder`` has no room for ``size`` bytes more. Makes the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < size + _SPARE:
        raise InputError(
            f"{megabytes(size)} are needed in {folder}, and its disk has {megabytes(free)} free (some are left for "
            "other programs). Make room, or choose another models folder."
        )


def install(
    model_ids: Iterable[TaskOrError[str]], options: ModelOptions, progress: Progress, bring: Bring, state: str
) -> Iterator[SiteResult]:
    """Bring the files of models into the store; one result per model, in order.

    values: model, state (``already there`` or ``state``), folder, revision, bytes. A model that cannot be brought
    is ``failed`` with the reason, and the others go on. Raises Cancelled where the user cancels.
    """
    wanted = list(model_ids)
    transfer = Transfer(progress, sum(by_id(name).bytes for name in wanted if isinstance(name, str)))
    for model_id in wanted:
        check_cancelled(progress)
        if isinstance(model_id, SiteError):
            yield SiteResult(model_id.status, str(model_id))
            continue
        try:
            yield _installed(by_id(model_id), options, transfer, bring, state)
        except Cancelled:
            raise
        except (SoundVisError, OSError) as error:
            yield SiteResult(FAILED, _reason(error, options), values={"model": model_id})


def _installed(
    row: ModelRow, options: ModelOptions, transfer: Transfer, bring: Bring, state: str
) -> SiteResult:
    if row.runtime == LIGHT:
        raise InputError(f"The model '{row.id}' needs no weights: it works as it is.")
    if row.path:
        raise InputError(
            f"The model '{row.id}' of your registry lies at {row.path}; nothing has to be fetched."
        )
    stored = ModelOptions(options.models_folder, options.cache_folder)
    try:
        weights = locate(row, stored)
        state = "already there"
        transfer.finish(row.bytes)
    except MissingWeightsError:
        transfer.say(f"{row.id}: {row.title}")
        folder, revision = bring(row, transfer)
        write_manifest(row, folder, revision, row.repo or row.page)
        weights = locate(row, stored)
    size = sum(path.stat().st_size for path in weights.files.values())
    transfer.say(f"{row.id}: {state}, {megabytes(size)} in {weights.folder}")
    return SiteResult(
        OK,
        values={
            "model": row.id,
            "state": state,
            "folder": str(weights.folder),
            "revision": weights.revision,
            "bytes": size,
        },
    )


def _reason(error: Exception, options: ModelOptions) -> str:
    if isinstance(error, OSError):
        return (
            f"A file in {options.models} could not be written or read: {error}. Choose another models folder."
        )
    return str(error)


def is_commit(text: str) -> bool:
    """Whether a text is the full name of a commit."""
    return re.fullmatch(r"[0-9a-f]{40}", text) is not None
