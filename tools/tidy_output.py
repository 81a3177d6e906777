"""Pass qgis_process's output through, live and without its noise: parameter echoes, blank lines, Qt's warnings.

A progress bar (0...10...20) is shown as it grows.
"""

from __future__ import annotations

import os
import re
import sys

INDENT = "    "
NOISE = re.compile(
    r"^-*$|setapi\(\) is deprecated|^QStandardPaths|^Problem with GRASS|^Application path not initialized"
    r"|^libEGL|^MESA|^qt\.qpa|^Logged warning"
)
PROGRESS = re.compile(r"^\d[\d.]*( - done\.?)?$")


class Tidy:
    """Lines in, lines to show out; a growing progress bar is shown at once."""

    def __init__(self) -> None:
        self._line = ""
        self._shown = 0
        self._skip = False

    def feed(self, text: str) -> str:
        """What to print for the next piece of output."""
        shown = ""
        for character in text:
            if character == "\n":
                shown += self._end_line()
            else:
                self._line += character
        if PROGRESS.match(self._line) and len(self._line) > self._shown:
            shown += (INDENT if self._shown == 0 else "") + self._line[self._shown :]
            self._shown = len(self._line)
        return shown

    def _end_line(self) -> str:
        line, done, self._line, self._shown = self._line.rstrip(), self._shown, "", 0
        if done:
            return line[done:] + "\n"
        if line in {"Inputs", "Results"}:
            self._skip = True  # the echo of the parameters: NAME:<tab>value
            return ""
        if NOISE.search(line) or (self._skip and re.match(r"^[A-Za-z_: ]+:\t", line)):
            return ""
        self._skip = False
        return f"{INDENT}{line}\n"


def main() -> None:
    """From standard input to standard output."""
    tidy = Tidy()
    while True:
        piece = os.read(sys.stdin.fileno(), 4096)
        sys.stdout.write(tidy.feed(piece.decode("utf-8", "replace") if piece else "\n"))
        sys.stdout.flush()
        if not piece:
            return


if __name__ == "__main__":
    main()
