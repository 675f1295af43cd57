"""The cue: two soft tones that say, before a word is heard, that what follows is made by a machine.

They stand in front of every clip in a member's voice (`Job.cue`), and are heard once in a voice channel before the first
clip: there as the ready-made packets of bot/flow/cue.ogg, which `python -m synth.cue FILE` writes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

TONES = (587.33, 880.0)  # Hz: a fifth upwards, D5 and A5; a phone's speaker has both, and few voices sing there
TONE_SECONDS = 0.18  # of each
PAUSE_SECONDS = 0.06  # after the second
FADE_SECONDS = 0.04  # at the ends of each: no clicks
AMPLITUDE = 0.185  # -20 LUFS with these fades: 2 LU under speech as it leaves here


def cue(rate: int) -> npt.NDArray[np.float32]:
    """The tones at `rate` Hz, (n,), about 0.4 s."""
    pause: npt.NDArray[Any] = np.zeros(round(PAUSE_SECONDS * rate))
    return np.concatenate([*(_tone(pitch, rate) for pitch in TONES), pause]).astype(np.float32)


def _tone(pitch: float, rate: int) -> npt.NDArray[Any]:
    time = np.arange(round(TONE_SECONDS * rate)) / rate
    from_ends = np.minimum(time, time[-1] - time) / FADE_SECONDS
    envelope = 0.5 - 0.5 * np.cos(np.pi * np.clip(from_ends, 0, 1))
    tone: npt.NDArray[Any] = AMPLITUDE * envelope * np.sin(2 * np.pi * pitch * time)
    return tone


def main(path: Path) -> None:
    """Write it as an Ogg Opus file."""
    from synth import audio  # noqa: PLC0415 -- who wants the samples needs no encoder

    audio.write(path, cue(48_000), 48_000, audio.Tags(voice=None, seed=0, model="none"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
