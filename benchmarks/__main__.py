"""Run all benchmarks, or those named."""

import asyncio
import sys

from benchmarks import batch, cpu, crowd, engine, look_ahead, memory, quality, rivals, sound, start, stream, watermark
from benchmarks.rival_libraries import installed

BENCHMARKS = {
    "engine": engine.main,
    "cpu": cpu.main,
    "cpu-clip": cpu.clip,
    "quality": quality.main,
    "quality-words": quality.words,
    "batch": batch.main,
    "batch-clip": batch.clips,
    "rivals": rivals.main,
    "stream": stream.main,
    "sound": lambda: asyncio.run(sound.main()),
    "look_ahead": look_ahead.main,
    "memory": memory.main,
    "memory-large": memory.large,
    "start": lambda: asyncio.run(start.main()),
    "crowd": lambda: asyncio.run(crowd.main()),
    "watermark": watermark.main,
}

# minutes each; rivals joins in where one of the packages is there
ASKED_FOR = {
    "quality-words",
    "batch-clip",
    "watermark",
    *([] if any(map(installed, ("onnxruntime", "openvino", "torchao"))) else ["rivals"]),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or [name for name in BENCHMARKS if name not in ASKED_FOR]:
        print(f"== {name}")
        BENCHMARKS[name]()
        print()
