"""What the two processes say to each other: one JSON object per line, arrays as base64.

To the worker: ``{"job": name, "options": {...}}``, then one by one ``{"task": value}`` or, where a site has nothing
to work on, ``{"without": {"status", "reason"}}``, and at the end ``{"end": true}``. The parent closes the worker's
input when it has heard the last word: input that ends before means that the parent is gone.

Back: ``{"ready": version of Python}``; ``{"result": {...}}`` per task in order; at any time ``{"info": text}``,
``{"warn": text}``, ``{"report": fraction}``, ``{"model": {...}}`` (what runs, where) and ``{"more": true}`` (the
worker waits for a task and has no result to give before it gets one); at the end ``{"done": true}`` or
``{"error": text}``.

An array is ``{"__array__": [dtype, shape, base64 of its little-endian bytes]}``. Nothing is ever unpickled.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from ..errors import SiteError, UnexpectedSiteError
from ..pipeline import SiteResult, TaskOrError

#: Kinds of numpy types that travel: booleans, whole numbers, floats.
_KINDS = "biuf"
_ARRAY, _MAP = "__array__", "__map__"

END = json.dumps({"end": True})


def encode_value(value: Any) -> Any:
    """A value as JSON-ready ones: texts, numbers, None, arrays, and lists and mappings (with texts as keys) of them.

    Tuples become lists. Raises TypeError for anything else.
    """
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("only texts can be keys")
        items = {key: encode_value(entry) for key, entry in value.items()}
        # A class of a user may have any name.
        return {_MAP: list(items.items())} if _ARRAY in items or _MAP in items else items
    if isinstance(value, (list, tuple)):
        return [encode_value(entry) for entry in value]
    return _encode_array(value)


def _encode_array(value: Any) -> Any:
    import numpy as np

    if isinstance(value, np.generic) and value.dtype.kind in _KINDS:
        return value.item()
    if not isinstance(value, np.ndarray) or value.dtype.kind not in _KINDS:
        raise TypeError(f"{type(value).__name__} cannot travel between processes")
    data = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
    text = base64.b64encode(data.tobytes()).decode("ascii")
    return {_ARRAY: [data.dtype.str, list(value.shape), text]}


def decode_value(value: Any) -> Any:
    """What :func:`encode_value` was given. Arrays can be written to. Raises ValueError where it is damaged."""
    if isinstance(value, list):
        return [decode_value(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if _MAP in value:
        return {key: decode_value(entry) for key, entry in value[_MAP]}
    if _ARRAY in value:
        return _decode_array(*value[_ARRAY])
    return {key: decode_value(entry) for key, entry in value.items()}


def _decode_array(name: str, shape: list[int], text: str) -> Any:
    import numpy as np

    dtype = np.dtype(name)
    if dtype.kind not in _KINDS:
        raise ValueError(f"arrays of {dtype} do not travel between processes")
    return np.frombuffer(bytearray(base64.b64decode(text)), dtype=dtype).reshape(shape)


def encode_request(job: str, options: Mapping[str, Any]) -> str:
    """The line that starts a job."""
    return json.dumps({"job": job, "options": encode_value(options)})


def decode_request(line: str) -> tuple[str, dict[str, Any]]:
    """The job and its options."""
    message = json.loads(line)
    return message["job"], decode_value(message["options"])


def encode_task(task: TaskOrError[Any]) -> str:
    """The line of one task."""
    if isinstance(task, SiteError):
        return json.dumps({"without": {"status": task.status, "reason": str(task)}})
    return json.dumps({"task": encode_value(task)})


def decode_task(message: Mapping[str, Any]) -> TaskOrError[Any]:
    """The task of a message."""
    if "without" in message:
        return SiteError(message["without"]["reason"], message["without"]["status"])
    return decode_value(message["task"])


def encode_result(result: SiteResult) -> dict[str, Any]:
    """A result as JSON-ready values; the vector as float32."""
    import numpy as np

    vector = None if result.vector is None else encode_value(np.asarray(result.vector, dtype="<f4"))
    message = {"status": result.status, "reason": result.reason, "vector": vector}
    message["values"] = encode_value(result.values)
    if result.unexpected is not None:
        message["unexpected"] = True
    return message


def decode_result(message: Mapping[str, Any]) -> SiteResult:
    """The result of one site. Of an unexpected error the reason came along, and the worker's log had the rest."""
    reason = str(message["reason"])
    unexpected = UnexpectedSiteError(RuntimeError(reason)) if message.get("unexpected") else None
    vector, values = decode_value(message["vector"]), decode_value(message["values"])
    return SiteResult(message["status"], reason, vector, values, unexpected)
