"""Samples as they are made -> the same at `TARGET_LUFS`, limited: what `synth.mastering` does with the whole's loudness.

The whole is not known, so the gain follows the loudness so far (BS.1770, as in mastering). The beginning of a sentence is
often softer than the rest: at first, what speech usually has counts for some of it. The gain then moves slowly and never
jumps. benchmarks/sound.py measures how far from the whole's that is: 0.4 LU on average, 1 LU at most.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from pyloudnorm import IIRfilter
from scipy.signal import lfilter  # type: ignore[import-untyped]  # no stubs

from synth.mastering import MAX_GAIN_DB, TARGET_LUFS, Waveform, gain_of, limited

HOPS_A_SECOND = 10  # a loudness block of 0.4 s begins every 0.1 s; BS.1770
HOPS_IN_BLOCK = 4
LUFS = -0.691  # dB, of power 1.0; BS.1770
GATE_LUFS, GATE_LU = -70.0, 10.0  # under these, absolute and relative, a block does not count; BS.1770
FIRST_HOPS = 2  # heard before the first sample leaves
USUAL_LUFS = -25.0  # of speech as Bark's codec gives it; the shipped model's is between -29 and -25
USUAL_BLOCKS = 4  # so many blocks of it are taken as heard at the beginning
FORGOTTEN_AFTER = 40  # blocks of what was really heard: 4 s
UP, DOWN = 2.0, 6.0  # dB a second: nobody hears the first, and the second ends what is too loud soon


class Leveller:
    """Samples in, samples out, at any rate that has a whole number of them in a hop. How they come cut does not matter."""

    def __init__(self, rate: int) -> None:
        self._rate, self._hop = rate, rate // HOPS_A_SECOND
        filters = IIRfilter(4.0, 0.5**0.5, 1500.0, rate, "high_shelf"), IIRfilter(0.0, 0.5, 38.0, rate, "high_pass")
        self._filters = [(weight.b, weight.a, np.zeros(2)) for weight in filters]  # K-weighting, and its memory
        self._rest = np.zeros(0)
        self._held: list[npt.NDArray[np.float64]] = []  # hops before the first gain
        self._powers: list[float] = []  # of each hop
        self._gain: float | None = None  # dB, at the end of the last hop

    def push(self, waveform: npt.NDArray[Any]) -> Waveform:
        """What is certain after the next samples (n,)."""
        self._rest = np.concatenate([self._rest, waveform])
        whole = len(self._rest) // self._hop * self._hop
        hops, self._rest = self._rest[:whole], self._rest[whole:]
        out = [self._take(hop) for hop in hops.reshape(-1, self._hop)]
        return np.concatenate([np.zeros(0, np.float32), *out])

    def end(self) -> Waveform:
        """The rest."""
        rest = np.concatenate([*self._held, self._rest])
        if self._gain is not None:
            return limited(rest * _factor(self._gain))
        return limited(rest * gain_of(rest, self._rate)) if len(rest) else rest.astype(np.float32)

    def _take(self, hop: npt.NDArray[np.float64]) -> Waveform:
        """One more hop, or all that were held."""
        self._powers.append(self._power(hop))
        if len(self._powers) < FIRST_HOPS:
            self._held.append(hop)
            return np.zeros(0, np.float32)
        wanted = min(TARGET_LUFS - self._loudness(), MAX_GAIN_DB)
        if self._gain is None:
            self._gain, held, self._held = wanted, self._held, []
            return limited(np.concatenate([*held, hop]) * _factor(wanted))
        before, most = self._gain, UP / HOPS_A_SECOND
        self._gain += min(max(wanted - before, -DOWN / HOPS_A_SECOND), most)
        return limited(hop * _factor(np.linspace(before, self._gain, len(hop) + 1)[1:]))

    def _power(self, hop: npt.NDArray[np.float64]) -> float:
        """Mean square of what is heard of a hop."""
        for number, (b, a, memory) in enumerate(self._filters):
            hop, memory = lfilter(b, a, hop, zi=memory)  # noqa: PLW2901 -- one after the other
            self._filters[number] = b, a, memory
        return float(np.mean(hop**2))

    def _loudness(self) -> float:
        """LUFS so far, with the usual counted in."""
        sums = np.cumsum([0.0, *self._powers])
        ends = np.arange(1, len(sums))
        starts = np.maximum(ends - HOPS_IN_BLOCK, 0)
        blocks = (sums[ends] - sums[starts]) / (ends - starts)
        blocks = blocks[blocks > _power_of(GATE_LUFS)]
        usual = USUAL_BLOCKS * max(0.0, 1 - len(blocks) / FORGOTTEN_AFTER)
        blocks = blocks[blocks > _mean(blocks, usual) * 10 ** (-GATE_LU / 10)]
        return LUFS + 10 * math.log10(_mean(blocks, usual))


def _mean(powers: npt.NDArray[np.float64], usual: float) -> float:
    """With so many blocks of the usual counted in."""
    return float((powers.sum() + usual * _power_of(USUAL_LUFS)) / (len(powers) + usual))


def _power_of(lufs: float) -> float:
    return float(10 ** ((lufs - LUFS) / 10))


def _factor(decibels: Any) -> Any:
    return 10 ** (decibels / 20)
