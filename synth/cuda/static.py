"""The semantic and the coarse transformer as a step of fixed shapes, which draws its own token: no host sync in a burst.

A step works on the first rows of all slots (B of them, as few as cover the rows that take part) and on the first
positions of their caches (L of them, as few as cover what is valid); both in a few sizes, so that every step can be
captured as a CUDA graph beforehand. Rows that take no part compute something, too, and write it where nobody reads it.

Letters as in synth.model; L positions of the cache.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from typing import Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synth import decoding
from synth.cuda.buffers import Buffers
from synth.cuda.outputs import Outputs
from synth.cuda.slots import SlotCache, Slots
from synth.decoding import Burst, Made
from synth.model import Block, CausalTransformer, KVCache

log = logging.getLogger(__name__)

ROWS = (1, 2, 4, 8, 16, 32)
LENGTHS = (320, 512, 768, 1024)  # a semantic prompt has 257 positions, most coarse ones have 887


class Runner(Protocol):
    """How steps are run (`synth.cuda.graphs`)."""

    def draw(self, rows: int) -> None:
        """`StaticCausal.draw`."""

    def step(self, rows: int, length: int) -> None:
        """`StaticCausal.draw`, then `StaticCausal.extend`."""


class StaticCausal(CausalTransformer):
    """A causal network with `slots` rows of its own, which draws `outputs`. A row beyond them is decoded plainly."""

    burst = 12  # divides the 60 tokens of a coarse window; the host waits for the device once in so many tokens

    def __init__(self, plain: CausalTransformer, outputs: Outputs, *, slots: int) -> None:
        """Shares the weights of `plain`. Of the token embeddings a step needs those of `outputs` alone, wherever they are."""
        nn.Module.__init__(self)
        self.config, self.outputs = plain.config, outputs
        self.input_embeds_layer, self.position_embeds_layer = plain.input_embeds_layer, plain.position_embeds_layer
        self.layers, self.layernorm_final, self.lm_head = plain.layers, plain.layernorm_final, plain.lm_head
        head, block_size = plain.lm_head.weight.detach(), plain.config.block_size
        self._head = outputs.rows(head)  # (V, C)
        tokens = plain.input_embeds_layer.weight.detach()[outputs.first : outputs.first + outputs.tokens]
        self._tokens = tokens.to(head)  # (tokens, C), in its precision: the table may be as it is in the file
        self._positions = F.pad(plain.position_embeds_layer.weight.detach(), (0, 0, 0, 1))  # the last is of idle rows
        self.slots = Slots(plain.config, slots, dtype=head.dtype, device=head.device)
        self.fixed = Buffers(
            outputs, rows=slots, steps=self.burst, idle=block_size, hidden_size=plain.config.hidden_size,
            dtype=head.dtype, device=head.device,
        )  # fmt: skip
        self.rows, self.lengths = _sizes(ROWS, slots), _sizes(LENGTHS, block_size)
        self._runner: Runner | None = None

    def run_by(self, runner: Runner) -> None:
        """Use this runner from now on."""
        self._runner = runner

    def new_cache(self) -> KVCache:
        """An empty cache for one row, in the lowest free slot, or, without one, in memory of its own."""
        cache = self.slots.take()
        if cache is None:
            log.warning("more than %d rows: one is decoded apart from the others", self.fixed.hidden.shape[0])
            return super().new_cache()
        return cache

    @torch.inference_mode()
    def decode(self, bursts: Sequence[Burst]) -> list[Made]:
        """The next few tokens of each row, computed together; those that a static step cannot draw, plainly."""
        static = [burst for burst in bursts if self._can(burst)]
        plain = [burst for burst in bursts if not self._can(burst)]
        made = [*zip(static, self._decode(static) if static else [], strict=True)]
        made += zip(plain, decoding.decode(self, plain) if plain else [], strict=True)
        results = {id(burst): result for burst, result in made}
        return [results[id(burst)] for burst in bursts]

    def _can(self, burst: Burst) -> bool:
        cache = burst.cache
        mine = isinstance(cache, SlotCache) and cache.slots is self.slots
        return mine and burst.steps <= self.burst and self.outputs.cover(burst)

    def _decode(self, bursts: Sequence[Burst]) -> list[Made]:
        """The same for rows in slots. ValueError where a row that goes on would leave the block."""
        steps = bursts[0].steps
        passes = steps if any(burst.more for burst in bursts) else steps - 1
        for burst in bursts:
            self._check_room(burst.cache.length + (passes if burst.more else steps - 1))
        last = min(max(burst.cache.length for burst in bursts) + passes, self.config.block_size)
        length = next(size for size in self.lengths if size >= last)
        rows = next(size for size in self.rows if size > max(burst.cache.slot for burst in bursts))
        self.fixed.fill(bursts)
        runner = self._runner or self
        for _ in range(passes):
            runner.step(rows, length)
        if passes < steps:
            runner.draw(rows)
        hidden, tokens = self.fixed.hidden[:rows].clone(), self.fixed.tokens(rows, steps)
        for burst in bursts:
            burst.cache.length = min(burst.cache.length + passes, self.config.block_size)
        return [_made(tokens[slot], hidden[slot : slot + 1]) for slot in (burst.cache.slot for burst in bursts)]

    def step(self, rows: int, length: int) -> None:
        """A token for each of the first `rows` rows, and their hidden states after it, seeing `length` positions."""
        self.draw(rows)
        self.extend(rows, length)

    def draw(self, rows: int) -> None:
        """The rules of `synth.decoding`, for rows in which neither top-k nor top-p leaves anything out."""
        now, out = self.fixed, self.outputs
        logits = F.linear(now.hidden[:rows], self._head).float()  # (B, V)
        base: Tensor | int = 0
        if out.books > 1:
            book = now.books[:, :rows].index_select(0, now.step)[0]  # (B,)
            logits, base = logits.view(rows, out.books, out.size)[now.row[:rows], book], book * out.size  # (B, size)
        noise = now.noise[:, :rows].index_select(0, now.step)[0]  # (B, choices)
        choice = (logits / now.divisor[:rows, None] + noise).argmax(-1)  # (B,)
        token, seen = choice + base, choice + base + out.first
        if out.end is not None:
            chance = F.softmax(logits / now.end_divisor[:rows, None], dim=-1)[:, -1]
            ends = (choice == out.choices - 1) | (chance >= now.threshold[:rows])
            token, seen = token.masked_fill(ends, 0), seen.masked_fill(ends, -1)
        now.token[:rows] = token
        now.drawn[:, :rows].index_copy_(0, now.step, seen[None])
        now.step.add_(1)

    def extend(self, rows: int, length: int) -> None:
        """Append each row's token to its cache."""
        now = self.fixed
        position = now.position[:rows]
        x = F.embedding(now.token[:rows], self._tokens) + F.embedding(position, self._positions)  # (B, C)
        seen = (now.place[:length] <= position[:, None])[:, None, None]  # (B, 1, 1, L)
        for layer, block in enumerate(self.layers):
            x = self._block(cast("Block", block), x, self.slots.data[layer], position, seen)
        now.hidden[:rows] = self.layernorm_final(x)
        position.add_(1).clamp_(max=self.config.block_size)  # which is where idle rows stay

    def _block(self, block: Block, x: Tensor, cache: Tensor, position: Tensor, seen: Tensor) -> Tensor:
        """(B, C) -> (B, C), with the layer's part of all slots, (2, slots, H, block + 1, D)."""
        rows, length = len(x), seen.shape[-1]
        heads = block.attn.att_proj(block.layernorm_1(x)).view(rows, 3, self.config.num_heads, -1)  # (B, 3, H, D)
        cache[:, self.fixed.row[:rows], :, position] = heads[:, 1:]  # (B, 2, H, D): indices apart from each other lead
        keys, values = cache[:, :rows, :, :length].unbind(0)  # each (B, H, L, D)
        mixed = F.scaled_dot_product_attention(heads[:, 0, :, None], keys, values, attn_mask=seen)  # (B, H, 1, D)
        x = x + block.attn.out_proj(mixed.reshape(rows, -1))
        return x + block.mlp(block.layernorm_2(x))  # type: ignore[no-any-return] # nn.Module.__call__ is Any


def _sizes(sizes: Sequence[int], most: int) -> list[int]:
    """Those below `most`, and `most`."""
    return [*itertools.takewhile(lambda size: size < most, sizes), most]


def _made(row: list[int], hidden: Tensor) -> Made:
    tokens = list(itertools.takewhile(lambda token: token >= 0, row))
    return Made(tokens=tokens, ended=len(tokens) < len(row), hidden=hidden)
