"""Get the weights of models from the hub: the one place of SoundVis that asks a server for anything.

Runs in the worker, where huggingface_hub is. The library finds, authorises and transfers; kept here is what it
does not do: a broken download goes on where it stopped, also in another run, and what arrives is compared with the
registry. Proxies come from the environment (``HTTPS_PROXY``, ``NO_PROXY``).
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import Cancelled, InputError, MissingDependencyError, SoundVisError
from ..pipeline import SiteResult, TaskOrError
from ..progress import Progress
from .hashing import git_blob_of, remembered_sha256
from .installing import Transfer, ensure_room, install, is_commit
from .options import ModelOptions
from .registry import ModelRow
from .store import pinned_revision, revision_folder, wrong_content

_HUB = "https://huggingface.co"
# Read when the library is imported. Its other way of transfer (xet) reports no progress that could be cancelled.
_ENVIRONMENT = {
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}
_NEWEST = "main"


@dataclass(frozen=True)
class _Remote:
    """A file on the hub. etag: its content hash as the hub tells it (sha256 of large files, git's of small)."""

    name: str
    size: int | None
    etag: str
    commit: str


def download_models(
    model_ids: Iterable[TaskOrError[str]], options: ModelOptions, progress: Progress, endpoint: str = ""
) -> Iterator[SiteResult]:
    """Download the weights of models; one result per model, see :func:`.installing.install`.

    endpoint: address of a mirror of the hub; empty for the hub itself, or what HF_ENDPOINT names. Raises InputError
    for an endpoint that is no address, MissingDependencyError without huggingface_hub.
    """
    hub = _Hub(endpoint)

    def bring(row: ModelRow, transfer: Transfer) -> tuple[Path, str]:
        if not row.repo:
            raise InputError(
                f"SoundVis does not download '{row.id}' ({row.licence_note}) Get {', '.join(row.files)} from "
                f"{row.page}, then run this tool with the folder of the file as SOURCE_FOLDER."
            )
        with _alone(options.models / row.id):
            return _bring(row, options, hub, transfer)

    return install(model_ids, options, progress, bring, "downloaded")


def _bring(row: ModelRow, options: ModelOptions, hub: _Hub, transfer: Transfer) -> tuple[Path, str]:
    revision = row.revision or _NEWEST
    first = hub.describe(row, row.files[0], revision)
    commit = pinned_revision(row) or first.commit
    if not is_commit(commit):
        raise InputError(f"{hub.address} does not tell the commit of {row.repo}, as the hub does. {_MIRROR}")
    files = [first, *(hub.describe(row, name, commit) for name in row.files[1:])]
    folder = revision_folder(row, options, commit)
    absent = [remote for remote in files if not _is_there(row, remote, folder / remote.name)]
    ensure_room(folder, sum(max((file.size or 0) - _present(folder, file), 0) for file in absent))
    for remote in files:
        target = folder / remote.name
        if remote in absent:
            _fetch(row, remote, commit, target, hub, transfer)
        transfer.finish(target.stat().st_size)
    return folder, commit


def _fetch(row: ModelRow, remote: _Remote, commit: str, target: Path, hub: _Hub, transfer: Transfer) -> None:
    partial = _partial(target)
    partial.parent.mkdir(parents=True, exist_ok=True)
    present = partial.stat().st_size if partial.exists() else 0
    if remote.size is not None and present > remote.size:
        partial.unlink()
        present = 0
    transfer.start(remote.name, remote.size, present)
    with open(partial, "ab") as file:
        hub.transfer(row, remote, commit, _Watched(file, transfer), present)
    wrong = _wrong(row, remote, partial)
    if wrong:
        partial.unlink()
        raise InputError(
            f"What {hub.address} sent for {remote.name} of '{row.id}' is not what was registered: {wrong}. It was "
            f"deleted. Try again; if this comes again, {_MIRROR[0].lower()}{_MIRROR[1:]}"
        )
    os.replace(partial, target)


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def _present(folder: Path, remote: _Remote) -> int:
    partial = _partial(folder / remote.name)
    return partial.stat().st_size if partial.exists() else 0


def _is_there(row: ModelRow, remote: _Remote, target: Path) -> bool:
    if not target.is_file() or (remote.size is not None and target.stat().st_size != remote.size):
        return False
    return _wrong(row, remote, target) is None


def _wrong(row: ModelRow, remote: _Remote, path: Path) -> str | None:
    """How a file differs from what the registry pins or else the hub told; None where it is right."""
    if remote.name in row.sha256 or remote.name in row.git_blob:
        return wrong_content(row, remote.name, path)
    for length, hash_of in ((64, remembered_sha256), (40, git_blob_of)):
        if len(remote.etag) == length:
            found = hash_of(path)
            return None if found == remote.etag else f"its hash is {found}, but {remote.etag} is expected"
    return None


class _Watched:
    """A file that says how much of it is there, and ends the transfer when the user cancels."""

    def __init__(self, file: BinaryIO, transfer: Transfer) -> None:
        self._file = file
        self._transfer = transfer

    def write(self, data: bytes) -> int:
        """Write, then look whether to go on: what arrived is kept."""
        written = self._file.write(data)
        self._file.flush()
        self._transfer.at(self._file.tell())
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _Hub:
    """The hub or its mirror, with errors in plain words."""

    def __init__(self, endpoint: str) -> None:
        endpoint = endpoint.strip().rstrip("/")
        if endpoint and not endpoint.startswith(("https://", "http://")):
            raise InputError(
                f"The endpoint '{endpoint}' is no address; it has to begin with https:// or http://."
            )
        os.environ.update(_ENVIRONMENT)
        try:
            import huggingface_hub
            from huggingface_hub import errors, file_download
        except ImportError as error:
            raise MissingDependencyError(
                f"The Python package 'huggingface_hub' is needed to download models and cannot be imported ({error}). "
                "Create SoundVis' environment with the tool 'Set up the environment', or copy the models from a folder."
            ) from error
        self._errors, self._files, self._address_of = errors, file_download, huggingface_hub.hf_hub_url
        self._endpoint = endpoint or None
        self.address = endpoint or os.environ.get("HF_ENDPOINT") or _HUB
        # A mirror is a stranger: it gets no access token that the user may have for the hub.
        self._token = None if self.address.rstrip("/") == _HUB else False
        self._headers = huggingface_hub.utils.build_hf_headers(token=self._token, library_name="soundvis")

    def describe(self, row: ModelRow, name: str, revision: str) -> _Remote:
        """Size, content hash and commit of a file. Raises SoundVisError in plain words."""
        with self._plain_errors(row, name, revision):
            found = self._files.get_hf_file_metadata(
                self._url(row, name, revision), token=self._token, headers=dict(self._headers)
            )
        return _Remote(name, found.size, (found.etag or "").lower(), found.commit_hash or "")

    def transfer(self, row: ModelRow, remote: _Remote, commit: str, file: _Watched, present: int) -> None:
        """Write a file from byte ``present`` on. Raises SoundVisError in plain words, Cancelled."""
        headers = {**self._headers, "Accept-Encoding": "identity"}
        with self._plain_errors(row, remote.name, commit):
            self._files.http_get(
                self._url(row, remote.name, commit),
                file,
                resume_size=present,
                headers=headers,
                expected_size=remote.size,
            )

    def _url(self, row: ModelRow, name: str, revision: str) -> str:
        return str(self._address_of(row.repo, name, revision=revision, endpoint=self._endpoint))

    @contextlib.contextmanager
    def _plain_errors(self, row: ModelRow, name: str, revision: str) -> Iterator[None]:
        try:
            yield
        except (Cancelled, SoundVisError):
            raise
        except Exception as error:  # the network and its libraries fail in many ways
            raise InputError(self._said(error, row, name, revision)) from error

    def _said(self, error: Exception, row: ModelRow, name: str, revision: str) -> str:
        errors = self._errors
        if isinstance(error, errors.OfflineModeIsEnabled):
            return (
                "The variable HF_HUB_OFFLINE forbids downloads. Unset it, or copy the models from a folder."
            )
        if isinstance(error, errors.GatedRepoError):
            page = f"{_HUB}/{row.repo}"
            return f"'{row.id}' is given only to people who agreed to its terms: get it from {page} yourself. {_COPY}"
        if isinstance(error, errors.RevisionNotFoundError):
            return f"{self.address} has no revision {revision} of {row.repo} ('{row.id}'). {_MIRROR}"
        if isinstance(error, errors.EntryNotFoundError):
            return f"{self.address} has no file {name} in {row.repo} at {revision} ('{row.id}'). {_MIRROR}"
        if isinstance(error, errors.RepositoryNotFoundError):
            return f"{self.address} has no public repository {row.repo} ('{row.id}'). {_MIRROR}"
        if isinstance(error, errors.HfHubHTTPError):
            code = getattr(error.response, "status_code", "unknown")
            return f"{self.address} answered with error {code} for {name} of '{row.id}'. Try again later. {_COPY}"
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return f"The disk became full while {name} of '{row.id}' was written. Make room and run this tool again."
        words = (str(error) or type(error).__name__).splitlines()[0][:200]
        return (
            f"The connection to {self.address} for {name} of '{row.id}' could not be made or broke off ({words}). What "
            "arrived is kept: run this tool again to go on. Behind a proxy, set it in QGIS (Options, Network) "
            f"or as the variable HTTPS_PROXY; where the hub is blocked, name a mirror as ENDPOINT. {_COPY}"
        )


_MIRROR = "Leave ENDPOINT empty, or name another mirror."
_COPY = "Without a network, copy the files from another computer: SOURCE_FOLDER."


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one run at a time write into ``folder``; the lock of a process that was killed is free."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(folder / ".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(f"Another run is downloading into {folder}. Wait until it is done.") from error
    try:
        yield
    finally:
        lock.release()
