"""Bark's causal transformer in the form that other libraries take best: fixed shapes, nothing moved that need not be.

A step reads the cache as inputs, two for each layer, keys already transposed, and gives the new position's key and value
beside the logits. It never joins or copies the cache, and needs no mask: the context is as long as it says.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synth.model import Block, CausalTransformer


class Static(nn.Module):
    """A causal transformer for so many positions, with the rows of its head that are needed. `inputs` fit `forward`."""

    inputs: tuple[Tensor, ...]

    def __init__(self, network: CausalTransformer, positions: int, outputs: slice) -> None:
        super().__init__()
        self.network, self.positions, self.heads = network, positions, network.config.num_heads
        self.head = nn.Linear(network.config.hidden_size, outputs.stop - outputs.start, bias=False)
        self.head.weight = nn.Parameter(network.lm_head.weight[outputs].clone(), requires_grad=False)

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """All layers, numbered."""
        yield from enumerate(self.network.layers)  # type: ignore[misc] # they are


class Prompt(Static):
    """A prompt (1, T) -> logits (1, outputs) of its last position, and the cache as `Step` takes it."""

    def __init__(self, network: CausalTransformer, ids: Tensor, outputs: slice) -> None:
        super().__init__(network, ids.shape[1], outputs)
        self.inputs = (ids,)

    def forward(self, tokens: Tensor) -> tuple[Tensor, ...]:
        """All positions at once."""
        network = self.network
        x = network.input_embeds_layer(tokens) + network.position_embeds_layer.weight[: self.positions]  # (1, T, C)
        cache: list[Tensor] = []
        for _, block in self.blocks():
            heads = block.attn.att_proj(block.layernorm_1(x)).view(1, self.positions, 3, self.heads, -1)
            query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)  # each (1, H, T, D)
            cache += [key[0].transpose(1, 2), value[0]]
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + block.attn.out_proj(mixed.transpose(1, 2).reshape(1, self.positions, -1))
            x = x + block.mlp(block.layernorm_2(x))
        return self.head(network.layernorm_final(x[:, -1])), *cache


class Step(Static):
    """One token (1,) behind a prompt -> logits (1, outputs), and the keys and values to keep, (2 * layers * H, D, 1).

    The cache's inputs are keys (H, D, T) and values (H, T, D) of each layer, in turn.
    """

    def __init__(self, network: CausalTransformer, ids: Tensor, token: Tensor, outputs: slice) -> None:
        super().__init__(network, ids.shape[1], outputs)
        _, *cache = Prompt(network, ids, outputs)(ids)
        self.inputs = (token, *(each.contiguous() for each in cache))

    def forward(self, token: Tensor, *cache: Tensor) -> tuple[Tensor, Tensor]:
        """One position."""
        network = self.network
        x = network.input_embeds_layer(token) + network.position_embeds_layer.weight[self.positions]  # (1, C)
        kept: list[Tensor] = []
        for number, block in self.blocks():
            mixed, *new = self._attend(block, block.layernorm_1(x), *cache[2 * number : 2 * number + 2])
            kept += new
            x = x + block.attn.out_proj(mixed)
            x = x + block.mlp(block.layernorm_2(x))
        return self.head(network.layernorm_final(x)), torch.cat(kept)

    def _attend(self, block: Block, x: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the query finds in the past and in itself, (1, C); its own key and value, (H, D, 1) each."""
        query, key, value = block.attn.att_proj(x).view(3, self.heads, 1, -1).unbind(0)  # each (H, 1, D)
        key = key.transpose(1, 2)
        scores = torch.cat([query @ keys, query @ key], -1) * query.shape[-1] ** -0.5  # (H, 1, T + 1)
        shares = scores.softmax(-1)
        mixed = shares[..., : self.positions] @ values + shares[..., self.positions :] * value
        return mixed.reshape(1, -1), key, value.transpose(1, 2)


class Product(nn.Module):
    """A linear layer whose weight is stored as (inputs, outputs): a plain product of matrices when it is exported."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__()
        self.weight = nn.Parameter(plain.weight.detach().T.contiguous(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) -> (..., outputs)."""
        return x @ self.weight


def with_products(module: nn.Module) -> nn.Module:
    """Every linear layer (they have no bias) as a `Product`, in place."""
    for part in list(module.modules()):
        for name, layer in list(part.named_children()):
            if isinstance(layer, nn.Linear):
                setattr(part, name, Product(layer))
    return module
