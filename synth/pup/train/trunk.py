"""The engine's transformers as they are trained: whole sequences at once, positions of their own, no cache to write into.

The engine's cache is written in place, which would overwrite what the backward pass needs: the one here keeps nothing.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synth.model import CausalTransformer, FineTransformer, KVCache, TransformerConfig

IGNORED = -100  # a target that does not count


class Uncached(KVCache):
    """Keys and values of this call alone: attention is causal within it."""

    def __init__(self) -> None:
        """Allocates nothing."""
        self.length = 0

    def write(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002 # the cache's signature
        """What was given."""
        return key, value


def causal(config: TransformerConfig, seed: int) -> CausalTransformer:
    """A fresh semantic or coarse transformer."""
    model = CausalTransformer(config)
    _initialise(model, config.num_layers, seed)
    return model


def fine(config: TransformerConfig, seed: int) -> FineTransformer:
    """A fresh fine transformer; each head is the embedding of the codebook that it predicts."""
    model = FineTransformer(config)
    for head, embedding in zip(model.lm_heads, list(model.input_embeds_layers)[config.n_codes_given :], strict=True):
        head.weight = embedding.weight
    _initialise(model, config.num_layers, seed)
    return model


def hidden_states(model: CausalTransformer, embeds: Tensor, positions: Tensor) -> Tensor:
    """(B, T, C) of embeddings (B, T, C) at positions (T,)."""
    x = embeds + model.position_embeds_layer(positions)
    for layer, block in enumerate(model.layers):
        x = block(x, Uncached(), layer)
    return model.layernorm_final(x)  # type: ignore[no-any-return] # nn.Module.__call__ is Any


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the targets (...) that are not `IGNORED`, of logits (..., V)."""
    return F.cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=IGNORED)


def _initialise(model: nn.Module, layers: int, seed: int) -> None:
    """Normal with 0.02, less where a block adds to the stream; biases 0."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        if value.dim() == 2:
            nn.init.normal_(value, 0, 0.02 / ((2 * layers) ** 0.5 if "out_proj" in name else 1), generator=generator)
        elif name.endswith("bias"):
            nn.init.zeros_(value)
