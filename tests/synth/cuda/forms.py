"""The static form of a tiny model, and bursts for it."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import torch

from synth.bark import Model
from synth.cuda.choose import quicken
from synth.cuda.static import StaticCausal
from synth.decoding import Burst
from synth.model import CausalTransformer, KVCache
from synth.sampling import Noise, Sampling, Stage
from tests.synth import oracle


def static(shape: oracle.Shape, *, seats: int = 4, precision: str = "float32", **more: Any) -> Model:
    """A model of one's own with the weights of `oracle.build`; `more` is of `quicken`, or the `device`."""
    _, ours = oracle.build(shape)
    parts = {name: copy.deepcopy(getattr(ours, name)) for name in ("semantic", "coarse", "fine")}
    device = torch.device(more.pop("device", "cpu"))
    for part in parts.values():
        part.to(device)
    model = dataclasses.replace(ours, **parts, device=device)
    return quicken(model, seats=seats, precision=precision, **{"graphs": False, **more})


def filled(network: CausalTransformer, length: int, seed: int = 0) -> tuple[KVCache, torch.Tensor]:
    """A cache of so many tokens, and the hidden state (1, C) after them."""
    numbers = torch.Generator().manual_seed(1000 * length + seed)
    ids = torch.randint(0, network.config.input_vocab_size, (1, length), generator=numbers).to(network.device)
    cache = network.new_cache()
    with torch.inference_mode():
        return cache, network.prefill(network.embed(ids), cache)


def burst_for(
    network: StaticCausal | CausalTransformer, shape: oracle.Shape, cache: KVCache, hidden: torch.Tensor, *,
    stage: str, steps: int, seed: int = 0, sampling: Sampling = Sampling(), min_eos_p: float | None = None,  # noqa: B008
    more: bool = True,
) -> Burst:  # fmt: skip
    """What a row in either stage asks for; `seed` decides on its noise, and in which codebook it begins."""
    if stage == "semantic":
        spec = shape.semantic
        firsts, size, end = [0] * steps, spec.semantic_vocab_size, spec.eos_token
        rows = Noise(seed).gumbel(Stage.SEMANTIC, 0, steps, size + 1, device=network.device)
    else:
        spec = shape.coarse
        firsts = [spec.first_token((seed + step) % spec.n_coarse_codebooks) for step in range(steps)]
        size, end = spec.codebook_size, None
        rows = Noise(seed).gumbel(Stage.COARSE, 0, steps, size, device=network.device)
    return Burst(
        hidden=hidden, cache=cache, firsts=firsts, size=size, end=end, sampling=sampling,
        noise=rows if sampling.draws else None, min_eos_p=min_eos_p, more=more,
    )  # fmt: skip
