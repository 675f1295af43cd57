"""A judge for the engine: transformers' BarkModel with random weights, of any dimensions.

`build` makes one, and our `Model` with the same weights. The functions behind it run transformers' own generation
greedily; each says what it is told, and what it is kept from. The other judge is `tests.synth.reference`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shape:
    """A tiny Bark. The vocabularies follow from the specs."""

    layers: tuple[int, int, int] = (2, 2, 2)  # semantic, coarse, fine
    heads: int = 2
    hidden: int = 16
    block: int = 1024
    bias: bool = False
    tied: bool = True
    n_codes_given: int = 1
    text_words: int = 24
    spare: int = 5  # outputs that no stage may use
    std: float = 0.5  # large weights: the most likely token leads by far more than rounding
    semantic: SemanticSpec
    coarse: CoarseSpec
    fine: FineSpec


def tiny_specs(
    *, vocabulary: int = 50, codebook: int = 16, pad: int | None = None, **more: dict[str, Any]
) -> dict[str, Any]:
    """Specs with small vocabularies; `more` has other fields for `semantic`, `coarse` and `fine`."""
    eos = vocabulary if pad is None else pad
    text = {"text_encoding_offset": eos + 10, "text_pad_token": eos + 60, "semantic_infer_token": eos + 63}
    n_coarse = more.get("coarse", {}).get("n_coarse_codebooks", 2)
    end = vocabulary + n_coarse * codebook
    acoustic = {"coarse_semantic_pad_token": end, "coarse_infer_token": end + 2}
    semantic = {"semantic_vocab_size": vocabulary, "semantic_pad_token": eos, "eos_token": eos, **text}
    coarse = {"semantic_vocab_size": vocabulary, "codebook_size": codebook, **acoustic}
    fine = {"codebook_size": codebook, "n_coarse_codebooks": n_coarse}
    return {
        "semantic": SemanticSpec(**{**semantic, **more.get("semantic", {})}),
        "coarse": CoarseSpec(**{**coarse, **more.get("coarse", {})}),
        "fine": FineSpec(**{**fine, **more.get("fine", {})}),
    }


SMALL = Shape(**tiny_specs())
"""Bark's own windows and lengths, two codebooks of eight, no biases."""

ODD = Shape(
    layers=(3, 1, 5),
    heads=3,
    hidden=21,
    block=75,
    bias=True,
    tied=False,
    **tiny_specs(
        vocabulary=37,
        codebook=8,
        pad=41,
        semantic={"max_input_semantic_length": 13, "max_new_tokens": 90, "semantic_rate_hz": 31.7},
        coarse={
            "semantic_rate_hz": 31.7,
            "coarse_rate_hz": 53,
            "max_coarse_input_length": 17,
            "max_coarse_history": 33,
            "sliding_window_len": 14,
        },
        fine={"n_fine_codebooks": 5, "max_fine_history_length": 19, "max_fine_input_length": 43},
    ),
)
"""Other numbers everywhere: odd layers, heads and windows, biases, an end token apart from the vocabulary, untied."""

BIASED = Shape(
    layers=(1, 3, 2),
    heads=4,
    hidden=20,
    block=400,
    bias=True,
    **tiny_specs(
        vocabulary=64,
        codebook=32,
        coarse={"max_coarse_history": 83},
        fine={"max_fine_history_length": 150, "max_fine_input_length": 300},
    ),
)
"""Biases, tied heads, and a block that coarse windows fill to the last position."""

SHAPES = {"small": SMALL, "odd": ODD, "biased": BIASED}


def causal_config(shape: Shape, stage: int, input_vocab: int, output_vocab: int) -> TransformerConfig:
    return TransformerConfig(
        num_layers=shape.layers[stage],
        num_heads=shape.heads,
        hidden_size=shape.hidden,
        block_size=shape.block,
        input_vocab_size=input_vocab,
        output_vocab_size=output_vocab,
        bias=shape.bias,
    )


def configs(shape: Shape) -> tuple[TransformerConfig, TransformerConfig, TransformerConfig]:
    s, c, f = shape.semantic, shape.coarse, shape.fine
    acoustic = c.coarse_infer_token + shape.spare
    fine = causal_config(shape, 2, f.codebook_size + shape.spare, f.codebook_size + shape.spare)
    return (
        causal_config(shape, 0, s.semantic_infer_token + shape.spare, s.eos_token + shape.spare),
        causal_config(shape, 1, acoustic, acoustic),
        dataclasses.replace(fine, n_codes_total=f.n_fine_codebooks, n_codes_given=shape.n_codes_given),
    )


@functools.cache
def build(shape: Shape, seed: int = 0) -> tuple[Any, Model]:
    """A BarkModel with random weights, and ours with the same; kept, so whoever changes one takes a seed of his own."""
    theirs = bark(shape, seed)
    ours = ours_from(theirs, shape)
    return theirs, ours


def bark(shape: Shape, seed: int = 0) -> Any:
    """A transformers BarkModel, float32, weights drawn from a normal distribution."""
    names = ("num_layers", "num_heads", "hidden_size", "block_size", "input_vocab_size", "output_vocab_size", "bias")
    kinds = (transformers.BarkSemanticConfig, transformers.BarkCoarseConfig, transformers.BarkFineConfig)
    parts = []
    for stage, (kind, config) in enumerate(zip(kinds, configs(shape), strict=True)):
        values = {name: getattr(config, name) for name in names}
        if stage == 2:
            values |= {"n_codes_total": config.n_codes_total, "n_codes_given": config.n_codes_given}
            values["tie_word_embeddings"] = shape.tied
        parts.append(kind(**values))
    config = transformers.BarkConfig(
        semantic_config=parts[0], coarse_acoustics_config=parts[1], fine_acoustics_config=parts[2],
        codec_config=codec_config(shape),
    )  # fmt: skip
    torch.manual_seed(seed)
    model = transformers.BarkModel(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "layernorm" in name and name.endswith("weight"):
                weight.uniform_(0.5, 1.5)
            elif "codec_model" not in name:
                weight.normal_(0, shape.std)
        model.semantic.lm_head.weight[shape.semantic.eos_token] *= 0.3  # or most texts would end at once
        for layer in model.codec_model.quantizer.layers:
            layer.codebook.embed.normal_()
    model.fine_acoustics.tie_weights()
    return model


def codec_config(shape: Shape) -> transformers.EncodecConfig:
    """A codec with as many codebooks as the fine stage fills."""
    size, rate, ratios = shape.fine.codebook_size, 2400, (4, 2)
    bits = math.ceil(math.log2(size))
    frames = rate // math.prod(ratios)
    return transformers.EncodecConfig(
        target_bandwidths=[frames * bits * shape.fine.n_fine_codebooks / 1000],
        sampling_rate=rate,
        hidden_size=12,
        num_filters=4,
        upsampling_ratios=list(ratios),
        codebook_size=size,
        num_lstm_layers=1,
    )


def ours_from(theirs: Any, shape: Shape) -> Model:
    kinds = (CausalTransformer, CausalTransformer, FineTransformer)
    parts = (theirs.semantic, theirs.coarse_acoustics, theirs.fine_acoustics)
    semantic, coarse, fine = (
        load(kind(config), part) for kind, config, part in zip(kinds, configs(shape), parts, strict=True)
    )
    codec = transformers.EncodecModel(codec_config(shape)).eval()
    codec.load_state_dict(theirs.codec_model.state_dict())
    return Model(
        name="tiny", semantic=semantic, semantic_spec=shape.semantic, coarse=coarse, coarse_spec=shape.coarse,
        fine=fine, fine_spec=shape.fine, codec=Codec(codec), tokenizer=Letters(), voices=None,
        device=torch.device("cpu"),
    )  # fmt: skip


class Letters:
    """A tokenizer of letters: as real as the model."""

    def encode(self, text: str) -> list[int]:
        return [ord(letter) % 24 for letter in text]


def load(model: Any, source: Any) -> Any:
    """Weights as they come, without the causal masks that transformers keeps in its state."""
    state = {name: value for name, value in source.state_dict().items() if not name.endswith(".attn.bias")}
    model.load_state_dict(state, strict=True)
    return model.eval()


# What transformers needs to be told, and what it must be kept from.


def transformers_semantic(theirs: Any, shape: Shape, text: list[int], history: Any = None, **more: Any) -> list[int]:
    """BarkSemanticModel.generate, greedy, with its `min_eos_p` off, and without the end token that it leaves in."""
    spec = shape.semantic
    config = generation.BarkSemanticGenerationConfig(
        eos_token_id=spec.eos_token, pad_token_id=spec.eos_token, max_new_tokens=spec.steps(shape.block),
        text_encoding_offset=spec.text_encoding_offset, text_pad_token=spec.text_pad_token,
        semantic_infer_token=spec.semantic_infer_token, semantic_vocab_size=spec.semantic_vocab_size,
        max_input_semantic_length=spec.max_input_semantic_length, semantic_rate_hz=spec.semantic_rate_hz, **more,
    )  # fmt: skip
    length = spec.max_input_semantic_length
    ids = torch.tensor([text + [0] * (length - len(text))])
    mask = torch.tensor([[1] * len(text) + [0] * (length - len(text))])
    voice = None if history is None else {"semantic_prompt": torch.from_numpy(history)}
    with torch.no_grad():
        out = theirs.semantic.generate(
            ids, semantic_generation_config=config, history_prompt=voice, attention_mask=mask
        )
    tokens = out[0].tolist()
    return tokens[:-1] if tokens and tokens[-1] == spec.eos_token else tokens


def _configs(shape: Shape) -> tuple[Any, Any, Any]:
    s, c, f = shape.semantic, shape.coarse, shape.fine
    outputs = configs(shape)[1].output_vocab_size
    semantic = generation.BarkSemanticGenerationConfig(
        eos_token_id=s.eos_token, semantic_vocab_size=s.semantic_vocab_size, semantic_rate_hz=c.semantic_rate_hz
    )
    coarse = generation.BarkCoarseGenerationConfig(
        coarse_semantic_pad_token=c.coarse_semantic_pad_token, coarse_rate_hz=c.coarse_rate_hz,
        n_coarse_codebooks=c.n_coarse_codebooks, coarse_infer_token=c.coarse_infer_token,
        max_coarse_input_length=c.max_coarse_input_length, max_coarse_history=c.max_coarse_history,
        sliding_window_len=c.sliding_window_len, suppress_tokens=list(range(c.first_token(c.n_coarse_codebooks), outputs)),
    )  # fmt: skip
    fine = generation.BarkFineGenerationConfig(
        max_fine_history_length=f.max_fine_history_length, max_fine_input_length=f.max_fine_input_length,
        n_fine_codebooks=f.n_fine_codebooks,
    )  # fmt: skip
    return semantic, coarse, fine


def transformers_coarse(theirs: Any, shape: Shape, semantic: Any, history: Any = None) -> np.ndarray:
    """BarkCoarseModel.generate -> codes (2, t).

    The outputs behind the second codebook are suppressed: it would use them. It gets no pad token: positions of the
    prompt that hold the pad token would be masked.
    """
    spec = shape.coarse
    semantic_config, coarse_config, _ = _configs(shape)
    voice = None
    if history is not None:
        voice = {"semantic_prompt": torch.from_numpy(history[0]), "coarse_prompt": torch.from_numpy(history[1])}
    with torch.no_grad():
        out = theirs.coarse_acoustics.generate(
            torch.from_numpy(semantic)[None].clone(), semantic_generation_config=semantic_config,
            coarse_generation_config=coarse_config, codebook_size=spec.codebook_size, history_prompt=voice,
        )  # fmt: skip
    pairs = out[0].numpy().reshape(-1, spec.n_coarse_codebooks).T - spec.semantic_vocab_size
    return np.mod(pairs, spec.codebook_size)


def transformers_fine(theirs: Any, shape: Shape, coarse: Any, history: Any = None) -> np.ndarray:
    """BarkFineModel.generate with its temperature of 1.0, which is argmax there -> codes (n_fine, t)."""
    semantic_config, coarse_config, fine_config = _configs(shape)
    tokens = torch.from_numpy(coarse.T.reshape(1, -1)) + shape.coarse.semantic_vocab_size
    voice = None if history is None else {"fine_prompt": torch.from_numpy(history)}
    out = theirs.fine_acoustics.generate(
        tokens, semantic_generation_config=semantic_config, coarse_generation_config=coarse_config,
        fine_generation_config=fine_config, codebook_size=shape.fine.codebook_size, history_prompt=voice,
    )  # fmt: skip
    return out[0].numpy()
