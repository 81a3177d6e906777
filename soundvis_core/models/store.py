"""Where the weights of a model lie on this computer.

The store is ``<models folder>/<model id>/<revision, 12 digits>/`` with the files and ``soundvis.json``, which
names them with size and sha256 and is written last, after they were verified. Files laid into
``<models folder>/<model id>/`` by hand are taken too, once their hashes are right. A checkpoint of the user's own
goes before both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..errors import InputError
from .hashing import git_blob_of, read_json, remembered_sha256, write_json
from .options import ModelOptions
from .registry import LIGHT, UPSAMPLE, ModelRow, by_id

MANIFEST = "soundvis.json"
#: The revision of files that come from no repository.
LOCAL = "local"
_REVISION_DIGITS = 12
_COMMIT_DIGITS = 40
#: Kinds of weight files, the best first: safetensors hold nothing but numbers.
WEIGHT_SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")
#: What describes weights that are given as one file: whatever else lies in its folder, say of downloads, is none of
#: the model's.
_DESCRIBING = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
    "open_clip_config.json",
)


class MissingWeightsError(InputError):
    """The weights of a model are not there, or not as they have to be; the message names the ways out."""


@dataclass(frozen=True)
class Weights:
    """The files of one model.

    files: path by name as in the registry (a checkpoint of the user's own: by its own name). revision: the commit
    of the repository, or ``local``. fingerprint: sha256 over names, sizes and contents of the files and of the parts;
    the same weights have the same one on every computer. parts: the weights of optional parts, by model id.
    """

    row: ModelRow
    folder: Path
    files: Mapping[str, Path]
    revision: str
    fingerprint: str
    parts: Mapping[str, Weights] = field(default_factory=dict)

    def weight_file(self) -> Path:
        """The file that holds the numbers. Raises MissingWeightsError where there is none."""
        found = _weight_files(self.files.values())
        if not found:
            kinds = ", ".join(WEIGHT_SUFFIXES)
            raise MissingWeightsError(f"{self.folder} holds no weight file ({kinds}). {ways_out(self.row)}")
        return found[0]

    def own(self) -> str:
        """What the log says of weights of the user's own, with all files that count; empty for those of the store."""
        if self.revision != LOCAL:
            return ""
        file = self.weight_file()
        beside = sorted(name for name, path in self.files.items() if path != file)
        described = (
            f"described by {', '.join(beside)} in the same folder" if beside else "without a configuration"
        )
        return f"Weights of your own: {file}, {described}."


def locate(row: ModelRow, options: ModelOptions) -> Weights:
    """The weights of a model: the user's checkpoint, else the row's own path, else the store.

    Raises MissingWeightsError that says what is missing, where it was looked for, and the ways out.
    """
    if row.runtime == LIGHT:
        return Weights(row, options.models, {}, "", "")
    try:
        folder, files, revision = _look(row, options)
        for name, path in files.items() if folder == options.models / row.id else ():
            wrong = wrong_content(row, name, path, options.cache)
            if wrong:
                raise MissingWeightsError(f"{wrong}. {ways_out(row)}")
        parts = _parts(row, options)
        fingerprint = _fingerprint(files, parts, options)
    except OSError as error:
        raise MissingWeightsError(_unreadable(row, error)) from error
    return Weights(row, folder, files, revision, fingerprint, parts)


def missing_weights(row: ModelRow, options: ModelOptions) -> str | None:
    """Why the weights of a model cannot be used, and the ways out; None where they are there.

    Quick: looks at names and sizes and reads no weights.
    """
    if row.runtime == LIGHT:
        return None
    try:
        _look(row, options)
    except MissingWeightsError as error:
        return str(error)
    except OSError as error:
        return _unreadable(row, error)
    return None


def weights_folder(row: ModelRow, options: ModelOptions) -> tuple[Path, str]:
    """The folder of a model's weights and their revision, by names and sizes. Raises MissingWeightsError, OSError."""
    folder, _, revision = _look(row, options)
    return folder, revision


def _look(row: ModelRow, options: ModelOptions) -> tuple[Path, dict[str, Path], str]:
    """Folder, files and revision of a model by names and sizes."""
    own = options.checkpoint or row.path
    return _own(row, Path(own).expanduser()) if own else _stored(row, options)


def _unreadable(row: ModelRow, error: OSError) -> str:
    return f"The weights of '{row.id}' cannot be read: {error}. {ways_out(row)}"


def ways_out(row: ModelRow) -> str:
    """What a user can do who lacks the weights of ``row``."""
    get = f"Run the tool 'Download models' for '{row.id}'"
    if row.page:
        get = f"Get them from {row.page} and run the tool 'Download models' for '{row.id}' with their folder as source"
    if row.path:
        get = "Correct the path in your registry of models"
    if row.task == UPSAMPLE:
        return f"{get}. It is a part that models work without, less sharply."
    return f"{get}, or give a local file or folder as CHECKPOINT, or choose the light model, which needs no weights."


def revision_folder(row: ModelRow, options: ModelOptions, revision: str) -> Path:
    """Where the store keeps a model at a revision."""
    return options.models / row.id / revision[:_REVISION_DIGITS]


def pinned_revision(row: ModelRow) -> str:
    """What names the one version that a row stands for: its commit, or without a repository its content hash.

    Empty where a row takes the newest version at the time of the download.
    """
    if row.repo:
        return row.revision if len(row.revision) == _COMMIT_DIGITS else ""
    return next(iter({**row.sha256, **row.git_blob}.values()), "")


def wrong_content(row: ModelRow, name: str, path: Path, memory: Path | None = None) -> str | None:
    """How a file differs from what the registry pins; None where it is right or nothing is pinned.

    memory: see :func:`.hashing.remembered_sha256`. Raises OSError where it cannot be read.
    """
    if name in row.sha256:
        kind, expected, found = "sha256", row.sha256[name], remembered_sha256(path, memory)
    elif name in row.git_blob:
        kind, expected, found = "git hash", row.git_blob[name], git_blob_of(path)
    else:
        return None
    if found == expected:
        return None
    return f"{path} ({path.stat().st_size:,} bytes) has the {kind} {found}, but {expected} is expected"


def write_manifest(row: ModelRow, folder: Path, revision: str, source: str) -> None:
    """Declare the files in ``folder`` whole: the last step of a download. Raises OSError."""
    files = {
        name: {"size": (folder / name).stat().st_size, "sha256": remembered_sha256(folder / name)}
        for name in row.files
    }
    write_json(folder / MANIFEST, {"model": row.id, "revision": revision, "source": source, "files": files})


def _own(row: ModelRow, path: Path) -> tuple[Path, dict[str, Path], str]:
    """The files of a checkpoint of the user's own: a folder, a file, or one file of a folder with a model."""
    if path.is_dir():
        return path, _folder_files(row, path), LOCAL
    if not path.is_file():
        raise MissingWeightsError(
            f"The checkpoint {path} is not there. It has to be a file ({', '.join(WEIGHT_SUFFIXES)}) or a folder."
        )
    if path.suffix.lower() not in WEIGHT_SUFFIXES:
        if not _describes(path):
            raise MissingWeightsError(
                f"The checkpoint {path} is no weight file ({', '.join(WEIGHT_SUFFIXES)}) and does not describe one. "
                f"Name the weight file or its folder. {ways_out(row)}"
            )
        return path.parent, _folder_files(row, path.parent), LOCAL
    beside = [other for other in _described(path.parent) if _describes(other)]
    return path.parent, {path.name: path, **{other.name: other for other in beside}}, LOCAL


def _describes(path: Path) -> bool:
    """Whether a file describes the weights beside it, by its name."""
    return any(map(path.match, (*_DESCRIBING, MANIFEST)))


def _folder_files(row: ModelRow, folder: Path) -> dict[str, Path]:
    weights = _weight_files(folder.iterdir())
    if not weights:
        kinds = ", ".join(WEIGHT_SUFFIXES)
        raise MissingWeightsError(f"The checkpoint {folder} holds no weight file ({kinds}). {ways_out(row)}")
    named = [path for path in weights if path.name in row.files]
    best = (named or weights)[0]
    rivals = [path.name for path in weights if path.suffix == best.suffix]
    if not named and len(rivals) > 1:
        raise MissingWeightsError(
            f"{folder} holds several weight files ({', '.join(rivals[:5])}); name one of them as CHECKPOINT."
        )
    return {best.name: best, **{path.name: path for path in _described(folder)}}


def _described(folder: Path) -> list[Path]:
    """The small files beside weights: configuration, tokenizer, labels."""
    kinds = (".json", ".txt")
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in kinds and path.name != MANIFEST and path.is_file()
    )


def _weight_files(paths: Iterable[Path]) -> list[Path]:
    found = [path for path in paths if path.suffix.lower() in WEIGHT_SUFFIXES and path.is_file()]
    return sorted(found, key=lambda path: (WEIGHT_SUFFIXES.index(path.suffix.lower()), path.name))


def _stored(row: ModelRow, options: ModelOptions) -> tuple[Path, dict[str, Path], str]:
    home = options.models / row.id
    pinned = pinned_revision(row)
    if pinned:
        folders = [revision_folder(row, options, pinned)]
    else:
        manifests = sorted(home.glob(f"*/{MANIFEST}"), key=lambda path: path.stat().st_mtime, reverse=True)
        folders = [path.parent for path in manifests]
    for folder in folders:
        manifest = read_json(folder / MANIFEST)
        if isinstance(manifest.get("files"), dict):
            return folder, _verified(row, folder, manifest), str(manifest.get("revision") or LOCAL)
    by_hand = {name: home / name for name in row.files}
    if by_hand and all(path.is_file() for path in by_hand.values()):
        return home, by_hand, pinned or LOCAL
    looked = folders[0] if folders else home
    raise MissingWeightsError(
        f"The weights of '{row.id}' are not on this computer (looked in {looked}). {ways_out(row)}"
    )


def _verified(row: ModelRow, folder: Path, manifest: Mapping[str, object]) -> dict[str, Path]:
    """The files of a manifest, where they are there in their size."""
    listed = manifest.get("files")
    sizes = listed if isinstance(listed, dict) else {}
    for name in row.files:
        path, entry = folder / name, sizes.get(name)
        size = path.stat().st_size if path.is_file() else None
        expected = entry.get("size") if isinstance(entry, dict) else None
        if size is None or size != expected:
            what = "is missing" if size is None else f"has {size:,} bytes in place of {expected or 0:,}"
            raise MissingWeightsError(
                f"The weights of '{row.id}' are damaged: {path} {what}. {ways_out(row)}"
            )
    return {name: folder / name for name in row.files}


def _parts(row: ModelRow, options: ModelOptions) -> dict[str, Weights]:
    if not row.needs:
        return {}
    part = by_id(row.needs)
    try:
        return {part.id: locate(part, ModelOptions(options.models_folder, options.cache_folder))}
    except MissingWeightsError:
        return {}


def _fingerprint(files: Mapping[str, Path], parts: Mapping[str, Weights], options: ModelOptions) -> str:
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        content = _manifest_sha256(path) or remembered_sha256(path, options.cache)
        digest.update(f"{PurePosixPath(name)}|{path.stat().st_size}|{content}\n".encode())
    for name, part in sorted(parts.items()):
        digest.update(f"{name}|{part.fingerprint}\n".encode())
    return digest.hexdigest()


def _manifest_sha256(path: Path) -> str:
    """What the manifest beside a file says of its content; empty where it says nothing of this size."""
    listed = read_json(path.parent / MANIFEST).get("files")
    entry = listed.get(path.name) if isinstance(listed, dict) else None
    if not isinstance(entry, dict) or entry.get("size") != path.stat().st_size:
        return ""
    return str(entry.get("sha256") or "")
