"""The watermark looked for: how well a sound follows a key's pattern, at any place, and sped up, slowed down or shifted.

What is looked at is by how much each band is louder than its neighbours, in decibels, bounded so that no single moment
decides. The score of one guess at place, tempo and pitch is sum(sign * tile) / sqrt(sum(tile ** 2)), over the tiles of the
pattern. For a sound that knows nothing of the key each sign is a coin, whatever the sound is, and then the score
exceeds x with a probability of at most `COINS` times that of a normal variable (Bentkus and Dzindzalieta 2015, the best
constant there is). So p needs no sounds to be calibrated with; it is that bound, times the number of guesses.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array  # type: ignore[import-untyped]  # no stubs
from scipy.special import erfc  # type: ignore[import-untyped]  # no stubs

from synth.marking import TILE_SECONDS, TILES, band_edges, signs
from synth.mastering import checked, resampled

Levels = npt.NDArray[np.float64]
Spectra = npt.NDArray[np.complex128]

RATE = 24_000  # Hz; everything is brought to it
WINDOW, HOP = 1024, 256
STEPS = round(TILE_SECONDS * RATE / HOP)  # of the analysis in a tile: 8
PERIOD = STEPS * TILES
NEIGHBOURS = 3  # on each side, whose mean a band is measured against
BOUND_DB = 2.0  # of what is looked at; the mark moves it by about 1
QUIET_DB = 80.0  # under the loudest bin of all: nothing is there to be marked
TEMPOS = np.arange(0.94, 1.0601, 0.005)  # times as fast
PITCHES = np.arange(0.94, 1.0601, 0.01)  # times as high
STRETCH = 8.0  # seconds in which a tempo may be wrong by half a step: the ends are then off by a quarter of a tile
LONGEST = 300.0  # seconds that are looked at: they take 240 MB and 6 s
CHUNK = 1024  # windows that are transformed at once
FALSE_ALARM = 1e-5  # per clip and key; with two keys and some slack that is one in ten thousand
COINS = 3.18


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What was found. `p`: at most so likely would a sound without this mark score as well or better."""

    score: float  # standard deviations
    p: float
    found: bool
    seconds: float  # that were looked at
    tempo: float = 1.0  # times as fast as it was made
    pitch: float = 1.0  # times as high


@dataclasses.dataclass(frozen=True, slots=True)
class _Guess:
    score: float = -math.inf
    tempo: float = 1.0
    pitch: float = 1.0


def detect(waveform: npt.NDArray[Any], rate: int, key: bytes) -> Mark:
    """(n,) at `rate` Hz, any. 6 s of speech are enough, often 3. Raises BrokenAudio for what is no sound."""
    return detect_each(waveform, rate, [key])[0]


def detect_each(waveform: npt.NDArray[Any], rate: int, keys: Sequence[bytes]) -> list[Mark]:
    """The same for several keys, in little more time than for one. Each p is that of its key alone."""
    sound = checked(waveform[: round(LONGEST * rate)])
    spectrum = _spectrum(sound if rate == RATE else resampled(sound, rate, RATE))
    wanted = _wanted(keys)
    whole = _best(_levels(spectrum, 1.0)[None], wanted, np.ones(1), np.ones(1))
    length = round(STRETCH * RATE / HOP)
    starts = range(0, max(1, len(spectrum) - length // 2), length // 2)
    part = [_Guess()] * len(keys)
    for start in starts:  # one after the other: all together are large
        levels = np.stack([_levels(spectrum[start : start + length], pitch) for pitch in PITCHES])
        part = _better(part, _best(levels, wanted, TEMPOS, PITCHES))
    guesses = PERIOD * len(TEMPOS) * len(PITCHES) * len(starts)
    return [_mark(*pair, guesses, len(sound) / rate) for pair in zip(whole, part, strict=True)]


def _mark(whole: _Guess, part: _Guess, guesses: int, seconds: float) -> Mark:
    """Half of the alarms that may be false are for the clip as it is, the rest for all that was changed in tempo or pitch."""
    best, p = min(
        ((whole, 2 * p_of(whole.score, PERIOD)), (part, 2 * p_of(part.score, guesses))), key=operator.itemgetter(1)
    )
    return Mark(
        score=best.score, p=min(p, 1.0), found=p <= FALSE_ALARM, seconds=seconds, tempo=best.tempo, pitch=best.pitch
    )


def p_of(score: float, guesses: int) -> float:
    """The probability, at most, that the best of so many guesses scores this where there is no mark."""
    return min(1.0, guesses * COINS * 0.5 * float(erfc(score / math.sqrt(2))))


def _spectrum(sound: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """(n,) -> (steps, bins + 1): for each window the sum of the decibels of all bins below."""
    padded = np.concatenate([np.zeros(WINDOW - HOP), sound, np.zeros(WINDOW)])
    windows, shape = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP], np.hanning(WINDOW + 1)[:-1]
    sums = np.zeros((len(windows), WINDOW // 2 + 2), np.float32)
    power = sums[:, 1:]
    for start in range(0, len(windows), CHUNK):
        power[start : start + CHUNK] = np.abs(np.fft.rfft(windows[start : start + CHUNK] * shape)) ** 2
    power += max(float(power.max()), 1e-9) * 10 ** (-QUIET_DB / 10)
    np.log10(power, out=power)
    power *= 10
    np.cumsum(power, axis=1, out=power)
    return sums


def _levels(spectrum: npt.NDArray[np.float32], pitch: float) -> Levels:
    """(steps, bands): what each band is louder than its neighbours by, where all is `pitch` times as high."""
    places = np.minimum(band_edges() * pitch * WINDOW / RATE + 0.5, spectrum.shape[1] - 1)
    below = places.astype(int)
    above = np.minimum(below + 1, spectrum.shape[1] - 1)
    sums = spectrum[:, below] + (places - below) * (spectrum[:, above] - spectrum[:, below])
    levels = np.diff(sums, axis=1) / np.diff(places)
    levels -= levels.mean(0)
    padded = np.pad(levels, ((0, 0), (NEIGHBOURS, NEIGHBOURS)), mode="reflect")
    around = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1)
    size = 2 * NEIGHBOURS + 1
    mean = (around[:, size:] - around[:, :-size] - levels) / (size - 1)
    return np.asarray(np.clip(levels - mean, -BOUND_DB, BOUND_DB))


def _wanted(keys: Sequence[bytes]) -> Spectra:
    """(frequencies, bands, keys): the patterns, step by step, as spectra over time."""
    steps = np.stack([np.repeat(signs(key), STEPS, axis=0) for key in keys], axis=2)
    return np.conj(np.fft.rfft(steps, axis=0))


def _best(levels: Levels, wanted: Spectra, tempos: Levels, pitches: Levels) -> list[_Guess]:
    """For each key the best place, tempo and pitch for (pitches, steps, bands)."""
    best = [_Guess()] * wanted.shape[2]
    flat = np.ascontiguousarray(levels.transpose(1, 0, 2)).reshape(levels.shape[1], -1)
    for tempo in tempos:
        folded = _folded(flat, tempo).reshape(PERIOD, len(pitches), -1)
        met = np.fft.irfft(np.fft.rfft(folded, axis=0) @ wanted, PERIOD, axis=0)  # (places, pitches, keys)
        scores = met / _spread(folded)[:, :, None]
        tops = scores.max(0)
        now = [
            _Guess(float(tops[pitch, key]), float(tempo), float(pitches[pitch]))
            for key, pitch in enumerate(tops.argmax(0))
        ]
        best = _better(best, now)
    return best


def _better(some: Sequence[_Guess], others: Sequence[_Guess]) -> list[_Guess]:
    return [max(pair, key=lambda guess: guess.score) for pair in zip(some, others, strict=True)]


def _folded(levels: Levels, tempo: float) -> Levels:
    """(steps, n) -> (PERIOD, n): all periods added up."""
    steps = np.arange(len(levels))
    places = np.rint(steps * tempo).astype(int) % PERIOD
    return np.asarray(csr_array((np.ones(len(steps)), (places, steps)), shape=(PERIOD, len(steps))) @ levels)


def _spread(folded: Levels) -> Levels:
    """(PERIOD, pitches): the standard deviation of what coins would meet, at each place of the pattern's begin."""
    around = np.cumsum(np.concatenate([np.zeros_like(folded[:1]), folded, folded[: STEPS - 1]]), axis=0)
    tiles = ((around[STEPS:] - around[:-STEPS]) ** 2).sum(2)  # of a tile that begins at this step
    sums = tiles.reshape(TILES, STEPS, -1).sum(0)
    return np.asarray(np.sqrt(np.maximum(np.tile(sums, (TILES, 1)), 1e-12)))
