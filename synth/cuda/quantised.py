"""Linear layers with 8-bit or 4-bit weights and inputs as they come: what a decode step reads is mostly weights.

Weights are rounded to whole numbers from -m to m with a scale, max|w| / m: with 8 bits (m = 127) one for each row, with
4 bits (m = 7) one for each group of `GROUP` inputs. The sums are kept in float32. A few rows are computed by a Triton
kernel that reads the narrow weights; many (a prompt), and all where it cannot be used, with weights made wide again.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GROUP = 128  # inputs with one 4-bit scale: 1/8 bit more for each weight
LEAST_GROUP = 16  # smaller ones would be more scales than weights
FEW = 32  # rows: with more, wide weights are read once for so many products that their width does not matter
MOST = {8: 127, 4: 7}


def quantise(weight: Tensor, bits: int, group: int) -> tuple[Tensor, Tensor]:
    """A weight (outputs, inputs) as whole numbers in int8, and float32 scales (outputs, inputs / group)."""
    grouped = weight.float().view(len(weight), -1, group)
    most = grouped.abs().amax(-1, keepdim=True)
    factor = torch.where(most > 0, MOST[bits] / most, 0.0)  # a group of zeros stays one
    return (grouped * factor).round().flatten(-2).to(torch.int8), (most / MOST[bits]).squeeze(-1)


def pack(codes: Tensor) -> Tensor:
    """4-bit numbers (outputs, inputs) -> uint8 (outputs, inputs / 2): the first half in the low bits, the second above it.

    So a kernel that reads neighbouring bytes has neighbouring inputs in both halves.
    """
    low, high = (codes + 8).to(torch.uint8).chunk(2, dim=-1)
    return low | high << 4


def unpack(packed: Tensor) -> Tensor:
    """The numbers again, int8."""
    return torch.cat([packed & 15, packed >> 4], dim=-1).to(torch.int8) - 8


def group_of(inputs: int, bits: int) -> int:
    """Inputs with a scale in common; 0 where a layer is too narrow, or odd, for 4 bits."""
    if bits == 8:
        return inputs
    group = math.gcd(GROUP, inputs // 2)
    return group if inputs % 2 == 0 and group >= LEAST_GROUP else 0


class QuantisedLinear(nn.Module):
    """A linear layer with narrow weights. 4 bits become 8 where the layer does not take them. `kernel`: use Triton's."""

    codes: Tensor  # (outputs, inputs) int8, or (outputs, inputs / 2) uint8
    scale: Tensor  # (outputs, groups), float32

    def __init__(self, plain: nn.Linear, *, bits: int, kernel: bool = False) -> None:
        super().__init__()
        self.bits = bits if group_of(plain.in_features, bits) else 8
        self.group = group_of(plain.in_features, self.bits)
        self.inputs, self.outputs = plain.in_features, plain.out_features
        codes, scale = quantise(plain.weight.detach(), self.bits, self.group)
        self.register_buffer("codes", codes if self.bits == 8 else pack(codes))
        self.register_buffer("scale", scale)
        self.bias = plain.bias
        self._kernel = kernel

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) -> (..., outputs)."""
        if not self._kernel or x.numel() > FEW * self.inputs:
            return self.plainly(x)
        from synth.cuda.products import product  # noqa: PLC0415 -- needs Triton

        return product(x.reshape(-1, self.inputs), self).view(*x.shape[:-1], -1)

    def plainly(self, x: Tensor) -> Tensor:
        """The same, by weights made wide for the moment."""
        return F.linear(x, self.weight().to(x.dtype), self.bias)

    def weight(self) -> Tensor:
        """The rounded weight (outputs, inputs), float32."""
        codes = self.codes if self.bits == 8 else unpack(self.codes)
        return (codes.view(self.outputs, -1, self.group) * self.scale[..., None]).flatten(-2)


def quantise_layers(network: nn.Module, *, bits: int, kernel: bool = False) -> None:
    """Put narrow layers into the blocks of a transformer, in place.

    Embeddings are looked up, a row a token: their width costs no time. Norms are tiny. A step reads a head whole, but it
    is 2 to 3 % of the weights and rounding it moves every logit.
    """
    for block in network.get_submodule("layers").children():
        for part in (block.get_submodule("attn"), block.get_submodule("mlp")):
            for name, layer in list(part.named_children()):
                if isinstance(layer, nn.Linear):
                    setattr(part, name, QuantisedLinear(layer, bits=bits, kernel=kernel))
