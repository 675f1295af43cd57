"""A model's name -> a `Model` ready to speak.

A model is a folder in the Hugging Face layout (config.py, weights.py), or one with Suno's own .pt files (suno.py): the
shipped one, one on this machine, or one from the hub (download.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import platformdirs
import torch
from torch import Tensor, nn
from transformers import EncodecConfig, EncodecModel

from synth import config, suno
from synth.codec import Codec
from synth.device import memory_told
from synth.download import BARK, CODEC, HUB_NAME, TOKENIZER_FILES, Hub
from synth.errors import ModelError, OutOfMemory
from synth.meter import Progress
from synth.model import CausalTransformer, FineTransformer, TransformerConfig
from synth.pipeline import Model
from synth.places import PromptTable, Turns
from synth.room import SHIPPED
from synth.tokenizer import FILES, load_tokenizer
from synth.voices import Voices
from synth.weights import Weights, fill, new_weight_norm_names, weight_files

TOKENIZER_OF_SUNO = "suno/bark-small"  # Suno's .pt files come without one
CODEC_OF_SUNO = "facebook/encodec_24khz"
TABLE = "input_embeds_layer."  # of the causal ones

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """Where a model is: a folder, and the hub it came from, if it did."""

    name: str
    folder: Path
    hub: Hub | None = None

    def voices(self) -> Voices:
        """Its voices, without loading anything else."""
        fetch = None if self.hub is None else self._fetch
        return Voices(self.folder, config.read_specs(self.folder).voice_rules(), fetch)

    def _fetch(self, path: str) -> Path:
        return self.hub.file(self.name, path) if self.hub else self.folder / path


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where the weights go, in which precision and profile (`synth.room`), and who hears about it."""

    device: torch.device
    dtype: torch.dtype
    memory: str
    progress: Progress

    @property
    def home(self) -> torch.device:
        """Where a transformer is between two pieces."""
        return torch.device("cpu") if self.memory == "stages" else self.device


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The tensors of one network: its dimensions, the files, and what its names begin with."""

    dimensions: TransformerConfig
    weights: Weights
    prefix: str = ""


def default_cache() -> Path:
    """Where fetched models and converted copies are kept."""
    return platformdirs.user_cache_path("barkbot") / "models"


def find(
    name: str,
    *,
    cache: Path | None = None,
    endpoint: str | None = None,
    progress: Progress | None = None,
    weights: bool = True,
) -> Location:
    """The shipped `pup`, a local folder, or a model of the hub, which is fetched if it is not there.

    Without `weights` it is good for its `voices()` only. ModelError says what to do where there is no such model.
    """
    if name == SHIPPED:
        return Location(name=name, folder=Path(__file__).parent / "pup" / "model")
    folder = Path(name).expanduser()
    if folder.is_dir():
        return Location(name=folder.resolve().name, folder=folder)
    if not HUB_NAME.fullmatch(name):
        raise ModelError(
            f"There is no model folder {name}. Give a folder, {SHIPPED}, suno/bark-small, suno/bark, "
            "or another owner/name of the hub."
        )
    hub = Hub(cache or default_cache(), endpoint=endpoint, progress=progress)
    return Location(name=name, folder=hub.folder(name, BARK, weights=weights), hub=hub)


def load(
    name: str,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    memory: str = "resident",
    cache: Path | None = None,
    endpoint: str | None = None,
    progress: Progress | None = None,
) -> Model:
    """The model of that name on `device`, its transformers in `dtype`, its codec in float32. `memory`: see `synth.room`.

    `cache` None: `default_cache()`. `endpoint` None: HF_ENDPOINT, else the public hub. `progress` hears what is being
    fetched or loaded, and how far (0..1). ModelError says why a model cannot be used.
    """
    tell = progress or (lambda _what, _fraction: None)
    location = find(name, cache=cache, endpoint=endpoint, progress=progress)
    target = Target(device=torch.device(device), dtype=dtype, memory=memory, progress=tell)
    try:
        with memory_told():
            if _is_suno(location.folder):
                return _load_suno(location, target, cache or default_cache(), endpoint)
            return _load_folder(location, target)
    except OutOfMemory as error:
        raise ModelError(f"The model {name} does not fit into the memory of {device}: try a smaller one.") from error


def load_encodec(name: str, *, cache: Path | None = None, endpoint: str | None = None) -> EncodecModel:
    """The model's EnCodec with the half that encodes, on the CPU, without its decoder. ModelError where it has none."""
    location = find(name, cache=cache, endpoint=endpoint)
    if _is_suno(location.folder):
        hub = Hub(cache or default_cache(), endpoint=endpoint)
        own = location.folder / "codec"
        home = own if own.is_dir() else hub.folder(CODEC_OF_SUNO, CODEC)
        settings, weights, prefix = config.read_codec(home), _weights(home), ""
    else:
        _, settings = config.read_dimensions(location.folder)
        weights, prefix = _weights(location.folder), "codec_model."
    encodec = _encodec(settings, weights)
    del encodec.decoder
    _fill_codec(encodec, weights, prefix, skip="decoder.")
    return encodec


def _is_suno(folder: Path) -> bool:
    """Whether it holds Suno's files, and not the Hugging Face layout as well."""
    return suno.is_suno_folder(folder) and not ((folder / "config.json").is_file() and weight_files(folder))


def _load_folder(location: Location, target: Target) -> Model:
    folder = location.folder
    dimensions, codec_config = config.read_dimensions(folder)
    weights = _weights(folder)
    known = (*(f"{stage}." for stage in config.STAGES), "codec_model.")
    strangers = [name for name in weights.names() if not name.startswith(known)]
    if strangers:
        raise ModelError(f"{weights.where} is not Bark's: it holds {', '.join(strangers[:4])}.")
    sources = {
        stage: Source(dimensions=dimensions[stage], weights=weights, prefix=f"{stage}.") for stage in config.STAGES
    }
    codec = _codec(codec_config, weights, "codec_model.", target)
    return _assemble(location, target, sources, codec, folder)


def _load_suno(location: Location, target: Target, cache: Path, endpoint: str | None) -> Model:
    """With the tokenizer and the codec of the same folder, or of the hub."""
    folder, hub = location.folder, Hub(cache, endpoint=endpoint, progress=target.progress)
    sources: dict[str, Source] = {}
    for stage, name in suno.STAGES.items():
        path = suno.find_stage(folder, name)
        if path is None:
            raise ModelError(f"{folder} has no {name}.pt.")
        target.progress(f"reading {path.name}", len(sources) / len(suno.STAGES))
        copy = suno.converted(path, cache)
        sources[stage] = Source(dimensions=suno.dimensions_of(copy), weights=Weights([copy]))
    home = folder / "codec" if (folder / "codec").is_dir() else hub.folder(CODEC_OF_SUNO, CODEC)
    codec = _codec(config.read_codec(home), _weights(home), "", target)
    has_tokenizer = any((folder / name).is_file() for name in FILES)
    words = folder if has_tokenizer else hub.folder(TOKENIZER_OF_SUNO, TOKENIZER_FILES, weights=False)
    return _assemble(location, target, sources, codec, words)


def _assemble(
    location: Location, target: Target, sources: Mapping[str, Source], codec: Codec, tokenizer_folder: Path
) -> Model:
    specs = config.read_specs(location.folder)
    semantic, coarse, fine = (sources[stage] for stage in config.STAGES)
    room = semantic.dimensions.input_vocab_size - specs.semantic.text_encoding_offset
    model = Model(
        name=location.name,
        semantic=_network(CausalTransformer, semantic, target, 0.1),
        semantic_spec=specs.semantic,
        coarse=_network(CausalTransformer, coarse, target, 0.4),
        coarse_spec=specs.coarse,
        fine=_network(FineTransformer, fine, target, 0.7),
        fine_spec=specs.fine,
        codec=codec,
        tokenizer=load_tokenizer(tokenizer_folder, room),
        voices=location.voices(),
        device=target.device,
        turns=Turns(target.device) if target.memory == "stages" else None,
    )
    target.progress("loaded", 1.0)
    return model


def _network(kind: Callable[[TransformerConfig], Network], source: Source, target: Target, done: float) -> Network:
    """One transformer, built without memory of its own and filled with the file's tensors."""
    target.progress(f"loading {source.weights.where}", done)
    try:
        with torch.device("meta"):
            network = kind(source.dimensions)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ModelError(f"The dimensions of {source.weights.where} make no sense: {error}.") from error
    state = source.weights.take(source.prefix, device=target.home, dtype=target.dtype, skip=TABLE)
    fill(network, state | _table(source, target), source.weights.where)
    if isinstance(network, CausalTransformer) and _apart(source.dimensions, target):
        drawn = 0 if target.device.type == "cpu" else source.dimensions.output_vocab_size
        table = network.input_embeds_layer.weight
        network.input_embeds_layer = PromptTable(table, drawn, like=network.lm_head.weight)
    return network


def _table(source: Source, target: Target) -> dict[str, Tensor]:
    """The input table of a causal transformer: in the file's mapping as it is, or on the device, or in main memory."""
    apart = _apart(source.dimensions, target)
    device, dtype = (torch.device("cpu"), None) if apart else (target.home, target.dtype)
    state = source.weights.take(source.prefix + TABLE, device=device, dtype=dtype)
    mapped = device.type == "cpu" and target.memory == "resident"
    return {TABLE + name: value.clone() if mapped else value for name, value in state.items()}


def _apart(dimensions: TransformerConfig, target: Target) -> bool:
    """Whether most of the table stays out of the device: it has rows that are never drawn, of text."""
    return target.memory != "resident" and dimensions.input_vocab_size > dimensions.output_vocab_size


def _codec(settings: EncodecConfig, weights: Weights, prefix: str, target: Target) -> Codec:
    """The decoding half of EnCodec, in float32: its encoder is not needed to speak, and may be absent from the file."""
    target.progress("loading codec", 0.0)
    encodec = _encodec(settings, weights)
    del encodec.encoder
    _fill_codec(encodec, weights, prefix, skip="encoder.")
    return Codec(encodec).to(target.device)


def _encodec(settings: EncodecConfig, weights: Weights) -> EncodecModel:
    try:
        with torch.device("meta"):
            sizes = EncodecModel(settings)
        _check_size(sizes, weights)
        return EncodecModel(settings)
    except (RuntimeError, ValueError, TypeError, ArithmeticError) as error:
        raise ModelError(f"The codec's config makes no sense: {error}.") from error


def _fill_codec(encodec: EncodecModel, weights: Weights, prefix: str, skip: str) -> None:
    state = weights.take(prefix, device="cpu", dtype=torch.float32, skip=skip)
    fill(encodec, new_weight_norm_names(state), weights.where)


def _check_size(codec: EncodecModel, weights: Weights) -> None:
    """Its config may ask for more memory than there is: what is made for its files is not larger than they are. ModelError."""
    halves = (codec.decoder, codec.quantizer)
    tensors = (tensor for half in halves for kind in (half.parameters(), half.buffers()) for tensor in kind)
    if sum(tensor.numel() for tensor in tensors) > sum(file.stat().st_size for file in weights.files):
        raise ModelError(f"{weights.where} does not fit its config.json: the codec would be larger than the files.")


def _weights(folder: Path) -> Weights:
    files = weight_files(folder)
    if not files:
        raise ModelError(f"{folder} holds no weights: there is no model.safetensors and no pytorch_model.bin in it.")
    return Weights(files)
