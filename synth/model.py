"""Bark's two transformers: a causal one (semantic, coarse) with a static key-value cache, and a non-causal one (fine).

Both are GPT-2 shaped: pre-norm blocks, learned absolute positions, exact GELU, one product for query, key and value.
Parameter names are those of Bark checkpoints in the Hugging Face layout, so a state dict loads with `strict=True`
once the `attn.bias` buffers (causal masks that some files carry) are dropped. Both can be built on the meta device.

Letters in shape comments: B rows, T positions, C hidden size, H heads, D = C / H, V output vocabulary.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synth.decoding import Burst, Made, decode
from synth.places import PromptTable


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """The dimensions of one transformer; the last two fields are the fine model's alone."""

    num_layers: int
    num_heads: int
    hidden_size: int
    block_size: int  # positions, at most
    input_vocab_size: int
    output_vocab_size: int
    bias: bool
    n_codes_total: int = 1  # codebooks with an embedding each
    n_codes_given: int = 1  # codebooks without a head: never predicted here

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_heads:
            raise ValueError(f"hidden_size {self.hidden_size} is no multiple of num_heads {self.num_heads}")
        if not 1 <= self.n_codes_given <= self.n_codes_total:
            raise ValueError(f"n_codes_given {self.n_codes_given} is not in 1..{self.n_codes_total}")

    @property
    def head_size(self) -> int:
        """Channels of one attention head."""
        return self.hidden_size // self.num_heads


class KVCache:
    """Keys and values of one row in all layers, allocated once and written in place.

    `length` positions are valid. Nothing is cleared between two uses: `reset` forgets by setting `length` to 0.
    """

    def __init__(
        self,
        config: TransformerConfig,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (config.num_layers, 2, 1, config.num_heads, config.block_size, config.head_size)
        self._data = torch.empty(shape, dtype=dtype, device=device)  # (layers, key|value, 1, H, block, D)
        self.length = 0

    @property
    def block_size(self) -> int:
        """How many positions fit."""
        return self._data.shape[-2]

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        return self._data.nbytes

    def reset(self) -> None:
        """Forget every position."""
        self.length = 0

    def write(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store (1, H, T, D) keys and values behind the valid ones; return views of all, (1, H, length + T, D).

        `length` stays: every layer writes the same positions, then `advance` makes them valid.
        """
        end = self.length + key.shape[-2]
        keys, values = self._data[layer].unbind(0)
        keys[:, :, self.length : end] = key
        values[:, :, self.length : end] = value
        return keys[:, :, :end], values[:, :, :end]

    def advance(self, positions: int) -> None:
        """Make the positions that all layers have written valid."""
        self.length += positions


class Attention(nn.Module):
    """Multi-head self-attention, causal exactly when caches are given, one for each row."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.att_proj = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=config.bias)
        self.out_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=config.bias)

    def forward(self, x: Tensor, caches: Sequence[KVCache] = (), layer: int = 0) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        rows, positions, channels = x.shape
        heads = self.att_proj(x).view(rows, positions, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = heads.unbind(0)  # each (B, H, T, D)
        if caches:
            each = zip(torch.split(query, 1), torch.split(key, 1), torch.split(value, 1), caches, strict=True)
            mixed = torch.cat([_attend(row, *cache.write(layer, k, v), cache.length) for row, k, v, cache in each])
        else:
            mixed = F.scaled_dot_product_attention(query, key, value)
        return self.out_proj(mixed.transpose(1, 2).reshape(rows, positions, channels))  # type: ignore[no-any-return] # nn.Module.__call__ is Any


def _attend(query: Tensor, key: Tensor, value: Tensor, past: int) -> Tensor:
    """Queries are the last of `past + T` positions; each sees itself and what is before it. (1, H, T, D)."""
    positions = query.shape[-2]
    if positions == 1:
        return F.scaled_dot_product_attention(query, key, value)
    if past == 0:
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)
    # is_causal aligns the mask to the first key; a later chunk needs it aligned to the last one
    seen = torch.ones(positions, past + positions, dtype=torch.bool, device=query.device).tril(past)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=seen)


class MLP(nn.Module):
    """Four times wider inside, exact GELU."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.in_proj = nn.Linear(config.hidden_size, 4 * config.hidden_size, bias=config.bias)
        self.out_proj = nn.Linear(4 * config.hidden_size, config.hidden_size, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        return self.out_proj(F.gelu(self.in_proj(x)))  # type: ignore[no-any-return] # nn.Module.__call__ is Any


class Block(nn.Module):
    """Attention and MLP, each behind a layer norm and added to the stream."""

    def __init__(self, config: TransformerConfig, *, norm_bias: bool) -> None:
        super().__init__()
        self.layernorm_1 = nn.LayerNorm(config.hidden_size, bias=norm_bias)
        self.attn = Attention(config)
        self.layernorm_2 = nn.LayerNorm(config.hidden_size, bias=norm_bias)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, caches: Sequence[KVCache] = (), layer: int = 0) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        x = x + self.attn(self.layernorm_1(x), caches, layer)
        return x + self.mlp(self.layernorm_2(x))  # type: ignore[no-any-return] # nn.Module.__call__ is Any


class CausalTransformer(nn.Module):
    """The semantic and the coarse model. `config.bias` rules its linear layers and its layer norms alike."""

    burst = 4  # tokens decoded in a row, unless fewer are wanted: nothing is waited for there, nobody else gets a turn

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.input_embeds_layer: nn.Embedding | PromptTable = nn.Embedding(config.input_vocab_size, config.hidden_size)
        self.position_embeds_layer = nn.Embedding(config.block_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config, norm_bias=config.bias) for _ in range(config.num_layers))
        self.layernorm_final = nn.LayerNorm(config.hidden_size, bias=config.bias)
        self.lm_head = nn.Linear(config.hidden_size, config.output_vocab_size, bias=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.lm_head.weight.device

    def new_cache(self) -> KVCache:
        """An empty cache for one row, on the device and in the precision of the weights."""
        weight = self.lm_head.weight
        return KVCache(self.config, dtype=weight.dtype, device=weight.device)

    def embed(self, ids: Tensor) -> Tensor:
        """Token embeddings without positions: (B, T) -> (B, T, C). The ids of a prompt may be on the CPU."""
        table = self.input_embeds_layer
        return table(ids if isinstance(table, PromptTable) else ids.to(self.device))  # type: ignore[no-any-return] # nn.Module.__call__ is Any

    def prefill(self, embeds: Tensor, cache: KVCache, chunk: int | None = None) -> Tensor:
        """Start a row anew with embeddings (1, T, C); the last hidden state (1, C).

        `chunk` positions at a time need less memory for the same result up to rounding.
        """
        cache.reset()
        for part in torch.split(embeds, chunk or embeds.shape[1], dim=1):
            hidden = self(part, cache)
        return hidden[:, -1]  # type: ignore[no-any-return] # nn.Module.__call__ is Any

    def forward(self, embeds: Tensor, cache: KVCache) -> Tensor:
        """Hidden states (1, T, C) of embeddings (1, T, C) that follow what a row's cache holds.

        Raises ValueError when the positions do not fit into the block.
        """
        first, last = cache.length, cache.length + embeds.shape[1]
        self._check_room(last)
        x = self.blocks(embeds + self.position_embeds_layer.weight[first:last], [cache])
        cache.advance(last - first)
        return self.layernorm_final(x)  # type: ignore[no-any-return] # nn.Module.__call__ is Any

    def decode_tokens(self, tokens: Tensor, caches: Sequence[KVCache]) -> Tensor:
        """Append one token (B,) to each row, all computed together; their hidden states (B, C). ValueError without room."""
        lengths = [cache.length for cache in caches]
        self._check_room(max(lengths) + 1)
        x = self.embed(tokens) + self.position_embeds_layer.weight[lengths]  # (B, C)
        x = self.blocks(x[:, None], caches)[:, 0]
        for cache in caches:
            cache.advance(1)
        return self.layernorm_final(x)  # type: ignore[no-any-return] # nn.Module.__call__ is Any

    def decode(self, bursts: Sequence[Burst]) -> list[Made]:
        """The next few tokens of each row, computed together."""
        return decode(self, bursts)

    def blocks(self, x: Tensor, caches: Sequence[KVCache]) -> Tensor:
        """All blocks over (B, T, C), row by row behind what its cache holds; synth.cpu has a faster form of it."""
        for layer, block in enumerate(self.layers):
            x = block(x, caches, layer)
        return x

    def _check_room(self, positions: int) -> None:
        if positions > self.config.block_size:
            raise ValueError(f"{positions} positions do not fit into {self.config.block_size}")

    def logits(self, hidden: Tensor, first: int, last: int) -> Tensor:
        """Logits of the output tokens first..last-1 alone, in float32: (..., C) -> (..., last - first)."""
        return F.linear(hidden, self.lm_head.weight[first:last]).float()


class FineTransformer(nn.Module):
    """The fine model: an embedding for each codebook, a head for each codebook from `n_codes_given` on, no mask.

    `config.bias` rules its linear layers only: its layer norms always have a bias, in all known sources.
    Checkpoints tie head i to embedding i + 1 and may leave out either; a state dict with only one of a pair loads
    with `strict=True` and shares it. Where both are there they are taken as they are, equal or not.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.input_embeds_layers = nn.ModuleList(
            nn.Embedding(config.input_vocab_size, config.hidden_size) for _ in range(config.n_codes_total)
        )
        self.position_embeds_layer = nn.Embedding(config.block_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config, norm_bias=True) for _ in range(config.num_layers))
        self.layernorm_final = nn.LayerNorm(config.hidden_size)
        self.lm_heads = nn.ModuleList(
            nn.Linear(config.hidden_size, config.output_vocab_size, bias=False)
            for _ in range(config.n_codes_given, config.n_codes_total)
        )
        self.register_load_state_dict_pre_hook(_share_tied_heads)  # type: ignore[no-untyped-call] # torch has no type

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.position_embeds_layer.weight.device

    def forward(self, codes: Tensor, codebook: int) -> Tensor:
        """Hidden states (B, T, C) for predicting `codebook` from codes (B, n, T), n > codebook."""
        return self.finish(self.blocks(self.embed(codes, codebook)))

    def embed(self, codes: Tensor, codebook: int) -> Tensor:
        """What the blocks see: (B, T, C).

        The embeddings of codebooks 0..codebook are summed, the predicted one included: it holds the pad token, or
        codes of an earlier window.
        """
        positions = codes.shape[-1]
        x = self.position_embeds_layer.weight[:positions]
        for index, layer in zip(range(codebook + 1), self.input_embeds_layers, strict=False):
            x = x + layer(codes[:, index])
        return x

    def blocks(self, x: Tensor) -> Tensor:
        """All blocks over (B, T, C), whatever codebook a row is for; synth.cpu has a faster form of it."""
        for block in self.layers:
            x = block(x)
        return x

    def finish(self, x: Tensor) -> Tensor:
        """Hidden states of what the blocks gave."""
        return self.layernorm_final(x)  # type: ignore[no-any-return] # nn.Module.__call__ is Any

    def logits(self, hidden: Tensor, codebook: int, size: int) -> Tensor:
        """Float32 logits of the first `size` tokens of `codebook`: (..., C) -> (..., size)."""
        head = self.lm_heads[codebook - self.config.n_codes_given]
        return F.linear(hidden, cast("Tensor", head.weight)[:size]).float()


def _share_tied_heads(model: FineTransformer, state: dict[str, Any], prefix: str, *_: object) -> None:
    """Fill in the half of a tied pair that a checkpoint leaves out, with the same tensor."""
    for index in range(len(model.lm_heads)):
        head, embedding = f"{prefix}lm_heads.{index}.weight", f"{prefix}input_embeds_layers.{index + 1}.weight"
        if head not in state and embedding in state:
            state[head] = state[embedding]
        elif embedding not in state and head in state:
            state[embedding] = state[head]
