"""Weights that are not on the device for good: a table that only prompts need, and networks that wait for their turn."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PromptTable(nn.Module):
    """An input table in main memory, as it is in the file, of which the device has the rows of drawn tokens alone.

    Prompts come as ids on the CPU, and are looked up there. A network draws none but its first `drawn` tokens, and
    feeds them back as ids on the device. On a CPU all rows are looked up in the one table.
    """

    drawn: Tensor  # (drawn, C), on the device

    def __init__(self, weight: Tensor, drawn: int, *, like: Tensor) -> None:
        """`weight` (V, C) on the CPU; rows are given on the device and in the precision of `like`."""
        super().__init__()
        self.weight = weight.detach()  # no parameter and no buffer: it goes nowhere
        self.register_buffer("drawn", self.weight[:drawn].to(like), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """(...) -> (..., C), on the device."""
        if ids.device.type == "cpu":
            return F.embedding(ids, self.weight).to(self.drawn)
        return F.embedding(ids, self.drawn)


class Turns:
    """Networks with their weights in main memory, which are copied to the device for a turn.

    Weights never change: at the end of a turn the copies are forgotten, and nothing that can fail is left to do.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._busy = False

    @contextlib.contextmanager
    def turn(self, network: nn.Module) -> Iterator[None]:
        """The network is on the device for the block. RuntimeError when another one is: there is room for one."""
        if self._busy:
            raise RuntimeError("two networks cannot have their turn at once")
        self._busy = True
        homes = [(tensor, tensor.data) for tensor in (*network.parameters(), *network.buffers())]
        try:
            self._bring(homes)
            yield
        finally:
            for tensor, home in homes:
                tensor.data = home
            self._busy = False
            if self._device.type == "cuda":
                torch.cuda.empty_cache()  # the next network's tensors have other shapes

    def copy(self, tensor: Tensor) -> Tensor:
        """A tensor on the device."""
        return tensor.to(self._device)

    def _bring(self, homes: list[tuple[Tensor, Tensor]]) -> None:
        """Copy all, each memory once: tied weights stay tied."""
        copies: dict[tuple[int, torch.Size], Tensor] = {}
        with torch.inference_mode(mode=False):  # a weight must not become an inference tensor
            for tensor, home in homes:
                key = (home.data_ptr(), home.shape)
                if key not in copies:
                    copies[key] = self.copy(home)
                tensor.data = copies[key]
