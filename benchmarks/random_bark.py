"""A Bark of the published dimensions with random weights: what it says is noise, what it costs is Bark's.

As transformers' BarkModel and as ours with the same weights, or as a folder.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from transformers.models.bark import generation_configuration_bark as generation

from synth.bark import Model
from synth.coarse import CoarseSpec
from synth.codec import Codec
from synth.config import STAGES, Specs
from synth.fine import FineSpec
from synth.model import CausalTransformer, FineTransformer, TransformerConfig
from synth.semantic import SemanticSpec
from synth.voices import Voice, Voices

SIZES = {"small": (12, 12, 768), "large": (24, 16, 1024)}  # layers, heads, width: suno/bark-small, suno/bark
VOCABULARIES = ((129_600, 10_048), (12_096, 12_096), (1056, 1056))  # in and out of semantic, coarse, fine
VOICE_SECONDS = 10  # of the voice: more than any prompt sees
NETWORKS = ("semantic", "coarse", "fine")  # of a Model


def theirs(size: str) -> Any:
    """A BarkModel in float32 (1.6 GB for small, 4.4 GB for large) that never ends by itself: the end token's logit is 0."""
    kinds = (transformers.BarkSemanticConfig, transformers.BarkCoarseConfig, transformers.BarkFineConfig)
    parts = [kind(**_sizes(size, *vocabulary)) for kind, vocabulary in zip(kinds, VOCABULARIES, strict=True)]
    codec = transformers.EncodecConfig()  # its defaults are the 24 kHz model
    names = (f"{stage}_config" for stage in STAGES)
    config = transformers.BarkConfig(**dict(zip(names, parts, strict=True)), codec_config=codec)
    torch.manual_seed(0)
    bark = transformers.BarkModel(config).eval()
    with torch.no_grad():
        bark.semantic.lm_head.weight[SemanticSpec().eos_token] = 0
    return with_generation(bark)


def with_generation(bark: Any) -> Any:
    """The same with the settings of generate(), which a file of weights does not hold; the fine stage is greedy."""
    bark.generation_config = generation.BarkGenerationConfig.from_sub_model_configs(
        generation.BarkSemanticGenerationConfig(),
        generation.BarkCoarseGenerationConfig(),
        generation.BarkFineGenerationConfig(temperature=None),
    )
    for stage in STAGES:  # generate() takes them apart as it finds them in a file
        name = f"{stage}_config"
        setattr(bark.generation_config, name, getattr(bark.generation_config, name).to_dict())
    return bark


def ours(bark: Any, size: str) -> Model:
    """The same weights, in the same memory, on the same device. A request to it must limit its seconds."""
    kinds = (CausalTransformer, CausalTransformer, FineTransformer)
    parts = (bark.semantic, bark.coarse_acoustics, bark.fine_acoustics)
    networks = [
        _filled(kind, part, dimensions(size, *vocabulary, codebooks=8 if kind is FineTransformer else 1))
        for kind, part, vocabulary in zip(kinds, parts, VOCABULARIES, strict=True)
    ]
    specs = Specs(semantic=SemanticSpec(), coarse=CoarseSpec(), fine=FineSpec())
    return Model(
        name=f"random weights of Bark {size}",
        **dict(zip(NETWORKS, networks, strict=True)),
        semantic_spec=specs.semantic,
        coarse_spec=specs.coarse,
        fine_spec=specs.fine,
        codec=Codec(_codec_of(bark)),
        tokenizer=types.SimpleNamespace(encode=lambda text: [ord(letter) for letter in text]),
        voices=Voices(Path(__file__).parent, specs.voice_rules()),
        device=bark.semantic.lm_head.weight.device,
    )


def with_own_networks(model: Model, names: tuple[str, ...] = NETWORKS) -> Model:
    """One whose networks of these names may be changed."""
    return dataclasses.replace(model, **{name: copy.deepcopy(getattr(model, name)) for name in names})


def voice() -> Voice:
    """Random tokens that fill every prompt."""
    random = np.random.default_rng(0)
    fine = random.integers(0, 1024, (8, round(VOICE_SECONDS * 75)))
    semantic = random.integers(0, 10_000, round(VOICE_SECONDS * 49.9))
    return Voice(name="random", semantic_prompt=semantic, coarse_prompt=fine[:2], fine_prompt=fine)


def dimensions(size: str, inputs: int, outputs: int, codebooks: int = 1) -> TransformerConfig:
    """Of one transformer of Bark small or large."""
    return TransformerConfig(**_sizes(size, inputs, outputs), n_codes_total=codebooks)


def save_random_bark(size: str, folder: Path, dtype: torch.dtype = torch.float32) -> None:
    """The same as a folder in the Hugging Face layout, with a tokenizer that knows one word and no voices.

    The fine model's heads are its embeddings, in Bark's own files, too.
    """
    config: dict[str, Any] = {"model_type": "bark"}
    state: dict[str, torch.Tensor] = {}
    bark = theirs(size)
    model = ours(bark, size)
    for part, stage in zip((model.semantic, model.coarse, model.fine), STAGES, strict=True):
        config[f"{stage}_config"] = dataclasses.asdict(part.config)
        tensors = part.state_dict().items()
        state |= {f"{stage}.{name}": value.to(dtype) for name, value in tensors if not name.startswith("lm_heads.")}
    state |= {f"codec_model.{name}": value.detach() for name, value in bark.codec_model.state_dict().items()}
    config["codec_config"] = bark.codec_model.config.to_dict()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(state, folder / "model.safetensors")
    (folder / "vocab.txt").write_text("\n".join(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", ".")))


def _sizes(size: str, inputs: int, outputs: int) -> dict[str, Any]:
    layers, heads, width = SIZES[size]
    shape = {"num_layers": layers, "num_heads": heads, "hidden_size": width, "block_size": 1024, "bias": False}
    return shape | {"input_vocab_size": inputs, "output_vocab_size": outputs}


def _codec_of(bark: Any) -> Any:
    """A codec of its own: a deep copy shares the class of its weight-normed parts, and ours changes that class."""
    codec = transformers.EncodecModel(bark.codec_model.config).eval()
    codec.load_state_dict(bark.codec_model.state_dict())
    return codec.to(bark.codec_model.device)


def _filled(kind: Any, part: Any, config: TransformerConfig) -> Any:
    with torch.device("meta"):
        network = kind(config)
    state = {name: value for name, value in part.state_dict().items() if not name.endswith(".attn.bias")}
    network.load_state_dict(state, strict=True, assign=True)
    return network.eval().requires_grad_(requires_grad=False)
