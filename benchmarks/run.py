"""Run the benchmarks: one line per claim, and the same in build/bench.json.

Each benchmarks/bench_NAME.py has ``run() -> Iterable[Claim]``. Usage: run.py [NAME]...
The exit status is 1 where a claim is not met or a benchmark fails.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.claims import BUILD, Claim

HERE = Path(__file__).resolve().parent
PREFIX = "bench_"


def names() -> list[str]:
    """The benchmarks there are."""
    return sorted(path.stem[len(PREFIX) :] for path in HERE.glob(f"{PREFIX}*.py"))


def number(value: float) -> str:
    """Four significant digits, without an exponent where a person would write none."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def line(claim: Claim) -> str:
    """A claim as a line: name, value, unit, reference, bar, met or not."""
    bar = "no bar" if claim.bar is None else f"{claim.direction} {number(claim.bar)} {claim.unit}"
    verdict = {None: "-", True: "met", False: "NOT MET"}[claim.met]
    return (
        f"{claim.name:<42} {number(claim.value):>9} {claim.unit:<7} {claim.reference:<48} {bar:<20} {verdict}"
    )


def run(chosen: Iterable[str]) -> tuple[list[dict[str, object]], list[str]]:
    """Run benchmarks; returns their claims as dictionaries and the names of those that failed."""
    rows: list[dict[str, object]] = []
    broken: list[str] = []
    for name in chosen:
        began = time.perf_counter()
        try:
            for claim in importlib.import_module(f"benchmarks.{PREFIX}{name}").run():
                print(line(claim), flush=True)
                rows.append({"benchmark": name, **asdict(claim), "met": claim.met})
        except Exception:  # noqa: BLE001 - one broken benchmark must not hide the others
            traceback.print_exc()
            broken.append(name)
        print(f"    ({name}: {time.perf_counter() - began:.0f} s)", flush=True)
    return rows, broken


def main() -> int:
    """Run all benchmarks, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="names of benchmarks (default: all)")
    only = parser.parse_args().only
    unknown = [name for name in only if name not in names()]
    if unknown:
        print(
            f"Error: no benchmark {', '.join(unknown)}. There are: {', '.join(names()) or 'none'}",
            file=sys.stderr,
        )
        return 1
    rows, broken = run(only or names())
    BUILD.mkdir(exist_ok=True)
    report = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "processor": platform.machine(),
            "python": platform.python_version(),
        },
        "claims": rows,
        "failed": broken,
    }
    BUILD.joinpath("bench.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    missed = [str(row["name"]) for row in rows if row["met"] is False]
    print(
        f"{len(rows)} claims, {len(missed)} not met, {len(broken)} benchmarks failed; build/bench.json",
        flush=True,
    )
    return 1 if missed or broken else 0


if __name__ == "__main__":
    sys.exit(main())
