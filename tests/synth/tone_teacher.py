"""A stand-in for espeak-ng where the training itself is tested: every letter is a tone, its events are exact.

It is a double of an external program, not of our code: what it says is aligned as the real one's is, and a test with the
real one is beside it.
"""

from __future__ import annotations

import numpy as np

from synth.pup.recipe import Net, Plan, Recipe
from synth.pup.teacher import SAMPLE_RATE, Phone, Spoken

LETTER = 0.05  # seconds

TINY = Recipe(
    seed=3,
    survey=20,
    text_shards=2,
    text_shard=16,
    speech_shards=2,
    speech_shard=6,
    longest=150,
    codebook_size=16,
    codebooks=4,
    filters=4,
    text_window=96,
    semantic=Net(layers=2, heads=2, width=32, block=256),
    coarse=Net(layers=2, heads=2, width=32, block=120),
    fine=Net(layers=1, heads=2, width=32, block=32),
    coarse_input=32,
    coarse_history=60,
    coarse_window=24,
    crop=12,
    decoder_plan=Plan(steps=30, batch=2, rate=3e-3, warmup=3, validate_every=15),
    encoder_plan=Plan(steps=30, batch=2, rate=3e-3, warmup=3, validate_every=15),
    semantic_plan=Plan(steps=40, batch=400, rate=3e-3, warmup=3, validate_every=20),
    coarse_plan=Plan(steps=40, batch=2, rate=3e-3, warmup=3, validate_every=20),
    fine_plan=Plan(steps=30, batch=4, rate=3e-3, warmup=3, validate_every=15),
)


class ToneTeacher:
    """Letters as tones of their own, 50 ms each; everything else is a pause."""

    def say(self, text: str, *, audio: bool = True) -> Spoken:
        phones = []
        for place, letter in enumerate(text):
            begins = letter.isalpha() and (place == 0 or not (text[place - 1].isalpha() or text[place - 1] == "'"))
            name = letter if letter.isalpha() else "_"
            phones.append(Phone(name=name, start=place * LETTER, word_at=place if begins else None))
        waveform = self._waveform(text) if audio else np.zeros(0, np.float32)
        return Spoken(phones=tuple(phones), seconds=len(text) * LETTER, waveform=waveform)

    def describe(self) -> str:
        return "tones"

    def _waveform(self, text: str) -> np.ndarray:
        hertz = np.array([200 + 60 * (ord(letter) - ord("a")) if letter.isalpha() else 0 for letter in text])
        phase = 2 * np.pi * np.cumsum(np.repeat(hertz, round(LETTER * SAMPLE_RATE))) / SAMPLE_RATE
        return (0.2 * np.sin(phase)).astype(np.float32)
