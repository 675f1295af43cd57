"""The engine's transformers as they are trained: whole sequences at once, positions of their own, no cache."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synth.model import Block, CausalTransformer, FineTransformer, TransformerConfig

IGNORED = -100  # a target that does not count


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


def hidden_states(model: CausalTransformer, embeds: Tensor, positions: Tensor, *, half: bool = False) -> Tensor:
    """(B, T, C) of embeddings (B, T, C) at positions (T,).

    With `half`, products are in bfloat16 and sums in float32. Attention is written out: so it takes half the time of
    torch's fused one on a CPU.
    """
    with torch.autocast(embeds.device.type, torch.bfloat16, enabled=half):
        x = embeds + model.position_embeds_layer(positions)
        rows, count, width = x.shape
        ahead = torch.full((count, count), -torch.inf, device=x.device).triu(1)
        for block in cast("Iterable[Block]", model.layers):
            heads = block.attn.att_proj(block.layernorm_1(x)).view(rows, count, 3, model.config.num_heads, -1)
            query, key, value = heads.permute(2, 0, 3, 1, 4)  # each (B, H, T, D)
            scores = (query * model.config.head_size**-0.5) @ key.transpose(-1, -2)
            mixed = torch.softmax(scores + ahead.to(scores.dtype), -1) @ value
            x = x + block.attn.out_proj(mixed.transpose(1, 2).reshape(rows, count, width))
            x = x + block.mlp(block.layernorm_2(x))
    return model.layernorm_final(x)  # type: ignore[no-any-return] # nn.Module.__call__ is Any


def half_pays(device: str) -> bool:
    """Whether the device multiplies in bfloat16, several times faster than in float32; elsewhere it would be emulated."""
    if torch.device(device).type == "cpu":
        able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # older torch cannot say
        return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


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
