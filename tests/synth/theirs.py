"""What transformers' own BarkModel says: a whole folder loaded by it, and its greedy tokens of all three stages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers.models.bark import generation_configuration_bark as generation

from synth.pipeline import Model

LEFTOVERS = ("attn.bias", "inited", "cluster_size", "embed_avg")  # masks and what only training an EnCodec needs


@contextmanager
def quiet() -> Iterator[None]:
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    yield
    transformers.logging.set_verbosity(before)


def whole(folder: Path) -> transformers.BarkModel:
    """AssertionError where a weight is missing in the file or not known."""
    with quiet():
        bark, told = transformers.BarkModel.from_pretrained(str(folder), dtype=torch.float32, output_loading_info=True)
    assert [name for name in told["missing_keys"] if not name.endswith(LEFTOVERS)] == []
    assert not told["unexpected_keys"]
    assert not told["mismatched_keys"]
    return bark.eval()


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """(n,), (2, t), (codebooks, t)."""

    semantic: np.ndarray
    coarse: np.ndarray
    fine: np.ndarray


def say(bark: transformers.BarkModel, folder: Path, model: Model, *, text: str, voice: str, most: int) -> Tokens:
    """At most `most` semantic tokens of `text`, and the codes of those; `model` lends its tokenizer and its voice."""
    content = json.loads((folder / "generation_config.json").read_text())
    semantic = generation.BarkSemanticGenerationConfig(**content["semantic_config"])
    semantic.pad_token_id, semantic.max_new_tokens = semantic.eos_token_id, most
    coarse = generation.BarkCoarseGenerationConfig(**content["coarse_acoustics_config"], do_sample=False)
    fine = generation.BarkFineGenerationConfig(**content["fine_acoustics_config"], temperature=1.0)
    prompt = model.voices.get(voice)
    history = {key: torch.tensor(getattr(prompt, key)) for key in ("semantic_prompt", "coarse_prompt", "fine_prompt")}
    shared = {"semantic_generation_config": semantic, "history_prompt": history}
    ids, mask = _padded(model.tokenizer.encode(text), model.semantic_spec.max_input_semantic_length)
    size = content["codebook_size"]
    tokens = bark.semantic.generate(ids, attention_mask=mask, **shared)
    said = tokens[0].numpy().copy()  # the coarse stage writes its pads over the end tokens
    rough = bark.coarse_acoustics.generate(tokens, coarse_generation_config=coarse, codebook_size=size, **shared)
    codes = bark.fine_acoustics.generate(
        rough, coarse_generation_config=coarse, fine_generation_config=fine, codebook_size=size, **shared
    )
    offsets = np.array([[model.coarse_spec.first_token(0)], [model.coarse_spec.first_token(1)]])
    return Tokens(
        semantic=said[said != semantic.eos_token_id],
        coarse=rough.view(-1, 2).T.numpy() - offsets,
        fine=codes[0].numpy(),
    )


def _padded(ids: list[int], length: int) -> tuple[torch.Tensor, torch.Tensor]:
    row = torch.zeros(1, length, dtype=torch.long)
    row[0, : len(ids)] = torch.tensor(ids)
    return row, (torch.arange(length) < len(ids)).long()[None]
