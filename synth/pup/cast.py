"""The voices: how each one's pitch moves and how long its throat is.

A pitch is a function of the semantic tokens alone, so the coarse stage can predict it: levels that change from word to word
by the word marks, and a fall at the end. Whole multiples of 75 Hz sound clean; a glide between them lasts 0.1 s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synth.pup.analysis import Array, features, scale_formants
from synth.pup.tokens import MARKS, Tokens

GLIDE = 7  # frames of a change of pitch


@dataclass(frozen=True, kw_only=True, slots=True)
class Character:
    """One voice. Pitches are in multiples of 75 Hz."""

    name: str
    levels: tuple[float, ...]  # from word to word, over and over; a divisor of sixteen many
    ending: float  # of the last word
    formants: float = 1.0  # times the teacher's


CAST = (  # the recogniser reads the teacher's own formants best: voices differ by their pitch
    Character(name="pup_deep", levels=(1.5,), ending=1.0),
    Character(name="pup_low", levels=(2.0,), ending=1.5),
    Character(name="pup_high", levels=(3.0,), ending=2.5),
    Character(name="pup_lively", levels=(3.0, 2.0, 3.0, 3.0, 2.0, 3.0, 2.0, 3.0), ending=2.0),
)


def pitch_track(character: Character, semantic: Tokens) -> Array:
    """The pitch of each codec frame, (3 n / 2,), of semantic tokens (n,)."""
    frames = len(semantic) * 3 // 2
    marks = np.where(semantic < MARKS, semantic, -1)
    starts = np.flatnonzero(marks >= 0)
    levels = np.full(len(semantic), character.levels[0], np.float64)
    for start in starts:
        levels[start:] = character.levels[marks[start] % len(character.levels)]
    if len(starts):
        levels[starts[-1] :] = character.ending
    track = levels[np.arange(frames) * 2 // 3]
    padded = np.pad(track, GLIDE // 2, mode="edge")
    return np.convolve(padded, np.ones(GLIDE) / GLIDE, "valid").astype(np.float32)


def latents_of(character: Character, envelope: Array, voicing: Array, semantic: Tokens) -> npt.NDArray[np.float32]:
    """The latents (frames, 64) of the teacher's speech in this voice."""
    return features(scale_formants(envelope, character.formants), voicing, pitch_track(character, semantic))
