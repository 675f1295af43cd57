"""A Bark of the published dimensions with random weights: what it says is noise, what it costs is Bark's."""

from __future__ import annotations

import dataclasses
import json
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import EncodecConfig, EncodecModel

from synth.bark import Model
from synth.coarse import CoarseSpec
from synth.codec import Codec
from synth.config import STAGES, Specs
from synth.fine import FineSpec
from synth.model import CausalTransformer, FineTransformer, TransformerConfig
from synth.semantic import SemanticSpec
from synth.voices import Voice, Voices

SIZES = {"small": (12, 12, 768), "large": (24, 16, 1024)}  # layers, heads, width: suno/bark-small, suno/bark
HISTORY = 400  # semantic tokens of the voice: 8 s, more than any prompt sees


def random_bark(size: str) -> Model:
    """In float32 on the CPU: 1.6 GB for small, 4.4 GB for large. A request to it must limit its seconds."""
    torch.manual_seed(0)
    semantic, coarse, fine = SemanticSpec(), CoarseSpec(), FineSpec()
    specs = Specs(semantic=semantic, coarse=coarse, fine=fine)
    return Model(
        name=f"random weights of Bark {size}",
        semantic=CausalTransformer(dimensions(size, 129_600, 10_048)).eval(),
        semantic_spec=semantic,
        coarse=CausalTransformer(dimensions(size, 12_096, 12_096)).eval(),
        coarse_spec=coarse,
        fine=FineTransformer(dimensions(size, 1_056, 1_056, codebooks=8)).eval(),
        fine_spec=fine,
        codec=Codec(EncodecModel(EncodecConfig())),  # its defaults are those of facebook/encodec_24khz
        tokenizer=types.SimpleNamespace(encode=lambda text: [ord(letter) for letter in text]),
        voices=Voices(Path(__file__).parent, specs.voice_rules()),
        device=torch.device("cpu"),
    )


def random_voice() -> Voice:
    """A history prompt that fills every prompt."""
    source, frames = np.random.default_rng(0), int(HISTORY * 75 / 49.9)
    fine = source.integers(0, 1024, (8, frames))
    semantic = source.integers(0, 10_000, HISTORY)
    return Voice(name="random", semantic_prompt=semantic, coarse_prompt=fine[:2], fine_prompt=fine)


def dimensions(size: str, inputs: int, outputs: int, codebooks: int = 1) -> TransformerConfig:
    """Of one transformer of Bark small or large."""
    layers, heads, width = SIZES[size]
    return TransformerConfig(
        num_layers=layers,
        num_heads=heads,
        hidden_size=width,
        block_size=1024,
        input_vocab_size=inputs,
        output_vocab_size=outputs,
        bias=False,
        n_codes_total=codebooks,
    )


def save_random_bark(size: str, folder: Path, dtype: torch.dtype = torch.float32) -> None:
    """The same as a folder in the Hugging Face layout, with a tokenizer that knows one word and no voices."""
    config: dict[str, Any] = {"model_type": "bark"}
    state: dict[str, torch.Tensor] = {}
    model = random_bark(size)
    for part, stage in zip((model.semantic, model.coarse, model.fine), STAGES, strict=True):
        config[f"{stage}_config"] = dataclasses.asdict(part.config)
        state |= {f"{stage}.{name}": value.detach().to(dtype) for name, value in part.state_dict().items()}
    codec = EncodecModel(EncodecConfig())
    state |= {f"codec_model.{name}": value.detach() for name, value in codec.state_dict().items()}
    config["codec_config"] = codec.config.to_dict()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(state, folder / "model.safetensors")
    (folder / "vocab.txt").write_text("\n".join(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", ".")))
