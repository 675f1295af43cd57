"""The pieces of work that cpu.py times, in transformers and in ours. All greedy; each call does the same work again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor

from benchmarks import small
from synth.coarse import generate_coarse
from synth.pipeline import Model, Request, speak
from synth.sampling import Noise, Sampling

Work = Callable[[], Any]

OUTPUTS = {"semantic": 10_001, "coarse": 1024}  # logits that a token is chosen from
FIRST = {"semantic": 0, "coarse": 10_000}
PROMPT = 887  # positions of a coarse prompt with a full history
FRAMES = 1024  # of a fine window, half of which are predicted
BOOK = 4  # a codebook in the middle
NEW = 20  # semantic tokens that make one coarse window
TEXT = list(range(1000, 1012))
GREEDY = Sampling(greedy=True)


def their_decoding(bark: Any, stage: str, context: int, steps: int) -> Work:
    """Tokens through a model's forward, which is less than its generate() does."""
    network = bark.semantic if stage == "semantic" else bark.coarse_acoustics
    first, last = FIRST[stage], FIRST[stage] + OUTPUTS[stage]
    cache = transformers.DynamicCache()
    network(ids(context), past_key_values=cache, use_cache=True)

    def run() -> None:
        token = torch.zeros(1, 1, dtype=torch.long)
        for _ in range(steps):
            logits = network(token, past_key_values=cache, use_cache=True).logits
            token = logits[:, -1:, first:last].argmax(-1) + first
        cache.crop(-steps)  # negative: so many are forgotten

    return run


def our_decoding(model: Model, stage: str, context: int, steps: int) -> Work:
    """The same."""
    network = getattr(model, stage)
    first, last = FIRST[stage], FIRST[stage] + OUTPUTS[stage]
    cache = network.new_cache()
    network.prefill(network.embed(ids(context)), cache)

    def run() -> None:
        cache.length = context
        token = torch.zeros(1, dtype=torch.long)
        for _ in range(steps):
            hidden = network.decode_tokens(token, [cache])
            token = network.logits(hidden, first, last).argmax(-1) + first

    return run


def their_prompt(bark: Any) -> Work:
    """A coarse prompt."""
    return lambda: bark.coarse_acoustics(ids(PROMPT), past_key_values=transformers.DynamicCache(), use_cache=True)


def our_prompt(model: Model) -> Work:
    """A coarse prompt."""
    cache = model.coarse.new_cache()
    return lambda: model.coarse.prefill(model.coarse.embed(ids(PROMPT)), cache)


def their_window(bark: Any) -> Work:
    """generate() of one coarse window."""
    config, history = bark.generation_config, _history()
    kinds = transformers.models.bark.generation_configuration_bark
    semantic = kinds.BarkSemanticGenerationConfig(**config.semantic_config)
    coarse = kinds.BarkCoarseGenerationConfig(**config.coarse_acoustics_config)
    return lambda: bark.coarse_acoustics.generate(
        ids(NEW),
        semantic_generation_config=semantic,
        coarse_generation_config=coarse,
        codebook_size=config.codebook_size,
        history_prompt=history,
        do_sample=False,
    )


def our_window(model: Model) -> Work:
    """One coarse window, whole."""
    voice, cache, tokens = small.voice(), model.coarse.new_cache(), ids(NEW)[0].numpy()
    past = (voice.semantic_prompt, voice.coarse_prompt)
    return lambda: generate_coarse(
        model.coarse, model.coarse_spec, tokens, past, noise=Noise(0), sampling=GREEDY, cache=cache
    )


def their_fine(bark: Any) -> Work:
    """One codebook of one window."""
    codes = torch.from_numpy(np.resize(small.voice().fine_prompt, (1, 8, FRAMES))).transpose(1, 2)
    return lambda: bark.fine_acoustics(BOOK, codes).logits[:, FRAMES // 2 :, :1024].argmax(-1)


def our_fine(model: Model) -> Work:
    """One codebook of one window."""
    codes = torch.from_numpy(np.resize(small.voice().fine_prompt, (1, 8, FRAMES)))
    return lambda: model.fine.logits(model.fine(codes, BOOK)[:, FRAMES // 2 :], BOOK, 1024).argmax(-1)


def codec(model: Model) -> Work:
    """The waveform of ten seconds."""
    codes = small.voice().fine_prompt
    return lambda: model.codec.decode(codes)


def their_clip(bark: Any, seconds: float) -> Work:
    """generate(), with as many semantic tokens as ours."""
    text = torch.zeros(1, 256, dtype=torch.long)
    text[0, : len(TEXT)] = torch.tensor(TEXT)
    mask = (torch.arange(256) < len(TEXT)).long()[None]
    tokens = int(seconds * 49.9 + 1)

    def run() -> np.ndarray:
        made = bark.generate(
            text, history_prompt=_history(), attention_mask=mask, do_sample=False, semantic_max_new_tokens=tokens
        )
        return made[0].numpy()

    return run


def our_clip(model: Model, seconds: float) -> Work:
    """The whole pipeline."""
    request = Request(pieces=[TEXT], voice=small.voice(), seed=0, greedy=True, min_eos_p=None, max_seconds=seconds)
    return lambda: speak(model, request).pieces[0].waveform


def ids(length: int) -> Tensor:
    """Random tokens (1, length) that every model has."""
    return torch.from_numpy(np.random.default_rng(length).integers(0, 10_000, (1, length)))


def _history() -> dict[str, Tensor]:
    voice = small.voice()
    return {
        name: torch.from_numpy(getattr(voice, name)) for name in ("semantic_prompt", "coarse_prompt", "fine_prompt")
    }
