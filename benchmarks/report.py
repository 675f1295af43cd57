"""What every benchmark prints besides its figures: the command, the machine, the versions, the spread."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def machine() -> str:
    """The processor's name and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        name = next(
            (line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")),
            name,
        )
    return f"{name}, {len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores, {platform.system()}"


def heading(*packages: str) -> str:
    """Three lines to put above figures."""
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"$ python -m benchmarks {' '.join(sys.argv[1:])}\n{machine()}\nPython {platform.python_version()}, {versions}\n"


def known(packages: Iterable[str]) -> list[str]:
    """Those of them that are installed."""
    return [package for package in packages if _is_known(package)]


def spread(samples: Sequence[float], unit: str = "s") -> str:
    """Median, least and most."""
    return f"{statistics.median(samples):.3g} {unit} (of {len(samples)}: {min(samples):.3g} to {max(samples):.3g})"


def short(samples: Sequence[float]) -> str:
    """Median, least and most, for a cell of a table; a single sample as it is."""
    if len(samples) == 1:
        return figure(samples[0])
    return f"{figure(statistics.median(samples))} ({figure(min(samples))} to {figure(max(samples))})"


def figure(number: float) -> str:
    """Three digits, or all before the point."""
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def _is_known(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False
