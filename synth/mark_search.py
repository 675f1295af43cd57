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
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import erfc  # type: ignore[import-untyped]  # no stubs

from synth.marking import TILE_SECONDS, TILES, band_edges, signs
from synth.mastering import checked, resampled

Levels = npt.NDArray[np.float64]

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
FALSE_ALARM = 1e-4  # per clip
COINS = 3.18
RATIO_OF_BUDGET = 0.5  # of FALSE_ALARM, for the clip as it is; the rest is for all that was changed in tempo or pitch


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
    score: float
    tempo: float
    pitch: float


def detect(waveform: npt.NDArray[Any], rate: int, key: bytes) -> Mark:
    """(n,) at `rate` Hz, any. Raises BrokenAudio for what is no sound. 6 s of speech are enough, often 3."""
    sound = checked(waveform)
    seconds = len(sound) / rate
    spectrum = _spectrum(sound if rate == RATE else resampled(sound, rate, RATE))
    pattern = signs(key)
    whole = _best(_levels(spectrum, 1.0)[None], pattern, np.ones(1), np.ones(1))
    length = round(STRETCH * RATE / HOP)
    levels = np.stack([_levels(spectrum, pitch) for pitch in PITCHES])
    starts = range(0, max(1, len(spectrum) - length // 2), length // 2)
    parts = [_best(levels[:, start : start + length], pattern, TEMPOS, PITCHES) for start in starts]
    part = max(parts, key=lambda guess: guess.score)
    p_whole = p_of(whole.score, PERIOD) / RATIO_OF_BUDGET
    p_part = p_of(part.score, PERIOD * len(TEMPOS) * len(PITCHES) * len(parts)) / (1 - RATIO_OF_BUDGET)
    best, p = (whole, p_whole) if p_whole <= p_part else (part, p_part)
    return Mark(
        score=best.score, p=min(p, 1.0), found=p <= FALSE_ALARM, seconds=seconds, tempo=best.tempo, pitch=best.pitch
    )


def p_of(score: float, guesses: int) -> float:
    """The probability, at most, that the best of so many guesses scores this where there is no mark."""
    return min(1.0, guesses * COINS * 0.5 * float(erfc(score / math.sqrt(2))))


def _spectrum(sound: npt.NDArray[np.float64]) -> Levels:
    """(n,) -> (steps, bins + 1): for each window the sum of the decibels of all bins below."""
    padded = np.concatenate([np.zeros(WINDOW - HOP), sound, np.zeros(WINDOW)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW + 1)[:-1]
    power = np.abs(np.fft.rfft(windows)) ** 2
    floor = max(float(power.max()), 1e-9) * 10 ** (-QUIET_DB / 10)
    return np.pad(np.cumsum(10 * np.log10(power + floor), axis=1), ((0, 0), (1, 0)))


def _levels(spectrum: Levels, pitch: float) -> Levels:
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


def _best(levels: Levels, pattern: Levels, tempos: Levels, pitches: Levels) -> _Guess:
    """The best place, tempo and pitch for (pitches, steps, bands)."""
    wanted = np.conj(np.fft.rfft(np.repeat(pattern, STEPS, axis=0), axis=0))
    guesses = []
    for tempo in tempos:
        folded = _folded(levels, tempo)
        met = np.fft.irfft((np.fft.rfft(folded, axis=1) * wanted).sum(2), PERIOD)
        scores = met / _spread(folded)
        pitch, place = np.unravel_index(np.argmax(scores), scores.shape)
        guesses.append(_Guess(float(scores[pitch, place]), float(tempo), float(pitches[pitch])))
    return max(guesses, key=lambda guess: guess.score)


def _folded(levels: Levels, tempo: float) -> Levels:
    """(pitches, steps, bands) -> (pitches, PERIOD, bands): all periods added up."""
    place = np.rint(np.arange(levels.shape[1]) * tempo).astype(int) % PERIOD
    where = np.zeros((PERIOD, levels.shape[1]))
    where[place, np.arange(levels.shape[1])] = 1.0
    return np.asarray(where @ levels)


def _spread(folded: Levels) -> Levels:
    """(pitches, PERIOD): the standard deviation of what coins would meet, at each place of the pattern's begin."""
    around = np.cumsum(np.concatenate([np.zeros_like(folded[:, :1]), folded, folded[:, : STEPS - 1]], axis=1), axis=1)
    tiles = ((around[:, STEPS:] - around[:, :-STEPS]) ** 2).sum(2)  # of a tile that begins at this step
    sums = tiles.reshape(len(folded), TILES, STEPS).sum(1)
    return np.asarray(np.sqrt(np.maximum(np.tile(sums, TILES), 1e-12)))
