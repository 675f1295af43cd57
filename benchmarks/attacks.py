"""What happens to a clip on its way, by accident or not: (n,) at `RATE` in, (m,) at `RATE` out."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.signal
import soundfile

from synth.audio import quality

RATE = 24_000
SEMITONE = 2 ** (1 / 12)
TAPS = 8  # order of the low-pass

Sound = npt.NDArray[Any]
Attack = Callable[[Sound], Sound]


def encoded(kind: str, subtype: str, bits: int, sound: Sound) -> Sound:
    """Written by libsndfile and read back."""
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, format=kind, subtype=subtype, **quality(subtype, RATE, bits))
    file.seek(0)
    back, rate = soundfile.read(file, dtype="float32")
    return back if rate == RATE else scipy.signal.resample_poly(back, RATE, rate)


def opus(bits: int) -> Attack:
    """Ogg Opus at about so many bits a second."""
    return functools.partial(encoded, "OGG", "OPUS", bits)


def telephone(sound: Sound) -> Sound:
    """8 kHz and back."""
    return scipy.signal.resample_poly(scipy.signal.resample_poly(sound, 1, 3), 3, 1)


def noisy(decibels: float) -> Attack:
    """White noise so far under the sound."""

    def attack(sound: Sound) -> Sound:
        noise = np.random.default_rng(len(sound)).normal(size=len(sound))
        return sound + noise * sound.std() * 10 ** (-decibels / 20)

    return attack


def echo(sound: Sound) -> Sound:
    """Once more after 120 ms, at 0.4."""
    late = RATE * 12 // 100
    return sound + 0.4 * np.pad(sound, (late, 0))[: len(sound)]


def middle(sound: Sound) -> Sound:
    """Half of it, cut out."""
    return sound[len(sound) // 4 + 777 : len(sound) * 3 // 4]


def first(seconds: float) -> Attack:
    """Its beginning."""
    return lambda sound: sound[: round(seconds * RATE)]


def low_passed(frequency: float) -> Attack:
    """Nothing above that."""
    sections = scipy.signal.butter(TAPS, frequency, fs=RATE, output="sos")
    return lambda sound: scipy.signal.sosfilt(sections, sound)


def faster(times: float) -> Attack:
    """Played so many times as fast, and as high."""
    return lambda sound: scipy.signal.resample_poly(sound, 1000, round(1000 * times))


def stretched(times: float) -> Attack:
    """So many times as fast, at its pitch, by a phase vocoder."""
    size, hop = 1024, 256
    window = np.hanning(size + 1)[:-1]

    def attack(sound: Sound) -> Sound:
        starts = np.arange(0, len(sound) - size - hop, hop * times).astype(int)
        out, phase = np.zeros(len(starts) * hop + size), np.zeros(0)
        for number, start in enumerate(starts):
            now, after = (np.fft.rfft(sound[at : at + size] * window) for at in (start, start + hop))
            phase = phase if number else np.angle(now)
            out[number * hop : number * hop + size] += np.fft.irfft(np.abs(now) * np.exp(1j * phase)) * window
            phase = phase + np.angle(after) - np.angle(now)
        return out / 1.5  # what the windows' squares add up to

    return attack


def shifted(times: float) -> Attack:
    """So many times as high, at its tempo."""
    return lambda sound: faster(times)(stretched(1 / times)(sound))


def neural(model: str = "pup") -> Attack:
    """Through the encoder, the codebooks and the decoder of a model's own codec."""
    import torch  # noqa: PLC0415 - seconds
    from transformers import BarkModel  # noqa: PLC0415 - seconds

    from synth import checkpoint  # noqa: PLC0415 - seconds

    codec: Any = BarkModel.from_pretrained(str(checkpoint.find(model).folder), dtype=torch.float32).codec_model.eval()

    def attack(sound: Sound) -> Sound:
        with torch.inference_mode():
            heard = torch.from_numpy(sound.astype(np.float32))[None, None]
            return np.asarray(codec(heard, bandwidth=codec.config.target_bandwidths[-1]).audio_values[0, 0])

    return attack


def in_turn(*attacks: Attack) -> Attack:
    """One after another."""
    return lambda sound: functools.reduce(lambda now, attack: attack(now), attacks, sound)


def attacks() -> dict[str, Attack]:
    """By the names that the table has."""
    return {
        "none": lambda sound: sound,
        "Opus 64 kbps": opus(64_000),
        "Opus 64 kbps, twice": in_turn(opus(64_000), opus(64_000)),
        "Opus 32 kbps": opus(32_000),
        "Opus 24 kbps": opus(24_000),
        "Opus 12 kbps": opus(12_000),
        "MP3 64 kbps": functools.partial(encoded, "MP3", "MPEG_LAYER_III", 64_000),
        "resampled to 8 kHz": telephone,
        "low-pass 4 kHz": low_passed(4_000),
        "low-pass 2 kHz": low_passed(2_000),
        "white noise, 20 dB": noisy(20),
        "white noise, 10 dB": noisy(10),
        "echo": echo,
        "volume -26 dB": lambda sound: 0.05 * sound,
        "the middle half": middle,
        "the first 3 s": first(3),
        "the first 2 s": first(2),
        "speed +2 %": faster(1.02),
        "speed -2 %": faster(0.98),
        "tempo +5 %": stretched(1.05),
        "tempo +10 %": stretched(1.10),
        "pitch +1 semitone": shifted(SEMITONE),
        "pitch -2 semitones": shifted(SEMITONE**-2),
        "the model's own codec again": neural(),
    }
