"""What stands for recordings of people in these tests: syllables of buzzing with pauses between them, in a quiet room."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import soundfile

RATE = 24_000
ROOM = 0.001  # of full scale: -60 dBFS of noise


def recording(
    parts: Sequence[tuple[float, float]], *, rate: int = RATE, room: float = ROOM, seed: int = 0
) -> npt.NDArray[np.float32]:
    """Stretches of (seconds, loudness); the loudness 0 is a pause."""
    random = np.random.default_rng(seed)
    made = []
    for seconds, loudness in parts:
        time = np.arange(round(seconds * rate)) / rate
        buzz = sum(np.sin(2 * np.pi * 120 * multiple * time) / multiple for multiple in range(1, 12))
        syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)  # four a second
        made.append(loudness * buzz * syllables / 2)
    whole = np.concatenate(made)
    return (whole + room * random.standard_normal(len(whole))).astype(np.float32)


def ogg(samples: npt.NDArray[np.float32], rate: int = RATE) -> bytes:
    """As Discord's voice messages are."""
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format="OGG", subtype="OPUS")
    return out.getvalue()
