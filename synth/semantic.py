"""Text tokens -> semantic tokens: what is said and how, at about 50 tokens a second.

The prompt is [256 text | 256 history | infer]; text and history embeddings are added, which makes 257 positions.

Where transformers' BarkSemanticModel differs from the reference (suno-ai/bark, generate_text_semantic), the reference
wins here:

- `min_eos_p`: transformers compares the untempered probability with `>`, and BarkModel.generate turns the rule off
  unless the caller asks for it. The reference compares the tempered one with `>=`, after top-p and top-k, default 0.2.
- Text beyond 256 tokens is cut by both, here it is refused: text is split before it comes here.
- Length: transformers knows `max_new_tokens` only; the reference also stops after a number of seconds.
- Order: transformers applies temperature before top-k and top-p and has a top-k of 50 unless told otherwise; the
  reference takes top-p of the untempered logits, then top-k, then the temperature, and neither by default.
- The result of transformers carries the end token; the reference drops it, and so does this.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synth.decoding import Burst
from synth.model import CausalTransformer, KVCache
from synth.sampling import Noise, Sampling, Stage

NOISE_AHEAD = {"cuda": 60}  # steps whose noise is made at once, to launch few kernels; elsewhere as many as a burst has


@dataclasses.dataclass(frozen=True, kw_only=True)
class SemanticSpec:
    """The tokens and limits of the semantic stage; the defaults are Bark's."""

    semantic_vocab_size: int = 10_000
    semantic_pad_token: int = 10_000  # fills up the history
    semantic_infer_token: int = 129_599  # ends the prompt
    text_encoding_offset: int = 10_048  # text ids come after the output vocabulary
    text_pad_token: int = 129_595
    eos_token: int = 10_000  # the pad token, as an output
    max_input_semantic_length: int = 256  # tokens of text, and of history
    max_new_tokens: int = 768
    semantic_rate_hz: float = 49.9

    def __post_init__(self) -> None:
        if self.eos_token < self.semantic_vocab_size:
            raise ValueError(f"eos_token {self.eos_token} is inside the {self.semantic_vocab_size} semantic tokens")

    def steps(self, block_size: int) -> int:
        """How many tokens can be generated: the last one needs no position of its own."""
        return min(self.max_new_tokens, block_size - self.max_input_semantic_length)

    def most(self, block_size: int, max_seconds: float | None) -> int:
        """The same with a limit of seconds, which the token that passes it still exceeds."""
        limit = self.steps(block_size)
        return limit if max_seconds is None else int(min(limit, max_seconds * self.semantic_rate_hz + 1))


def generate_semantic(
    model: CausalTransformer,
    spec: SemanticSpec,
    text_ids: Sequence[int],
    history: npt.NDArray[np.int64] | None = None,
    *,
    noise: Noise,
    sampling: Sampling = Sampling(),  # noqa: B008 # a frozen value
    min_eos_p: float | None = 0.2,
    max_seconds: float | None = None,
    cache: KVCache | None = None,
    chunk: int | None = None,
) -> npt.NDArray[np.int64]:
    """All of `semantic_tokens` at once: (n,), n >= 0."""
    tokens = semantic_tokens(
        model, spec, text_ids, history, noise=noise, sampling=sampling, min_eos_p=min_eos_p, max_seconds=max_seconds,
        cache=cache, chunk=chunk,
    )  # fmt: skip
    return np.array(list(tokens), dtype=np.int64)


@torch.inference_mode()
def semantic_tokens(
    model: CausalTransformer,
    spec: SemanticSpec,
    text_ids: Sequence[int],
    history: npt.NDArray[np.int64] | None = None,
    *,
    noise: Noise,
    sampling: Sampling = Sampling(),  # noqa: B008 # a frozen value
    min_eos_p: float | None = 0.2,
    max_seconds: float | None = None,
    cache: KVCache | None = None,
    chunk: int | None = None,
) -> Iterator[int]:
    """Semantic tokens of one text, each made when it is asked for.

    `text_ids` are the tokenizer's own ids, without special tokens and without Bark's offset: at most
    `max_input_semantic_length`, and known to the model, else ValueError. `history` (m,) are earlier semantic tokens, of
    which the last 256 count.

    They end when the end token is drawn, or when its tempered probability reaches `min_eos_p` (None: that rule is off;
    the token drawn in that step is dropped), once the tokens last longer than `max_seconds`, or at the step limit.
    Greedy takes the most likely token instead of drawing; the `min_eos_p` rule stays on with the given temperature.
    `chunk` bounds the positions of the prompt that are computed at once (for little memory). `cache` must be left alone
    until the last token.
    """
    cache = cache or model.new_cache()
    prompt = prompt_ids(spec, text_ids, history)
    if prompt.max() >= model.config.input_vocab_size:  # on a GPU this would break the process
        raise ValueError(f"a token of the prompt, {prompt.max()}, has no embedding")
    hidden = model.prefill(embed_prompt(model, spec, prompt), cache, chunk)  # (1, C)
    seconds = 0.0
    for token in _decode(model, spec, hidden, cache, noise=noise, sampling=sampling, min_eos_p=min_eos_p):
        yield token
        seconds += 1 / spec.semantic_rate_hz  # summed up as the reference does, to stop at the same token
        if max_seconds is not None and seconds > max_seconds:
            return


def _decode(
    model: CausalTransformer,
    spec: SemanticSpec,
    hidden: Tensor,
    cache: KVCache,
    *,
    noise: Noise,
    sampling: Sampling,
    min_eos_p: float | None,
) -> Iterator[int]:
    """Tokens from the hidden state (1, C) of the prompt on, until the end token or the limit."""
    limit = spec.steps(model.config.block_size)
    rows = _noise(model, spec, noise, limit) if sampling.draws else None
    for first in range(0, limit, model.burst):
        steps = min(model.burst, limit - first)
        burst = Burst(
            hidden=hidden,
            cache=cache,
            firsts=[0] * steps,
            size=spec.semantic_vocab_size,
            end=spec.eos_token,
            sampling=sampling,
            noise=None if rows is None else next(rows),
            min_eos_p=min_eos_p,
            more=first + steps < limit,
        )
        (made,) = model.decode([burst])
        yield from made.tokens
        if made.ended:
            return
        hidden = made.hidden


def _noise(model: CausalTransformer, spec: SemanticSpec, noise: Noise, limit: int) -> Iterator[Tensor]:
    """The noise (steps, V) of each burst, V choices."""
    many = max(1, NOISE_AHEAD.get(model.device.type, 0) // model.burst) * model.burst
    for first in range(0, limit, many):
        count = min(many, limit - first)
        rows = noise.gumbel(Stage.SEMANTIC, first, count, spec.semantic_vocab_size + 1, device=model.device)
        yield from torch.split(rows, model.burst)


def prompt_ids(
    spec: SemanticSpec, text_ids: Sequence[int], history: npt.NDArray[np.int64] | None
) -> npt.NDArray[np.int64]:
    """The whole prompt [text | history | infer], each part padded on its right: (2 * 256 + 1,)."""
    length = spec.max_input_semantic_length
    if len(text_ids) > length:
        raise ValueError(f"{len(text_ids)} text tokens are more than the {length} the model takes")
    prompt = np.full(2 * length + 1, spec.semantic_pad_token, dtype=np.int64)
    prompt[:length] = spec.text_pad_token
    prompt[: len(text_ids)] = np.asarray(text_ids, dtype=np.int64) + spec.text_encoding_offset
    if history is not None:
        recent = history[-length:]
        prompt[length : length + len(recent)] = recent
    prompt[-1] = spec.semantic_infer_token
    return prompt


def embed_prompt(model: CausalTransformer, spec: SemanticSpec, prompt: npt.NDArray[np.int64]) -> Tensor:
    """Embeddings (1, 257, C) of a prompt (513,): text and history share their positions."""
    length = spec.max_input_semantic_length
    embeds = model.embed(torch.from_numpy(prompt)[None])
    merged = embeds[:, :length] + embeds[:, length : 2 * length]
    return torch.cat([merged, embeds[:, 2 * length :]], dim=1)
