"""Shapes in well-known binary (WKB), moved from one plane to another all at once.

One call of PROJ for the vertices of a whole map is what makes true metres affordable: shape by shape, the calls
would take longer than the work.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Callable

import numpy as np

#: Point, line and polygon; above them the kinds that hold others.
_POINT, _LINE, _POLYGON, _LAST = 1, 2, 3, 7
_HEAD = 5
_POSITION = 16


def move_shapes(
    shapes: Sequence[bytes], move: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> list[bytes | None]:
    """The shapes with every vertex moved by ``move(x, y) -> (x, y)``; None where a vertex has no place then.

    ``shapes``: WKB, little-endian, two dimensions, no curves. Raises ValueError for anything else.
    """
    spans = [list(_spans(shape)) for shape in shapes]
    found = [
        np.frombuffer(shape, dtype="<f8", count=2 * count, offset=offset)
        for shape, parts in zip(shapes, spans)
        for offset, count in parts
    ]
    if not found:
        return list(shapes)
    places = np.concatenate(found)
    x, y = move(places[0::2], places[1::2])
    moved = np.column_stack([x, y]).astype("<f8").ravel()
    known = np.isfinite(moved)
    results: list[bytes | None] = []
    start = 0
    for shape, parts in zip(shapes, spans):
        changed = bytearray(shape)
        first = start
        for offset, count in parts:
            changed[offset : offset + _POSITION * count] = moved[start : start + 2 * count].tobytes()
            start += 2 * count
        results.append(bytes(changed) if known[first:start].all() else None)
    return results


def _spans(shape: bytes) -> Iterator[tuple[int, int]]:
    """Where runs of vertices begin in a shape, and how many each has."""
    at, left = 0, 1
    try:
        while left:
            order, kind = struct.unpack_from("<BI", shape, at)
            if order != 1 or not _POINT <= kind <= _LAST:
                raise ValueError("the shape is no two-dimensional WKB in little-endian order")
            at, left = at + _HEAD, left - 1
            if kind == _POINT:
                yield at, 1
                at += _POSITION
                continue
            (count,) = struct.unpack_from("<I", shape, at)
            at += 4
            if kind > _POLYGON:
                left += count
                continue
            for _ in range(count if kind == _POLYGON else 1):
                if kind == _POLYGON:
                    (vertices,) = struct.unpack_from("<I", shape, at)
                    at += 4
                else:
                    vertices = count
                yield at, vertices
                at += _POSITION * vertices
    except struct.error as error:
        raise ValueError("the shape ends too early") from error
