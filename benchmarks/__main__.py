"""Run all benchmarks, or those named."""

import asyncio
import sys

from benchmarks import engine, look_ahead, start, stream

BENCHMARKS = {
    "engine": engine.main,
    "stream": stream.main,
    "look_ahead": look_ahead.main,
    "start": lambda: asyncio.run(start.main()),
}

for name in sys.argv[1:] or BENCHMARKS:
    print(f"== {name}")
    BENCHMARKS[name]()
    print()
