"""What can be measured of speech without understanding it: pitch, spectrum; and how sure a mean is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

FRAME_SECONDS = 0.04  # three periods of the lowest pitch
STEP_SECONDS = 0.01
PITCHES = (70.0, 400.0)  # Hz, looked for
VOICED = 0.6  # of the energy repeats after one period; breath and hiss stay under it
OCTAVE_ROOM = 0.9  # a shorter period that repeats nearly as well as the best is the true one
QUIET = 0.1  # of the loudest frame: quieter ones are not asked for their pitch
BAND_HERTZ = 500.0  # two harmonics or more of any voice in each: the envelope, not the pitch
TOP_HERTZ = 8000.0
RESAMPLES = 2000  # of the bootstrap
INTERVAL = (5.0, 95.0)  # percentiles: 90 % lie between

Numbers = npt.NDArray[np.float64]


def pitch(waveform: npt.NDArray[Any], rate: int) -> float | None:
    """Hz, the median over the voiced frames of (n,); None where nothing is voiced."""
    frames = _frames(np.asarray(waveform, dtype=np.float64), rate)
    energies = (frames**2).sum(1)
    loud = frames[energies > QUIET**2 * energies.max(initial=0.0)]
    found = [hertz for hertz in (_frame_pitch(frame, rate) for frame in loud) if hertz]
    return float(np.median(found)) if found else None


def _frames(waveform: Numbers, rate: int) -> Numbers:
    """(frames, samples), overlapping; none if the sound is shorter than one."""
    length, step = round(FRAME_SECONDS * rate), round(STEP_SECONDS * rate)
    if len(waveform) < length:
        return np.empty((0, length))
    return np.lib.stride_tricks.sliding_window_view(waveform, length)[::step]


def _frame_pitch(frame: Numbers, rate: int) -> float | None:
    """By autocorrelation, normalised for the shrinking overlap."""
    shortest, longest = (round(rate / hertz) for hertz in reversed(PITCHES))
    centred = frame - frame.mean()
    spectrum = np.abs(np.fft.rfft(centred, 2 * len(frame))) ** 2
    similar = np.fft.irfft(spectrum)[: longest + 2]
    before = np.concatenate([[0.0], np.cumsum(centred**2)])
    lags = np.arange(longest + 2)
    energy = np.sqrt(before[len(frame) - lags] * (before[-1] - before[lags]))  # of both overlapping parts
    curve = similar / np.maximum(energy, 1e-12)
    inside = lags[shortest : longest + 1]
    peaks = inside[(curve[inside] >= curve[inside - 1]) & (curve[inside] >= curve[inside + 1])]
    if not len(peaks) or curve[peaks].max() < VOICED:
        return None
    lag = int(peaks[curve[peaks] >= OCTAVE_ROOM * curve[peaks].max()][0])
    return rate / (lag + _vertex(curve[lag - 1 : lag + 2]))


def _vertex(three: Numbers) -> float:
    """Where a parabola through a peak and its neighbours has its top, from the middle one."""
    left, middle, right = three
    bend = left - 2 * middle + right
    return float(0.5 * (left - right) / bend) if bend else 0.0


def envelope(waveform: npt.NDArray[Any], rate: int) -> Numbers:
    """The long-term spectrum of (n,): dB in each band of `BAND_HERTZ` up to `TOP_HERTZ`, mean 0."""
    from scipy.signal import welch  # type: ignore[import-untyped]  # noqa: PLC0415 -- no stubs; slow import

    hertz, power = welch(waveform, rate, nperseg=min(len(waveform), 1024))
    edges = np.arange(0.0, min(TOP_HERTZ, rate / 2) + 1, BAND_HERTZ)
    bands = [power[(low <= hertz) & (hertz < high)].mean() for low, high in pairwise(edges)]
    decibels = 10 * np.log10(np.maximum(bands, 1e-20))
    return np.asarray(decibels - decibels.mean(), dtype=np.float64)


def distance(left: Numbers, right: Numbers) -> float:
    """Root mean square difference of two envelopes, dB."""
    return float(np.sqrt(np.mean((left - right) ** 2)))


def bootstrap(parts: Sequence[float], wholes: Sequence[float], seed: int) -> tuple[float, float]:
    """The `INTERVAL` of sum(parts) / sum(wholes) when sentences are drawn anew, with replacement."""
    drawn = np.random.default_rng(seed).integers(len(parts), size=(RESAMPLES, len(parts)))
    rates = np.asarray(parts, dtype=float)[drawn].sum(1) / np.asarray(wholes, dtype=float)[drawn].sum(1)
    low, high = np.percentile(rates, INTERVAL)
    return float(low), float(high)
