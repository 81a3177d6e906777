"""What the two processes say to each other: one JSON object per line.

To the worker, one line: ``{"job": name, "options": {...}, "paths": [path or {"status", "reason"}, ...]}``.
Back: ``{"ready": version of Python}``, then ``{"result": {...}}`` per path in order, ``{"info": text}`` and
``{"warn": text}`` at any time, and at the end ``{"done": true}`` or ``{"error": text}``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

from ..errors import SiteError
from ..pipeline import SiteResult, TaskOrError


def encode_request(job: str, options: dict[str, Any], paths: Iterable[TaskOrError[str]]) -> str:
    """The one line that starts a job."""
    items = [
        {"status": path.status, "reason": str(path)} if isinstance(path, SiteError) else path
        for path in paths
    ]
    return json.dumps({"job": job, "options": options, "paths": items})


def decode_request(line: str) -> tuple[str, dict[str, Any], list[TaskOrError[str]]]:
    """The job, its options and its paths."""
    message = json.loads(line)
    paths: list[TaskOrError[str]] = [
        SiteError(item["reason"], item["status"]) if isinstance(item, dict) else item
        for item in message["paths"]
    ]
    return message["job"], message["options"], paths


def encode_result(result: SiteResult) -> dict[str, Any]:
    """A result as JSON-ready values; the vector as base64 of little-endian float32."""
    vector = None
    if result.vector is not None:
        vector = base64.b64encode(result.vector.astype("<f4").tobytes()).decode("ascii")
    return {"status": result.status, "reason": result.reason, "vector": vector, "values": dict(result.values)}


def decode_result(message: dict[str, Any]) -> SiteResult:
    """The result of one site."""
    import numpy as np

    vector = None
    if message["vector"] is not None:
        vector = np.frombuffer(base64.b64decode(message["vector"]), dtype="<f4")
    return SiteResult(message["status"], message["reason"], vector, message["values"])
