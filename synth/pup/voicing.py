"""A recording -> the miniature's codes, by the analysis that its training made codes with.

The encoder that ships was trained on one teacher, and gives speech at 150 or 225 Hz back at 75. A miniature's voice is little
but its pitch: so the pitch is measured, one for the whole recording.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from synth.enrol.level import Waveform
from synth.pup import quantiser
from synth.pup.analysis import HIGHEST, HOP, LOWEST, analyse, features
from synth.pup.measures import pitch
from synth.pup.teacher import SAMPLE_RATE
from synth.voices import Codes

USUAL = 2.0  # of a recording in which nothing is voiced, in multiples of 75 Hz


class Analyser:
    """In the place of an encoder: see `synth.enrol.encode`."""

    rate = SAMPLE_RATE

    def __init__(self, codec: Any) -> None:
        """`codec`: transformers' EncodecModel, of whose codebooks the codes are."""
        self._codebooks = torch.stack([layer.codebook.embed for layer in codec.quantizer.layers])

    @torch.inference_mode()
    def encode(self, samples: Waveform) -> Codes:
        """(n,) at 24 kHz -> (codebooks, n // 320)."""
        envelope, voicing = analyse(samples)
        hertz = pitch(samples, self.rate)
        multiple = np.clip(hertz * HOP / self.rate, LOWEST, HIGHEST) if hertz else USUAL
        latents = features(envelope, voicing, np.full(len(voicing), multiple, np.float32))
        codes: Codes = quantiser.encode(torch.from_numpy(latents), self._codebooks).numpy().astype(np.int64)
        return codes
