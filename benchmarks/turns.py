"""Several ways of doing the same, timed in turn: what slows the machine down for a while slows all of them."""

from __future__ import annotations

import dataclasses
import gc
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

Work = Callable[[], Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Took:
    """Seconds of each repeat."""

    wall: list[float]
    cpu: list[float]  # of all threads of this process; threads that spin while they wait count too

    @property
    def median(self) -> float:
        """By the clock."""
        return statistics.median(self.wall)

    @property
    def work(self) -> float:
        """The median of the processor's seconds."""
        return statistics.median(self.cpu)


def take_turns(cells: Mapping[str, Work], *, repeats: int, warm_up: bool = True) -> dict[str, Took]:
    """Time each cell once in every repeat; a first time does not count. Waits for the GPU where there is one."""
    took = {name: Took(wall=[], cpu=[]) for name in cells}
    gc.collect()
    for number in range(-int(warm_up), repeats):
        for name, cell in cells.items():
            finish()
            began, worked = time.perf_counter(), time.process_time()
            cell()
            finish()
            if number >= 0:
                took[name].wall.append(time.perf_counter() - began)
                took[name].cpu.append(time.process_time() - worked)
    return took


def finish() -> None:
    """Wait until the GPU, if there is one, has done all that it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
