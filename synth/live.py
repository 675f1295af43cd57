"""A request -> the bytes of one Ogg Opus file as soon as they can be known: stream.py, trimmed, marked, levelled, encoded.

The finished file is what was heard, byte for byte. It differs from `audio.write(finish(speak(...)))` in three ways: the
fine codes (see stream.py), the gain, which follows the loudness so far instead of being one for all (leveller.py), and
what counts as silence before the first loud sound, whose level is not known yet (trimmer.py).
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt

from synth import ogg
from synth.audio import OPUS_PRE_SKIP, OPUS_RATES, SMALLER_BITS, SPEECH_BITS, Tags, TooLarge
from synth.bark import Model, Request, Tokens
from synth.cue import cue
from synth.encoder import Encoder
from synth.errors import JobError
from synth.leveller import Leveller
from synth.marking import Embedder
from synth.mastering import GAP_SECONDS
from synth.progress import Watch
from synth.stream import Chunk, stream
from synth.trimmer import Trimmer

OVERHEAD = 1.25  # of a file's size over its bits a second: pages, and sounds that take more


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """The next bytes of the file."""

    data: bytes
    seconds: float  # of audio, in all that there is so far
    tokens: dict[str, Tokens] | None = None  # with the last part: all that was generated


def can_be_live(model: Model) -> bool:
    """Whether Opus has the rate of its codec; all of Bark's have."""
    return model.codec.sampling_rate in OPUS_RATES


def live(
    model: Model,
    request: Request,
    tags: Tags,
    *,
    watch: Watch | None = None,
    max_bytes: int | None = None,
    mark: bytes | None = None,
    cued: bool = False,
) -> Generator[Part]:
    """Speak a request, part by part; work is done when the next part is asked for.

    `mark` is as in `finish`; `cued`: with the cue in front.

    Raises what `stream` raises, BrokenAudio, TooLarge once there is more than `max_bytes`, and JobError where
    `can_be_live` says no. A text that could be too long gets fewer bits from its beginning on.
    """
    if not can_be_live(model):
        raise JobError(
            f"Opus knows no rate of {model.codec.sampling_rate} Hz: this model cannot be heard while it speaks."
        )
    way, size = _Way(model.codec.sampling_rate, tags, bits_for(model, request, max_bytes), mark, cued=cued), 0
    with contextlib.closing(stream(model, request, watch)) as chunks:
        for chunk in chunks:
            data = way.push(chunk)
            size += len(data)
            if max_bytes is not None and size > max_bytes:
                raise TooLarge(f"The audio does not fit into {max_bytes} bytes: shorten the text.")
            if data:
                yield Part(data=data, seconds=way.seconds, tokens=chunk.tokens)


def bits_for(model: Model, request: Request, max_bytes: int | None) -> int:
    """The most bits a second with which the longest speech that this can become fits; else the fewest."""
    choices = SPEECH_BITS, *SMALLER_BITS
    if max_bytes is None:
        return choices[0]
    spec, limit = model.semantic_spec, request.max_seconds
    seconds = len(request.pieces) * (
        spec.most(model.semantic.config.block_size, limit) / spec.semantic_rate_hz + GAP_SECONDS
    )
    return next((bits for bits in choices if bits / 8 * OVERHEAD * seconds <= max_bytes), choices[-1])


class _Way:
    """Chunks of sound in, bytes of the file out."""

    def __init__(self, rate: int, tags: Tags, bits: int, mark: bytes | None, *, cued: bool) -> None:
        self._first = [cue(rate)] if cued else []
        self._marker = Embedder(rate, mark) if mark is not None else None
        self._trimmer, self._leveller = Trimmer(rate), Leveller(rate)
        self._encoder, self._reader = Encoder(rate, tags, bits=bits), ogg.OggOpus()
        self.seconds = 0.0  # of audio in the bytes that came out

    def push(self, chunk: Chunk) -> bytes:
        """What the next chunk makes certain; with the last one, all that is left."""
        levelled = [self._leveller.push(self._marked(self._trimmer.push(chunk.waveform, chunk.piece)))]
        if chunk.tokens is not None:
            levelled.append(self._leveller.push(self._marked(self._trimmer.end())))
            if self._marker:
                levelled.append(self._leveller.push(self._marker.end()))
            levelled.append(self._leveller.end())
        first, self._first = self._first, []
        sound = [*first, *levelled]
        data = self._encoder.push(np.concatenate(sound)) if any(map(len, sound)) else b""
        if chunk.tokens is not None:
            data += self._encoder.end()
        for packet in self._reader.push(data):
            self.seconds = (packet.end - OPUS_PRE_SKIP) / ogg.RATE
        return data

    def _marked(self, waveform: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return self._marker.push(waveform) if self._marker else waveform
