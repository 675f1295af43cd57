"""A person's recording -> a voice: the history prompt that Bark would have left behind had it spoken these words itself."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from synth.enrol.best import LEAST_SPEECH, best
from synth.enrol.hubert import RATE, WIDTH, Hubert
from synth.enrol.level import Waveform
from synth.enrol.quantizer import Quantizer
from synth.errors import ModelError, NoSpeech
from synth.growing import growing
from synth.mastering import gain_of, resampled
from synth.voices import KEYS, Codes, Voice, VoiceRules, check_voice

LOUDEST = 0.9  # of full scale


class Semantic(Protocol):
    """What writes speech down in a model's semantic tokens."""

    def read(self, samples: Waveform) -> Codes:
        """(n,) at 16 kHz -> (t,)."""
        ...


class Acoustic(Protocol):
    """What gives the codes of speech: `Encoder`, or the miniature's own."""

    rate: int

    def encode(self, samples: Waveform) -> Codes:
        """(n,) at `rate` -> (codebooks, t)."""
        ...


class HubertTokens:
    """As Bark's own were made: HuBERT, then a quantizer of its features."""

    def __init__(self, hubert: Hubert, quantizer: Quantizer, breathe: Callable[[], None]) -> None:
        self._hubert, self._quantizer, self._breathe = hubert, quantizer, breathe

    @classmethod
    def load(cls, hubert: Path, quantizer: Path, tokens: int, breathe: Callable[[], None]) -> HubertTokens:
        """ModelError for files that are none, or do not fit together, or not a model of so many `tokens`."""
        reader = Quantizer.load(quantizer)
        if (reader.lstm.input_size, reader.tokens) != (WIDTH, tokens):
            raise ModelError(
                f"{quantizer} makes {reader.tokens} tokens of {reader.lstm.input_size} features; "
                f"here {tokens} of {WIDTH} are needed."
            )
        return cls(Hubert.load(hubert, breathe), reader, breathe)

    def read(self, samples: Waveform) -> Codes:
        """(n,) at 16 kHz -> (t,), 49.9 a second."""
        return self._quantizer.read(self._hubert.features(samples), self._breathe)


class Maker:
    """Makes voices for one model."""

    def __init__(self, semantic: Semantic, encoder: Acoustic, rules: VoiceRules) -> None:
        self._semantic, self._encoder, self._rules = semantic, encoder, rules

    @property
    def rate(self) -> int:
        """Of the recordings that `make` takes, Hz."""
        return self._encoder.rate

    def make(self, name: str, recording: Waveform) -> tuple[Voice, float]:
        """The voice in (n,) at `rate`, and its seconds. NoSpeech where there is too little to make one of."""
        samples = recording[best(recording, self.rate)]
        samples = levelled(samples, self.rate)
        semantic = self._semantic.read(np.asarray(resampled(samples, self.rate, RATE), dtype=np.float32))
        semantic, codes = aligned(semantic, self._encoder.encode(samples), self._rules.frames_per_semantic)
        if not len(semantic):
            raise NoSpeech(f"Nobody speaks for {LEAST_SPEECH:g} s in the recording.")
        arrays = dict(zip(KEYS, (semantic, codes[: self._rules.n_coarse], codes), strict=True))
        return check_voice(name, arrays, self._rules), len(samples) / self.rate

    def write(self, recording: Waveform, path: Path) -> float:
        """Make a voice of (n,) at `rate` and save it; its seconds. As `make`; and DiskFull, CannotWrite."""
        voice, seconds = self.make(path.stem, recording)
        save(voice, path)
        return seconds


def levelled(samples: Waveform, rate: int) -> Waveform:
    """(n,) as loud as what a Bark speaks after it should be, and nowhere clipped."""
    gain = gain_of(samples.astype(np.float64), rate)
    loudest = float(np.abs(samples).max(initial=0.0))
    return np.asarray(samples * min(gain, LOUDEST / max(loudest, 1e-6)), dtype=np.float32)


def aligned(semantic: Codes, codes: Codes, ratio: float) -> tuple[Codes, Codes]:
    """Tokens (n,) and codes (k, m) of the same speech, without what one has at its end and the other has not.

    The ends are where they differ: HuBERT gives no feature to the last 5 ms, EnCodec a frame to any rest. m = floor(n * ratio).
    """
    tokens = min(len(semantic), int(np.ceil(codes.shape[1] / ratio)))
    frames = min(codes.shape[1], int(tokens * ratio))
    return semantic[:tokens], codes[:, :frames]


def save(voice: Voice, path: Path) -> None:
    """In the format of Bark's own prompts; whole, or not at all. DiskFull, CannotWrite."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **{key: getattr(voice, key) for key in KEYS})
    with growing(path) as add:
        add(content.getvalue())
