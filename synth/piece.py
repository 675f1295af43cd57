"""One piece of a text: what is to be said in whose voice, and the stages that say it, run as their caller pulls.

Each stage is bound here to what it needs to know. A caller can exhaust one before it starts the next (pipeline.py), or
let them go hand in hand (stream.py): the tokens are the same.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from synth.bark import Model, Piece, Request, Tokens, Waveform
from synth.coarse import coarse_tokens
from synth.errors import EmptySpeech, EmptyText
from synth.fine import generate_fine
from synth.progress import Progress, Watch
from synth.sampling import Noise, Sampling
from synth.semantic import semantic_tokens
from synth.voices import Voice

_ATTEMPTS = 2  # to say something: the end token can come first, by chance


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """One piece to speak."""

    model: Model
    request: Request
    number: int  # of the piece
    ids: Sequence[int]
    voice: Voice | None
    seconds: float | None  # at most
    progress: Progress


def next_jobs(model: Model, request: Request, spoken: Sequence[Piece], progress: Progress) -> list[Job]:
    """The pieces that can be spoken now, after those spoken; none at the end of the text or of its time.

    All that are left, as soon as their voices are certain: the given ones, or else the first piece. One, where what
    comes next depends on it: in a chain, and where time is limited. EmptyText without any token.
    """
    if not any(len(piece) for piece in request.pieces):
        raise EmptyText("There is nothing in this text that the model can say.")
    number, left = len(spoken), request.max_seconds
    if left is not None:
        for piece in spoken:
            left -= len(piece.semantic) / model.semantic_spec.semantic_rate_hz
    if spoken and left is not None and left < 1 / model.coarse_spec.coarse_rate_hz:
        return []
    later = range(number, len(request.pieces))
    voices = [_voice(request, n, spoken) for n in later]
    certain = len(list(itertools.takewhile(bool, voices)))
    count = 1 if request.chain or left is not None else max(1, certain)
    return [
        Job(model=model, request=request, number=n, ids=request.pieces[n], voice=voice, seconds=left, progress=progress)
        for n, voice in itertools.islice(zip(later, voices, strict=True), count)
    ]


def _voice(request: Request, number: int, spoken: Sequence[Piece]) -> Voice | None:
    """Whose voice a piece has; None: nobody's yet, and it is the first."""
    if spoken and request.chain:
        return _as_voice(spoken[-1])
    given = request.voice_of(number)
    return given or (_as_voice(spoken[0]) if spoken else None)


def progress_of(request: Request, watch: Watch | None) -> Progress:
    """The progress of all its pieces: longer ones take more of the time."""
    return Progress(watch, [max(1, len(piece)) for piece in request.pieces] or [1])


class Stages:
    """The stages of one piece, with one noise. `chunk` bounds the prompt positions computed at once, None does not."""

    def __init__(self, job: Job, noise: Noise, chunk: int | None = None) -> None:
        self._job, self._noise, self._chunk = job, noise, chunk
        self._heard: list[int] = []
        model = job.model
        self._expected = model.semantic_spec.most(model.semantic.config.block_size, job.seconds)  # semantic tokens

    def semantic(self) -> Iterator[int]:
        """Semantic tokens, as they are asked for."""
        job, model = self._job, self._job.model
        most = self._expected
        with model.at_work("semantic"), model.cache("semantic") as cache:
            tokens = semantic_tokens(
                model.semantic,
                model.semantic_spec,
                job.ids,
                job.voice.semantic_prompt if job.voice else None,
                noise=self._noise,
                sampling=job.request.sampling(job.request.text_temp),
                min_eos_p=job.request.min_eos_p,
                max_seconds=job.seconds,
                cache=cache,
                chunk=self._chunk,
            )
            for token in tokens:
                self._heard.append(token)
                job.progress.step(job.number, "semantic", len(self._heard), most)
                yield token
        self._expected = len(self._heard)
        job.progress.ended(job.number, "semantic")

    def coarse(self, semantic: Iterable[int]) -> Iterator[int]:
        """Coarse tokens, as they are asked for; they ask for semantic ones."""
        job, model, voice = self._job, self._job.model, self._job.voice
        with model.at_work("coarse"), model.cache("coarse") as cache:
            tokens = coarse_tokens(
                model.coarse,
                model.coarse_spec,
                semantic,
                (voice.semantic_prompt, voice.coarse_prompt) if voice else None,
                noise=self._noise,
                sampling=job.request.sampling(job.request.waveform_temp),
                cache=cache,
                chunk=self._chunk,
            )
            for done, token in enumerate(tokens, 1):
                job.progress.step(job.number, "coarse", done, model.coarse_spec.steps(self._expected))
                yield token

    def fine(self, coarse: Tokens, frozen: Tokens | None = None) -> Tokens:
        """All codes (n_fine, t) of coarse codes (n_coarse, t), of which the `frozen` ones are settled."""
        job, model = self._job, self._job.model
        settled, frames = 0 if frozen is None else frozen.shape[1], coarse.shape[1]
        with model.at_work("fine"):
            return generate_fine(
                model.fine,
                model.fine_spec,
                coarse,
                job.voice.fine_prompt if job.voice else None,
                noise=self._noise,
                sampling=Sampling(temperature=job.request.fine_temp, greedy=job.request.greedy),
                frozen=frozen,
                watch=lambda done, total: self._frames_done("fine", settled + (frames - settled) * done / total),
            )

    def decoded(self, frames: int) -> None:
        """So many frames have become sound."""
        self._frames_done("codec", frames)

    def piece(self, fine: Tokens, waveform: Waveform) -> Piece:
        """All of the piece, once it is spoken."""
        coarse = fine[: self._job.model.coarse_spec.n_coarse_codebooks]
        return Piece(waveform=waveform, semantic=np.array(self._heard, np.int64), coarse=coarse, fine=fine)

    def _frames_done(self, stage: str, frames: float) -> None:
        job, spec = self._job, self._job.model.coarse_spec
        job.progress.step(job.number, stage, frames, spec.steps(self._expected) / spec.n_coarse_codebooks)


def begin(job: Job, chunk: int | None = None) -> tuple[Stages, Iterator[int]]:
    """The stages with a noise that makes at least one coarse frame, and their semantic tokens; else EmptySpeech.

    No more tokens are made than are needed to be sure of it.
    """
    spec = job.model.coarse_spec
    for attempt in range(_ATTEMPTS if job.request.sampling(job.request.text_temp).draws else 1):
        stages = Stages(job, Noise(job.request.seed, job.number, attempt), chunk)
        tokens = stages.semantic()
        first = list(itertools.islice(tokens, spec.semantic_length(1)))
        if spec.steps(len(first)):
            return stages, itertools.chain(first, tokens)
    raise EmptySpeech("The model ended before it said anything. Try another seed, another voice or a longer text.")


def _as_voice(piece: Piece) -> Voice:
    return Voice(name="first piece", semantic_prompt=piece.semantic, coarse_prompt=piece.coarse, fine_prompt=piece.fine)
