"""Waveform in, audio file out: Ogg Opus, MP3, FLAC or WAV, marked as AI.

Everything is encoded by libsndfile (soundfile), which starts no program. An Ogg Opus file written here holds packets of
exactly 20 ms, so that it can be played in a voice channel as it is.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile

from synth.errors import JobError
from synth.growing import growing
from synth.mastering import checked, resampled
from synth.protocol import Reason

OPUS_RATES = (8000, 12000, 16000, 24000, 48000)  # Hz; RFC 6716
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)  # Hz; MPEG-2.5, MPEG-2 and MPEG-1 layer III
OPUS_PRE_SKIP = 312  # samples at 48 kHz that libsndfile's encoder puts in front
OPUS_BITS = (6_000, 256_000)  # bit/s for one channel; libsndfile maps compression levels 1..0 onto them
SPEECH_BITS = 64_000  # bit/s
SMALLER_BITS = (48_000, 32_000, 24_000, 16_000, 10_000)  # tried in turn when a file has to get smaller
SOFTWARE = "barkbot"

Sign = Callable[[bytes, str], bytes]
"""Called as (file's bytes, its suffix): the bytes with Content Credentials, as `synth.credentials` makes them."""


class UnknownFormat(JobError):
    """The file name's ending names no format that can be written."""


class TooLarge(JobError):
    """No encoding of it is as small as asked."""

    reason = Reason.TOO_LARGE


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


def supported(path: str | Path) -> bool:
    """Whether `write` knows the ending of this name."""
    return Path(path).suffix.lower() in _FORMATS


def is_opus(path: str | Path) -> bool:
    """Whether the ending of this name asks for Ogg Opus."""
    return _FORMATS.get(Path(path).suffix.lower()) is _OPUS


def write(
    path: str | Path,
    waveform: npt.NDArray[Any],
    rate: int,
    tags: Tags,
    *,
    max_bytes: int | None = None,
    sign: Sign | None = None,
) -> None:
    """(n,) at `rate` Hz into a file whose ending picks the format; complete, signed and synced to disk, or not there at all.

    Opus and MP3 take fewer bits where `max_bytes` asks for it. Raises UnknownFormat, BrokenAudio, TooLarge, DiskFull,
    CannotWrite, and what `sign` raises.
    """
    target = Path(path)
    if not supported(target):
        raise UnknownFormat(f"{target.name!r} names no audio format: use one of {', '.join(sorted(_FORMATS))}.")
    suffix = target.suffix.lower()
    fitting = _fitting(
        checked(waveform),
        rate,
        _FORMATS[suffix],
        tags.fields(),
        max_bytes,
        finish=lambda data: sign(data, suffix) if sign else data,
    )
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
    """What libsndfile calls a file format, and the sampling rates that it has; none: it takes any."""

    container: str
    subtype: str
    rates: tuple[int, ...] = ()


_OPUS = _Kind("OGG", "OPUS", OPUS_RATES)
_FORMATS = {
    ".ogg": _OPUS,
    ".opus": _OPUS,
    ".mp3": _Kind("MP3", "MPEG_LAYER_III", MP3_RATES),
    ".flac": _Kind("FLAC", "PCM_16"),
    ".wav": _Kind("WAV", "PCM_16"),
}


def _fitting(
    waveform: npt.NDArray[Any],
    rate: int,
    kind: _Kind,
    fields: dict[str, str],
    max_bytes: int | None,
    *,
    finish: Callable[[bytes], bytes] = lambda data: data,
) -> tuple[int, bytes] | None:
    """The best bit rate whose file is small enough, and the file's bytes; None if there is none."""
    lossy = kind.subtype in {"OPUS", "MPEG_LAYER_III"}
    for bits in (SPEECH_BITS, *SMALLER_BITS) if lossy else (SPEECH_BITS,):
        data = finish(_encoded(waveform, rate, kind, bits, fields))
        if max_bytes is None or len(data) <= max_bytes:
            return bits, data
    return None


def _encoded(waveform: npt.NDArray[Any], rate: int, kind: _Kind, bits: int, fields: dict[str, str]) -> bytes:
    """The file's bytes. In memory, because libsndfile hides the system's reason when a write fails."""
    if kind.rates and rate not in kind.rates:
        waveform, rate = resampled(waveform, rate, kind.rates[-1]), kind.rates[-1]
    if kind.subtype == "OPUS":
        waveform = _whole_packets(waveform, rate)
    out = io.BytesIO()
    settings = {"format": kind.container, "subtype": kind.subtype, **quality(kind.subtype, rate, bits)}
    with soundfile.SoundFile(out, "w", samplerate=rate, channels=1, **settings) as file:
        for name, value in fields.items():
            setattr(file, name, _for_mp3(name, value) if kind.container == "MP3" else value)
        if kind.container != "MP3":  # LAME writes its own name there
            file.software = SOFTWARE
        file.write(np.clip(waveform, -1.0, 1.0).astype(np.float32))
    return out.getvalue()


def _for_mp3(name: str, value: str) -> str:
    """libsndfile's MP3 tags are Latin-1 by their label and UTF-8 by their bytes: only ASCII survives. A / parts two artists."""
    plain = value.encode("ascii", "backslashreplace").decode()
    return plain.replace("/", " ") if name == "artist" else plain


def quality(subtype: str, rate: int, bits: int) -> dict[str, Any]:
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


def _whole_packets(waveform: npt.NDArray[Any], rate: int) -> npt.NDArray[Any]:
    return np.pad(waveform, (0, missing(len(waveform), rate)))


def missing(samples: int, rate: int) -> int:
    """So many samples of silence at the end give the last Opus packet 20 ms like all others."""
    return -(samples + OPUS_PRE_SKIP * rate // OPUS_RATES[-1]) % (rate // 50)


def _plain(text: str) -> str:
    """Printable, on one line, of bounded length: names can come from a person's file names."""
    return "".join(letter for letter in text if letter.isprintable())[:100]


def _store(path: Path, data: bytes) -> None:
    """Bytes into a file: readers see all of it or nothing."""
    with growing(path) as add:
        add(data)
