"""Controls that must fail: models of the same shapes, all or one stage of whose weights mean nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from synth.errors import ModelError
from synth.weights import SAFE, Weights, weight_files

_WEIGHTS = (".safetensors", ".bin", ".pt", ".index.json")


def write_control(source: Path, target: Path, seed: int, *, prefix: str = "") -> Path:
    """A copy of a model folder with the numbers of each tensor in random order; `target`, which must not exist.

    Same shapes, same files, the same size of every weight: only what was learnt is gone. With a `prefix` of names, such
    as "semantic.", only there: such a model babbles in the model's own voice. ModelError where `source` holds no weights.
    """
    if not weight_files(source):
        raise ModelError(f"{source} holds no weights: there is no {SAFE} in it.")
    shutil.copytree(source, target, ignore=lambda _, names: [name for name in names if name.endswith(_WEIGHTS)])
    generator = np.random.default_rng(seed)
    mixed = {
        name: _shuffled(tensor, generator) if name.startswith(prefix) else tensor
        for name, tensor in tensors(source).items()
    }
    save_file(mixed, target / SAFE)
    return target


def tensors(folder: Path) -> dict[str, Tensor]:
    """Everything in the weight files of a model folder, in half precision, in the order of its names."""
    found = Weights(weight_files(folder)).take("", device="cpu", dtype=torch.float16)
    return dict(sorted(found.items()))


def _shuffled(tensor: Tensor, generator: np.random.Generator) -> Tensor:
    order = torch.from_numpy(generator.permutation(tensor.numel()))
    return tensor.reshape(-1)[order].reshape(tensor.shape)
