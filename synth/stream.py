"""Speech while it is being made: audio leaves as soon as nothing that follows can change it.

Semantic and coarse tokens are those of the whole (`synth.pipeline.speak`, same seed): a coarse window starts once the
semantic tokens that it sees are there. The codec's samples are those of the whole for the same codes. Only the fine
stage sees both ways without bounds: it is run on what there is, and the codes that it gives are settled up to a
look-ahead; the more frames follow, the closer they are to the whole's. A text that ends within the first chunk is the
same in every code and sample. benchmarks/stream.py measures the difference, and the time to the first audio.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator

import numpy as np

from synth.bark import Model, Piece, Request, Speech, Tokens, Waveform
from synth.coarse import take_frames
from synth.codec import Decoding
from synth.device import memory_told
from synth.errors import OutOfMemory
from synth.memory import in_small_form
from synth.piece import Job, begin, next_jobs, progress_of
from synth.pipeline import speak_piece
from synth.progress import Watch


@dataclasses.dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a piece's audio leaves, in seconds. benchmarks/look_ahead.py has the figures behind the defaults.

    Every chunk costs a window of the fine stage, however short it is: so they grow. Playing does not wait for the next
    one as long as the engine is faster than `1 / growth` of real time.
    """

    first: float = 0.4  # of coarse frames before the first chunk: one window of Bark's
    growth: float = 1.5
    longest: float = 3.2
    look_ahead: float = 0.05  # of coarse frames after the last one that leaves

    def __post_init__(self) -> None:
        if not 0 <= self.look_ahead < self.first <= self.longest or self.growth < 1:
            raise ValueError(f"{self} must look ahead less than its first chunk is long, and chunks must not shrink")

    def late(self, rate: float) -> int:
        """The look-ahead in frames, of `rate` a second."""
        return round(self.look_ahead * rate)

    def sizes(self, rate: float) -> Iterator[int]:
        """How many frames, of `rate` a second, come with each chunk."""
        seconds = self.first
        while True:
            yield max(1, round(seconds * rate))
            seconds = min(seconds * self.growth, self.longest)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Chunk:
    """The next piece of sound."""

    waveform: Waveform  # (n,), mono, not clipped; n is 0 at most in a piece's last chunk
    piece: int  # of the text
    tokens: dict[str, Tokens] | None = None  # on the last chunk: all that was generated, as `Speech.tokens` has it


def stream(
    model: Model,
    request: Request,
    watch: Watch | None = None,
    schedule: Schedule = Schedule(),
) -> Generator[Chunk]:
    """Speak all pieces of a request, chunk by chunk; work is done when the next chunk is asked for.

    A model whose networks take turns on the device cannot do two things at once: its pieces are one chunk each.
    Raises what `speak` raises, at the chunk where it happens. When memory runs out before a piece was heard, the piece
    is spoken whole, in the smaller form that `speak` has, and is one chunk; later, OutOfMemory ends the stream, as a
    second try could contradict what was heard. Closing the iterator stops the work and frees what it holds.
    """
    spoken: list[Piece] = []
    progress = progress_of(request, watch)
    jobs = next_jobs(model, request, spoken, progress)
    while jobs:
        job = jobs[0]
        for waveform, piece in _in_memory(job, schedule):
            tokens = None
            if piece:
                spoken.append(piece)
                jobs = next_jobs(model, request, spoken, progress)
                if not jobs:
                    whole = Speech(pieces=tuple(spoken), sample_rate=model.codec.sampling_rate, seed=request.seed)
                    tokens = whole.tokens()
            yield Chunk(waveform=waveform, piece=job.number, tokens=tokens)


Part = tuple[Waveform, Piece | None]  # the next samples of a piece; with the last ones, all of it


def _in_memory(job: Job, schedule: Schedule) -> Iterator[Part]:
    """The parts of a piece; whole where memory runs out before the first."""
    heard = False
    with job.model.company.seat():
        try:
            with memory_told():
                for part in _parts(job, schedule):
                    heard = True
                    yield part
            return
        except OutOfMemory:
            if heard:
                raise
        piece = in_small_form(job.model, lambda chunk: speak_piece(job, chunk))
        yield piece.waveform, piece


def _parts(job: Job, schedule: Schedule) -> Iterator[Part]:
    """The stages hand in hand: each chunk asks the coarse stage for its frames, which asks the semantic stage."""
    model, spec = job.model, job.model.coarse_spec
    if model.turns:
        piece = speak_piece(job)
        yield piece.waveform, piece
        return
    stages, semantic = begin(job)
    tokens, decoding = stages.coarse(semantic), Decoding(model.codec)
    coarse = np.zeros((spec.n_coarse_codebooks, 0), np.int64)
    fine = np.zeros((model.fine_spec.n_fine_codebooks, 0), np.int64)
    heard: list[Waveform] = []
    for size in schedule.sizes(spec.coarse_rate_hz):
        more = take_frames(spec, tokens, size)
        last = more.shape[1] < size
        coarse = np.concatenate([coarse, more], axis=1)
        settled = coarse.shape[1] - (0 if last else schedule.late(spec.coarse_rate_hz))
        codes = stages.fine(coarse, fine)[:, :settled]
        heard.append(decoding.push(codes[:, fine.shape[1] :], last=last))
        stages.decoded(settled)
        fine = codes
        if last:
            yield heard[-1], stages.piece(fine, np.concatenate(heard))
            return
        if len(heard[-1]):
            yield heard[-1], None
