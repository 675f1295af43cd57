"""Waveform in, audio file out: trimmed, joined, levelled, written as Ogg Opus, MP3, FLAC or WAV, marked as AI.

Everything is encoded by libsndfile (soundfile); pydub cuts, fades and joins samples in memory and starts no program.
An Ogg Opus file written here holds packets of exactly 20 ms, so that it can be played in a voice channel as it is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import io
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile

from synth.errors import DiskFull, EmptySpeech, JobError
from synth.protocol import Reason

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pydub says at import that it found no ffmpeg; nothing here needs one
    from pydub import AudioSegment
    from pydub.silence import detect_leading_silence

Waveform = npt.NDArray[np.float32]  # (n,), mono

GAP_SECONDS = 0.25  # between the pieces of a long text; suno-ai/bark's long-form notebook
TARGET_LUFS = -18.0  # speech, AES TD1008 (loudness of internet audio)
MAX_GAIN_DB = 30.0  # what is quieter than that is noise, and stays quiet
CEILING = 10 ** (-1 / 20)  # -1 dBFS, the peak that AES TD1008 allows
KNEE = 10 ** (-4 / 20)  # samples under -4 dBFS pass the limiter untouched
SILENCE_BELOW_PEAK_DB = 45.0  # breath and tails of words are louder than this, Bark's noise floor is not
SILENCE_FLOOR_DBFS = -70.0  # BS.1770's absolute gate
SILENCE_STEP_MS = 10
MARGIN_MS = 60  # kept on both sides of what is not silent: soft onsets such as "f" and "h" start under the threshold
FADE_MS = 8

OPUS_RATES = (8000, 12000, 16000, 24000, 48000)  # Hz; RFC 6716
OPUS_PRE_SKIP = 312  # samples at 48 kHz that libsndfile's encoder puts in front
OPUS_BITS = (6_000, 256_000)  # bit/s for one channel; libsndfile maps compression levels 1..0 onto them
SPEECH_BITS = 64_000  # bit/s
SMALLER_BITS = (48_000, 32_000, 24_000, 16_000, 10_000)  # tried in turn when a file has to get smaller
SOFTWARE = "barkbot"


class UnknownFormat(JobError):
    """The file name's ending names no format that can be written."""


class BrokenAudio(JobError):
    """The samples are no audio: not finite numbers, or not one channel."""


class TooLarge(JobError):
    """No encoding of it is as small as asked."""

    reason = Reason.TOO_LARGE


class CannotWrite(JobError):
    """The file cannot be written where it was asked for."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Tags:
    """What the file says about itself. The prompt is not among it: files travel further than their makers think."""

    voice: str | None
    seed: int
    model: str

    def fields(self) -> dict[str, str]:
        """The strings to store, by libsndfile's names for them; all four formats keep these three."""
        voice = _plain(self.voice) if self.voice else "none"
        return {
            "title": "AI-generated speech",
            "artist": f"AI voice {voice}",
            "comment": f"AI-generated audio; model={_plain(self.model)}; voice={voice}; seed={self.seed}; "
            "digitalSourceType=trainedAlgorithmicMedia",  # the IPTC's term, for programs that look for it
        }


def finish(waveforms: Sequence[npt.NDArray[Any]], rate: int, *, gap: float = GAP_SECONDS) -> Waveform:
    """The pieces of one text as one waveform: ends trimmed, joined with `gap` seconds, levelled, limited.

    `waveforms` are (n,) in full scale 1.0 (louder is allowed) at `rate` Hz; the result is (m,), with no sample over
    `CEILING`. A silent piece becomes a short silence. Raises BrokenAudio, and EmptySpeech if there are no samples.
    """
    pieces = [_checked(waveform) for waveform in waveforms if np.size(waveform)]
    if not pieces:
        raise EmptySpeech("The model made no sound. Try another text, or another seed.")
    peak = max(float(np.abs(piece).max()) for piece in pieces)
    threshold = max(_decibels(peak) - SILENCE_BELOW_PEAK_DB, SILENCE_FLOOR_DBFS)
    headroom = max(1.0, peak)  # pydub's integers end at full scale, a model's floats do not
    whole = AudioSegment.empty()
    for index, piece in enumerate(pieces):
        segment = _faded(_trimmed(_segment(piece / headroom, rate), threshold - _decibels(headroom)))
        whole = segment if index == 0 else whole.append(_silence(gap, rate), crossfade=0).append(segment, crossfade=0)
    joined = np.frombuffer(whole.raw_data, "<i4").astype(np.float64) / 2**31 * headroom
    return limited(joined * _gain(joined, rate))


def limited(waveform: npt.NDArray[Any]) -> Waveform:
    """(n,) with every sample within `CEILING`: untouched under `KNEE`, bent smoothly above it."""
    magnitude = np.abs(waveform)
    room = CEILING - KNEE
    bent = KNEE + room * np.tanh((magnitude - KNEE) / room)
    out = np.where(magnitude <= KNEE, waveform, np.sign(waveform) * bent)
    return np.clip(out, -CEILING, CEILING).astype(np.float32)


def supported(path: str | Path) -> bool:
    """Whether `write` knows the ending of this name."""
    return Path(path).suffix.lower() in _FORMATS


def write(path: str | Path, waveform: npt.NDArray[Any], rate: int, tags: Tags, *, max_bytes: int | None = None) -> None:
    """(n,) at `rate` Hz into a file whose ending picks the format; complete and synced to disk, or not there at all.

    Opus and MP3 take fewer bits where `max_bytes` asks for it. Raises UnknownFormat, BrokenAudio, TooLarge, DiskFull,
    CannotWrite.
    """
    target = Path(path)
    if not supported(target):
        raise UnknownFormat(f"{target.name!r} names no audio format: use one of {', '.join(sorted(_FORMATS))}.")
    kind = _FORMATS[target.suffix.lower()]
    fitting = _fitting(_checked(waveform), rate, kind, tags.fields(), max_bytes)
    if not fitting:
        raise TooLarge(f"The audio does not fit into {max_bytes} bytes: shorten the text.")
    _store(target, fitting[1])


def duration(path: str | Path) -> float:
    """Seconds of audio in a file; soundfile.LibsndfileError if it is none."""
    info = soundfile.info(str(path))
    return float(info.frames / info.samplerate)


def fit(path: str | Path, max_bytes: int) -> Path | None:
    """The file itself if it is small enough, else an Ogg Opus copy beside it that is; None if no bit rate will do.

    The copy is named after the file and its bit rate and keeps its tags. Raises DiskFull, CannotWrite.
    """
    source = Path(path)
    if source.stat().st_size <= max_bytes:
        return source
    with soundfile.SoundFile(source) as file:
        waveform, rate, stored = file.read(dtype="float32"), file.samplerate, file.copy_metadata()
    fields = {name: stored[name] for name in ("title", "artist", "comment") if stored.get(name)}
    fitting = _fitting(waveform, rate, _OPUS, fields, max_bytes)
    if not fitting:
        return None
    bits, data = fitting
    smaller = source.with_name(f"{source.stem}-{bits // 1000}k.ogg")
    _store(smaller, data)
    return smaller


class _Kind(NamedTuple):
    """What libsndfile calls a file format."""

    container: str
    subtype: str


_OPUS = _Kind("OGG", "OPUS")
_FORMATS = {
    ".ogg": _OPUS,
    ".opus": _OPUS,
    ".mp3": _Kind("MP3", "MPEG_LAYER_III"),
    ".flac": _Kind("FLAC", "PCM_16"),
    ".wav": _Kind("WAV", "PCM_16"),
}


def _fitting(
    waveform: npt.NDArray[Any], rate: int, kind: _Kind, fields: dict[str, str], max_bytes: int | None
) -> tuple[int, bytes] | None:
    """The best bit rate whose file is small enough, and the file's bytes; None if there is none."""
    lossy = kind.subtype in {"OPUS", "MPEG_LAYER_III"}
    for bits in (SPEECH_BITS, *SMALLER_BITS) if lossy else (SPEECH_BITS,):
        data = _encoded(waveform, rate, kind, bits, fields)
        if max_bytes is None or len(data) <= max_bytes:
            return bits, data
    return None


def _encoded(waveform: npt.NDArray[Any], rate: int, kind: _Kind, bits: int, fields: dict[str, str]) -> bytes:
    """The file's bytes. In memory, because libsndfile hides the system's reason when a write fails."""
    if kind.subtype == "OPUS":
        waveform, rate = _for_opus(waveform, rate)
    out = io.BytesIO()
    settings = {"format": kind.container, "subtype": kind.subtype, **_quality(kind.subtype, rate, bits)}
    with soundfile.SoundFile(out, "w", samplerate=rate, channels=1, **settings) as file:
        for name, value in fields.items():
            # libsndfile's MP3 tags are Latin-1 by their label and UTF-8 by their bytes: only ASCII survives
            setattr(
                file, name, value.encode("ascii", "backslashreplace").decode() if kind.container == "MP3" else value
            )
        if kind.container != "MP3":  # LAME writes its own name there
            file.software = SOFTWARE
        file.write(np.clip(waveform, -1.0, 1.0).astype(np.float32))
    return out.getvalue()


def _quality(subtype: str, rate: int, bits: int) -> dict[str, Any]:
    """SoundFile arguments for about `bits` per second: libsndfile's level runs from 0 (most bits) to 1 (fewest)."""
    if subtype == "OPUS":
        low, high = OPUS_BITS
    elif subtype == "MPEG_LAYER_III":  # the bit rates that MPEG-2.5, MPEG-2 and MPEG-1 layer III have at this rate
        low, high = (8_000, 64_000) if rate < 16_000 else (8_000, 160_000) if rate < 32_000 else (32_000, 320_000)
    else:
        return {}
    level = 1 - (min(max(bits, low), high) - low) / (high - low)
    mode = {} if subtype == "OPUS" else {"bitrate_mode": "CONSTANT"}
    return {"compression_level": level, **mode}


def _for_opus(waveform: npt.NDArray[Any], rate: int) -> tuple[npt.NDArray[Any], int]:
    """The same sound at a rate that Opus has, with so much silence at its end that the last packet is whole too."""
    if rate not in OPUS_RATES:
        from scipy.signal import resample_poly  # type: ignore[import-untyped]  # noqa: PLC0415 -- no stubs; slow import, rare case

        common = math.gcd(rate, OPUS_RATES[-1])
        waveform, rate = resample_poly(waveform, OPUS_RATES[-1] // common, rate // common), OPUS_RATES[-1]
    skipped = OPUS_PRE_SKIP * rate // OPUS_RATES[-1]
    return np.pad(waveform, (0, -(len(waveform) + skipped) % (rate // 50))), rate


def _checked(waveform: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The waveform, if it is one: (n,) of finite numbers."""
    if np.ndim(waveform) != 1:
        raise BrokenAudio(f"The audio has the shape {np.shape(waveform)} where (samples,) was expected.")
    if not np.isfinite(waveform).all():
        raise BrokenAudio(
            "The model produced numbers that are no sound (not finite). Try another seed or full precision."
        )
    return np.asarray(waveform, dtype=np.float64)


def _gain(waveform: npt.NDArray[np.float64], rate: int) -> float:
    """The factor that brings (n,) to `TARGET_LUFS`; 1.0 for silence."""
    import pyloudnorm  # noqa: PLC0415 -- it brings scipy: half a second and 40 MB that a reader of files does not need

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


def _decibels(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def _plain(text: str) -> str:
    """Printable, on one line, of bounded length: names can come from a person's file names."""
    return "".join(letter for letter in text if letter.isprintable())[:100]


def _store(path: Path, data: bytes) -> None:
    """Bytes into a file, by way of a neighbour that is synced and renamed: readers see all of it or nothing."""
    aside = path.with_name(f".{path.name}.part")  # always the same name: what a killed process left is overwritten
    with _told(path):
        try:
            with aside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename in this folder last. Not every file system can, and the file itself is safe by then."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turns the system's refusals into sentences."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise DiskFull(f"There is no room left for {path}: free some disk space.") from error
        raise CannotWrite(f"{path} cannot be written: {os.strerror(error.errno or 0)}.") from error
