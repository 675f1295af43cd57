"""Bark small with random weights, as transformers' BarkModel and as ours: the true sizes without the true weights."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np
import torch
import transformers
from transformers.models.bark import generation_configuration_bark as generation

from synth.coarse import CoarseSpec
from synth.codec import Codec
from synth.fine import FineSpec
from synth.model import CausalTransformer, FineTransformer, TransformerConfig
from synth.pipeline import Model
from synth.semantic import SemanticSpec
from synth.voices import Voice

SIZES = {"num_layers": 12, "num_heads": 12, "hidden_size": 768, "block_size": 1024, "bias": False}
VOCABULARIES = ((129_600, 10_048), (12_096, 12_096), (1056, 1056))  # in and out of semantic, coarse, fine
VOICE_SECONDS = 10
NETWORKS = ("semantic", "coarse", "fine")  # of a Model


def theirs() -> Any:
    """A BarkModel in float32 that never ends by itself: the end token's logit is 0."""
    kinds = (transformers.BarkSemanticConfig, transformers.BarkCoarseConfig, transformers.BarkFineConfig)
    parts = [
        kind(**SIZES, input_vocab_size=inputs, output_vocab_size=outputs)
        for kind, (inputs, outputs) in zip(kinds, VOCABULARIES, strict=True)
    ]
    names = ("semantic_config", "coarse_acoustics_config", "fine_acoustics_config")
    codec = transformers.EncodecConfig()  # its defaults are the 24 kHz model
    config = transformers.BarkConfig(**dict(zip(names, parts, strict=True)), codec_config=codec)
    torch.manual_seed(0)
    bark = transformers.BarkModel(config).eval()
    with torch.no_grad():
        bark.semantic.lm_head.weight[SemanticSpec().eos_token] = 0
    bark.generation_config = generation.BarkGenerationConfig.from_sub_model_configs(
        generation.BarkSemanticGenerationConfig(),
        generation.BarkCoarseGenerationConfig(),
        generation.BarkFineGenerationConfig(temperature=None),
    )
    for name in names:  # generate() takes them apart as it finds them in a file
        setattr(bark.generation_config, name, getattr(bark.generation_config, name).to_dict())
    return bark


def ours(bark: Any) -> Model:
    """The same weights, in the same memory, on the same device."""
    causal = (CausalTransformer, bark.semantic), (CausalTransformer, bark.coarse_acoustics)
    networks = [
        _filled(kind, part, vocabulary)
        for (kind, part), vocabulary in zip(
            (*causal, (FineTransformer, bark.fine_acoustics)), VOCABULARIES, strict=True
        )
    ]
    return Model(
        name="small",
        semantic=networks[0],
        semantic_spec=SemanticSpec(),
        coarse=networks[1],
        coarse_spec=CoarseSpec(),
        fine=networks[2],
        fine_spec=FineSpec(),
        codec=Codec(_codec_of(bark)),
        tokenizer=None,  # type: ignore[arg-type] # requests come as ids
        voices=None,  # type: ignore[arg-type] # and with a voice
        device=bark.semantic.lm_head.weight.device,
    )


def with_own_networks(model: Model) -> Model:
    """One whose networks may be changed."""
    return dataclasses.replace(model, **{name: copy.deepcopy(getattr(model, name)) for name in NETWORKS})


def voice() -> Voice:
    """Random tokens of ten seconds."""
    random = np.random.default_rng(0)
    fine = random.integers(0, 1024, (8, round(VOICE_SECONDS * 75)))
    semantic = random.integers(0, 10_000, round(VOICE_SECONDS * 49.9))
    return Voice(name="random", semantic_prompt=semantic, coarse_prompt=fine[:2], fine_prompt=fine)


def _codec_of(bark: Any) -> Any:
    """A codec of its own: a deep copy shares the class of its weight-normed parts, and ours changes that class."""
    codec = transformers.EncodecModel(bark.codec_model.config).eval()
    codec.load_state_dict(bark.codec_model.state_dict())
    return codec.to(bark.codec_model.device)


def _filled(kind: Any, part: Any, vocabulary: tuple[int, int]) -> Any:
    sizes = {**SIZES, "input_vocab_size": vocabulary[0], "output_vocab_size": vocabulary[1]}
    if kind is FineTransformer:
        sizes |= {"n_codes_total": 8, "n_codes_given": 1}
    with torch.device("meta"):
        network = kind(TransformerConfig(**sizes))
    state = {name: value for name, value in part.state_dict().items() if not name.endswith(".attn.bias")}
    network.load_state_dict(state, strict=True, assign=True)
    return network.eval().requires_grad_(requires_grad=False)
