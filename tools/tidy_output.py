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
#: A bar, or a piece of one: 0, then dots, and after dots a multiple of ten. Text may follow without a gap:
#: in "...4040 sites" the bar ends after the first 40.
BAR = re.compile(r"(?:^0|\.|(?<=\.)100|^100|(?<=\.)[1-9]0)*")


class Tidy:
    """Output in, output to show out; a growing progress bar is shown at once."""

    def __init__(self) -> None:
        self._line = ""
        self._shown = 0  # characters of the line that are on the screen
        self._echo = False

    def feed(self, text: str) -> str:
        """What to print for the next piece of output."""
        *ended, self._line = (self._line + text).split("\n")
        shown = "".join(self._whole(line) for line in ended)
        bar = self._bar(self._line)
        if len(bar) > self._shown:
            shown += (INDENT if self._shown == 0 else "") + bar[self._shown :]
            self._shown = len(bar)
        return shown

    @staticmethod
    def _bar(line: str) -> str:
        found = BAR.match(line)
        return found.group() if found else ""

    def _whole(self, line: str) -> str:
        line, done, self._shown = line.rstrip(), self._shown, 0
        bar = self._bar(line)
        if done or "." in bar:
            text = line[len(bar) :]
            start = (INDENT if done == 0 else "") + bar[done:]
            return f"{start}{text}\n" if text in {"", " - done."} else f"{start}\n{INDENT}{text.strip()}\n"
        if line in {"Inputs", "Results"}:
            self._echo = True  # of the parameters: NAME:<tab>value
            return ""
        if NOISE.search(line) or (self._echo and re.match(r"^[\w: ]+:\t", line)):
            return ""
        self._echo = False
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
