"""The pieces of a text, as they are made -> one waveform: centred, ends trimmed, joined, as `synth.mastering.finish` does.

What it does to a sample depends on the samples before it, and on few after it: those until the next that is not silent,
which show that a pause is none of the silence at a piece's end. How the pieces come cut makes no difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter  # type: ignore[import-untyped]  # no stubs

from synth.mastering import (
    FADE_MS,
    GAP_SECONDS,
    MARGIN_MS,
    SILENCE_BELOW_PEAK_DB,
    SILENCE_FLOOR_DBFS,
    SILENCE_STEP_MS,
    checked,
    decibels,
)

Block = npt.NDArray[np.float64]  # (SILENCE_STEP_MS,)

MARGIN = MARGIN_MS // SILENCE_STEP_MS  # blocks
USUAL_PEAK = 0.25  # of speech: before anything was heard, silence is told by it
LOWEST_HZ = 5.0  # what is lower counts as constant offset: there is no voice


class Trimmer:
    """Samples in, samples out, at any rate that has a whole number of them in `SILENCE_STEP_MS`."""

    def __init__(self, rate: int, *, gap: float = GAP_SECONDS) -> None:
        self._size = rate * SILENCE_STEP_MS // 1000  # samples in a block
        self._fade = rate * FADE_MS // 1000
        self._pole = 1 - 2 * math.pi * LOWEST_HZ / rate
        self._gap = np.zeros(round(gap * rate))
        self._peak = 0.0  # of all pieces so far
        self._piece: int | None = None
        self._joined = False  # something came out
        self._rest: npt.NDArray[np.float64] = np.zeros(0)  # less than a block
        self._begin()

    def push(self, waveform: npt.NDArray[Any], piece: int) -> npt.NDArray[np.float64]:
        """What is certain after the next samples (n,) of a piece. A new piece ends the one before. BrokenAudio."""
        out = [] if self._piece in {None, piece} else [self.end()]
        self._piece = piece
        self._rest = np.concatenate([self._rest, checked(waveform)])
        whole = len(self._rest) // self._size * self._size
        blocks, self._rest = self._rest[:whole], self._rest[whole:]
        out += [self._take(self._centred(block)) for block in blocks.reshape(-1, self._size)]
        return np.concatenate([np.zeros(0), *out])

    def end(self) -> npt.NDArray[np.float64]:
        """The rest of the piece: its silence at the end but for a margin."""
        out = []
        if len(self._rest):
            out.append(self._take(self._centred(self._rest)))
        if self._sounding:
            out.append(self._faded_out(self._held[: 1 + MARGIN]))
        elif self._held:
            out.append(self._faded_out(self._opened(self._loud_part())))
        self._begin()
        return np.concatenate([np.zeros(0), *out])

    def _begin(self) -> None:
        self._rest = np.zeros(0)
        self._offset: npt.NDArray[np.float64] | None = None  # the filter's memory
        self._sounding = False  # something of this piece came out
        self._held: list[Block] = []  # until it sounds: all of it; then: the last loud block and the silent ones since

    def _centred(self, block: Block) -> Block:
        """Without a constant offset, which is taken to be that of the first block until it is known better."""
        if self._offset is None:
            self._offset = np.array([-block.mean()])
        centred, self._offset = lfilter([1.0, -1.0], [1.0, -self._pole], block, zi=self._offset)
        return np.asarray(centred)

    def _take(self, block: Block) -> npt.NDArray[np.float64]:
        """What one more block makes certain."""
        self._peak = max(self._peak, float(np.abs(block).max()))
        if not self._loud(block, self._peak if self._sounding else max(self._peak, USUAL_PEAK)):
            self._held.append(block)
            return np.zeros(0)
        held, self._held = self._held, [block]
        if not self._sounding:
            *held, self._held[0] = self._opened([*held[-MARGIN:], block])
        return np.concatenate([np.zeros(0), *held])

    def _loud(self, block: Block, peak: float) -> bool:
        threshold = max(decibels(peak) - SILENCE_BELOW_PEAK_DB, SILENCE_FLOOR_DBFS)
        return decibels(float(np.sqrt(np.mean(block**2)))) >= threshold

    def _loud_part(self) -> list[Block]:
        """Of a piece so quiet that nothing was thought to be loud: what is loud against its own peak; else a little."""
        loud = [number for number, block in enumerate(self._held) if self._loud(block, self._peak)]
        if not loud:
            return self._held[: 2 * MARGIN]
        return self._held[max(0, loud[0] - MARGIN) : loud[-1] + 1 + MARGIN]

    def _opened(self, blocks: Sequence[Block]) -> list[Block]:
        """The first blocks of a piece, faded in, after the gap if there was one before."""
        first = blocks[0].copy()
        length = min(self._fade, len(first))
        first[:length] *= np.arange(length) / length
        gap = [self._gap] if self._joined else []
        self._sounding = self._joined = True
        return [*gap, first, *blocks[1:]]

    def _faded_out(self, blocks: Sequence[Block]) -> npt.NDArray[np.float64]:
        last = np.concatenate(blocks)
        length = min(self._fade, len(last))
        last[len(last) - length :] *= np.arange(length)[::-1] / max(1, length)
        return last
