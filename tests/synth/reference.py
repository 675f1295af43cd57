"""The reference's rules (suno-ai/bark), stated plainly, on transformers' modules as the network.

No cache, no window helper and no sampler of the engine is used: each step recomputes its whole prompt. A `draw` takes
probabilities and the step's coordinates and returns a token, so the same statement serves greedy and sampled runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from synth.sampling import Noise, Stage

Draw = Callable[..., Any]


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def most_likely(probabilities: np.ndarray, *_: int) -> Any:
    return probabilities.argmax(-1)


def noisy(noise: Noise, stage: Stage) -> Draw:
    """A draw with the engine's noise: step (and codebook) pick the row; what is done with it is stated here."""

    def draw(probabilities: np.ndarray, step: int, lane: int = 0) -> Any:
        table = np.atleast_2d(probabilities)
        uniform = noise.uniform(stage, step, *table.shape, lane=lane).astype(np.float64)
        with np.errstate(divide="ignore"):
            tokens = np.argmax(np.log(table) - np.log(-np.log(uniform)), axis=-1)
        return tokens if probabilities.ndim == 2 else int(tokens[0])

    return draw


def nucleus(scores: np.ndarray, top_p: float | None, top_k: int | None) -> np.ndarray:
    """Top-p first, of the untempered scores; then top-k. Removed scores are -inf."""
    scores = scores.copy()
    if top_p is not None:
        weight = softmax(scores)
        reached = 0.0
        for index in np.argsort(-scores, kind="stable"):
            if reached > top_p:
                scores[index] = -np.inf
            reached += weight[index]
    if top_k is not None:
        scores[scores < np.sort(scores)[::-1][min(top_k, len(scores)) - 1]] = -np.inf
    return scores


def semantic(
    network: Any,
    spec: Any,
    text: list[int],
    history: np.ndarray | None,
    draw: Draw,
    *,
    temperature: float = 0.7,
    min_eos_p: float | None = 0.2,
    max_seconds: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    steps: int = 768,
) -> list[int]:
    half = spec.max_input_semantic_length
    words = [word + spec.text_encoding_offset for word in text] + [spec.text_pad_token] * (half - len(text))
    past = [] if history is None else list(history[-half:])
    past = past + [spec.semantic_pad_token] * (half - len(past))
    embed = network.input_embeds_layer
    tokens: list[int] = []
    elapsed = 0.0
    with torch.no_grad():
        merged = embed(torch.tensor(words)) + embed(torch.tensor(past))
        for step in range(steps):
            rest = embed(torch.tensor([spec.semantic_infer_token, *tokens]))
            logits = network(inputs_embeds=torch.cat([merged, rest])[None], use_cache=False).logits[0, -1].numpy()
            scores = nucleus(np.append(logits[: spec.semantic_vocab_size], logits[spec.eos_token]), top_p, top_k)
            probabilities = softmax(scores / temperature)
            token = draw(probabilities, step)
            if token == spec.semantic_vocab_size or (min_eos_p is not None and probabilities[-1] >= min_eos_p):
                break
            tokens.append(int(token))
            elapsed += 1 / spec.semantic_rate_hz
            if max_seconds is not None and elapsed > max_seconds:
                break
    return tokens


def coarse(
    network: Any,
    spec: Any,
    semantic_tokens: np.ndarray,
    history: tuple[np.ndarray, np.ndarray] | None,
    draw: Draw,
    *,
    temperature: float = 0.7,
    top_k: int | None = None,
    top_p: float | None = None,
) -> np.ndarray:
    books, size, vocabulary = spec.n_coarse_codebooks, spec.codebook_size, spec.semantic_vocab_size
    ratio = spec.coarse_rate_hz / spec.semantic_rate_hz * books
    longest = int(np.floor(spec.max_coarse_history / ratio))
    before: list[int] = []
    sound: list[int] = []
    if history is not None:
        flat = [int(code) + vocabulary + size * book for frame in history[1].T for book, code in enumerate(frame)]
        count = min(longest, len(history[0]) // 2 * 2, int(np.floor(len(flat) / ratio)))
        before = [int(token) for token in history[0]][-count:]
        sound = flat[-int(round(count * ratio)) :][:-books]  # noqa: RUF046 # round() of a numpy float stays a float
    known = len(sound)
    total = int(np.floor(len(semantic_tokens) * ratio / books)) * books
    speech = before + [int(token) for token in semantic_tokens]
    for step in range(total):
        if step % spec.sliding_window_len == 0:
            now = len(before) + int(round(step / ratio))  # noqa: RUF046 # as above
            seen = speech[max(0, now - longest) :][: spec.max_coarse_input_length]
            seen = seen + [spec.coarse_semantic_pad_token] * (spec.max_coarse_input_length - len(seen))
            prompt = [*seen, spec.coarse_infer_token, *sound[-spec.max_coarse_history :]]
        with torch.no_grad():
            logits = network(torch.tensor([prompt]), use_cache=False).logits[0, -1].numpy()
        first = vocabulary + size * (step % books)
        scores = nucleus(logits[first : first + size], top_p, top_k)
        token = first + int(draw(softmax(scores / temperature), step))
        sound.append(token)
        prompt.append(token)
    frames = np.array(sound[known:]).reshape(-1, books)
    return (frames - vocabulary - size * np.arange(books)).T


def fine(
    network: Any,
    spec: Any,
    given: np.ndarray,
    history: np.ndarray | None,
    draw: Draw,
    *,
    temperature: float | None = 0.5,
) -> np.ndarray:
    hop, size, pad = spec.max_fine_history_length, spec.max_fine_input_length, spec.codebook_size
    unknown = np.full((spec.n_fine_codebooks - len(given), given.shape[1]), pad)
    table = np.concatenate([given, unknown])
    past = 0 if history is None else min(hop, history.shape[1])
    if history is not None:
        table = np.concatenate([history[:, history.shape[1] - past :], table], axis=1)
    frames = table.shape[1]
    if frames < size:
        table = np.pad(table, ((0, 0), (0, size - frames)), constant_values=pad)
    more = max(0, int(np.ceil((given.shape[1] - (size - past)) / hop)))
    for turn in range(more + 1):
        left = min(turn * hop, table.shape[1] - size)
        fill = min(past + turn * hop, table.shape[1] - hop)
        for book in range(len(given), spec.n_fine_codebooks):
            with torch.no_grad():
                view = torch.from_numpy(table[:, left : left + size].T.copy())[None]
                logits = network(book, view).logits[0, fill - left :, :pad].numpy()
            if temperature is None:
                table[book, fill : left + size] = logits.argmax(-1)
            else:
                table[book, fill : left + size] = draw(softmax(logits / temperature), fill - past, book)
    return table[:, past:frames]
