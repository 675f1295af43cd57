"""How far a changed sound is from the original: for the ear as far as a rule can say, and in plain decibels.

The noise-to-mask ratio follows Johnston (1988) and ITU-R BS.1387: the energy of the difference in each critical band over
what the original masks there, which depends on how tonal it is. Above 0 dB a band could be heard. No listeners were asked.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pyloudnorm

Sound = npt.NDArray[Any]

WINDOW, HOP = 1024, 256
UPWARD, DOWNWARD = 10.0, 25.0  # dB a Bark
SILENT = 1e-5  # of the loudest window's energy
TONAL_DB = -60.0  # spectral flatness of a pure tone; Johnston 1988
SEGMENT = 480  # samples, 20 ms


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
    """All in dB but the shares."""

    loudness: float  # LU, of the changed over the original
    snr: float
    segmental: float  # the mean of 20 ms
    spectral: float  # root mean square between the logarithmic spectra
    mask: float  # noise-to-mask ratio, the mean of all bands and times
    bands: float  # share of bands and times in which it is above 0 dB
    times: float  # share of times in which it is anywhere


def difference(original: Sound, changed: Sound, rate: int) -> Difference:
    """(n,) and (n,) at `rate`."""
    error, meter = changed - original, pyloudnorm.Meter(rate)
    one, other, left = (_power(each) for each in (original, changed, error))
    loud = one.sum(1) > one.sum(1).max() * SILENT
    one, other, left = one[loud], other[loud], left[loud]
    ratio = 10 * np.log10((left @ _bands(rate).T + 1e-9) / _masked(one, rate))[:, 1:-1]
    parts, errors = (each[: len(each) // SEGMENT * SEGMENT].reshape(-1, SEGMENT) for each in (original, error))
    heard = (parts**2).sum(1) > (parts**2).sum(1).max() * SILENT
    return Difference(
        loudness=meter.integrated_loudness(changed) - meter.integrated_loudness(original),
        snr=10 * np.log10((original**2).sum() / (error**2).sum()),
        segmental=float(np.mean(10 * np.log10((parts**2).sum(1)[heard] / ((errors**2).sum(1)[heard] + 1e-12)))),
        spectral=float(np.sqrt(np.mean((10 * np.log10((other + 1e-6) / (one + 1e-6))) ** 2))),
        mask=10 * np.log10((10 ** (ratio / 10)).mean()),
        bands=float((ratio > 0).mean()),
        times=float((ratio.max(1) > 0).mean()),
    )


def _power(sound: Sound) -> Sound:
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(sound, WINDOW), WINDOW)[::HOP]
    return np.abs(np.fft.rfft(windows * np.hanning(WINDOW + 1)[:-1])) ** 2


def _bands(rate: int) -> Sound:
    """(half Barks, bins) of 0 and 1."""
    frequency = np.arange(WINDOW // 2 + 1) * rate / WINDOW
    bark = 13 * np.arctan(0.00076 * frequency) + 3.5 * np.arctan((frequency / 7500) ** 2)
    half = (2 * bark).astype(int)
    return np.array([half == band for band in np.unique(half)], float)


def _masked(power: Sound, rate: int) -> Sound:
    """(times, half Barks): the energy that would not be heard."""
    bands = _bands(rate)
    place = np.arange(len(bands)) / 2
    distance = place[:, None] - place
    spread = 10 ** (-np.where(distance > 0, UPWARD * distance, -DOWNWARD * distance) / 10)
    energy, width = power @ bands.T, bands.sum(1)
    flatness = 10 * ((np.log10(power + 1e-12) @ bands.T) / width - np.log10((energy + 1e-9) / width))
    tonal = np.clip(flatness / TONAL_DB, 0, 1)
    offset = tonal * (14.5 + place) + (1 - tonal) * 5.5
    return (energy @ spread.T) * 10 ** (-offset / 10) + 1e-5
