"""Model folders made as an outsider would make them: with transformers' own `save_pretrained`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import transformers
from transformers.models.bark import generation_configuration_bark as generation

from synth.voices import KEYS
from tests.synth import oracle

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "there", "Ein", "##e", "laughs", "[", "]", ",", "."]
TEXT = "hello there, hello."
TEXT_IDS = [5, 6, 12, 5, 13]


def save_model(folder: Path, shape: oracle.Shape, **how: Any) -> Any:
    """A whole folder: weights, configs, tokenizer, one voice "v2/en_speaker_0". Returns the BarkModel."""
    model = oracle.bark(shape)
    model.save_pretrained(folder, **how)
    save_generation_config(folder, shape)
    save_tokenizer(folder, speaker={"v2/en_speaker_0": voice_arrays(shape)})
    return model


def save_generation_config(folder: Path, shape: oracle.Shape) -> None:
    s, c, f = shape.semantic, shape.coarse, shape.fine
    names = ("semantic_vocab_size", "semantic_rate_hz", "max_input_semantic_length", "text_encoding_offset")
    more = ("text_pad_token", "semantic_infer_token", "max_new_tokens")
    semantic = {name: getattr(s, name) for name in (*names, *more)}
    coarse = {
        name: getattr(c, name)
        for name in ("coarse_semantic_pad_token", "coarse_infer_token", "coarse_rate_hz", "n_coarse_codebooks",
                     "max_coarse_history", "max_coarse_input_length", "sliding_window_len")
    }  # fmt: skip
    fine = {name: getattr(f, name) for name in ("max_fine_history_length", "max_fine_input_length", "n_fine_codebooks")}
    config = generation.BarkGenerationConfig.from_sub_model_configs(
        generation.BarkSemanticGenerationConfig(eos_token_id=s.eos_token, **semantic),
        generation.BarkCoarseGenerationConfig(**coarse),
        generation.BarkFineGenerationConfig(**fine),
        codebook_size=f.codebook_size,
    )
    # its own save_pretrained fails in transformers 5.23: it asks for attributes that this class does not set
    (folder / "generation_config.json").write_text(json.dumps(config.to_dict()))


def save_tokenizer(folder: Path, *, speaker: dict[str, dict[str, Any]] | None = None) -> None:
    """A BertTokenizer with its tokenizer.json, and the voices, by BarkProcessor."""
    (folder / "words.txt").write_text("\n".join(WORDS))
    tokenizer = transformers.BertTokenizer(str(folder / "words.txt"), do_lower_case=False)
    (folder / "words.txt").unlink()
    if speaker is None:
        tokenizer.save_pretrained(folder)
        return
    source = folder.with_name(folder.name + "-voices")
    source.mkdir()
    index: dict[str, Any] = {"repo_or_path": str(source)}
    for name, arrays in speaker.items():
        index[name] = {key: f"{name.replace('/', '-')}_{key}.npy" for key in KEYS}
        for key in KEYS:
            np.save(source / index[name][key], arrays[key])
    (folder / "speaker_embeddings" / Path(next(iter(speaker))).parent).mkdir(parents=True, exist_ok=True)
    transformers.BarkProcessor(tokenizer, index).save_pretrained(str(folder))


def voice_arrays(shape: oracle.Shape, tokens: int = 40, seed: int = 0) -> dict[str, Any]:
    """A random history prompt that fits the shape."""
    random = np.random.default_rng(seed)
    frames = int(tokens * shape.coarse.coarse_rate_hz / shape.coarse.semantic_rate_hz)
    fine = random.integers(0, shape.fine.codebook_size, (shape.fine.n_fine_codebooks, frames))
    semantic = random.integers(0, shape.semantic.semantic_vocab_size, tokens)
    return {
        "semantic_prompt": semantic,
        "coarse_prompt": fine[: shape.coarse.n_coarse_codebooks],
        "fine_prompt": fine,
    }


def change(path: Path, **values: Any) -> None:
    """Change top-level keys of a JSON file; None removes one."""
    content = json.loads(path.read_text())
    content |= values
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
