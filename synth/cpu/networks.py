"""The transformers of synth.model, with the same weights and the same interface, computed by the library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from synth.cpu.library import Kernels
from synth.cpu.packed import PackedLinear, PackedTrunk
from synth.model import Block, CausalTransformer, FineTransformer, KVCache


class PackedCache(KVCache):
    """Keys and values in the library's order: only the library reads or writes them."""

    def __init__(self, data: Tensor, capacity: int) -> None:
        self._data, self._capacity, self.length = data, capacity, 0

    @property
    def data(self) -> Tensor:
        """All layers, flat."""
        return self._data

    @property
    def block_size(self) -> int:
        """How many positions fit."""
        return self._capacity


class FastCausal(CausalTransformer):
    """The semantic or the coarse model. `eight_bits` rounds the blocks and the output head; the cache is bfloat16 then."""

    def __init__(self, plain: CausalTransformer, kernels: Kernels, *, eight_bits: bool) -> None:
        """Takes the weights of `plain` on the CPU, in float32; its own copy of the blocks' can be forgotten then."""
        nn.Module.__init__(self)
        self.config = plain.config
        self.input_embeds_layer, self.position_embeds_layer = plain.input_embeds_layer, plain.position_embeds_layer
        self.layernorm_final = plain.layernorm_final
        self._half = eight_bits
        self._trunk = PackedTrunk(cast("list[Block]", list(plain.layers)), kernels, eight_bits=eight_bits)
        self._head = PackedLinear(plain.lm_head.weight, None, kernels, eight_bits=eight_bits)

    @property
    def device(self) -> torch.device:
        """The CPU."""
        return self.position_embeds_layer.weight.device

    def new_cache(self) -> KVCache:
        """An empty cache for one row."""
        size = self.config.block_size
        return PackedCache(self._trunk.new_cache(size, layers=self._trunk.layers, half=self._half), size)

    def blocks(self, x: Tensor, caches: Sequence[KVCache]) -> Tensor:
        """(B, T, C) -> (B, T, C), each row behind what its cache holds."""
        packed = [cache for cache in caches if isinstance(cache, PackedCache)]
        if len(packed) < len(caches):
            raise TypeError("caches of new_cache() are needed")
        data, lengths = [cache.data for cache in packed], [cache.length for cache in packed]
        return self._trunk(x, data, self.config.block_size, pasts=lengths, causal=True)

    def logits(self, hidden: Tensor, first: int, last: int) -> Tensor:
        """Logits of the output tokens first..last-1 alone: (..., C) -> (..., last - first)."""
        return self._head.columns(hidden, first, last)


class FastFine(FineTransformer):
    """The fine model. `eight_bits` rounds the blocks; in its output heads it would change twice as many codes."""

    def __init__(self, plain: FineTransformer, kernels: Kernels, *, eight_bits: bool) -> None:
        """Takes the weights of `plain` on the CPU, in float32; its own copy of the blocks' can be forgotten then."""
        nn.Module.__init__(self)
        self.config = plain.config
        self.input_embeds_layers, self.position_embeds_layer = plain.input_embeds_layers, plain.position_embeds_layer
        self.layernorm_final = plain.layernorm_final
        self._trunk = PackedTrunk(cast("list[Block]", list(plain.layers)), kernels, eight_bits=eight_bits)
        heads = cast("list[nn.Linear]", list(plain.lm_heads))
        self._heads = [PackedLinear(head.weight, None, kernels, eight_bits=False) for head in heads]

    def blocks(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C), each position seeing all."""
        rows, positions, _ = x.shape
        caches = [self._trunk.new_cache(positions, layers=1, half=False) for _ in range(rows)]
        return self._trunk(x, caches, positions, pasts=[0] * rows, causal=False)

    def logits(self, hidden: Tensor, codebook: int, size: int) -> Tensor:
        """Logits of the first `size` tokens of `codebook`: (..., C) -> (..., size)."""
        return self._heads[codebook - self.config.n_codes_given].columns(hidden, 0, size)
