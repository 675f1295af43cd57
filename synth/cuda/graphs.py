"""How the steps of a static network are run: called, or captured once as CUDA graphs and replayed.

A step is hundreds of small kernels, each of which takes a host longer to launch than a GPU to compute when there are
few rows. A graph launches them all at once.
"""

from __future__ import annotations

import itertools
import logging
import time
from typing import Any

import torch

from synth.cuda.static import StaticCausal

log = logging.getLogger(__name__)

WARM = 2  # runs before a capture: libraries allocate and compile in the first


class Captured:
    """Every size of a network's step as a graph. They share their working memory: no two run at once."""

    def __init__(self, network: StaticCausal, pool: Any = None) -> None:
        """Captures all sizes: seconds. RuntimeError where that fails. Nothing may be in work meanwhile."""
        self._network = network
        self.pool = pool or torch.cuda.graph_pool_handle()
        self._graphs: dict[tuple[int, int], torch.cuda.CUDAGraph] = {}
        self._stream = torch.cuda.Stream(network.device)  # type: ignore[no-untyped-call] # torch has no type
        began = time.monotonic()
        with torch.cuda.device(network.device), torch.inference_mode():
            network.fixed.rest()
            for rows, length in itertools.product(reversed(network.rows), (0, *network.lengths)):  # the largest first:
                self._graphs[rows, length] = self._capture(rows, length)  # the others fit into its memory
        log.info("%d graphs captured in %.1f s", len(self._graphs), time.monotonic() - began)

    def draw(self, rows: int) -> None:
        """`StaticCausal.draw`."""
        self._graphs[rows, 0].replay()

    def step(self, rows: int, length: int) -> None:
        """`StaticCausal.step`."""
        self._graphs[rows, length].replay()

    def _capture(self, rows: int, length: int) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            for _ in range(WARM):
                self._network.fixed.step.zero_()
                self._run(rows, length)
        torch.cuda.current_stream().wait_stream(self._stream)
        with torch.cuda.graph(graph, pool=self.pool, stream=self._stream):
            self._run(rows, length)
        return graph

    def _run(self, rows: int, length: int) -> None:
        if length:
            self._network.step(rows, length)
        else:
            self._network.draw(rows)


def capture(*networks: StaticCausal) -> bool:
    """Let graphs run these networks from now on; False, and a line in the log, where none can be had."""
    runners: list[Captured] = []
    try:
        for network in networks:
            runners.append(Captured(network, runners[0].pool if runners else None))
    except RuntimeError as error:
        log.warning("no CUDA graphs, each kernel is launched by itself and that is slower: %s", error)
        return False
    for network, runner in zip(networks, runners, strict=True):
        network.run_by(runner)
    return True
