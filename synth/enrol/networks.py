"""What the networks that listen have in common: how they are loaded, and that others have a turn while they work."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.utils import logging

from synth.errors import ModelError


def load_whole(kind: Any, folder: Path, *, spare: tuple[str, ...] = ()) -> Any:
    """A network of transformers' class `kind` from a folder in its layout, in float32; safetensors, or weights-only pickles.

    Never asks the hub. ModelError where the folder holds none, or where tensors are missing that do not end in `spare`.
    """
    logging.disable_progress_bar()  # type: ignore[no-untyped-call] # nobody looks
    try:
        network, told = kind.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32, output_loading_info=True
        )
    except Exception as error:
        # transformers raises errors of many kinds for files that are not what they should be.
        raise ModelError(f"{folder} holds no {kind.__name__}: {(str(error).splitlines() or [''])[0]}") from error
    missing = [name for name in told["missing_keys"] if not name.endswith(spare)]
    wrong = sorted([*missing, *(str(key) for key in told["mismatched_keys"])])
    if wrong:
        raise ModelError(
            f"{folder} holds no whole {kind.__name__}: {', '.join(wrong[:4])} missing, or of another shape."
        )
    return network.eval()


def with_turns(network: Any, layers: Iterable[nn.Module], breathe: Callable[[], None]) -> Any:
    """The network, which calls `breathe` after each of these parts of it; what that raises ends the work."""

    def after(_layer: nn.Module, _inputs: Any, _output: Any) -> None:
        breathe()

    for layer in layers:
        layer.register_forward_hook(after)
    return network
