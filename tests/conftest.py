"""Fixtures for every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real recordings, aerials and photos named by SOUNDVIS_TEST_DATA."""
    named = os.environ.get("SOUNDVIS_TEST_DATA")
    if not named:
        pytest.skip("real data: set SOUNDVIS_TEST_DATA to the folder that holds audio/, aerial/ and photos/")
    folder = Path(named)
    for part in ("audio", "aerial", "photos"):
        if not folder.joinpath(part).is_dir() or not any(folder.joinpath(part).iterdir()):
            pytest.fail(f"SOUNDVIS_TEST_DATA is set to {folder}, but {folder / part} is missing or empty")
    return folder
