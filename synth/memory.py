"""What to do when a device's memory runs out: once more, in a smaller form."""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Callable
from typing import TypeVar

import torch

from synth.bark import Model
from synth.codec import Codec
from synth.device import memory_told
from synth.errors import OutOfMemory

log = logging.getLogger(__name__)

SMALL_CHUNK = 128  # prompt positions at once when memory is short

Result = TypeVar("Result")


def in_small_form(model: Model, work: Callable[[int], Result]) -> Result:
    """`work` with prompts of `SMALL_CHUNK` positions, after memory ran out; OutOfMemory when it does again.

    `work` gives the caches of finished stages back (`free`), and has the codec, whose activations are the largest, on
    the CPU. It gives the same tokens.
    """
    log.warning("out of memory on %s; once more in a smaller form", model.device)
    home = model.codec.device
    free(model)
    try:
        with memory_told():
            return work(SMALL_CHUNK)
    finally:
        bring_home(model.codec, home)


def bring_home(codec: Codec, home: torch.device) -> None:
    """Move the codec back, if there is room: half of it here and half there would decode nothing."""
    try:
        with memory_told():
            codec.to(home)
    except OutOfMemory:
        log.warning("no memory to move the codec back to %s: it stays on the CPU, and is slower there", home)
        codec.to("cpu")


def trim() -> None:
    """Give main memory back that the allocator keeps for later: after loading, hundreds of megabytes of temporaries."""
    release = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None  # glibc's own
    if release:
        release(0)


def free(model: Model) -> None:
    """Give the memory back that only the next job would need."""
    model.drop_caches()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
