"""Linear layers with 8-bit weights in plain torch.

This is the definition of the arithmetic, which transformer.c follows, and what runs where there is no compiler.
Each row of a weight has a scale, max|w| / 127; so has each row of the input, at every call. Both are symmetric.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

MOST = 127  # -128 is not used: the range is symmetric


def quantise(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (..., n) as whole numbers from -127 to 127 in float32, and their scales (..., 1): rows = codes * scales."""
    most = rows.abs().amax(-1, keepdim=True)
    factor = torch.where(most > 0, MOST / most, 0.0)  # a row of zeros stays one
    return (rows * factor).round(), most / MOST


class QuantisedLinear(nn.Module):
    """A linear layer with 8-bit weights that takes its input as 8 bits too."""

    codes: Tensor  # (outputs, inputs), int8
    scale: Tensor  # (outputs,)

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__()
        codes, scale = quantise(plain.weight.detach().float())
        self.register_buffer("codes", codes.to(torch.int8))
        self.register_buffer("scale", scale.flatten())
        self.bias = plain.bias

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) -> (..., outputs)."""
        codes, scale = quantise(x)
        sums = torch._int_mm(codes.to(torch.int8).flatten(0, -2), self.codes.T)  # noqa: SLF001 # torch's only such product
        out = sums.view(*x.shape[:-1], -1) * (scale * self.scale)
        return out if self.bias is None else out + self.bias


def quantise_layers(network: nn.Module) -> None:
    """Put 8-bit layers into the blocks of a transformer, in place. Embeddings, norms and heads stay as they are."""
    for block in network.get_submodule("layers").children():
        for part in (block.get_submodule("attn"), block.get_submodule("mlp")):
            for name, layer in list(part.named_children()):
                if isinstance(layer, nn.Linear):
                    setattr(part, name, QuantisedLinear(layer))
