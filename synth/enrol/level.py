"""Where somebody speaks in a recording, and how good it is: by loudness alone, relative to the recording's own.

A threshold between its quiet and its loud frames finds speech over steady noise. It cannot tell speech from music.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Waveform = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

FRAME_SECONDS = 0.02
FULL_SCALE = 0.99  # of 1.0: a sample at least so large was clipped, as decoders round it
QUIETEST = -100.0  # dBFS, of digital silence
FAINTEST_SPEECH = -50.0  # dBFS, of its loud frames
LEAST_CONTRAST = 10.0  # dB between loud and quiet frames: speech has twice that, a hum has none
QUIET, LOUD = 10, 95  # percentiles
SHARE = 0.35  # of the way from quiet to loud: there speech begins
RANGE = 35.0  # dB under its loud frames: what is quieter is no speech, however silent the rest is
GAP_SECONDS = 0.2  # shorter silences are within words
BURST_SECONDS = 0.06  # shorter noises are clicks


def speech(samples: Waveform, rate: int) -> Mask:
    """Whether somebody speaks in each frame of 20 ms of (n,): (n // frame,)."""
    from scipy.ndimage import (  # type: ignore[import-untyped]  # noqa: PLC0415 -- no stubs; slow import
        binary_closing,
        binary_opening,
    )

    loudness = _loudness(samples, rate)
    if not len(loudness):
        return np.zeros(0, np.bool_)
    quiet, loud = np.percentile(loudness, (QUIET, LOUD))
    if loud < FAINTEST_SPEECH or loud - quiet < LEAST_CONTRAST:
        return np.zeros(len(loudness), np.bool_)
    rough = loudness > max(quiet + SHARE * (loud - quiet), loud - RANGE)
    gap, burst = round(GAP_SECONDS / FRAME_SECONDS), round(BURST_SECONDS / FRAME_SECONDS)
    padded = np.pad(rough, gap)  # the ends of a recording are silence
    closed = binary_closing(binary_opening(padded, np.ones(burst)), np.ones(gap))
    return np.asarray(closed[gap:-gap], dtype=np.bool_)


def level(samples: Waveform, rate: int) -> dict[str, float]:
    """The `level` of the protocol's `Heard`."""
    mask, loudness = speech(samples, rate), _loudness(samples, rate)
    spoken, between = loudness[mask], loudness[~mask]
    if len(spoken) and not len(between):  # who never pauses
        between = loudness[loudness <= np.percentile(loudness, QUIET)]
    snr = _mean(spoken) - _mean(between) if len(spoken) else 0.0
    return {
        "clipped": clipped(samples),
        "speech": float(mask.mean()) if len(mask) else 0.0,
        "snr_db": round(snr, 1),
        "loudest": float(np.abs(samples).max(initial=0.0)),
    }


def clipped(samples: Waveform) -> float:
    """The share of (n,) at full scale."""
    return float((np.abs(samples) >= FULL_SCALE).mean()) if len(samples) else 0.0


def _loudness(samples: Waveform, rate: int) -> npt.NDArray[np.float64]:
    """dBFS of each frame."""
    frame = round(FRAME_SECONDS * rate)
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame).astype(np.float64)
    return np.asarray(10 * np.log10((frames**2).mean(1) + 10 ** (QUIETEST / 10)), dtype=np.float64)


def _mean(loudness: npt.NDArray[np.float64]) -> float:
    """Of powers, in dB."""
    return float(10 * np.log10(np.mean(10 ** (loudness / 10))))
