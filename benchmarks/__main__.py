"""Run all benchmarks, or those named."""

import asyncio
import sys

from benchmarks import cpu, engine, quality, start

BENCHMARKS = {
    "engine": engine.main,
    "cpu": cpu.main,
    "cpu-clip": cpu.clip,
    "quality": quality.main,
    "start": lambda: asyncio.run(start.main()),
}

for name in sys.argv[1:] or BENCHMARKS:
    print(f"== {name}")
    BENCHMARKS[name]()
    print()
