"""What this process may use of the machine: processor cores and memory."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_DEFAULT_MEMORY = 4 * 1024**3


def cores() -> int:
    """Processor cores that this process may use: its affinity, and the limit of the container it runs in."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    words = _read(_CGROUP / "cpu.max").split()
    if len(words) == 2 and all(word.isdigit() for word in words) and int(words[1]):
        count = min(count, -(-int(words[0]) // int(words[1])))
    return max(count, 1)


def free_memory() -> int:
    """Bytes that can be taken without swapping; a cautious guess where the system does not tell."""
    if sys.platform == "win32":
        return _free_on_windows() or _DEFAULT_MEMORY
    return min(_free_on_unix(), _free_in_container())


def cpu_flags() -> frozenset[str]:
    """Names of the processor's instruction sets as Linux writes them; empty on other systems."""
    line = re.search(r"^flags\s*:\s*(.*)$", _read(Path("/proc/cpuinfo")), re.MULTILINE)
    return frozenset(line.group(1).split()) if line else frozenset()


def _free_on_unix() -> int:
    # MemAvailable counts the disk cache as free, which SC_AVPHYS_PAGES does not.
    line = re.search(r"^MemAvailable:\s*(\d+) kB$", _read(Path("/proc/meminfo")), re.MULTILINE)
    if line:
        return int(line.group(1)) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (ValueError, OSError, AttributeError):
        return _DEFAULT_MEMORY


def _free_in_container() -> int:
    limit, used = _read(_CGROUP / "memory.max").strip(), _read(_CGROUP / "memory.current").strip()
    if not (limit.isdigit() and used.isdigit()):
        return sys.maxsize
    # What was read of files (the weights, too) counts as used and is given up when memory is asked for.
    files = re.search(r"^inactive_file (\d+)$", _read(_CGROUP / "memory.stat"), re.MULTILINE)
    return max(int(limit) - int(used) + (int(files.group(1)) if files else 0), 0)


def _free_on_windows() -> int:
    class MemoryStatus(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("total", ctypes.c_ulonglong),
            ("available", ctypes.c_ulonglong),
            *((f"other{index}", ctypes.c_ulonglong) for index in range(5)),
        )

    status = MemoryStatus(length=ctypes.sizeof(MemoryStatus))
    library = getattr(ctypes, "windll", None)
    if library is None or not library.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return 0
    return int(status.available)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
