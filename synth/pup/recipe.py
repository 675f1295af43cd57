"""Every number that decides what comes out of the training, in one frozen value."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from synth.coarse import CoarseSpec
from synth.fine import FineSpec
from synth.model import TransformerConfig
from synth.semantic import SemanticSpec

TEXT_TOKENS = tuple(f"<w{number}>" for number in range(16)) + tuple("abcdefghijklmnopqrstuvwxyz',.?!") + ("[PAD]",)
FRAME_RATE = 75  # codec frames a second
SEMANTIC_RATE = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Net:
    """The size of one transformer."""

    layers: int
    heads: int
    width: int
    block: int  # positions


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How long and how fast one stage is trained."""

    steps: int
    batch: int  # rows, or tokens for the semantic stage
    rate: float  # the highest learning rate
    warmup: int = 100  # steps
    validate_every: int = 500  # steps


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """The whole training. The default fits 12 MB in float16 and a few hours of two CPU cores."""

    seed: int = 1
    words: str | None = None  # a list of words beside the project's own, instead of the recogniser's dictionary
    survey: int = 2000  # texts that the phonemes are collected from
    text_shards: int = 150  # files of texts with their tokens only
    text_shard: int = 500  # texts in one of them
    speech_shards: int = 17  # with audio as well; the first shard of each kind is for validation
    speech_shard: int = 200
    longest: int = 500  # semantic tokens of one text

    codebook_size: int = 512
    codebooks: int = 8
    filters: int = 12  # of EnCodec's outermost layer
    text_window: int = 256
    semantic: Net = field(default_factory=lambda: Net(layers=4, heads=5, width=160, block=768))
    coarse: Net = field(default_factory=lambda: Net(layers=4, heads=6, width=192, block=432))
    fine: Net = field(default_factory=lambda: Net(layers=2, heads=2, width=56, block=256))
    coarse_input: int = 128  # semantic tokens in a prompt
    coarse_history: int = 240  # coarse tokens in a prompt
    coarse_window: int = 60  # coarse tokens from one prompt
    crop: int = 40  # frames of a row for the codec

    decoder_plan: Plan = field(default_factory=lambda: Plan(steps=18_000, batch=6, rate=1e-3))
    encoder_plan: Plan = field(default_factory=lambda: Plan(steps=3000, batch=6, rate=2e-3))
    semantic_plan: Plan = field(default_factory=lambda: Plan(steps=12_000, batch=2600, rate=1.5e-3))
    coarse_plan: Plan = field(default_factory=lambda: Plan(steps=16_000, batch=6, rate=1.5e-3))
    fine_plan: Plan = field(default_factory=lambda: Plan(steps=3000, batch=8, rate=1e-3))

    def as_json(self) -> dict[str, Any]:
        """Plain values, to be stored beside what they made."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The order of the ids, and the sizes that follow from a recipe and the number of semantic tokens."""

    recipe: Recipe
    semantic_size: int

    @property
    def semantic(self) -> SemanticSpec:
        """Semantic tokens | end and pad | text tokens, their pad last | infer."""
        offset = self.semantic_size + 1
        return SemanticSpec(
            semantic_vocab_size=self.semantic_size,
            semantic_pad_token=self.semantic_size,
            semantic_infer_token=offset + len(TEXT_TOKENS),
            text_encoding_offset=offset,
            text_pad_token=offset + len(TEXT_TOKENS) - 1,
            eos_token=self.semantic_size,
            max_input_semantic_length=self.recipe.text_window,
            max_new_tokens=min(self.recipe.longest, self.recipe.semantic.block - self.recipe.text_window - 1),
            semantic_rate_hz=SEMANTIC_RATE,
        )

    @property
    def coarse(self) -> CoarseSpec:
        """Semantic tokens | first codebook | second codebook | pad | infer."""
        end = self.semantic_size + 2 * self.recipe.codebook_size
        return CoarseSpec(
            semantic_vocab_size=self.semantic_size,
            semantic_rate_hz=SEMANTIC_RATE,
            codebook_size=self.recipe.codebook_size,
            coarse_rate_hz=FRAME_RATE,
            coarse_semantic_pad_token=end,
            coarse_infer_token=end + 1,
            max_coarse_input_length=self.recipe.coarse_input,
            max_coarse_history=self.recipe.coarse_history,
            sliding_window_len=self.recipe.coarse_window,
        )

    @property
    def fine(self) -> FineSpec:
        """The codes, then the pad code."""
        return FineSpec(
            codebook_size=self.recipe.codebook_size,
            n_fine_codebooks=self.recipe.codebooks,
            max_fine_history_length=self.recipe.fine.block // 2,
            max_fine_input_length=self.recipe.fine.block,
        )

    def semantic_size_of(self) -> TransformerConfig:
        """Dimensions of the semantic transformer."""
        spec = self.semantic
        return _dimensions(self.recipe.semantic, spec.semantic_infer_token + 1, self.semantic_size + 1)

    def coarse_size_of(self) -> TransformerConfig:
        """Dimensions of the coarse transformer."""
        size = self.coarse.coarse_infer_token + 1
        return _dimensions(self.recipe.coarse, size, size)

    def fine_size_of(self) -> TransformerConfig:
        """Dimensions of the fine transformer."""
        size = self.recipe.codebook_size + 1
        return _dimensions(self.recipe.fine, size, size, codebooks=self.recipe.codebooks)


def _dimensions(net: Net, inputs: int, outputs: int, *, codebooks: int = 1) -> TransformerConfig:
    """With biases: a layer norm without one cannot take a constant out of its input."""
    return TransformerConfig(
        num_layers=net.layers,
        num_heads=net.heads,
        hidden_size=net.width,
        block_size=net.block,
        input_vocab_size=inputs,
        output_vocab_size=outputs,
        bias=True,
        n_codes_total=codebooks,
    )
