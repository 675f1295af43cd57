"""HuBERT's features -> Bark's semantic tokens: the network of GitMylo's bark-voice-cloning, in both of its shapes.

v0 (`quantifier_hubert_base_ls960.pth`, `..._14.pth`): an LSTM of two layers (768 -> 1024), then a linear layer onto the
10,000 tokens. v1 (`quantifier_V1_hubert_base_ls960_23.pth`): one more linear layer (1024 -> 4096) between the two. The
shape is told by the tensors, so that a quantizer of another language or size loads as well. A file is a pickled state dict,
and is read with weights only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synth.errors import ModelError
from synth.weights import fill, unpickle

LAYERS = 2
BLOCK = 128  # steps of the LSTM between two turns of others
WRAPPERS = re.compile(r"(_orig_mod\.|module\.)+")  # what training tools put in front of names


class Quantizer(nn.Module):
    """`middle` 0: v0. Names of parts are those of the files."""

    def __init__(self, *, width: int = 768, hidden: int = 1024, middle: int = 0, tokens: int = 10_000) -> None:
        super().__init__()
        self.tokens = tokens
        self.lstm = nn.LSTM(width, hidden, LAYERS, batch_first=True)
        self.intermediate = nn.Linear(hidden, middle) if middle else nn.Identity()
        self.fc = nn.Linear(middle or hidden, tokens)

    @classmethod
    def load(cls, path: Path) -> Quantizer:
        """From one of the published files. ModelError for a file that is none, or asks to run code."""
        content = unpickle(path)
        state = _plain(content) if isinstance(content, Mapping) else {}
        try:
            shape = {
                "width": state["lstm.weight_ih_l0"].shape[1],
                "hidden": state["lstm.weight_hh_l0"].shape[1],
                "middle": state["intermediate.weight"].shape[0] if "intermediate.weight" in state else 0,
                "tokens": state["fc.weight"].shape[0],
            }
            with torch.device("meta"):
                made = cls(**shape)
        except (KeyError, IndexError, RuntimeError, ValueError) as error:
            raise ModelError(f"{path} is no quantizer of HuBERT's features.") from error
        fill(made, state, str(path))
        return made

    def forward(self, features: Tensor, breathe: Callable[[], None] = lambda: None) -> Tensor:
        """(t, width) -> the scores (t, tokens) of each feature's token."""
        scores, memory = [], None
        for block in torch.split(features, BLOCK):
            hidden, memory = self.lstm(block[None], memory)
            scores.append(self.fc(self.intermediate(hidden[0])))
            breathe()
        return torch.cat(scores)

    @torch.inference_mode()
    def read(self, features: Tensor, breathe: Callable[[], None] = lambda: None) -> npt.NDArray[np.int64]:
        """(t, width) -> the likeliest tokens (t,)."""
        return self(features, breathe).argmax(1).numpy().astype(np.int64)  # type: ignore[no-any-return]


def _plain(content: Mapping[object, object]) -> dict[str, Tensor]:
    """Tensors in float32 under their own names."""
    named = {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Tensor)}
    return {WRAPPERS.sub("", name, count=1): value.float() for name, value in named.items()}
