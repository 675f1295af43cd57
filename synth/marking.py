"""The watermark: which part of the sound is made a little louder and which a little softer, and the sound so changed.

Time and frequency are cut into tiles of 85 ms and about 5 %. A key says of each tile whether it is raised or lowered. How
much is decided bin by bin: what louder neighbours mask is moved by up to `MOST` dB, a peak that masks the others by
`LEAST`. Silence stays silence, and the level does not matter. Who has the key finds the pattern again: mark_search.py.

Samples are decided upon in windows of 43 ms that overlap by half, so what is pushed comes out within that time.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft  # type: ignore[import-untyped]  # no stubs

Floats = npt.NDArray[np.float32]

VERSION = b"barkbot watermark 1"  # another layout of tiles is another mark
TILE_SECONDS = 2048 / 24_000  # 85 ms; a syllable is 200
TILES = 16  # then the pattern begins again
LOWEST, HIGHEST = 200.0, 11_000.0  # Hz
KNEE_HZ, STEP = 1000.0, 0.045  # a band is STEP * (KNEE_HZ + f) wide: 54 Hz at its lowest, 4.5 % far above the knee
WINDOW_SECONDS = 1024 / 24_000
LEAST, MOST = 0.5, 3.0  # dB
SLOPE = 0.2  # dB of change for each dB that a bin lies under what masks it
UPWARD, DOWNWARD = 10.0, 25.0  # dB a Bark: how masking falls off above and below what masks
FLOOR = 1e-9  # power; full scale is about 1e5: there is nothing to hear
EDGE = 0.25  # of a tile: how long it takes to get from one gain to the next
LOWEST_RATE = 2_000  # Hz


def band_edges() -> npt.NDArray[np.float64]:
    """(bands + 1,) in Hz, from `LOWEST` to about `HIGHEST`."""
    places = np.arange(np.log1p(LOWEST / KNEE_HZ), np.log1p(HIGHEST / KNEE_HZ), STEP)
    return np.asarray(KNEE_HZ * np.expm1(places))


def signs(key: bytes) -> npt.NDArray[np.float64]:
    """(TILES, bands) of -1 and 1: what this key raises and lowers. Any key will do; a secret one has 32 random bytes."""
    bands = len(band_edges()) - 1
    drawn = hashlib.shake_256(VERSION + len(key).to_bytes(4, "big") + key).digest(-(-TILES * bands // 8))
    bits = np.unpackbits(np.frombuffer(drawn, np.uint8))[: TILES * bands]
    return np.asarray(bits.reshape(TILES, bands) * 2.0 - 1.0, np.float64)


class Embedder:
    """Samples in, marked samples out, as many. How they come cut makes no difference but in rounding (under 1e-6)."""

    def __init__(self, rate: int, key: bytes) -> None:
        """`rate` in Hz, at least `LOWEST_RATE`; ValueError."""
        if rate < LOWEST_RATE:
            raise ValueError(f"a rate of {rate} Hz has no room for a watermark")
        self._grid = _grid_of(rate)
        self._signs = signs(key).astype(np.float32)
        hop = self._grid.hop
        self._rest = np.zeros(hop, np.float32)  # of what was pushed; the first window is half before the first sample
        self._half = np.zeros(hop, np.float32)  # of the last window, not yet added to
        self._windows = self._pushed = self._given = 0

    def push(self, waveform: npt.NDArray[Any]) -> Floats:
        """What the next samples (n,) make certain: all but the last 64 ms at most."""
        self._pushed += len(waveform)
        samples, hop = np.concatenate([self._rest, np.asarray(waveform, np.float32)]), self._grid.hop
        count = len(samples) // hop - 1
        self._rest = samples[count * hop :]
        if not count:
            return np.zeros(0, np.float32)
        changed = self._changed(np.lib.stride_tricks.sliding_window_view(samples[: (count + 1) * hop], 2 * hop)[::hop])
        changed[0, :hop] += self._half
        changed[1:, :hop] += changed[:-1, hop:]
        self._half = changed[-1, hop:].copy()
        before = hop if self._windows == count else 0  # what lies before the first sample
        out = changed[:, :hop].reshape(-1)[before:]
        self._given += len(out)
        return out

    def end(self) -> Floats:
        """The rest."""
        due = self._pushed - self._given
        return self.push(np.zeros(2 * self._grid.hop, np.float32))[:due]

    def _changed(self, windows: Floats) -> Floats:
        """(n, window) -> the same with the tiles' gains; to be overlapped and added."""
        grid = self._grid
        spectra = scipy.fft.rfft(windows * grid.shape, axis=1)
        numbers = np.arange(self._windows, self._windows + len(windows))
        self._windows += len(windows)
        pattern = self._pattern(numbers * grid.hop / grid.rate)[:, grid.band]  # windows begin half before their middle
        spectra[:, grid.first : grid.last] *= np.exp(pattern * grid.depths(spectra))
        return np.asarray(scipy.fft.irfft(spectra, n=2 * grid.hop, axis=1) * grid.shape)

    def _pattern(self, seconds: npt.NDArray[np.float64]) -> Floats:
        """(n,) times -> (n, bands) from -1 to 1."""
        place = seconds / TILE_SECONDS
        share = np.clip(0.5 + (place - np.rint(place)) / EDGE, 0.0, 1.0)[:, None].astype(np.float32)
        nearest = np.rint(place).astype(int)
        before, after = self._signs[(nearest - 1) % TILES], self._signs[nearest % TILES]
        return np.asarray(before + (after - before) * share)


class _Grid:
    """What depends on the rate alone."""

    def __init__(self, rate: int) -> None:
        self.rate, self.hop = rate, round(WINDOW_SECONDS / 2 * rate)
        self.shape = np.sin(np.pi * (np.arange(2 * self.hop) + 0.5) / (2 * self.hop)).astype(np.float32)
        frequencies = np.arange(self.hop + 1) * rate / (2 * self.hop)
        edges = band_edges()
        self.first, self.last = np.searchsorted(frequencies, edges[[0, -1]])
        self.band = np.searchsorted(edges, frequencies[self.first : self.last], side="right") - 1
        critical = np.minimum(2 * _bark(frequencies), 2 * _bark(np.float64(HIGHEST))).astype(int)  # half a Bark each
        self._starts = np.flatnonzero(np.diff(critical, prepend=-1))
        place = critical[self._starts] / 2
        distance = place[:, None] - place  # (heard, masks) in Bark
        fall = np.where(distance > 0, UPWARD * distance, -DOWNWARD * distance)
        width = np.diff([*self._starts, len(frequencies)])
        self._spread = (10 ** (-fall / 10) / width[:, None]).T.astype(np.float32)
        self._masked_by = np.searchsorted(self._starts, np.arange(self.first, self.last), side="right") - 1

    def depths(self, spectra: npt.NDArray[np.complex64]) -> Floats:
        """Of each bin that is marked: the change that is not heard, as the logarithm of a factor."""
        power = spectra.real**2 + spectra.imag**2 + np.float32(FLOOR)
        masks = np.log(np.add.reduceat(power, self._starts, axis=1) @ self._spread)
        room = masks[:, self._masked_by] - np.log(power[:, self.first : self.last])  # natural logarithms of power
        decibels = np.clip(LEAST + SLOPE * 10 / np.log(10) * room, LEAST, MOST)
        return np.asarray(decibels * np.float32(np.log(10) / 20), np.float32)


@functools.lru_cache(maxsize=4)
def _grid_of(rate: int) -> _Grid:
    return _Grid(rate)


def _bark(frequency: Any) -> Any:
    """Hz -> Bark; Zwicker and Terhardt 1980."""
    return 13 * np.arctan(0.00076 * frequency) + 3.5 * np.arctan((frequency / 7500) ** 2)
