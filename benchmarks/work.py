"""The pieces of work that are timed, in transformers and in ours. All greedy; each call does the same work again."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor

from benchmarks.random_bark import voice
from synth.coarse import generate_coarse
from synth.cuda.slots import SlotCache
from synth.decoding import Burst
from synth.pipeline import Model, Request, speak
from synth.sampling import Noise, Sampling
from synth.semantic import SemanticSpec
from synth.stream import stream

Work = Callable[[], Any]

OUTPUTS = {"semantic": 10_001, "coarse": 1024}  # logits that a token is chosen from
FIRST = {"semantic": 0, "coarse": 10_000}
PROMPTS = {"semantic": 257, "coarse": 887}  # positions of a prompt with a full history
FRAMES = 1024  # of a fine window, half of which are predicted
BOOK = 4  # a codebook in the middle
NEW = 20  # semantic tokens that make one coarse window
TEXT = list(range(1000, 1012))
GREEDY = Sampling(greedy=True)


def their_decoding(bark: Any, stage: str, context: int, steps: int, rows: int = 1) -> Work:
    """Tokens through a model's forward, which is less than its generate() does."""
    network = _network(bark, stage)
    first, last = FIRST[stage], FIRST[stage] + OUTPUTS[stage]
    cache = transformers.DynamicCache()
    network(_ids(context, bark), past_key_values=cache, use_cache=True)
    cache.batch_repeat_interleave(rows)

    def run() -> None:
        token = torch.zeros(rows, 1, dtype=torch.long, device=bark.device)
        for _ in range(steps):
            logits = network(token, past_key_values=cache, use_cache=True).logits
            token = logits[:, -1:, first:last].argmax(-1) + first
        cache.crop(-steps)  # negative: so many are forgotten

    return run


def our_decoding(model: Model, stage: str, context: int, steps: int, rows: int = 1) -> Work:
    """The same as the engine does it, each row with a cache of its own: at most 12 steps, a burst of CUDA's."""
    network, eos = getattr(model, stage), model.semantic_spec.eos_token
    caches = [network.new_cache()]
    hidden = network.prefill(network.embed(ids(context)), caches[0])
    for _ in range(rows - 1):
        if isinstance(caches[0], SlotCache):  # no copy: each has its place
            caches.append(network.new_cache())
            network.prefill(network.embed(ids(context)), caches[-1])
        else:
            caches.append(copy.deepcopy(caches[0]))
    firsts = [FIRST[stage] + (step % 2 * 1024 if stage == "coarse" else 0) for step in range(steps)]
    size, end = (eos, eos) if stage == "semantic" else (OUTPUTS[stage], None)
    kept = {"firsts": firsts, "size": size, "end": end, "sampling": GREEDY, "noise": None, "more": True}
    bursts = [Burst(hidden=hidden, cache=cache, **kept) for cache in caches]

    def run() -> None:
        for cache in caches:
            cache.length = context
        network.decode(bursts)

    return run


def their_prompt(bark: Any, stage: str) -> Work:
    """A prompt."""
    network, prompt = _network(bark, stage), _ids(PROMPTS[stage], bark)
    return lambda: network(prompt, past_key_values=transformers.DynamicCache(), use_cache=True)


def our_prompt(model: Model, stage: str) -> Work:
    """A prompt."""
    network, prompt = getattr(model, stage), ids(PROMPTS[stage])
    cache = network.new_cache()
    return lambda: network.prefill(network.embed(prompt), cache)


def their_window(bark: Any) -> Work:
    """generate() of one coarse window."""
    config, history = bark.generation_config, _history(bark)
    kinds = transformers.models.bark.generation_configuration_bark
    semantic = kinds.BarkSemanticGenerationConfig(**config.semantic_config)
    coarse = kinds.BarkCoarseGenerationConfig(**config.coarse_acoustics_config)
    return lambda: bark.coarse_acoustics.generate(
        _ids(NEW, bark),
        semantic_generation_config=semantic,
        coarse_generation_config=coarse,
        codebook_size=config.codebook_size,
        history_prompt=history,
        do_sample=False,
    )


def our_window(model: Model) -> Work:
    """One coarse window, whole."""
    said, cache, tokens = voice(), model.coarse.new_cache(), ids(NEW)[0].numpy()
    past = (said.semantic_prompt, said.coarse_prompt)
    return lambda: generate_coarse(
        model.coarse, model.coarse_spec, tokens, past, noise=Noise(0), sampling=GREEDY, cache=cache
    )


def their_fine(bark: Any) -> Work:
    """One codebook of one window."""
    codes = _codes().transpose(1, 2).to(bark.device)
    return lambda: bark.fine_acoustics(BOOK, codes).logits[:, FRAMES // 2 :, :1024].argmax(-1)


def our_fine(model: Model) -> Work:
    """One codebook of one window."""
    codes = _codes().to(model.device)
    return lambda: model.fine.logits(model.fine(codes, BOOK)[:, FRAMES // 2 :], BOOK, 1024).argmax(-1)


def codec(model: Model) -> Work:
    """The waveform of ten seconds."""
    codes = voice().fine_prompt
    return lambda: model.codec.decode(codes)


def their_clip(bark: Any, seconds: float) -> Work:
    """generate(), with as many semantic tokens as ours."""
    text = torch.zeros(1, 256, dtype=torch.long)
    text[0, : len(TEXT)] = torch.tensor(TEXT)
    mask = (torch.arange(256) < len(TEXT)).long()[None]
    given = {"attention_mask": mask.to(bark.device), "history_prompt": _history(bark)}
    given |= {"do_sample": False, "semantic_max_new_tokens": semantic_tokens(seconds)}
    return lambda: bark.generate(text.to(bark.device), **given)[0].cpu().numpy()


def semantic_tokens(seconds: float) -> int:
    """How many the engine makes before it stops: the fewest that last longer, added up one by one as it does."""
    each = itertools.repeat(1 / SemanticSpec().semantic_rate_hz)
    return next(count for count, total in enumerate(itertools.accumulate(each), 1) if total > seconds)


def request(seconds: float, seed: int = 0, *, greedy: bool = True) -> Request:
    """A text with a voice, as long as that: it has no end of its own."""
    return Request(pieces=[TEXT], voice=voice(), seed=seed, greedy=greedy, min_eos_p=None, max_seconds=seconds)


def our_clip(model: Model, seconds: float) -> Work:
    """The whole pipeline."""
    return lambda: speak(model, request(seconds)).pieces[0].waveform


def first_audio(model: Model, seconds: float) -> Work:
    """A streamed clip, up to its first chunk."""

    def run() -> np.ndarray:
        chunks = stream(model, request(seconds))
        waveform = next(chunks).waveform
        chunks.close()
        return waveform

    return run


def ids(length: int) -> Tensor:
    """Random tokens (1, length) that every model has."""
    return torch.from_numpy(np.random.default_rng(length).integers(0, 10_000, (1, length)))


def _ids(length: int, bark: Any) -> Tensor:
    return ids(length).to(bark.device)


def _network(bark: Any, stage: str) -> Any:
    return bark.semantic if stage == "semantic" else bark.coarse_acoustics


def _codes() -> Tensor:
    return torch.from_numpy(np.resize(voice().fine_prompt, (1, 8, FRAMES)))


def _history(bark: Any) -> dict[str, Tensor]:
    said = voice()
    names = ("semantic_prompt", "coarse_prompt", "fine_prompt")
    return {name: torch.from_numpy(getattr(said, name)).to(bark.device) for name in names}
