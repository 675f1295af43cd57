"""Bytes of a sound file -> its samples. Runs in a bounded child only: see `bounded.py`.

The format is told by the first bytes, and libsndfile must agree with them; it starts no program, follows no link and opens
no other file. Of a file of any length no more is decoded than was asked for.
"""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from synth.bounded import HIGHEST_RATE, Bounds, NotAudio, TooLong

FORMATS = ("OGG", "MP3", "FLAC", "WAV")
RATES = (8_000, HIGHEST_RATE)  # Hz
CHANNELS = 8
BLOCK = 1 << 15  # samples of each channel read at once
SUBTYPES = {"OGG": {"OPUS", "VORBIS"}, "MP3": {"MPEG_LAYER_III"}}  # of the others: any


def decode(data: bytes, bounds: Bounds) -> tuple[dict[str, Any], bytes]:
    """The task: options `rate`, `formats`, `cut`. Raises NotAudio, TooLong."""
    samples, about = decoded(data, bounds)
    return about, samples.astype("<f4").tobytes()


def decoded(data: bytes, bounds: Bounds) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
    """Samples (n,) at the rate that the options ask for, else the file's; and what is known of them."""
    kind = kind_of(data)
    if kind not in bounds.options.get("formats", FORMATS):
        raise NotAudio("The file is not in a format that is taken here.")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            _check(file, kind)
            rate = int(file.samplerate)
            samples = _mono(file, math.floor(bounds.seconds * rate), cut=bool(bounds.options.get("cut", False)))
    except (soundfile.LibsndfileError, RuntimeError, ValueError, OSError) as error:
        raise NotAudio("The file is broken.") from error
    if not len(samples) or not np.isfinite(samples).all():
        raise NotAudio("There is no sound in the file.")
    target = int(bounds.options.get("rate", rate))
    samples = np.clip(samples if target == rate else _resampled(samples, rate, target), -1.0, 1.0)
    return samples, {"rate": target, "seconds": len(samples) / target, "format": kind}


def kind_of(data: bytes) -> str:
    """The format that the first bytes are of; empty for none that is known."""
    data = _past_id3(data)
    if data.startswith(b"OggS"):
        return "OGG"
    if data.startswith(b"fLaC"):
        return "FLAC"
    if data.startswith(b"RIFF") and data[8:12] == b"WAVE":
        return "WAV"
    if data.startswith(b"ID3") or (
        len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2
    ):  # a frame of layer III
        return "MP3"
    return ""


def _past_id3(data: bytes) -> bytes:
    """C2PA puts an ID3 tag in front of a FLAC; libsndfile passes over it. Of anything else the tag itself says MP3."""
    if not data.startswith(b"ID3") or len(data) < 10:
        return data
    size = 0
    for byte in data[6:10]:  # seven bits each; ID3v2.4, 3.1
        size = size << 7 | byte & 0x7F
    behind = data[10 + size : 14 + size]
    return behind if behind == b"fLaC" else data


def _check(file: soundfile.SoundFile, kind: str) -> None:
    known = file.format == kind or (kind == "WAV" and file.format == "WAVEX")
    if not known or (kind in SUBTYPES and file.subtype not in SUBTYPES[kind]):
        raise NotAudio("The file is not what its first bytes say.")
    if not RATES[0] <= file.samplerate <= RATES[1] or not 1 <= file.channels <= CHANNELS:
        raise NotAudio(f"Nobody records {file.channels} channels at {file.samplerate} Hz.")


def _mono(file: soundfile.SoundFile, most: int, *, cut: bool) -> npt.NDArray[np.float32]:
    """The mean of all channels (n,), at most so many samples, read in blocks."""
    blocks: list[npt.NDArray[np.float32]] = []
    left = most
    while left > 0:
        block = file.read(min(BLOCK, left), dtype="float32", always_2d=True)
        if not len(block):
            break
        blocks.append(block.mean(axis=1, dtype=np.float32))
        left -= len(block)
    if left <= 0 and not cut and len(file.read(1, always_2d=True)):
        raise TooLong(f"It is longer than {most / file.samplerate:g} s.")
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def _resampled(samples: npt.NDArray[np.float32], rate: int, target: int) -> npt.NDArray[np.float32]:
    from scipy.signal import resample_poly  # type: ignore[import-untyped]  # noqa: PLC0415 -- no stubs; slow import

    common = math.gcd(rate, target)
    return np.asarray(resample_poly(samples, target // common, rate // common), dtype=np.float32)
