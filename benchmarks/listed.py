"""The benchmarks by their names. Each runs in a process, and so with memory and threads, of its own."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import multiprocessing
import os
import signal
import sys

BENCHMARKS = {  # name: (module, function and size; what it prints)
    "speed": (
        "speed main small",
        "Bark small: tokens/s, times of the stages, first audio, a whole clip, floors; minutes",
    ),
    "batch": ("batch main small", "Bark small: tokens/s of 1 to 32 rows"),
    "memory": ("memory main small", "Bark small: peak memory of all forms"),
    "stream": ("stream main", "the shipped model: transformers, ours, and ours streamed"),
    "sound": ("sound main", "its stream across the process border"),
    "start": ("start main", "the bot's own start and memory"),
    "speed-large": ("speed main large", "speed for Bark large, without a whole clip"),
    "batch-large": ("batch main large", "batch for Bark large"),
    "memory-large": ("memory main large", "memory for Bark large"),
    "batch-clip": ("batch clips", "several takes of one text at once, against one after another"),
    "rivals": ("rivals main", "other libraries' decode step and prompt, of those that are installed"),
    "quality": ("quality main", "what 8 bits cost: tokens and logits"),
    "quality-words": ("quality words", "what 8 bits cost: words, in minutes"),
    "look_ahead": ("look_ahead main", "what the look-ahead of streamed fine codes brings and costs"),
    "crowd": ("crowd main", "200 people type, ask and press at once"),
    "watermark": ("watermark main", "what the watermark survives, in minutes"),
}
USUAL = list(BENCHMARKS)[: list(BENCHMARKS).index("batch-clip")]  # what `make bench` prints
PATIENCE = 5.0  # seconds
STOPPED = 130  # the exit status of a program that was interrupted


def apart(name: str) -> int:
    """Run a benchmark in a process of its own; its exit status. KeyboardInterrupt where either was interrupted."""
    child = multiprocessing.get_context("spawn").Process(target=run, args=(name,))
    child.start()
    try:
        child.join()
    except KeyboardInterrupt:
        child.join(PATIENCE)  # as a rule it was interrupted, too, and tidies up
        if child.is_alive() and child.pid:
            os.kill(child.pid, signal.SIGINT)
            child.join(PATIENCE)
        raise
    finally:
        child.terminate()
        child.join()
    if child.exitcode == STOPPED:
        raise KeyboardInterrupt
    return child.exitcode or 0


def run(name: str) -> None:
    """The benchmark, here."""
    sys.argv[1:] = [name]  # as it would be started alone: the heading says so
    module, function, *size = BENCHMARKS[name][0].split()
    try:
        done = getattr(importlib.import_module(f"benchmarks.{module}"), function)(*size)
        if inspect.iscoroutine(done):
            asyncio.run(done)
    except KeyboardInterrupt:
        sys.exit(STOPPED)
