"""Run all benchmarks, or those named."""

import asyncio
import sys

from benchmarks import cpu, engine, look_ahead, quality, sound, start, stream

BENCHMARKS = {
    "engine": engine.main,
    "cpu": cpu.main,
    "cpu-clip": cpu.clip,
    "quality": quality.main,
    "stream": stream.main,
    "sound": lambda: asyncio.run(sound.main()),
    "look_ahead": look_ahead.main,
    "start": lambda: asyncio.run(start.main()),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHMARKS:
        print(f"== {name}")
        BENCHMARKS[name]()
        print()
