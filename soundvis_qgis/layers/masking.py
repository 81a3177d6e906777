"""Passwords and keys out of what is written down: metadata of layers, reports, messages."""

from __future__ import annotations

import re

MASK = "***"

# QGIS percent-encodes addresses inside its own (type=xyz&url=https%3A//...), so separators come in both forms.
_EQUALS = r"(?:=|%(?:25)*3D)"
_QUERY = r"[?&;|]|%(?:25)*(?:3F|26)"
_NAMES = r"(?:token|key|secret|signature|credential|password|passwd|pwd|authorization|sig|sas)"
_QUERY_VALUE = re.compile(
    rf"((?:{_QUERY})(?:(?!%(?:25)*3D)[\w.:%-])*?{_NAMES}{_EQUALS})"
    r"(?:(?!%(?:25)*26)[^&;|\s'\"\\])+",
    re.IGNORECASE,
)
# Quotes may be escaped, as they are where an address stands inside a Python text.
_QUOTED = re.compile(r"(\b(?:password|passwd|pwd)\s*=\s*)(\\*['\"])(?:.*?)(?<!\\)\2", re.IGNORECASE)
_BARE = re.compile(r"(\b(?:password|passwd|pwd)\s*=\s*)[^\s&|;,'\"\\]+", re.IGNORECASE)
_USER = re.compile(
    r"((?::|%(?:25)*3A)(?://|(?:%(?:25)*2F){2}))(?:(?!%(?:25)*2F)[^\s/?&'\"\\])+(?:@|%(?:25)*40)", re.I
)


def mask_secrets(text: str) -> str:
    """``text`` with passwords, keys and tokens of addresses and database connections as ``***``."""
    for pattern, replacement in (
        (_USER, rf"\1{MASK}@"),
        (_QUERY_VALUE, rf"\1{MASK}"),
        (_QUOTED, rf"\1\2{MASK}\2"),
        (_BARE, rf"\1{MASK}"),
    ):
        text = pattern.sub(replacement, text)
    return text
