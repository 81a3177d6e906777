"""What the benchmarks of the paper's models share: a run of a tool in QGIS with its worker, and bare forwards."""

from __future__ import annotations

import json
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.claims import BUILD, ROOT, Claim, in_qgis

_SCRIPT = Path(__file__).parent / "inside_qgis" / "paper_tool.py"
#: The Python of the worker: the development environment, which has torch.
WORKER = ROOT / ".venv" / "bin" / "python"
#: A cold run and one that finds everything in the cache.
RUNS = 2
MOST_OVERHEAD = 1.10
LEAST_FROM_CACHE = 50.0


@dataclass(frozen=True)
class Timed:
    """Seconds of the first and of the second run of a tool, and how many sites it could describe."""

    cold: float
    cached: float
    ok: int


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A folder of the benchmark's own, gone afterwards."""
    folder = BUILD / "bench" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def time_tool(folder: Path, tool: str, parameters: Mapping[str, Any], **sites: object) -> Timed:
    """Run ``soundvis:tool`` twice in QGIS, with an empty cache of its own."""
    answer = ask_tool(folder, tool, parameters, RUNS, **sites)
    cold, cached = answer["times"]
    return Timed(cold, cached, int(answer["statuses"].get("ok", 0)))


def ask_tool(
    folder: Path,
    tool: str,
    parameters: Mapping[str, Any],
    runs: int,
    variables: Mapping[str, str] | None = None,
    **sites: object,
) -> dict[str, Any]:
    """Seconds of ``runs`` runs of ``soundvis:tool``, statuses of the sites, and peak memory: see the script."""
    job = {"tool": tool, "parameters": {**parameters}, "runs": runs, **sites}
    file = folder / "job.json"
    file.write_text(json.dumps(job), "utf-8")
    own = {
        "SOUNDVIS_PYTHON": str(WORKER),
        "SOUNDVIS_HOME": str(folder / "home"),
        "SOUNDVIS_CACHE": str(folder / "cache"),
    }
    answer = in_qgis(_SCRIPT, [str(file)], timeout=3600, variables={**own, **(variables or {})})
    if not isinstance(answer, dict):
        raise RuntimeError("no times came back")
    return answer


def model_of(model_id: str, file: Path, precision: str = "auto") -> Any:
    """A model of the core with the weights of ``file``, ready to run."""
    from soundvis_core.models.options import ModelOptions
    from soundvis_core.models.registry import load, rows

    task = next(row for row in rows() if row.id == model_id).tasks[0]
    return load(model_id, task, ModelOptions(checkpoint=str(file), precision=precision))


def in_turns(
    own: Callable[[], Any], reference: Callable[[], Any], rounds: int
) -> tuple[float, float, Any, Any]:
    """Median seconds of both, measured in turns, and what both return.

    A call of our own goes before that does not count; of a reference that takes minutes the first one counts, too.
    """
    own()
    answers: list[Any] = [None, None]
    times: tuple[list[float], list[float]] = [], []
    for _ in range(rounds):
        for which, (work, kept) in enumerate(zip((own, reference), times)):
            began = time.perf_counter()
            answers[which] = work()
            kept.append(time.perf_counter() - began)
    return statistics.median(times[0]), statistics.median(times[1]), *answers


def time_forwards(model: Any, item: np.ndarray, items: int) -> tuple[float, int]:
    """Seconds of ``items`` bare forwards, from a quarter of them, at the better of two batch sizes.

    ``item`` is prepared already. Returns the seconds for all items and the size of the batches.
    """
    best, best_size = float("inf"), 1
    for size in sorted({1, int(model.batch_size)}):
        batch = [item] * size
        model.forward(batch)
        rounds = max(2, items // (8 * size))
        began = time.perf_counter()
        for _ in range(rounds):
            model.forward(batch)
        each = (time.perf_counter() - began) / (rounds * size)
        if each < best:
            best, best_size = each, size
    return best * items, best_size


def tool_over_forwards(
    folder: Path,
    tool: str,
    model_id: str,
    weights: Path,
    item: np.ndarray,
    items: int,
    words: tuple[str, str],
    parameters: Mapping[str, Any] | None = None,
    **sites: object,
) -> Iterator[Claim]:
    """The claims of a tool: end to end over the bare forwards, the second run over the first, and that all was done.

    item: an input of the model, not prepared yet, of which the tool has ``items``. words: what the items and the
    sites are called. The forwards are timed before and after the tool: a machine's speed drifts.
    """
    model = model_of(model_id, weights)
    prepared = model.prepare(item)
    chosen = {"MODEL": model_id, "CHECKPOINT": str(weights), "OUTPUT": str(folder / "sites.gpkg")}
    before, batch = time_forwards(model, prepared, items)
    timed = time_tool(folder, tool, {**chosen, **(parameters or {})}, **sites)
    after, _ = time_forwards(model, prepared, items)
    bare = (before + after) / 2
    name, what = (
        f"{tool} ({model_id})",
        f"{items} {words[0]} in batches of {batch}, {model.placement.describe()}",
    )
    yield Claim(f"{name} over bare forwards", timed.cold / bare, "x", f"{what} ({bare:.1f} s)", MOST_OVERHEAD)
    yield Claim(
        f"{name}, second run of the same job",
        timed.cold / timed.cached,
        "x",
        f"first run {timed.cold:.1f} s, second {timed.cached:.2f} s",
        LEAST_FROM_CACHE,
        "at least",
    )
    yield Claim(f"{name}, sites done", timed.ok, "sites", words[1])
