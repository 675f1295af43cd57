"""config.json and generation_config.json -> dimensions, special tokens, windows and rates.

A key that is absent has the default of transformers' Bark configuration, which is the reference's value.

Not taken from generation_config.json are its settings for sampling (`temperature`, `do_sample`, `top_k`, `top_p`,
`min_eos_p`, `renormalize_logits`): the published files carry transformers' generic ones (a top-k of 50 that the
reference does not have, and a `min_eos_p` that transformers itself never reads). The reference's defaults hold until
the caller says otherwise. `semantic_pad_token` is the end token whatever the file says, as in transformers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from transformers import BarkConfig, EncodecConfig

from synth.coarse import CoarseSpec
from synth.errors import ModelError
from synth.fine import FineSpec
from synth.model import TransformerConfig
from synth.semantic import SemanticSpec
from synth.voices import VoiceRules

STAGES = ("semantic", "coarse_acoustics", "fine_acoustics")  # also the prefixes of their tensors

MOST = 1 << 22  # of anything that is counted: rows of a table, channels, positions
MOST_PARTS = 512  # of what is built one by one
MOST_CODEC_PARTS = 16
_PARTS = {"num_layers", "n_codes_total", "n_codes_given"}
_CODEC_PARTS = ("num_residual_layers", "num_lstm_layers")
_CODEC_SIZES = (
    "num_filters",
    "hidden_size",
    "kernel_size",
    "last_kernel_size",
    "residual_kernel_size",
    "codebook_size",
)
_RATES = {"semantic_rate_hz", "coarse_rate_hz"}  # all other numbers are whole
_MAY_BE_ZERO = ("_token", "_offset", "_history")

Spec = TypeVar("Spec", SemanticSpec, CoarseSpec, FineSpec)


@dataclass(frozen=True, kw_only=True, slots=True)
class Specs:
    """The special tokens, windows and rates of the three stages."""

    semantic: SemanticSpec
    coarse: CoarseSpec
    fine: FineSpec

    def voice_rules(self) -> VoiceRules:
        """What a history prompt must look like."""
        return VoiceRules(
            semantic_vocab_size=self.semantic.semantic_vocab_size,
            codebook_size=self.fine.codebook_size,
            n_coarse=self.coarse.n_coarse_codebooks,
            n_fine=self.fine.n_fine_codebooks,
            frames_per_semantic=self.coarse.coarse_rate_hz / self.semantic.semantic_rate_hz,
        )


def read_specs(folder: Path) -> Specs:
    """From generation_config.json; the reference's values where there is none. ModelError names a value that is none."""
    path = folder / "generation_config.json"
    content = read_json(path) if path.is_file() else {}
    try:
        return specs_from(content)
    except (TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{path} makes no sense: {error}.") from error


def specs_from(content: Mapping[str, Any]) -> Specs:
    """From the content of a generation_config.json (empty: the reference's values)."""
    semantic, coarse, fine = (dict(content.get(f"{stage}_config") or {}) for stage in STAGES)
    eos = semantic.get("eos_token_id")
    semantic |= {"eos_token": eos, "semantic_pad_token": eos}
    size = {"codebook_size": content.get("codebook_size")}
    shared = {key: semantic.get(key) for key in ("semantic_vocab_size", "semantic_rate_hz")}
    return Specs(
        semantic=_spec(SemanticSpec, semantic),
        coarse=_spec(CoarseSpec, coarse | shared | size),
        fine=_spec(FineSpec, fine | size | {"n_coarse_codebooks": coarse.get("n_coarse_codebooks")}),
    )


def read_dimensions(folder: Path) -> tuple[dict[str, TransformerConfig], EncodecConfig]:
    """The transformers by the names in `STAGES`, and the codec, from config.json."""
    path = folder / "config.json"
    config = _read_config(BarkConfig, path)
    if not isinstance(config.codec_config, EncodecConfig):
        raise ModelError(f"{path} names the codec {config.codec_config.model_type}; Bark's is encodec.")
    codec = _checked_codec(config.codec_config, path)
    try:
        return {stage: _dimensions(getattr(config, f"{stage}_config")) for stage in STAGES}, codec
    except (TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ModelError(f"{path} makes no sense: {error}.") from error


def read_codec(folder: Path) -> EncodecConfig:
    """From the config.json of a folder that holds EnCodec alone."""
    path = folder / "config.json"
    return _checked_codec(_read_config(EncodecConfig, path), path)


def read_json(path: Path) -> dict[str, Any]:
    """A file of settings; ModelError where it is none."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path.parent} holds no model: there is no {path.name} in it.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} holds no settings.")
    return content


def _spec(kind: type[Spec], values: Mapping[str, Any]) -> Spec:
    chosen: dict[str, Any] = {}
    for name in (field.name for field in fields(kind)):
        value = values.get(name)
        if value is None:
            continue
        if isinstance(value, list) and len(value) == 1:  # transformers writes a single end token this way, too
            value = value[0]
        number = not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value < float("inf")
        if not number or (value == 0 and not name.endswith(_MAY_BE_ZERO)) or (name not in _RATES and value % 1):
            raise ValueError(f"{name} is {value!r}")
        chosen[name] = value if name in _RATES else int(value)
    return kind(**chosen)


def _dimensions(config: Any) -> TransformerConfig:
    names = [field.name for field in fields(TransformerConfig) if hasattr(config, field.name)]
    values = {name: getattr(config, name) for name in names}
    if few := [name for name, value in values.items() if not isinstance(value, bool) and value < 1]:
        raise ValueError(f"{', '.join(few)} must be at least 1")
    if many := [name for name, value in values.items() if not isinstance(value, bool) and value > _most(name)]:
        raise ValueError(f"{', '.join(many)}: more than any Bark has")
    return TransformerConfig(**values)


def _most(name: str) -> int:
    """More would only keep the machine busy with building what no file of weights can fill."""
    return MOST_PARTS if name in _PARTS else MOST


def _checked_codec(codec: EncodecConfig, path: Path) -> EncodecConfig:
    """The same, if building it comes to an end. ModelError."""
    try:
        numbers = [getattr(codec, name) for name in (*_CODEC_PARTS, *_CODEC_SIZES)]
        lists: list[list[Any]] = [list(codec.upsampling_ratios), list(codec.target_bandwidths)]
        few = all(0 < getattr(codec, name) <= MOST_CODEC_PARTS for name in _CODEC_PARTS)
        small = all(0 < value <= MOST for each in (numbers, *lists) for value in each)
        good = few and small and all(0 < len(each) <= MOST_CODEC_PARTS for each in lists)
        good = good and 0 < codec.num_quantizers <= MOST_PARTS
    except (TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ModelError(f"{path} makes no sense: {error}.") from error
    if not good:
        raise ModelError(f"{path} makes no sense: its codec has more parts, or larger ones, than any EnCodec.")
    return codec


def _read_config(kind: Any, path: Path) -> Any:
    content = read_json(path)
    try:
        return kind.from_dict(content)
    except Exception as error:
        # The configuration classes raise errors of their own making, of no common kind.
        raise ModelError(f"{path} makes no sense: {(str(error).splitlines() or [''])[0]}") from error
