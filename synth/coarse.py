"""Semantic tokens -> the first EnCodec codebooks, interleaved frame by frame, in sliding windows.

A window's prompt is [256 semantic | infer | the last coarse tokens]; it yields 60 tokens, then the next window starts
with a prompt of its own, because the positions are absolute.

Where transformers' BarkCoarseModel differs from the reference (suno-ai/bark, generate_coarse), the reference wins here:

- Codebooks: transformers restarts with the first codebook in every window, which goes wrong when the window is no
  multiple of the number of codebooks; the reference counts steps from the beginning.
- Second codebook: transformers allows every token from its first on, the pad and infer tokens behind it included; the
  reference allows its 1,024 tokens only.
- Length: transformers computes the number of steps in float32, the reference in float64. They agree for Bark's own
  rates; other rates can fall on the other side of a frame.
- Pads: transformers masks the prompt's positions that hold its `pad_token_id`, if it has one; the reference, which was
  trained on them, masks nothing.
- Order of top-k, top-p and temperature, and the default top-k of 50: see `synth.semantic`.
- Both hold for two codebooks only: they drop two history tokens (one frame), and alternate between two ranges. Here it
  is one frame, and one range for each codebook, for any number of codebooks; with two it is the same.
- A window that does not fit into the model's block fails in both; here it gets less coarse history.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synth.decoding import Burst
from synth.model import CausalTransformer, KVCache
from synth.sampling import Noise, Sampling, Stage

Tokens = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CoarseSpec:
    """The tokens, rates and windows of the coarse stage; the defaults are Bark's."""

    semantic_vocab_size: int = 10_000  # coarse tokens come after the semantic ones
    semantic_rate_hz: float = 49.9
    codebook_size: int = 1024
    n_coarse_codebooks: int = 2
    coarse_rate_hz: float = 75  # frames a second; a frame is one token of each codebook
    coarse_semantic_pad_token: int = 12_048
    coarse_infer_token: int = 12_050
    max_coarse_input_length: int = 256  # semantic tokens in a prompt
    max_coarse_history: int = 630  # coarse tokens in a prompt
    sliding_window_len: int = 60  # coarse tokens generated from one prompt

    @property
    def ratio(self) -> float:
        """Coarse tokens for a semantic token; in the reference's order of operations, as it is rounded later."""
        return self.coarse_rate_hz / self.semantic_rate_hz * self.n_coarse_codebooks

    @property
    def max_semantic_history(self) -> int:
        """Semantic tokens that last as long as `max_coarse_history`."""
        return math.floor(self.max_coarse_history / self.ratio)

    def steps(self, semantic_length: int) -> int:
        """Coarse tokens for so many semantic ones: whole frames, rounded down."""
        return math.floor(semantic_length * self.ratio / self.n_coarse_codebooks) * self.n_coarse_codebooks

    def semantic_length(self, steps: int) -> int:
        """The fewest semantic tokens that make at least so many coarse ones: the inverse of `steps`."""
        length = max(0, math.floor(steps / self.ratio) - 1)
        while self.steps(length) < steps:  # a few times at most; rounding forbids a closed form
            length += 1
        return length

    def sight(self, semantic_history: int, first: int) -> int:
        """The first semantic token, history and new ones counted together, that the window at step `first` sees."""
        centre = semantic_history + round(first / self.ratio)  # halves to even, as in the reference
        return max(0, centre - self.max_semantic_history)

    def semantic_needed(self, semantic_history: int, first: int) -> int:
        """The fewest new semantic tokens that decide on the window at step `first`, whatever comes after them.

        With them its prompt holds no padding, and its length is certain. In Bark, with a full history of 209, that is
        round(first / 3.006) + 47.
        """
        seen = self.sight(semantic_history, first) + self.max_coarse_input_length - semantic_history
        return max(seen, self.semantic_length(first + self.sliding_window_len))

    def first_token(self, codebook: int) -> int:
        """The token that stands for code 0 of a codebook."""
        return self.semantic_vocab_size + codebook * self.codebook_size

    def history_room(self, block_size: int, steps: int) -> int:
        """Coarse history tokens that a window of `steps` leaves room for; ValueError when it cannot fit at all."""
        room = block_size - (self.max_coarse_input_length + 1) - (steps - 1)
        if room < 0:
            raise ValueError(f"a coarse window of {steps} steps does not fit into {block_size} positions")
        return min(self.max_coarse_history, room)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window:
    """One prompt and the steps it serves."""

    first_step: int
    steps: int
    semantic: slice  # of history and new semantic tokens together, before padding


def window_at(spec: CoarseSpec, semantic_history: int, first: int, total: int) -> Window:
    """The window of `total` coarse tokens that begins with token `first`, behind so many semantic tokens of history."""
    start = spec.sight(semantic_history, first)
    return Window(
        first_step=first,
        steps=min(spec.sliding_window_len, total - first),
        semantic=slice(start, start + spec.max_coarse_input_length),
    )


def flatten(spec: CoarseSpec, codes: Tokens) -> Tokens:
    """Codes (n, t) -> model tokens (t * n,): frame by frame, each codebook in its own range."""
    offsets = spec.semantic_vocab_size + spec.codebook_size * np.arange(len(codes))
    return (codes + offsets[:, None]).ravel("F").astype(np.int64)


def unflatten(spec: CoarseSpec, tokens: Tokens) -> Tokens:
    """Model tokens (t * n,) -> codes (n, t)."""
    codes = tokens.reshape(-1, spec.n_coarse_codebooks).T - spec.semantic_vocab_size
    return codes - spec.codebook_size * np.arange(spec.n_coarse_codebooks)[:, None]


def trim_history(spec: CoarseSpec, semantic: Tokens, coarse: Tokens) -> tuple[Tokens, Tokens]:
    """The ends of a history, semantic (m,) and coarse (n, t), that a prompt can use: semantic (a,), tokens (b,).

    Both last equally long; the last frame is left out (the reference: it sounds better). An even number of semantic
    tokens; the coarse tokens may begin inside a frame. A history that counts as zero tokens long is used whole: that is
    what the reference's slices from -0 do.
    """
    tokens = flatten(spec, coarse)
    kept = min(spec.max_semantic_history, len(semantic) - len(semantic) % 2, math.floor(len(tokens) / spec.ratio))
    kept_tokens = round(kept * spec.ratio)
    return semantic[-kept:], tokens[-kept_tokens:][: -spec.n_coarse_codebooks]


def generate_coarse(
    model: CausalTransformer,
    spec: CoarseSpec,
    semantic: Tokens,
    history: tuple[Tokens, Tokens] | None = None,
    *,
    noise: Noise,
    sampling: Sampling = Sampling(),  # noqa: B008 # a frozen value
    cache: KVCache | None = None,
    chunk: int | None = None,
) -> Tokens:
    """Coarse codes (n_coarse, t) of semantic tokens (m,); t = floor(m * coarse rate / semantic rate), possibly 0."""
    tokens = coarse_tokens(
        model, spec, semantic.tolist(), history, noise=noise, sampling=sampling, cache=cache, chunk=chunk
    )
    return take_frames(spec, tokens)


def take_frames(spec: CoarseSpec, tokens: Iterator[int], frames: int | None = None) -> Tokens:
    """The next codes (n_coarse, frames) of coarse tokens that begin with a frame; fewer at their end. None: all."""
    count = None if frames is None else frames * spec.n_coarse_codebooks
    return unflatten(spec, np.array(list(itertools.islice(tokens, count)), np.int64))


@torch.inference_mode()
def coarse_tokens(
    model: CausalTransformer,
    spec: CoarseSpec,
    semantic: Iterable[int],
    history: tuple[Tokens, Tokens] | None = None,
    *,
    noise: Noise,
    sampling: Sampling = Sampling(),  # noqa: B008 # a frozen value
    cache: KVCache | None = None,
    chunk: int | None = None,
) -> Iterator[int]:
    """Coarse tokens, frame by frame, each made when it is asked for; whole frames in the end.

    `semantic` may still be in the making: a window takes what decides on it and no more, so the tokens are those of the
    whole. `history` is (semantic (a,), coarse (n_coarse, b)) of what was said before, of equal duration. `chunk` bounds
    the prompt positions computed at once. `cache` must be left alone until the last token.
    """
    cache = cache or model.new_cache()
    none = np.zeros(0, dtype=np.int64)
    past, tokens = trim_history(spec, *history) if history else (none, none)
    source, known = iter(semantic), past.tolist()
    for first in itertools.count(step=spec.sliding_window_len):
        needed = len(past) + spec.semantic_needed(len(past), first)
        known += itertools.islice(source, max(0, needed - len(known)))
        window = window_at(spec, len(past), first, spec.steps(len(known) - len(past)))
        if window.steps <= 0:
            return
        prompt = prompt_ids(spec, window, np.array(known), tokens, model.config.block_size)
        hidden = model.prefill(model.embed(torch.from_numpy(prompt)[None]), cache, chunk)  # (1, C)
        made: list[int] = []
        for token in _decode(model, spec, window, hidden, cache, noise=noise, sampling=sampling):
            made.append(token)
            yield token
        tokens = np.concatenate([tokens, np.array(made, np.int64)])


def prompt_ids(spec: CoarseSpec, window: Window, semantic: Tokens, coarse: Tokens, block_size: int) -> Tokens:
    """A window's prompt: semantic tokens padded on the right (256,), the infer token, the last coarse tokens."""
    seen = semantic[window.semantic]
    padding = np.full(spec.max_coarse_input_length - len(seen), spec.coarse_semantic_pad_token)
    room = spec.history_room(block_size, window.steps)
    recent = coarse[max(0, len(coarse) - room) :]
    return np.concatenate([seen, padding, [spec.coarse_infer_token], recent]).astype(np.int64)


def _decode(
    model: CausalTransformer,
    spec: CoarseSpec,
    window: Window,
    hidden: Tensor,
    cache: KVCache,
    *,
    noise: Noise,
    sampling: Sampling,
) -> Iterator[int]:
    """The tokens of one window, from the hidden state (1, C) of its prompt."""
    size, rows = spec.codebook_size, None
    if sampling.draws:
        rows = noise.gumbel(Stage.COARSE, window.first_step, window.steps, size, device=model.device)
    for done in range(0, window.steps, model.burst):
        steps = range(done, min(done + model.burst, window.steps))
        firsts = [spec.first_token((window.first_step + step) % spec.n_coarse_codebooks) for step in steps]
        burst = Burst(
            hidden=hidden,
            cache=cache,
            firsts=firsts,
            size=spec.codebook_size,
            sampling=sampling,
            noise=None if rows is None else rows[steps.start : steps.stop],
            more=steps.stop < window.steps,
        )
        (made,) = model.decode([burst])
        yield from made.tokens
        hidden = made.hidden
