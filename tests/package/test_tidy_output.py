"""What `make demo` shows of qgis_process's output."""

from __future__ import annotations

import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tools"))
from tidy_output import Tidy

RAW = """\
<string>:1: DeprecationWarning: setapi() is deprecated

----------------
Inputs
----------------

SEED:\t1
child:OUTPUT:\t/tmp/x.gpkg

Building the town ...
0...10...20Recording 40 sites ...
...30...4040 sites: 40 ok.
..The truth is in truth.json.
...50...60...70...80...90...100 - done.
0 sites failed

----------------
Results
----------------

OUTPUT:\t/tmp/x.gpkg
"""

TIDY = """\
    Building the town ...
    0...10...20
    Recording 40 sites ...
    ...30...40
    40 sites: 40 ok.
    ..
    The truth is in truth.json.
    ...50...60...70...80...90...100 - done.
    0 sites failed
"""


def test_lines():
    assert Tidy().feed(RAW) == TIDY


@pytest.mark.parametrize("size", [3, 7, 50])
def test_in_pieces(size):
    """However the output is cut, the same bars and messages come out."""
    tidy = Tidy()
    shown = "".join(tidy.feed(RAW[at : at + size]) for at in range(0, len(RAW), size))
    assert "".join(shown.split()) == "".join(TIDY.split())


def test_a_bar_is_shown_as_it_grows():
    tidy = Tidy()
    assert tidy.feed("0...10") == "    0...10"
    assert tidy.feed("...20") == "...20"
    assert tidy.feed("...30...100 - done.\n") == "...30...100 - done.\n"
