"""What went wrong while packages were installed, in plain words, with what to do."""

from __future__ import annotations

from collections.abc import Sequence

from soundvis_core.errors import SoundVisError

from ..layers.masking import mask_secrets

_AGAIN = "Run this tool again: what has arrived is kept."
#: What installers say (in small letters), and what that means. The first that fits is told.
_MEANINGS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("do not match the hashes", "hash mismatch"),
        (
            "A package is not the one that this version of SoundVis was tested with (its hash differs), so it was "
            "not installed. A mirror or a proxy may have changed it, or a download was cut off. Run this tool "
            "again; if it happens again, choose another package index (INDEX) or an offline folder (WHEELS)."
        ),
    ),
    (
        ("no space left", "not enough space", "errno 28", "disk full", "disk quota", "winerror 112"),
        f"The disk is full. Make room, or choose an environment folder on another disk (FOLDER). {_AGAIN}",
    ),
    (
        (
            "certificate_verify_failed",
            "certificate verify failed",
            "invalid peer certificate",
            "unknownissuer",
        ),
        (
            "The certificate of the package server was not accepted; in companies this is mostly their own proxy. "
            f"Let the variable PIP_CERT name your company's certificate file before QGIS starts. {_AGAIN}"
        ),
    ),
    (
        (
            "407 proxy",
            "proxy authentication",
            "proxyerror",
            "cannot connect to proxy",
            "tunnel connection failed",
        ),
        (
            "The proxy did not let the installer through. Check the proxy in QGIS (Settings, Options, Network), "
            f"with user and password there, or use an offline folder (WHEELS). {_AGAIN}"
        ),
    ),
    (
        (
            "long path support",
            "winerror 206",
        ),
        (
            "Windows does not allow paths this long. Choose a short environment folder (FOLDER), such as "
            "C:\\soundvis, or let an administrator allow long paths."
        ),
    ),
    (
        ("permission denied", "access is denied", "winerror 5]", "winerror 32]", "read-only file system"),
        (
            "A file could not be written. A tool of SoundVis may still be running (close QGIS and try again), or "
            "the folder belongs to somebody else: choose another (FOLDER)."
        ),
    ),
    (
        (
            "name or service not known",
            "temporary failure in name resolution",
            "nodename nor servname",
            "getaddrinfo failed",
            "failed to resolve",
            "failed to establish a new connection",
            "newconnectionerror",
            "max retries exceeded",
            "network is unreachable",
            "connection refused",
            "connection reset",
            "read timed out",
            "connecttimeout",
            "dns error",
            "error sending request",
            "incompleteread",
            "connection broken",
        ),
        (
            "The package server could not be reached. Check the network and the proxy in QGIS (Settings, Options, "
            "Network); without a network, use an offline folder (WHEELS) or a Python that has everything ('Use "
            f"this Python instead'). {_AGAIN}"
        ),
    ),
    (
        (
            "no matching distribution",
            "could not find a version",
            "no solution found",
            "were not found",
            "not found in",
        ),
        (
            "A package was not to be had for this system and Python. Check the offline folder (WHEELS) or the "
            "package index (INDEX), or let SoundVis use another Python."
        ),
    ),
    (
        ("no module named pip", "ensurepip", "no module named venv"),
        (
            "This Python cannot make environments. On Debian and Ubuntu: sudo apt-get install python3-venv. "
            "Elsewhere install Python from python.org, or uv from astral.sh/uv."
        ),
    ),
)
_SHOWN = 8


class InstallError(SoundVisError):
    """The environment could not be made; the message says why and what to do."""


def explain(what: str, code: int, lines: Sequence[str]) -> InstallError:
    """The error of a step that failed with an exit code; ``lines`` are what its program said, the last ones last."""
    text = "\n".join(lines).lower()
    meaning = next((meaning for signs, meaning in _MEANINGS if any(sign in text for sign in signs)), "")
    if not meaning:
        meaning = (
            f"The installer ended with exit code {code}. {_AGAIN} If it does not help, run it with REINSTALL."
        )
    said = [line for line in lines if line.strip()][-_SHOWN:]
    return InstallError(mask_secrets(f"{what} failed. {meaning}\nWhat it said:\n" + "\n".join(said)))
