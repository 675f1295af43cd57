"""The waveforms of a text's pieces -> one waveform as people want to hear it: trimmed, joined, levelled, limited.

The same while it is being made: trimmer.py and leveller.py.

pydub cuts, fades and joins samples in memory and starts no program.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.errors import EmptySpeech, JobError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pydub says at import that it found no ffmpeg; nothing here needs one
    from pydub import AudioSegment
    from pydub.silence import detect_leading_silence

Waveform = npt.NDArray[np.float32]  # (n,), mono

GAP_SECONDS = 0.25  # between the pieces of a long text; suno-ai/bark's long-form notebook
SPEAKER_GAP_SECONDS = 0.5  # where somebody else goes on; the same
TARGET_LUFS = -18.0  # speech, AES TD1008 (loudness of internet audio)
LOWEST_METERED_RATE = 8_000  # Hz; BS.1770's filter lifts what is over 1.5 kHz and is unstable where that cannot be
MAX_GAIN_DB = 30.0  # what is quieter than that is noise, and stays quiet
CEILING = 10 ** (-1 / 20)  # -1 dBFS, the peak that AES TD1008 allows
KNEE = 10 ** (-4 / 20)  # samples under -4 dBFS pass the limiter untouched
SILENCE_BELOW_PEAK_DB = 45.0  # breath and tails of words are louder than this, Bark's noise floor is not
SILENCE_FLOOR_DBFS = -70.0  # BS.1770's absolute gate
SILENCE_STEP_MS = 10
MARGIN_MS = 60  # kept on both sides of what is not silent: soft onsets such as "f" and "h" start under the threshold
FADE_MS = 8


class BrokenAudio(JobError):
    """The samples are no audio: not finite numbers, or not one channel."""


def finish(
    waveforms: Sequence[npt.NDArray[Any]], rate: int, *, gaps: Sequence[float] = (), mark: bytes | None = None
) -> Waveform:
    """The pieces of one text as one waveform: ends trimmed, joined, levelled, limited.

    `waveforms` are (n,) in full scale 1.0 (louder is allowed) at `rate` Hz; the result is (m,), with no sample over
    `CEILING`. `gaps` are the seconds of silence after each; `GAP_SECONDS` where there are none. A silent piece becomes a
    short silence. `mark` is the key of the watermark; None: there is none. Raises BrokenAudio, and EmptySpeech if there are no samples.
    """
    pieces = [(_centred(checked(waveform)), gap) for waveform, gap in _with(gaps, waveforms) if np.size(waveform)]
    if not pieces:
        raise EmptySpeech("The model made no sound. Try another text, or another seed.")
    peak = max(float(np.abs(piece).max()) for piece, _ in pieces)
    threshold = max(decibels(peak) - SILENCE_BELOW_PEAK_DB, SILENCE_FLOOR_DBFS)
    headroom = max(1.0, peak)  # pydub's integers end at full scale, a model's floats do not
    whole, gap = AudioSegment.empty(), None
    for piece, after in pieces:
        segment = _faded(_trimmed(_segment(piece / headroom, rate), threshold - decibels(headroom)))
        parts = [segment] if gap is None else [whole, _silence(gap, rate), segment]
        whole, gap = functools.reduce(lambda one, next_: one.append(next_, crossfade=0), parts), after
    joined = np.frombuffer(whole.raw_data, "<i4").astype(np.float64) / 2**31 * headroom
    if mark is not None:
        from synth.marking import embed  # noqa: PLC0415 -- it brings scipy, as does pyloudnorm

        joined = embed(joined, rate, mark).astype(np.float64)
    return limited(joined * gain_of(joined, rate))


def _with(gaps: Sequence[float], waveforms: Sequence[npt.NDArray[Any]]) -> Iterator[tuple[npt.NDArray[Any], float]]:
    return zip(waveforms, [*gaps, *[GAP_SECONDS] * (len(waveforms) - len(gaps))], strict=True)


def _centred(waveform: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Without a constant offset: nobody hears it, but it hides silence, and takes the room that levelling needs."""
    return waveform - float(waveform.mean())


def limited(waveform: npt.NDArray[Any]) -> Waveform:
    """(n,) with every sample within `CEILING`: untouched under `KNEE`, bent smoothly above it."""
    magnitude = np.abs(waveform)
    room = CEILING - KNEE
    bent = KNEE + room * np.tanh((magnitude - KNEE) / room)
    out = np.where(magnitude <= KNEE, waveform, np.sign(waveform) * bent)
    return np.clip(out, -CEILING, CEILING).astype(np.float32)


def checked(waveform: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The waveform, if it is one: (n,) of finite numbers."""
    if np.ndim(waveform) != 1:
        raise BrokenAudio(f"The audio has the shape {np.shape(waveform)} where (samples,) was expected.")
    if not np.isfinite(waveform).all():
        raise BrokenAudio(
            "The model produced numbers that are no sound (not finite). Try another seed or full precision."
        )
    return np.asarray(waveform, dtype=np.float64)


def resampled(waveform: npt.NDArray[Any], rate: int, target: int) -> npt.NDArray[np.float64]:
    """The same sound (n,) at `target` Hz."""
    from scipy.signal import resample_poly  # type: ignore[import-untyped]  # noqa: PLC0415 -- no stubs; slow import, rare case

    common = math.gcd(rate, target)
    return np.asarray(resample_poly(waveform, target // common, rate // common), dtype=np.float64)


def gain_of(waveform: npt.NDArray[np.float64], rate: int) -> float:
    """The factor that brings (n,) to `TARGET_LUFS`; 1.0 for silence."""
    import pyloudnorm  # noqa: PLC0415 -- it brings scipy: half a second and 40 MB that a reader of files does not need

    if rate < LOWEST_METERED_RATE:
        waveform, rate = resampled(waveform, rate, LOWEST_METERED_RATE), LOWEST_METERED_RATE
    meter = pyloudnorm.Meter(rate)
    shortest = math.ceil(meter.block_size * rate) + 1
    repeats = -(-shortest // len(waveform))  # BS.1770 needs 0.4 s; a shorter sound is measured as if it were repeated
    loudness = float(meter.integrated_loudness(np.tile(waveform, repeats)))
    if not math.isfinite(loudness):  # all of it is under the absolute gate
        return 1.0
    return float(10 ** (min(TARGET_LUFS - loudness, MAX_GAIN_DB) / 20))


def _segment(waveform: npt.NDArray[Any], rate: int) -> AudioSegment:
    """(n,) within full scale as a pydub segment of 32-bit integers: rounding at -186 dB, not 16 bits' -96."""
    samples = np.rint(waveform * (2**31 - 1)).astype("<i4")
    return AudioSegment(samples.tobytes(), sample_width=4, frame_rate=rate, channels=1)


def _silence(seconds: float, rate: int) -> AudioSegment:
    return AudioSegment.silent(round(seconds * 1000), rate).set_sample_width(4)


def _trimmed(segment: AudioSegment, threshold: float) -> AudioSegment:
    """Without the silence (dBFS under `threshold`) at both ends, but for `MARGIN_MS` of it."""
    if len(segment) <= 2 * MARGIN_MS:
        return segment
    before = detect_leading_silence(segment, threshold, SILENCE_STEP_MS)
    after = detect_leading_silence(segment.reverse(), threshold, SILENCE_STEP_MS)
    if before >= len(segment):
        return segment[: 2 * MARGIN_MS]
    return segment[max(0, before - MARGIN_MS) : len(segment) - max(0, after - MARGIN_MS)]


def _faded(segment: AudioSegment) -> AudioSegment:
    """Without clicks at its ends. A fade longer than the sound would make pydub lengthen it."""
    length = min(FADE_MS, len(segment) // 2)
    return segment.fade_in(length).fade_out(length) if length else segment


def decibels(amplitude: float) -> float:
    """Of an amplitude, relative to full scale."""
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf
