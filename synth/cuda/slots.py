"""Keys and values of all rows in one tensor, so that a step can read those of many rows at once.

Letters as in synth.model; a slot is the place of a row.
"""

from __future__ import annotations

import gc
import heapq
import weakref

import torch
from torch import Tensor

from synth.model import KVCache, TransformerConfig


class SlotCache(KVCache):
    """Keys and values of one row: a view of its slot."""

    def __init__(self, slots: Slots, slot: int) -> None:
        block_size = slots.data.shape[-2] - 1  # the last position is nobody's
        self._data = slots.data[:, :, slot : slot + 1, :, :block_size]  # (layers, key|value, 1, H, block, D)
        self.slots, self.slot, self.length = slots, slot, 0

    def reset(self) -> None:
        """Forget every position. They are cleared, too: a step multiplies what it does not see by 0, and 0 * inf is none."""
        self._data.zero_()
        self.length = 0


class Slots:
    """The slots of a network. The position behind the block takes what rows without work write."""

    def __init__(
        self, config: TransformerConfig, count: int, *, dtype: torch.dtype, device: torch.device | str
    ) -> None:
        shape = (config.num_layers, 2, count, config.num_heads, config.block_size + 1, config.head_size)
        self.data: Tensor = torch.zeros(
            shape, dtype=dtype, device=device
        )  # (layers, key|value, slots, H, block + 1, D)
        self._free = list(range(count))

    def take(self) -> SlotCache | None:
        """An empty cache in the lowest free slot, which is free again once nobody holds the cache; None without one."""
        if not self._free:
            gc.collect()  # what was cancelled and dropped may still be held by its own error
        if not self._free:
            return None
        slot = heapq.heappop(self._free)
        cache = SlotCache(self, slot)
        cache.reset()
        weakref.finalize(cache, heapq.heappush, self._free, slot).atexit = False
        return cache

    @property
    def free(self) -> int:
        """How many slots nobody holds."""
        return len(self._free)
