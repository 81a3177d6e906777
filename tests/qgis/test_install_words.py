"""What installers and drivers say, understood: failures in plain words, progress, GPUs."""

from __future__ import annotations

import re

import pytest

from soundvis_core.progress import NO_PROGRESS
from soundvis_qgis.runtime import installer
from soundvis_qgis.runtime.install_errors import explain
from soundvis_qgis.runtime.pythons import Gpu, find_gpu


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "its hash differs"),
        ("error: Hash mismatch for `numpy==2.4.6`", "its hash differs"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "PIP_CERT"),
        ("Tunnel connection failed: 407 Proxy Authentication Required", "proxy did not let"),
        (
            "NewConnectionError: Failed to establish a new connection: Name or service not known",
            "could not be reached",
        ),
        ("error sending request for url: dns error", "could not be reached"),
        ("ERROR: No matching distribution found for torch==2.13.0+cpu", "not to be had"),
        ("[WinError 5] Access is denied: 'torch.dll'", "could not be written"),
        ("No module named ensurepip", "python3-venv"),
        ("Segmentation fault", "exit code 9.*REINSTALL"),
    ],
)
def test_failures_are_told_in_plain_words(said, told):
    error = str(explain("Installing torch", 9, ["Collecting torch", said]))
    assert error.startswith("Installing torch failed.") and re.search(told, error) and said in error


def test_what_says_nothing_is_left_out():
    hear = installer.Chatter(NO_PROGRESS, 0)
    for line in (
        "Ignoring scipy: markers 'python_full_version < \"3.11\"' don't match your environment",
        "",
        "ERROR: x",
    ):
        hear.hear(line)
    assert list(hear.kept) == ["ERROR: x"]


def test_a_password_in_an_address_is_not_told():
    error = str(explain("Installing", 1, ["Looking in indexes: https://me:hunter2@mirror.invalid/simple"]))
    assert "hunter2" not in error and "mirror.invalid" in error


@pytest.mark.parametrize(
    ("answer", "gpu"),
    [
        (
            "NVIDIA H100 80GB HBM3, 580.65.06\nNVIDIA H100 80GB HBM3, 580.65.06",
            Gpu("NVIDIA H100 80GB HBM3", 580),
        ),
        ("", None),
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver", None),
    ],
)
def test_the_driver_is_asked(answer, gpu):
    assert find_gpu(lambda: answer) == gpu


def test_large_downloads_are_told_and_move_the_bar():
    moved, said = [], []

    class Progress:
        def report(self, fraction):
            moved.append(round(fraction, 3))

        def info(self, text):
            said.append(text)

        warn = info

        def cancelled(self):
            return False

    hear = installer.Chatter(Progress(), 100).hear
    for line in (
        "Collecting torch==2.13.0+cpu",
        "  Downloading https://x.invalid/whl/torch-2.13.0-cp311.whl (40.0 MB)",
        "Progress 0 of 40000000",
        "Progress 20000000 of 40000000",
        "Progress 40000000 of 40000000",
        "  Downloading small.whl (12 kB)",
        "Progress 0 of 60000000",
        "Progress 30000000 of 60000000",
        "Installing collected packages: torch",
    ):
        hear(line)
    assert moved == [0.0, 0.16, 0.32, 0.32, 0.56, 0.85]
    assert said == ["Downloading torch-2.13.0-cp311.whl (40.0 MB) ...", "Unpacking what was downloaded ..."]
