"""What the machine allows: the bytes that must be moved over the bandwidth measured with as many bytes.

A prompt's products can take longer than its bytes; then it is these, over the rate of torch's own products of such
matrices in that precision. All in seconds; both rates are measured when asked for, as they change on a virtual machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import work
from benchmarks.random_bark import SIZES
from benchmarks.turns import finish
from synth import room

MOST = 1 << 29  # bytes: larger buffers are read no faster
POSITIONS = 1024  # of the products that are timed
TRIES = 20
OUTPUTS = work.OUTPUTS | {"fine": 0}  # of the head; what a fine pass reads of its heads is little


def form_of(kind: str, name: str) -> room.Form:
    """Bytes of its numbers, from the name of a form (`benchmarks.forms`)."""
    precision = name.removeprefix("eager ")
    exact = "float32" if kind == "cpu" else "float16"
    return room.form_of(kind, precision if precision in ("int8", "int4") else exact)


class Floor:
    """Of one form of one size on one kind of device."""

    def __init__(self, size: str, kind: str, name: str) -> None:
        self.layers, _, self.width = SIZES[size]
        self.kind, self.form = kind, form_of(kind, name)

    def step_bytes(self, stage: str, context: int, rows: int = 1) -> int:
        """What a step reads: the weights of the blocks, of the outputs that it chooses from, and the caches."""
        blocks, head = 12 * self.layers * self.width**2, OUTPUTS[stage] * self.width
        cache = 2 * self.layers * context * self.width
        blocks_form = self.form.products if stage == "fine" else self.form.blocks
        return int(blocks * blocks_form + head * self.form.products + rows * cache * self.form.cache)

    def step(self, stage: str, context: int, rows: int = 1) -> float:
        """One token of each row."""
        size = self.step_bytes(stage, context, rows)
        return size / bandwidth(size, self.kind)

    def positions(self, stage: str, count: int) -> float:
        """A prompt of so many positions, or a pass of the fine stage over them: the bytes or the products."""
        blocks, attention = 12 * self.layers * self.width**2, 2 * self.layers * self.width * count
        if stage != "fine":
            attention //= 2  # a position sees those before it
        narrow = self.kind == "cpu" and self.form.products < 2  # bytes
        products = 2 * count * (blocks + attention) / rate(self.width, self.kind, narrow=narrow)
        return max(self.step(stage, 0), products)


def bandwidth(size: int, kind: str) -> float:
    """Bytes a second that all threads, or the GPU, read of a buffer of that size, at best."""
    data = torch.ones(min(size, MOST) // 4, device=kind)
    return data.nbytes / _best(data.sum)


def rate(width: int, kind: str, *, narrow: bool = False) -> float:
    """Operations a second of torch's products in 8 bits, or float32 on a CPU and float16 on a GPU, at best."""
    dtype = torch.int8 if narrow else torch.float32 if kind == "cpu" else torch.float16
    x = torch.ones(POSITIONS, width, dtype=dtype, device=kind)
    weight = torch.ones(4 * width, width, dtype=dtype, device=kind).T
    product = torch._int_mm if narrow else torch.mm  # noqa: SLF001 # torch has no other name for it
    return 2 * POSITIONS * 4 * width**2 / _best(lambda: product(x, weight))


def operations(cell: Callable[[], Any]) -> int:
    """Those that torch counts in it."""
    with FlopCounterMode(display=False) as counter:
        cell()
    return int(counter.get_total_flops())


def _best(cell: Callable[[], Any]) -> float:
    best = float("inf")
    for _ in range(TRIES):
        finish()
        began = time.perf_counter()
        cell()
        finish()
        best = min(best, time.perf_counter() - began)
    return best
