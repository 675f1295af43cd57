"""EnCodec's encoder: waveform -> codes, of as many codebooks as a Bark has (8 at 6 kbit/s)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from synth.enrol.level import Waveform
from synth.enrol.networks import with_turns
from synth.errors import ModelError
from synth.voices import Codes


class Encoder:
    """The encoding half of a codec."""

    def __init__(self, model: Any, codebooks: int, breathe: Callable[[], None] = lambda: None) -> None:
        """Takes transformers' EncodecModel over; it needs no decoder. ModelError where it has no bandwidth of so many codebooks."""
        self.rate: int = model.config.sampling_rate
        self._model = with_turns(model.eval(), model.encoder.layers, breathe)
        self._codebooks = codebooks
        counts = {
            bandwidth: model.quantizer.get_num_quantizers_for_bandwidth(bandwidth)
            for bandwidth in model.config.target_bandwidths
        }
        chosen = [bandwidth for bandwidth, count in counts.items() if count == codebooks]
        if not chosen:
            raise ModelError(f"The codec has no bandwidth with {codebooks} codebooks.")
        self._bandwidth = chosen[0]

    @torch.inference_mode()
    def encode(self, samples: Waveform) -> Codes:
        """(n,) at `rate` -> (codebooks, t), 75 frames a second in Bark."""
        heard = torch.from_numpy(np.ascontiguousarray(samples))[None, None]
        codes = self._model.encode(heard, bandwidth=self._bandwidth).audio_codes  # (chunks, 1, codebooks, t)
        whole = torch.cat(list(codes[:, 0]), dim=-1)
        return whole.numpy().astype(np.int64)
