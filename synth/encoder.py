"""Samples, as they are made -> the bytes of one Ogg Opus file, as `synth.audio.write` would have them in shorter pages.

libsndfile's encoder holds back less than 80 ms of sound. Its settings are those of audio.py.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from synth.audio import SOFTWARE, SPEECH_BITS, Tags, missing, quality

PAGE_MS = 50.0  # the shortest page that libsndfile makes: three packets. They cost 4 % more bytes than its usual 1 s
SET_PAGE_LATENCY = 0x1302  # SFC_SET_OGG_PAGE_LATENCY_MS; sndfile.h


class Encoder:
    """Samples in, bytes out; all that came out, put together, is the file. `rate` is one of `audio.OPUS_RATES`."""

    def __init__(self, rate: int, tags: Tags, *, bits: int = SPEECH_BITS) -> None:
        """`bits`: about so many per second."""
        self._rate, self._samples, self._sink = rate, 0, _Sink()
        settings = {"format": "OGG", "subtype": "OPUS", **quality("OPUS", rate, bits)}
        self._file = soundfile.SoundFile(self._sink, "w", samplerate=rate, channels=1, **settings)
        _shorten_pages(self._file)
        for name, value in {**tags.fields(), "software": SOFTWARE}.items():
            setattr(self._file, name, value)

    def push(self, waveform: npt.NDArray[Any]) -> bytes:
        """The pages that the next samples (n,), within full scale, complete."""
        self._samples += len(waveform)
        self._file.write(np.asarray(waveform, np.float32))
        return self._sink.taken()

    def end(self) -> bytes:
        """The rest. The last packet has 20 ms like all others."""
        self._file.write(np.zeros(missing(self._samples, self._rate), np.float32))
        self._file.close()
        return self._sink.taken()


class _Sink(io.RawIOBase):
    """What libsndfile writes to; an Ogg file is never written to but at its end."""

    def __init__(self) -> None:
        self._length = 0
        self._new: list[bytes] = []

    def write(self, data: Any) -> int:
        self._new.append(bytes(data))
        self._length += len(data)
        return len(data)

    def seek(self, _offset: int, _whence: int = 0) -> int:
        return self._length

    def tell(self) -> int:
        return self._length

    def taken(self) -> bytes:
        """What is new, once."""
        new, self._new = b"".join(self._new), []
        return new


def _shorten_pages(file: soundfile.SoundFile) -> None:
    """soundfile has no name for this command of libsndfile's; where it is unknown, pages stay long."""
    library, ffi = soundfile._snd, soundfile._ffi  # noqa: SLF001
    latency = ffi.new("double*", PAGE_MS)
    library.sf_command(file._file, SET_PAGE_LATENCY, latency, ffi.sizeof("double"))  # noqa: SLF001
