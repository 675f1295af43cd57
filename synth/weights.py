"""Tensors of a checkpoint in the Hugging Face layout, one network at a time, straight to the device.

safetensors are preferred: memory-mapped, and nothing but numbers. Pickled files are read with `weights_only=True`.
Where they stay on the CPU in the file's precision they are the file's mapping: memory is taken for what is used, as it
is used, and can be taken back by the system. That is so for pickled files, too, and they need no converted copy.
A file in another precision, with `_orig_mod.` in its names (torch.compile), with the causal masks that older versions
stored (`attn.bias`), or with weight norms named the old way loads the same.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from synth.errors import ModelError

SAFE = "model.safetensors"
PICKLED = "pytorch_model.bin"
SHOWN = 4  # names of tensors in an error
NOT_NEEDED = (
    ".codebook.inited",
    ".codebook.cluster_size",
    ".codebook.embed_avg",
)  # EnCodec's training left them behind

_WEIGHT_NORM = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights of a folder, safetensors if it has any; none if it has none."""
    for name in (SAFE, PICKLED):
        if (folder / name).is_file():
            return [folder / name]
        index = folder / f"{name}.index.json"
        if index.is_file():
            return _shards(index)
    return []


def _shards(index: Path) -> list[Path]:
    try:
        names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        files = [index.parent / Path(name).name for name in names]  # shards lie beside their index
        absent = [file.name for file in files if not file.is_file()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{index} is no list of weight files.") from error
    if absent or not files:
        raise ModelError(f"{index.parent} lacks {_some(absent)}: fetch the model again.")
    return files


class Weights:
    """The tensors in some files by their plain names. Nothing is read before `take`."""

    def __init__(self, files: Iterable[Path]) -> None:
        """ModelError for a file that cannot be read as what its name says."""
        self.files = list(files)
        self._open: dict[str, tuple[Path, str]] = {}  # plain name -> file, name in the file
        self._pickled: dict[Path, Mapping[str, Any]] = {}  # those that cannot be mapped
        for file in self.files:
            for name in self._names(file):
                plain = name.replace("_orig_mod.", "")
                if not plain.endswith(".attn.bias"):
                    self._open[plain] = (file, name)

    @property
    def where(self) -> str:
        """What to call these files in an error."""
        return str(self.files[0] if len(self.files) == 1 else self.files[0].parent)

    def names(self) -> list[str]:
        """All plain names."""
        return list(self._open)

    def take(
        self, prefix: str, *, device: torch.device | str, dtype: torch.dtype | None, skip: str | None = None
    ) -> dict[str, Tensor]:
        """The tensors under `prefix`, which is cut off, on `device`; floating ones as `dtype`, None: as they are.

        What lies under `prefix` + `skip` is not read. Each call maps the files anew.
        """
        found: dict[str, Tensor] = {}
        by_file: dict[Path, list[tuple[str, str]]] = {}
        for plain, (file, name) in self._open.items():
            short = plain.removeprefix(prefix)
            if plain.startswith(prefix) and not (skip and short.startswith(skip)):
                by_file.setdefault(file, []).append((short, name))
        for file, names in by_file.items():
            for short, tensor in self._read(file, names, device):
                found[short] = tensor.to(dtype) if tensor.is_floating_point() and dtype else tensor
        return found

    def _names(self, file: Path) -> list[str]:
        if file.suffix != ".safetensors":
            content = _unpickled(file)
            if not _is_zip(file):
                self._pickled[file] = content
            return [name for name, value in content.items() if isinstance(value, Tensor)]
        try:
            with safe_open(file, framework="pt") as opened:
                return list(opened.keys())
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{file} is no safetensors file, or an incomplete one: {error}") from error

    def _read(
        self, file: Path, names: list[tuple[str, str]], device: torch.device | str
    ) -> Iterable[tuple[str, Tensor]]:
        if file.suffix != ".safetensors":
            content = self._pickled.get(file) or _unpickled(file)
            for short, name in names:
                yield short, content[name].to(device)
            return
        with safe_open(file, framework="pt", device=str(device)) as opened:
            for short, name in names:
                yield short, opened.get_tensor(name)


def fill(module: nn.Module, state: dict[str, Tensor], where: str) -> None:
    """Put these tensors into `module` (built on the meta device, or not) as they are.

    One ModelError names the file and the first keys that are missing, unexpected or of the wrong shape.
    """
    shapes = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    wrong = [
        f"{name} {tuple(value.shape)} instead of {shapes[name]}"
        for name, value in state.items()
        if name in shapes and tuple(value.shape) != shapes[name]
    ]
    troubles = [("of the wrong shape", wrong)]
    if not wrong:
        result = module.load_state_dict(state, strict=False, assign=True)
        missing = [name for name in result.missing_keys if not name.endswith(NOT_NEEDED)]
        troubles = [("missing", missing), ("unexpected", result.unexpected_keys)]
    said = [f"{len(names)} {trouble} ({_some(names)})" for trouble, names in troubles if names]
    if said:
        raise ModelError(f"{where} does not fit its config.json. Tensors: {'; '.join(said)}.")
    module.eval().requires_grad_(requires_grad=False)


def new_weight_norm_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`weight_g` and `weight_v`, as torch named the halves of a weight norm before 2.1, by their present names."""
    renamed = {}
    for name, value in state.items():
        head, _, last = name.rpartition(".")
        renamed[f"{head}.{_WEIGHT_NORM[last]}" if last in _WEIGHT_NORM else name] = value
    return renamed


def _unpickled(file: Path) -> Mapping[str, Any]:
    """A pickled state dict, memory-mapped where the file allows it."""
    content = unpickle(file)
    if not isinstance(content, Mapping):
        raise ModelError(f"{file} holds no tensors by name.")
    return content


def unpickle(file: Path) -> Any:
    """What `torch.load` reads of a file when it may build nothing but tensors, numbers and containers.

    ModelError for a file that asks for more: such a file can run any code.
    """
    try:
        try:
            return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError:  # not a zip archive: torch wrote those before 1.6, and they cannot be mapped
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{file} asks to run code while it is read, or is no checkpoint. It was not run; do not trust it."
        ) from error
    except MemoryError:
        raise
    except Exception as error:
        # The reader of pickles trips over damaged ones in many ways, with errors of no common kind.
        raise ModelError(f"{file} cannot be read as a checkpoint: {_first_line(error)}") from error


def _is_zip(file: Path) -> bool:
    """Whether it is read by mapping it. Python raises for some damaged archives instead of saying no."""
    try:
        return zipfile.is_zipfile(file)
    except zipfile.BadZipFile:
        return False


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
