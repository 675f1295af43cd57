"""The child's half of `bounded.py`: bind itself, do one task on what comes in, say what came of it, end.

A task is a function of the bytes and the bounds that returns JSON values and bytes, or raises one of `bounded.KINDS`. Add
one to `TASKS` by its name and place; its module is imported in the child alone.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

from synth.bounded import HEADER, Bounds, TooBig, Unreadable

TASKS = {"decode": "synth.decode:decode", "verify": "synth.verify:task"}  # name -> module:function

Task = Callable[[bytes, Bounds], tuple[dict[str, Any], bytes]]

DESCRIPTORS = 32
GRACE = 2  # seconds that the parent has for the kill before this process ends by itself


def main(words: str) -> None:
    """Do what the command line says; never returns."""
    bounds = Bounds(**json.loads(words))
    bind(bounds)
    try:
        data = _read(bounds.max_bytes)
        found, blob = find(bounds.task)(data, bounds)
    except Unreadable as error:
        found, blob = {"error": error.code, "words": str(error)}, b""
    except MemoryError:
        found, blob = {"error": TooBig.code, "words": "It needs more memory than there is for it."}, b""
    _write(found, blob)
    os._exit(0)  # nothing a library left behind runs now


def find(name: str) -> Task:
    """The task of that name; KeyError for one that is not registered."""
    module, _, function = TASKS[name].partition(":")
    task: Task = getattr(importlib.import_module(module), function)
    return task


def bind(bounds: Bounds) -> None:
    """Limits that this process cannot lift again."""
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_NOFILE", DESCRIPTORS)
    _limit("RLIMIT_FSIZE", bounds.largest)
    _limit("RLIMIT_CPU", math.ceil(bounds.within))
    _limit("RLIMIT_AS", bounds.memory)
    signal.alarm(math.ceil(bounds.within) + GRACE)  # the parent may be dead by then


def _limit(name: str, value: int) -> None:
    """Not every system has each limit, and some have a lower one set."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        resource.setrlimit(getattr(resource, name), (value, value))


def _read(most: int) -> bytes:
    """All of standard input, which may have no end."""
    data = sys.stdin.buffer.read(most + 1)
    if len(data) > most:
        raise TooBig(f"It has more than {most} bytes.")
    return data


def _write(found: dict[str, Any], blob: bytes) -> None:
    words = json.dumps(found).encode()
    sys.stdout.buffer.write(HEADER.pack(len(words)) + words + blob)
    sys.stdout.buffer.flush()
