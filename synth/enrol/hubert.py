"""HuBERT: 16 kHz speech -> features, 50 a second, that Bark's semantic tokens can be read from.

The quantizers were trained on fairseq's `output_layer=9` of hubert_base_ls960, which is what comes out of the ninth block:
transformers' `hidden_states[9]`. So the blocks after it are let go. They got waveforms as they are, not of unit variance as
the model's own preprocessor makes them; neither is done here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import HubertModel

from synth.enrol.level import Waveform
from synth.enrol.networks import load_whole, with_turns
from synth.errors import ModelError

RATE = 16_000  # Hz
HOP, FIELD = 320, 400  # samples from one feature to the next, and seen by each
LAYER = 9
WIDTH = 768
TRAINING_ONLY = ("masked_spec_embed",)  # what no checkpoint needs to have


class Hubert:
    """The first nine blocks."""

    def __init__(self, model: Any, breathe: Callable[[], None]) -> None:
        """Takes the model over. `breathe` is called after each layer."""
        del model.encoder.layers[LAYER:]
        self._model = with_turns(model, [*model.feature_extractor.conv_layers, *model.encoder.layers], breathe)

    @classmethod
    def load(cls, folder: Path, breathe: Callable[[], None]) -> Hubert:
        """From a folder in the Hugging Face layout; safetensors, or a pickled file with weights only. ModelError."""
        model = load_whole(HubertModel, folder, spare=TRAINING_ONLY)
        config = model.config
        if config.num_hidden_layers < LAYER or config.do_stable_layer_norm:
            raise ModelError(
                f"{folder} holds another HuBERT than the base model: its ninth layer is not the one needed."
            )
        return cls(model, breathe)

    @torch.inference_mode()
    def features(self, samples: Waveform) -> Tensor:
        """(n,) at 16 kHz, n >= 400 -> (t, 768), t = (n - 400) // 320 + 1."""
        heard: Tensor = self._model(torch.from_numpy(samples)[None]).last_hidden_state
        return heard[0]


def frames(samples: int) -> int:
    """How many features so many samples have."""
    return (samples - FIELD) // HOP + 1
