"""What was looked for and found, as lines of a log and as a page."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 60em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 1.6em; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top;
padding: .3em .8em .3em 0; border-bottom: 1px solid #ddd; }
td.mark { width: 5em; } th { width: 11em; } dl { margin: .3em 0 0; } dt { float: left; clear: left; color: #666; }
dd { margin-left: 6em; overflow-wrap: anywhere; }
.ok { color: #00694c; font-weight: 600; } .no { color: #a33f00; font-weight: 600; } .absent { color: #555; }
pre { background: #f4f4f4; padding: 1em; white-space: pre-wrap; user-select: all; }
"""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    ok is False where something is missing that tools need. absent: it is not there and need not be. details: what else
    is worth knowing (name, text), on the page only.
    """

    section: str
    name: str
    ok: bool
    found: str
    remedy: str = ""
    absent: bool = False
    details: tuple[tuple[str, str], ...] = ()

    def line(self) -> str:
        """One line of the copyable report."""
        mark = "absent " if self.absent else "ok     " if self.ok else "missing"
        return f"{mark}  {self.name}: {self.found}" + (f" - {self.remedy}" if self.remedy else "")

    def _row(self) -> str:
        kind, word = ("absent", "absent") if self.absent else ("ok", "ok") if self.ok else ("no", "missing")
        remedy = f"<br>{html.escape(self.remedy)}" if self.remedy else ""
        entries = "".join(
            f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in self.details
        )
        details = f"<dl>{entries}</dl>" if entries else ""
        return (
            f"<tr><td class='mark {kind}'>{word}</td><th>{html.escape(self.name)}</th>"
            f"<td>{html.escape(self.found)}{remedy}{details}</td></tr>"
        )


def page(findings: Sequence[Finding], title: str, summary: str) -> str:
    """The findings as an HTML page that needs nothing else."""
    parts = [f"<h1>{html.escape(title)}</h1><p>{html.escape(summary)}</p>"]
    for section in dict.fromkeys(finding.section for finding in findings):
        rows = "".join(finding._row() for finding in findings if finding.section == section)
        parts.append(f"<h2>{html.escape(section)}</h2><table>{rows}</table>")
    lines = "\n".join(finding.line() for finding in findings)
    parts.append(f"<h2>To copy</h2><pre>{html.escape(lines)}</pre>")
    return (
        f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>{html.escape(title)}</title>"
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def write_page(path: str, text: str, on_failure: Callable[[Callable[[], None]], None]) -> None:
    """Write a page whole or not at all; ``on_failure`` takes what removes a half-written one."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    partial = path + ".part"
    on_failure(lambda: os.path.exists(partial) and os.remove(partial))
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(partial, path)
