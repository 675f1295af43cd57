"""The trained stages -> a folder in the Hugging Face layout, float16, that the engine and transformers load alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save
from torch import Tensor
from transformers import BarkCoarseConfig, BarkConfig, BarkFineConfig, BarkSemanticConfig

from synth.model import TransformerConfig
from synth.pup.cast import CAST
from synth.pup.files import write_json, write_whole
from synth.pup.recipe import TEXT_TOKENS, Layout
from synth.pup.teacher import SAMPLE_RATE
from synth.pup.train.codec import codec_config
from synth.pup.train.material import Take
from synth.voices import FOLDER, INDEX, KEYS

PREFIXES = {"semantic": "semantic.", "coarse": "coarse_acoustics.", "fine": "fine_acoustics."}
CODEC = {"decoder": "codec_model.decoder.", "encoder": "codec_model.encoder."}
PROMPT_TOKENS = 120  # semantic tokens of a voice: 2.4 s, of which the coarse stage hears the last 1.6 s
LIMIT = 12_000_000  # bytes of the folder


def export(
    folder: Path, layout: Layout, networks: Mapping[str, Mapping[str, Tensor]], codebooks: Tensor, prompts: list[Take]
) -> int:
    """Write the folder; how many bytes it has.

    `networks` holds the weights of semantic, coarse, fine, decoder and encoder; `prompts` one take for each voice.
    """
    tensors = all_tensors(networks, codebooks)
    write_whole(folder / "model.safetensors", lambda file: file.write(save(tensors, {"format": "pt"})))
    write_json(folder / "config.json", config(layout))
    write_json(folder / "generation_config.json", generation_config(layout))
    write_whole(folder / "vocab.txt", lambda file: file.write(("\n".join(TEXT_TOKENS) + "\n").encode()))
    write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PupTokenizer", "pad_token": "[PAD]", "model_max_length": layout.recipe.text_window},
    )
    write_voices(folder, prompts)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def all_tensors(networks: Mapping[str, Mapping[str, Tensor]], codebooks: Tensor) -> dict[str, Tensor]:
    """Every tensor by its name in a BarkModel, in half precision; heads that are an embedding are left out."""
    tensors: dict[str, Tensor] = {}
    for stage, prefix in (PREFIXES | CODEC).items():
        for name, value in networks[stage].items():
            if not (stage == "fine" and name.startswith("lm_heads.")):
                tensors[prefix + name] = value
    for index, centres in enumerate(codebooks):
        tensors[f"codec_model.quantizer.layers.{index}.codebook.embed"] = centres
    return {name: value.detach().cpu().half().contiguous() for name, value in tensors.items()}


def config(layout: Layout) -> dict[str, Any]:
    """config.json: the shapes, nothing that transformers has as its default for everything."""
    whole = BarkConfig(
        semantic_config=_values(BarkSemanticConfig, layout.semantic_size_of()),
        coarse_acoustics_config=_values(BarkCoarseConfig, layout.coarse_size_of()),
        fine_acoustics_config=_values(BarkFineConfig, layout.fine_size_of(), codebooks=True),
        codec_config=codec_config(layout.recipe).to_dict(),
    )
    content: dict[str, Any] = json.loads(whole.to_json_string(use_diff=True))
    return content | {"architectures": ["BarkModel"], "dtype": "float16"}


def generation_config(layout: Layout) -> dict[str, Any]:
    """generation_config.json: special tokens, windows and rates."""
    semantic, coarse, fine = layout.semantic, layout.coarse, layout.fine
    same = ("semantic_pad_token", "semantic_infer_token", "semantic_vocab_size", "text_encoding_offset",
            "text_pad_token", "max_input_semantic_length", "max_new_tokens", "semantic_rate_hz")  # fmt: skip
    windows = ("coarse_semantic_pad_token", "coarse_infer_token", "coarse_rate_hz", "n_coarse_codebooks",
               "max_coarse_history", "max_coarse_input_length", "sliding_window_len")  # fmt: skip
    fine_names = ("max_fine_history_length", "max_fine_input_length", "n_fine_codebooks")
    return {
        "model_type": "bark",
        "semantic_config": {"eos_token_id": semantic.eos_token} | {name: getattr(semantic, name) for name in same},
        "coarse_acoustics_config": {name: getattr(coarse, name) for name in windows},
        "fine_acoustics_config": {name: getattr(fine, name) for name in fine_names},
        "codebook_size": fine.codebook_size,
        "sample_rate": SAMPLE_RATE,
    }


def write_voices(folder: Path, prompts: list[Take]) -> None:
    """Three arrays for each voice, and the index."""
    index: dict[str, Any] = {"repo_or_path": "."}
    for take in prompts:
        name = CAST[take.voice].name
        index[name] = {}
        for key, array in prompt_arrays(take).items():
            index[name][key] = f"{FOLDER}/{name}_{key}.npy"
            path = folder / index[name][key]
            # an array of its own for each file that is written
            write_whole(path, lambda file, array=array: np.save(file, array))  # type: ignore[misc] # mypy cannot infer this lambda
    write_json(folder / INDEX, index)


def prompt_arrays(take: Take) -> dict[str, np.ndarray]:
    """The last 2.4 s of a take as a history prompt."""
    count = min(PROMPT_TOKENS, len(take.semantic))
    semantic, codes = take.semantic[-count:], take.codes[:, -count * 3 // 2 :]
    arrays = (semantic.astype(np.int16), codes[:2].astype(np.int16), codes.astype(np.int16))  # a fourth of the size
    return dict(zip(KEYS, (np.ascontiguousarray(array) for array in arrays), strict=True))


def _values(kind: Any, size: TransformerConfig, *, codebooks: bool = False) -> dict[str, Any]:
    """A stage's configuration as transformers writes it."""
    names = ["num_layers", "num_heads", "hidden_size", "block_size", "input_vocab_size", "output_vocab_size", "bias"]
    names += ["n_codes_total", "n_codes_given"] if codebooks else []
    values: dict[str, Any] = kind(**{name: getattr(size, name) for name in names}, dropout=0.0).to_diff_dict()
    return values
