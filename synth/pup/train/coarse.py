"""Semantic tokens -> the first two codebooks, in windows cut as the engine cuts them.

A stream is two texts in one voice, one behind the other. A window begins where the engine's would: at the stream's beginning,
or anywhere in it with the coarse tokens of the same moment. A quarter of the latter begins a frame early, as it does behind a
history prompt, whose last frame the engine leaves out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from synth.coarse import CoarseSpec, flatten
from synth.model import CausalTransformer
from synth.pup.recipe import Layout
from synth.pup.train.loop import random_of
from synth.pup.train.material import Take, pick
from synth.pup.train.trunk import IGNORED, causal, cross_entropy, half_pays, hidden_states

FROM_START = 0.4  # of the windows
EARLY = 0.25  # of the others: a frame ahead of the semantic tokens
UNHEARD = 12  # tokens not asked for where a window begins inside speech: whose voice it is, nothing says yet
WRONG = 0.03  # of the coarse tokens in the input: what was generated has errors, too
VALIDATION_BATCHES = 8

# how positions and attention begin
_WAVES, _PERIODS = 46, (4.0, 500.0)  # sines and cosines of time, in semantic tokens
_AIMED_LAYERS, _AIMED_HEADS = 3, 2


class CoarseTask:
    """The coarse stage."""

    name = "coarse"

    def __init__(
        self, layout: Layout, train: Sequence[Take], validation: Sequence[Take], *, batch: int, device: str = "cpu"
    ) -> None:
        """`batch` is a number of windows."""
        spec = layout.coarse
        self.module = causal(layout.coarse_size_of(), layout.recipe.seed)
        aim(self.module, spec)
        self.module.to(device)
        self._spec, self._rows, self._device, self._half = spec, batch, device, half_pays(device)
        self._train, self._validation = train, validation

    def loss(self, random: np.random.Generator, progress: float) -> Tensor:  # noqa: ARG002 # the task's signature
        """The sum of both codebooks' cross entropies."""
        first, second = self._losses(random, self._train, wrong=WRONG)
        return first + second

    def validate(self) -> dict[str, float]:
        """The loss and its halves."""
        pairs = [
            self._losses(random_of(0, "validation", number), self._validation, wrong=0)
            for number in range(VALIDATION_BATCHES)
        ]
        first, second = (sum(float(pair[half]) for pair in pairs) / len(pairs) for half in (0, 1))
        return {"loss": first + second, "first codebook": first, "second codebook": second}

    def _losses(self, random: np.random.Generator, pool: Sequence[Take], *, wrong: float) -> tuple[Tensor, Tensor]:
        windows = [window(random, self._spec, pool) for _ in range(self._rows)]
        prompts = np.stack([prompt for prompt, _ in windows])
        targets = torch.from_numpy(np.stack([wanted for _, wanted in windows])).to(self._device)
        inputs = _garbled(random, prompts, self._spec, wrong)[:, :-1]
        embeds = self.module.embed(torch.from_numpy(inputs).to(self._device))
        places = torch.arange(inputs.shape[1], device=self._device)
        hidden = hidden_states(self.module, embeds, places, half=self._half)
        return self._halves(hidden[:, self._spec.max_coarse_input_length :], targets)

    def _halves(self, hidden: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Each codebook over its own range; the second one over the pad and infer tokens too, as transformers does."""
        spec, losses = self._spec, []
        for codebook, end in ((0, spec.first_token(1)), (1, spec.coarse_infer_token + 1)):
            start = spec.first_token(codebook)
            wanted = targets[:, codebook::2]
            shifted = torch.where(wanted == IGNORED, wanted, wanted - start)
            losses.append(cross_entropy(self.module.logits(hidden[:, codebook::2], start, end), shifted))
        return losses[0], losses[1]


def window(random: np.random.Generator, spec: CoarseSpec, pool: Sequence[Take]) -> tuple[np.ndarray, np.ndarray]:
    """One prompt with what follows it, (semantic + 1 + coarse,), and its targets (coarse,), both padded."""
    first = pick(random, pool)
    second = pick(random, pool, like=first)
    semantic = np.concatenate([first.semantic, second.semantic])
    codes = np.concatenate([first.codes[:2], second.codes[:2]], axis=1).astype(np.int64)
    room = spec.max_coarse_history + spec.sliding_window_len
    begin, early, unheard = 0, 0, 0
    if random.random() >= FROM_START:
        begin = 2 * int(random.integers(max(1, len(semantic) // 2 - spec.max_coarse_input_length // 4)))
        early = int(begin > 0 and random.random() < EARLY)
        unheard = UNHEARD * (begin > 0)
    seen = semantic[begin : begin + spec.max_coarse_input_length]
    coarse = flatten(spec, codes[:, begin * 3 // 2 - early :])[:room]
    prompt = np.full(spec.max_coarse_input_length + 1 + room, spec.coarse_semantic_pad_token)
    prompt[: len(seen)] = seen
    prompt[spec.max_coarse_input_length] = spec.coarse_infer_token
    prompt[spec.max_coarse_input_length + 1 :][: len(coarse)] = coarse
    targets = np.full(room, IGNORED)
    targets[unheard : len(coarse)] = coarse[unheard:]
    return prompt, targets


@torch.no_grad()
def aim(model: CausalTransformer, spec: CoarseSpec) -> None:
    """Let positions begin as sines of time, the same for both halves of a window, and some heads as looking across.

    Those heads have equal queries and keys of the sines, so they find the semantic token of their own moment at once.
    """
    table = model.position_embeds_layer.weight
    places, width = table.shape
    half = spec.max_coarse_input_length
    waves = min(_WAVES, (width - 2) // 2)
    time = torch.arange(places).float()
    time[half:] = (torch.arange(places - half) // 2) / (spec.ratio / 2)
    low, high = (math.log10(period) for period in _PERIODS)
    angles = time[:, None] * 2 * math.pi / torch.logspace(low, high, waves)
    sides = torch.where(torch.arange(places) < half, 2.0, -2.0)
    table[:, : 2 * waves] = torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1) * 0.06
    table[:, 2 * waves] = sides * 0.06
    table[:, 2 * waves + 1] = torch.where(torch.arange(places) % 2 == 0, 2.0, -2.0) * 0.06
    model.input_embeds_layer.weight.mul_(3)
    model.input_embeds_layer.weight[:, : 2 * waves + 2] = 0
    generator = torch.Generator().manual_seed(half)
    for block in list(model.layers)[:_AIMED_LAYERS]:
        _aim_heads(block.get_submodule("attn.att_proj"), model.config.head_size, waves, generator)


def _aim_heads(projection: nn.Module, size: int, waves: int, generator: torch.Generator) -> None:
    """Query and key of the first heads: the same random projection of the sines, and the side to look across."""
    weight = projection.get_parameter("weight")  # (3 C, C): query, key, value
    width = weight.shape[1]
    for head in range(min(_AIMED_HEADS, width // size)):
        shared = torch.randn(size, 2 * waves, generator=generator) * 1.3 / (2 * waves) ** 0.5
        for offset, across in ((0, -1.2), (width, 1.2)):
            rows = slice(offset + head * size, offset + (head + 1) * size)
            weight[rows] = 0
            weight[rows, : 2 * waves] = shared
            weight[rows.stop - 1] = 0
            weight[rows.stop - 1, 2 * waves] = across


def _garbled(random: np.random.Generator, prompts: np.ndarray, spec: CoarseSpec, share: float) -> np.ndarray:
    """Some coarse tokens replaced by others of their codebook."""
    coarse = prompts[:, spec.max_coarse_input_length + 1 :]
    own = (coarse - spec.semantic_vocab_size) // spec.codebook_size
    others = random.integers(spec.codebook_size, size=coarse.shape) + spec.first_token(0) + own * spec.codebook_size
    hit = (random.random(coarse.shape) < share) & (coarse < spec.coarse_semantic_pad_token)
    garbled = prompts.copy()
    garbled[:, spec.max_coarse_input_length + 1 :] = np.where(hit, others, coarse)
    return garbled
