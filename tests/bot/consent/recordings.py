"""Recordings for the scripted synth child: they say what their comment says."""

from __future__ import annotations

import io

import numpy as np
import soundfile

RATE = 24_000  # Hz


def recording(text: str, seconds: float = 9.0) -> bytes:
    """An Ogg Opus file with a quiet tone and this comment."""
    made = io.BytesIO()
    with soundfile.SoundFile(made, "w", RATE, 1, format="OGG", subtype="OPUS") as file:
        file.comment = text
        file.write(np.sin(np.arange(int(seconds * RATE)) / 10) / 8)
    return made.getvalue()
