"""Speech as frames of features, and speech made from them again with its pulses locked to the frames.

A natural waveform has phases and a pitch that no code can carry cheaply, and a small codec trained on it drowns in them.
So the teacher's speech is taken apart into 75 frames a second of envelope and voicing, and put together again with
excitation of period 320 samples, one frame: pulses at a multiple of 75 Hz, noise of frozen phase. Then a waveform is a
function of its frames alone; the quantiser can be computed instead of trained, and the decoder is plain regression.

Pitch is counted in multiples of 75 Hz: 2 is 150 Hz. Between two whole numbers both combs are mixed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt  # type: ignore[import-untyped] # scipy ships no types

from synth.pup.teacher import SAMPLE_RATE, Waveform

Array = npt.NDArray[np.float32]

HOP = 320  # samples of a frame: 75 frames a second
BANDS = 62
FEATURES = BANDS + 2  # log envelope, voicing, pitch: the codec's latent
SCALE = 0.3  # features -> latents: about unit variance
LOWEST, HIGHEST = 1.0, 4.0  # pitch

_WINDOW = 600  # samples of a frame of analysis: 25 ms
_FFT = 1024
_LIFTER = 70  # cepstral coefficients of the envelope: below the pitch period of 240 samples
_SMOOTHINGS = 3
_FLOOR = 1e-5
_QUIETEST, _CENTRE = -8.5, 4.5  # of the log envelope, ln(amplitude)
_VOICING_WEIGHT, _PITCH_WEIGHT, _PITCH_CENTRE = 4.0, 3.0, 2.5
_NOISE_LEVEL = (
    0.65  # of a noise line against a pulse line: noise is then as loud beside the pulses as in the teacher's voice
)
_LOUDNESS = 0.8
_LINES = HOP // 2 + 1  # of 75 Hz each, up to 12 kHz


def analyse(waveform: Waveform) -> tuple[Array, Array]:
    """Log envelope (frames, 62) in ln(amplitude), and voicing (frames,) from 0 to 1, of 24 kHz audio."""
    frames = len(waveform) // HOP
    padded = np.pad(waveform.astype(np.float64), (_FFT, 2 * _FFT))
    centres = _FFT + HOP // 2 + HOP * np.arange(frames)
    return _envelope(padded, centres), _voicing(padded, centres)


def scale_formants(envelope: Array, factor: float) -> Array:
    """The envelope (frames, 62) of a throat that is 1 / factor as long: its peaks at `factor` times their frequency."""
    if factor == 1:
        return envelope
    centres = _band_centres()
    return np.stack([np.interp(centres / factor, centres, row) for row in envelope]).astype(np.float32)


def features(envelope: Array, voicing: Array, pitch: Array) -> Array:
    """Latents (frames, 64), balanced for a quantiser that minimises squares, from (frames, 62), (frames,), (frames,)."""
    columns = [
        np.maximum(envelope, _QUIETEST) + _CENTRE,
        voicing[:, None] * _VOICING_WEIGHT,
        (pitch[:, None] - _PITCH_CENTRE) * _PITCH_WEIGHT,
    ]
    return (np.concatenate(columns, axis=1) * SCALE).astype(np.float32)


def revocode(latents: Array) -> Waveform:
    """The waveform (frames * 320,) of latents (frames, 64)."""
    periods = _periods(latents / SCALE)  # (frames, 320)
    before = np.concatenate([periods[:1], periods[:-1]])
    after = np.concatenate([periods[1:], periods[-1:]])
    place = np.arange(HOP)
    own = np.sin(np.pi * (place + HOP / 2) / (2 * HOP)) ** 2  # a frame is loudest in its middle
    neighbour = np.where(place < HOP // 2, before, after)
    waveform: Waveform = (_LOUDNESS * (own * periods + (1 - own) * neighbour)).ravel().astype(np.float32)
    return waveform


def pitch_of(waveform: Waveform) -> float:
    """The pitch of a whole recording in multiples of 75 Hz, within what the codec knows."""
    spectrum = np.abs(np.fft.rfft(waveform, 2 * len(waveform))) ** 2
    similarity = np.fft.irfft(spectrum)
    shortest, longest = SAMPLE_RATE // 400, SAMPLE_RATE // 70
    lag = shortest + int(np.argmax(similarity[shortest:longest]))
    return float(np.clip(SAMPLE_RATE / lag * HOP / SAMPLE_RATE, LOWEST, HIGHEST))


def _envelope(padded: npt.NDArray[np.float64], centres: npt.NDArray[np.int64]) -> Array:
    """The true envelope: smoothed by the cepstrum again and again, never below the spectrum before."""
    window = np.hanning(_WINDOW)
    frames = np.stack([padded[centre - _WINDOW // 2 : centre + _WINDOW // 2] for centre in centres]) * window
    spectrum = np.log(np.abs(np.fft.rfft(frames, _FFT)) / window.sum() * 2 + _FLOOR)
    upper = smooth = spectrum
    for _ in range(_SMOOTHINGS):
        cepstrum = np.fft.irfft(upper, axis=1)
        cepstrum[:, _LIFTER : 1 - _LIFTER] = 0
        smooth = np.fft.rfft(cepstrum, axis=1).real
        upper = np.maximum(spectrum, smooth)
    frequencies = np.arange(_FFT // 2 + 1) * SAMPLE_RATE / _FFT
    centres_of_bands = _band_centres()
    return np.stack([np.interp(centres_of_bands, frequencies, row) for row in smooth]).astype(np.float32)


def _voicing(padded: npt.NDArray[np.float64], centres: npt.NDArray[np.int64]) -> Array:
    """How periodic each frame is below 1 kHz, from its autocorrelation between 60 and 250 Hz."""
    low = sosfilt(butter(4, 1000, fs=SAMPLE_RATE, output="sos"), padded)
    half, size = 480, 2048
    frames = np.stack([low[centre - half : centre + half] for centre in centres])
    frames = frames - frames.mean(axis=1, keepdims=True)
    similarity = np.fft.irfft(np.abs(np.fft.rfft(frames, size)) ** 2)[:, :half] / (1 - np.arange(half) / (2 * half))
    energy = similarity[:, 0]
    peak = similarity[:, 96:400].max(axis=1) / np.maximum(energy, 1e-9)
    return np.where(energy < 1e-3, 0, np.clip((peak - 0.45) / 0.3, 0, 1)).astype(np.float32)


def _periods(columns: Array) -> npt.NDArray[np.float64]:
    """One period of 320 samples for each frame, (frames, 320), from latents without their scale."""
    lines = np.arange(_LINES) * (SAMPLE_RATE / HOP)
    centres = _band_centres()
    envelope = columns[:, :BANDS] - _CENTRE
    amplitude = np.exp(np.stack([np.interp(lines, centres, row) for row in envelope]))
    amplitude[:, 0] = 0
    voicing = np.clip(columns[:, BANDS : BANDS + 1] / _VOICING_WEIGHT, 0, 1)
    voicing = voicing * np.where(lines < 4000, 1, 0.6)  # consonants and breath fill the top
    pitch = np.clip(columns[:, -1] / _PITCH_WEIGHT + _PITCH_CENTRE, LOWEST, HIGHEST)
    noise = np.sqrt(1 - voicing**2) * _NOISE_LEVEL * _frozen_phases()
    return np.fft.irfft(amplitude * (voicing * _combs(pitch) + noise), HOP, axis=1) * HOP / 2


def _combs(pitch: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The harmonics of each frame's pitch among the lines, (frames, 161), of equal loudness for every pitch."""
    order = np.arange(_LINES)
    combs = np.zeros((len(pitch), _LINES))
    for multiple in range(int(LOWEST), int(HIGHEST) + 1):
        share = np.maximum(0, 1 - np.abs(pitch - multiple))[:, None]
        combs += share * (order % multiple == 0) * np.sqrt(multiple / 2)
    return combs


def _frozen_phases() -> npt.NDArray[np.complex128]:
    phases: npt.NDArray[np.complex128] = np.exp(
        2j * np.pi * np.random.default_rng(3).random(_LINES)
    )  # the seed is part of the codec
    phases[[0, -1]] = 0
    return phases


def _band_centres() -> npt.NDArray[np.float64]:
    """62 frequencies in Hz, evenly spaced in mel from 60 Hz to 11.5 kHz."""
    low, high = (1127 * np.log1p(hertz / 700) for hertz in (60, 11_500))
    return 700 * np.expm1(np.linspace(low, high, BANDS) / 1127)
