"""Weights in the order in which the library reads them: panels of as many output columns as it keeps sums for."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synth.cpu import library
from synth.cpu.quantised import quantise
from synth.model import Block

HALF = 2  # bytes of a bfloat16
GROUP = 4  # inputs whose 8-bit products one instruction sums up
SHIFT = 128  # the library adds it to the codes of an input, to have them unsigned


def pack(weight: Tensor, panel: int, group: int) -> Tensor:
    """(outputs, inputs) -> (panels, groups, panel, group), padded with zeros."""
    outputs, inputs = weight.shape
    padded = F.pad(weight, (0, -inputs % group, 0, -outputs % panel))
    return padded.view(-1, panel, padded.shape[1] // group, group).transpose(1, 2).contiguous()


class PackedLinear:
    """A linear layer, packed, in float32 or with 8-bit weights. Its `layer` points into tensors that live as long as it."""

    def __init__(self, weight: Tensor, bias: Tensor | None, kernels: library.Kernels, *, eight_bits: bool) -> None:
        """`weight` (outputs, inputs), `bias` (outputs,)."""
        self._kernels = kernels
        self.outputs, self.inputs = weight.shape
        columns: list[Tensor | None] = [None, None, bias]
        if eight_bits:
            weight, scale = quantise(weight)
            columns[:2] = scale.flatten(), SHIFT * weight.sum(1).to(torch.int32)
            weight = weight.to(torch.int8)
        self._weight = pack(weight.detach(), kernels.panel, GROUP if eight_bits else 1)
        self._columns = [None if each is None else _padded(each.detach(), kernels.panel) for each in columns]
        self._parts: dict[tuple[int, int], library.Linear] = {}
        self.layer = self._part(0, self.outputs)

    def columns(self, x: Tensor, first: int, last: int) -> Tensor:
        """Outputs first..last-1 alone: (..., inputs) -> (..., last - first). Computed in whole panels."""
        begin = first - first % self._kernels.panel
        part = self._parts.get((begin, last)) or self._parts.setdefault((begin, last), self._part(begin, last))
        rows = x.reshape(-1, self.inputs).contiguous()
        out = torch.empty(len(rows), last - begin)
        self._kernels.run_linear(part, rows, out)
        return out[:, first - begin :].view(*x.shape[:-1], last - first)

    def _part(self, first: int, last: int) -> library.Linear:
        """The outputs first..last-1 as a layer; `first` begins a panel."""
        weight = self._weight[first // self._kernels.panel :]
        columns = [None if each is None else each[first:].data_ptr() for each in self._columns]
        return library.Linear(weight.data_ptr(), *columns, self.inputs, last - first)


class PackedTrunk:
    """All blocks of a transformer, packed."""

    def __init__(self, blocks: Iterable[Block], kernels: library.Kernels, *, eight_bits: bool) -> None:
        self._kernels, self._eight_bits = kernels, eight_bits
        self._kept: list[object] = []  # what the structures point into
        parts = [(self._block(block), block.attn) for block in blocks]
        self._blocks = (library.Block * len(parts))(*(block for block, _ in parts))
        attention = parts[0][1]
        self.layers, self.heads, self.hidden = len(parts), attention.num_heads, attention.out_proj.in_features
        pointer = ctypes.cast(self._blocks, ctypes.POINTER(library.Block))
        self._trunk = library.Trunk(pointer, self.layers, self.hidden, self.heads)

    def new_cache(self, positions: int, *, layers: int, half: bool) -> Tensor:
        """Room for the keys and values of so many layers of a row, flat; its content means nothing to torch."""
        one = self._kernels.cache_bytes(self.heads, self.hidden // self.heads, positions, half=half)
        return torch.empty(layers * one, dtype=torch.uint8).view(torch.bfloat16 if half else torch.float32)

    def __call__(
        self, x: Tensor, caches: Sequence[Tensor], capacity: int, *, pasts: Sequence[int], causal: bool
    ) -> Tensor:
        """All blocks over (B, T, C), each row behind the positions that its cache holds.

        Without `causal` a cache has one layer, which all share. ValueError for caches of another size than `new_cache`
        makes, or without room.
        """
        half, layers = caches[0].element_size() == HALF, self.layers if causal else 1
        size = layers * self._kernels.cache_bytes(self.heads, self.hidden // self.heads, capacity, half=half)
        last = max(pasts) + x.shape[1]
        if [cache.nbytes for cache in caches] != [size] * len(x) or len(pasts) != len(x) or last > capacity:
            raise ValueError(f"the caches do not fit {len(x)} rows of {last} positions")
        out = x.clone(memory_format=torch.contiguous_format)
        self._kernels.run_trunk(self._trunk, out, caches, capacity, pasts=pasts, causal=causal)
        return out

    def _block(self, block: Block) -> library.Block:
        norms = [self._norm(norm) for norm in (block.layernorm_1, block.layernorm_2)]
        attention, mlp = block.attn, block.mlp
        layers = (attention.att_proj, attention.out_proj, mlp.in_proj, mlp.out_proj)
        return library.Block(*norms, *(self._linear(layer) for layer in layers))

    def _linear(self, plain: nn.Linear) -> library.Linear:
        packed = PackedLinear(plain.weight, plain.bias, self._kernels, eight_bits=self._eight_bits)
        self._kept.append(packed)
        return packed.layer

    def _norm(self, norm: nn.LayerNorm) -> library.Norm:
        weights = [None if each is None else each.detach() for each in (norm.weight, norm.bias)]
        self._kept.append(weights)  # not the layer: it may be given other weights
        return library.Norm(*(None if each is None else each.data_ptr() for each in weights))


def _padded(columns: Tensor, panel: int) -> Tensor:
    return F.pad(columns, (0, -len(columns) % panel))
