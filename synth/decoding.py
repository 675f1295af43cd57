"""The next few tokens of some rows, computed together: the inner loop of the semantic and the coarse stage.

A row is a sequence in the making, with a cache of its own. Rows may be of different lengths, temperatures and kinds of
ends. Tokens are drawn where the network is; its answer is looked at once in a burst, not once in a token.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from synth.sampling import Sampling, eos_probability


class Network(Protocol):
    """What is needed of `synth.model.CausalTransformer`."""

    def decode_tokens(self, tokens: Tensor, caches: Sequence[Any]) -> Tensor:
        """Append a token (B,) to each row; hidden states (B, C)."""

    def logits(self, hidden: Tensor, first: int, last: int) -> Tensor:
        """Of the outputs first..last-1 alone: (B, C) -> (B, last - first)."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Burst:
    """What a row wants: a token for each of `firsts`, fewer if the end comes before.

    The token of a step is one of `size` outputs from `firsts[step]` on. With an `end`, the output of that number is one
    more choice, the last one, and ends the row; so does its probability, from `min_eos_p` on.
    """

    hidden: Tensor  # (1, C), of the row's last position
    cache: Any  # the network's own
    firsts: Sequence[int]
    size: int
    end: int | None = None
    sampling: Sampling
    noise: Tensor | None  # (steps, V), V choices; None where nothing is drawn by chance
    min_eos_p: float | None = None
    more: bool  # whether tokens may be wanted after these

    @property
    def steps(self) -> int:
        """How many tokens."""
        return len(self.firsts)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """What a row got."""

    tokens: list[int]  # without the end
    ended: bool
    hidden: Tensor  # (1, C), after the last token; means nothing after the end, or if no more were wanted


@torch.inference_mode()
def decode(network: Network, bursts: Sequence[Burst]) -> list[Made]:
    """The tokens of all rows, which want as many each."""
    caches = [burst.cache for burst in bursts]
    hidden = torch.cat([burst.hidden for burst in bursts])  # (B, C)
    steps, more = bursts[0].steps, any(burst.more for burst in bursts)
    drawn: list[Tensor] = []
    for step in range(steps):
        tokens, ends = _draw(network, hidden, bursts, step)  # both (B,)
        drawn.append(torch.where(ends, -1, tokens))
        if more or step + 1 < steps:
            hidden = network.decode_tokens(tokens.masked_fill(ends, 0), caches)
    rows = torch.stack(drawn, dim=1).tolist()
    return [_made(row, after) for row, after in zip(rows, torch.split(hidden, 1), strict=True)]


def _draw(network: Network, hidden: Tensor, bursts: Sequence[Burst], step: int) -> tuple[Tensor, Tensor]:
    """The token of each row, from hidden states (B, C), and whether it ends there: (B,), (B,) bool."""
    tokens: list[Tensor] = []
    ends: list[Tensor] = []
    rows = list(zip(torch.split(hidden, 1), bursts, strict=True))
    for (first, size, end), same in itertools.groupby(rows, lambda row: (row[1].firsts[step], row[1].size, row[1].end)):
        group = list(same)
        logits = _logits(network, torch.cat([row for row, _ in group]), first, size, end)
        for row, (_, burst) in zip(torch.split(logits, 1), group, strict=True):
            kept = burst.sampling.keep(row)
            choice = burst.sampling.draw(kept, None if burst.noise is None else burst.noise[step])  # (1,)
            tokens.append(choice + first)
            ends.append(_ends(kept, choice, burst))
    return torch.cat(tokens), torch.cat(ends)


def _logits(network: Network, hidden: Tensor, first: int, size: int, end: int | None) -> Tensor:
    """Logits (B, V) of the choices alone."""
    if end is None:
        return network.logits(hidden, first, first + size)
    if end == first + size:
        return network.logits(hidden, first, end + 1)
    return torch.cat([network.logits(hidden, first, first + size), network.logits(hidden, end, end + 1)], dim=-1)


def _ends(logits: Tensor, choice: Tensor, burst: Burst) -> Tensor:
    """Whether this step ends the row, (1,) bool, from kept logits (1, V) and the choice made (1,)."""
    if burst.end is None:
        return torch.zeros_like(choice, dtype=torch.bool)
    end = choice == logits.shape[-1] - 1
    if burst.min_eos_p is not None:
        end = end | (eos_probability(logits, burst.sampling.temperature) >= burst.min_eos_p)
    return end


def _made(row: list[int], hidden: Tensor) -> Made:
    tokens = list(itertools.takewhile(lambda token: token >= 0, row))
    return Made(tokens=tokens, ended=len(tokens) < len(row), hidden=hidden)
