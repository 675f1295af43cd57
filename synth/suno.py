"""Suno's own checkpoints (text_2.pt, coarse_2.pt, fine_2.pt, or the small text.pt, coarse.pt, fine.pt).

Such a file is a pickle of {"model_args", "model", "best_val_loss", ...} whose weights carry two Adam moments: three
times what is needed. The first load writes a safetensors copy with the weights alone, under the names of the Hugging
Face layout; later loads read the copy, as long as it was made from the same file.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from synth.errors import ModelError
from synth.model import TransformerConfig
from synth.weights import unpickle

log = logging.getLogger(__name__)

STAGES = {"semantic": "text", "coarse_acoustics": "coarse", "fine_acoustics": "fine"}  # stage -> name of its file

_NAMES = {  # suno-ai/bark's names of modules -> those of the Hugging Face layout
    "transformer": "",
    "h": "layers",
    "wte": "input_embeds_layer",
    "wtes": "input_embeds_layers",
    "wpe": "position_embeds_layer",
    "ln_1": "layernorm_1",
    "ln_2": "layernorm_2",
    "ln_f": "layernorm_final",
    "c_attn": "att_proj",
    "c_fc": "in_proj",
    "c_proj": "out_proj",
}


def find_stage(folder: Path, stage: str) -> Path | None:
    """The file of "text", "coarse" or "fine" in a folder: the large one where both are there, or a copy of it."""
    for name in (f"{stage}_2", stage):
        for path in (folder / f"{name}.pt", folder / f"{name}.safetensors"):
            if path.is_file():
                return path
    return None


def is_suno_folder(folder: Path) -> bool:
    """Whether all three stages are there."""
    return all(find_stage(folder, stage) for stage in STAGES.values())


def converted(path: Path, cache: Path) -> Path:
    """The safetensors copy of a .pt file, made now unless there is one of this very file.

    Beside the file, or in `cache` where its folder cannot be written to. ModelError for a file that is none of Suno's.
    """
    if path.suffix == ".safetensors":
        return path
    identity = f"{path.stat().st_size}-{path.stat().st_mtime_ns}"
    key = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    places = [path.with_suffix(".safetensors"), cache / "converted" / key / f"{path.stem}.safetensors"]
    for place in places:
        if place.is_file() and _metadata(place).get("source") == identity:
            return place
    state, arguments = _read(path)
    metadata = {"format": "pt", "source": identity, "model_args": json.dumps(arguments)}
    for place in places:
        try:
            _save(state, place, metadata)
        except OSError as error:
            log.info("no converted copy at %s: %s", place, error)
        else:
            log.info("converted %s to %s", path, place)
            return place
    raise ModelError(f"{path} needs a converted copy, and neither {places[0].parent} nor {cache} can be written to.")


def dimensions_of(path: Path) -> TransformerConfig:
    """The dimensions of a converted copy."""
    try:
        return dimensions_from(json.loads(_metadata(path)["model_args"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} is not a converted Bark checkpoint; delete it to convert again.") from error


def dimensions_from(arguments: Mapping[str, Any]) -> TransformerConfig:
    """Dimensions from `model_args`; the oldest files have one `vocab_size` for both sides. Defaults are the reference's."""
    return TransformerConfig(
        num_layers=arguments.get("n_layer", 12),
        num_heads=arguments.get("n_head", 12),
        hidden_size=arguments.get("n_embd", 768),
        block_size=arguments.get("block_size", 1024),
        input_vocab_size=arguments.get("input_vocab_size", arguments.get("vocab_size", 10_048)),
        output_vocab_size=arguments.get("output_vocab_size", arguments.get("vocab_size", 10_048)),
        bias=arguments.get("bias", True),
        n_codes_total=arguments.get("n_codes_total", 1),
        n_codes_given=arguments.get("n_codes_given", 1),
    )


def translated(name: str) -> str:
    """A tensor's name in the Hugging Face layout: transformer.h.0.attn.c_attn.weight -> layers.0.attn.att_proj.weight."""
    parts = re.sub(r"_orig_mod\.", "", name).split(".")
    return ".".join(filter(None, (_NAMES.get(part, part) for part in parts)))


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    with torch.serialization.safe_globals(_safe_globals()):
        content = unpickle(path)
    try:
        arguments = {key: _plain(value) for key, value in content["model_args"].items()}
        state = {translated(key): value for key, value in content["model"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is not one of Suno's checkpoints: it has no model_args and model.") from error
    return _apart({key: value for key, value in state.items() if not key.endswith(".attn.bias")}), arguments


def _apart(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each tensor with a memory of its own, as safetensors has it: copied only where two are tied, or one is a view.

    The others stay in the file's mapping: 5 GB are read without being held.
    """
    apart, seen = {}, set()
    for name, value in state.items():
        storage = value.untyped_storage().data_ptr()
        apart[name] = value.clone(memory_format=torch.contiguous_format) if storage in seen else value.contiguous()
        seen.add(storage)
    return apart


def _safe_globals() -> list[Any]:
    """What the files need beyond tensors: `best_val_loss` is a numpy float64 scalar, pickled under numpy 1's names."""
    scalar = np._core.multiarray.scalar  # type: ignore[attr-defined]  # noqa: SLF001 - the only way to name it
    return [(scalar, "numpy.core.multiarray.scalar"), scalar, np.dtype, np.dtypes.Float64DType, codecs.encode]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _metadata(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, framework="pt") as opened:
            return dict(opened.metadata() or {})
    except (SafetensorError, OSError):
        return {}


def _save(state: dict[str, Tensor], place: Path, metadata: dict[str, str]) -> None:
    """Written aside, synced, renamed: a copy is whole or not there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = place.with_name(f"{place.name}.{os.getpid()}.new")
    try:
        save_file(state, aside, metadata)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(place)
    finally:
        aside.unlink(missing_ok=True)
