"""Text tokens -> semantic -> coarse -> fine -> waveform: the order of the stages, and one place for what can go wrong.

A text comes as pieces that the model can take. They are spoken one after another, with the same voice: the given one,
or else the first piece, as soon as it is there.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from synth.coarse import CoarseSpec, generate_coarse
from synth.codec import Codec
from synth.device import memory_told
from synth.errors import EmptySpeech, EmptyText, ModelError, OutOfMemory
from synth.fine import FineSpec, generate_fine
from synth.model import CausalTransformer, FineTransformer, KVCache
from synth.sampling import Noise, Sampling
from synth.semantic import SemanticSpec, generate_semantic
from synth.tokenizer import Tokenizer
from synth.voices import Voice, Voices

log = logging.getLogger(__name__)

Tokens = npt.NDArray[np.int64]
Watch = Callable[[str, float, float], None]
"""Called as (stage, done, total) at every step, over the whole job; may raise `synth.errors.Stopped`."""

# Shares of one core's time for ten seconds of speech with a voice, Bark small: coarse is by far the largest.
SHARES = {"semantic": 0.15, "coarse": 0.70, "fine": 0.14, "codec": 0.01}

_ATTEMPTS = 2  # to say something: the end token can come first, by chance
_SMALL_CHUNK = 128  # prompt positions at once when memory is short


@dataclasses.dataclass(kw_only=True, eq=False)
class Model:
    """A loaded Bark: three transformers, their specs, the codec, and what turns a request into tokens.

    One job at a time: the caches are allocated at first need and kept. ModelError when the parts do not fit together.
    """

    name: str
    semantic: CausalTransformer
    semantic_spec: SemanticSpec
    coarse: CausalTransformer
    coarse_spec: CoarseSpec
    fine: FineTransformer
    fine_spec: FineSpec
    codec: Codec
    tokenizer: Tokenizer
    voices: Voices
    device: torch.device
    _caches: dict[str, KVCache] = dataclasses.field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        problems = [words for fails, words in self._checks() if fails]
        if problems:
            raise ModelError(f"the parts of {self.name} do not fit together: {'; '.join(problems)}")

    def _checks(self) -> list[tuple[bool, str]]:
        semantic, coarse, fine = self.semantic.config, self.coarse.config, self.fine.config
        s, c, f = self.semantic_spec, self.coarse_spec, self.fine_spec
        return [
            (s.steps(semantic.block_size) < 1, "the semantic block has no room for a token"),
            (
                max(s.semantic_pad_token, s.semantic_infer_token, s.text_pad_token) >= semantic.input_vocab_size,
                "semantic tokens have no embedding",
            ),
            (s.eos_token >= semantic.output_vocab_size, "the end token has no output"),
            (c.max_coarse_input_length + c.sliding_window_len > coarse.block_size, "a coarse window exceeds its block"),
            (c.first_token(c.n_coarse_codebooks) > coarse.output_vocab_size, "coarse codes have no output"),
            (c.first_token(c.n_coarse_codebooks) > coarse.input_vocab_size, "coarse codes have no embedding"),
            (
                max(c.coarse_infer_token, c.coarse_semantic_pad_token) >= coarse.input_vocab_size,
                "coarse tokens have no embedding",
            ),
            (f.max_fine_input_length > fine.block_size, "a fine window exceeds its block"),
            (f.codebook_size >= fine.input_vocab_size, "the fine pad code has no embedding"),
            (f.n_fine_codebooks > fine.n_codes_total, "the fine model has too few codebooks"),
            (c.n_coarse_codebooks < fine.n_codes_given, "the fine model needs more coarse codebooks"),
            (f.n_fine_codebooks > self.codec.n_codebooks, "the codec has too few codebooks"),
            (f.codebook_size > self.codec.codebook_size, "the codec's codebooks are too small"),
        ]

    def cache(self, stage: str) -> KVCache:
        """The key-value cache of the semantic or the coarse stage."""
        if stage not in self._caches:
            self._caches[stage] = (self.semantic if stage == "semantic" else self.coarse).new_cache()
        return self._caches[stage]

    def drop_caches(self) -> None:
        """Give the caches' memory back; the next job allocates anew."""
        self._caches.clear()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What to say and how. `pieces` are the tokenizer's ids of each piece, without special tokens or Bark's offset."""

    pieces: Sequence[Sequence[int]]
    voice: Voice | None = None  # None: the model picks one by chance
    seed: int
    greedy: bool = False  # the most likely token in all three stages
    text_temp: float = 0.7
    waveform_temp: float = 0.7
    fine_temp: float | None = 0.5
    min_eos_p: float | None = 0.2
    max_seconds: float | None = None  # of speech, over all pieces
    top_k: int | None = None  # semantic and coarse
    top_p: float | None = None

    def sampling(self, temperature: float | None) -> Sampling:
        """How the semantic or the coarse stage draws."""
        return Sampling(temperature=temperature, greedy=self.greedy, top_k=self.top_k, top_p=self.top_p)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """One piece of the text, spoken."""

    waveform: npt.NDArray[np.float32]  # (samples,), mono, not clipped
    semantic: Tokens  # (n,)
    coarse: Tokens  # (n_coarse, t)
    fine: Tokens  # (n_fine, t)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Speech:
    """The whole text, spoken."""

    pieces: tuple[Piece, ...]
    sample_rate: int  # Hz
    seed: int

    def tokens(self) -> dict[str, Tokens]:
        """All that was generated, in the format of Bark's history prompts: pieces one after another, without gaps."""
        return {
            "semantic_prompt": np.concatenate([piece.semantic for piece in self.pieces]),
            "coarse_prompt": np.concatenate([piece.coarse for piece in self.pieces], axis=1),
            "fine_prompt": np.concatenate([piece.fine for piece in self.pieces], axis=1),
        }


def speak(model: Model, request: Request, watch: Watch | None = None) -> Speech:
    """Speak all pieces of a request.

    Raises EmptyText without any token, EmptySpeech when a piece stays silent twice (once when greedy: it would be the
    same again), OutOfMemory, and whatever `watch` raises. `max_seconds` can end the text before its last piece.
    """
    if not any(len(piece) for piece in request.pieces):
        raise EmptyText("There is nothing in this text that the model can say.")
    lengths = [max(1, len(piece)) for piece in request.pieces]
    voice, left, done = request.voice, request.max_seconds, 0.0
    pieces: list[Piece] = []
    for number, (ids, length) in enumerate(zip(request.pieces, lengths, strict=True)):
        share = length / sum(lengths)
        job = _Job(model=model, request=request, number=number, ids=ids, voice=voice, seconds=left)
        progress = _Progress(watch=watch, base=done, share=share)
        pieces.append(_with_memory(model, functools.partial(_speak_piece, job, progress)))
        voice = voice or _as_voice(pieces[0])
        done += share
        if left is not None:
            left -= len(pieces[-1].semantic) / model.semantic_spec.semantic_rate_hz
            if left < 1 / model.coarse_spec.coarse_rate_hz:  # no room for a frame
                break
    return Speech(pieces=tuple(pieces), sample_rate=model.codec.sampling_rate, seed=request.seed)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Job:
    """One piece to speak."""

    model: Model
    request: Request
    number: int  # of the piece
    ids: Sequence[int]
    voice: Voice | None
    seconds: float | None  # at most


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Progress:
    """Turns the steps of a stage of a piece into a fraction of the whole job."""

    watch: Watch | None
    base: float  # fraction done before this piece
    share: float  # of this piece

    def stage(self, name: str) -> Callable[[int, int], None]:
        """A listener for the steps of one stage."""
        stages = list(SHARES)
        before = sum(SHARES[stage] for stage in stages[: stages.index(name)])

        def step(done: int, total: int) -> None:
            if self.watch:
                self.watch(name, self.base + self.share * (before + SHARES[name] * done / total), 1.0)

        return step


def _with_memory(model: Model, work: Callable[[int | None], Piece]) -> Piece:
    """Do `work`; when the device's memory runs out, once more in a smaller form, which gives the same tokens.

    Smaller: the caches of the other stages are given back, prompts are computed in chunks, and the codec, whose
    activations are the largest, runs on the CPU.
    """
    home = model.codec.device
    try:
        with memory_told():
            return work(None)
    except OutOfMemory:
        log.warning("out of memory on %s; once more in a smaller form", model.device)
    _free(model)
    try:
        with memory_told():
            return work(_SMALL_CHUNK)
    finally:
        _bring_home(model.codec, home)


def _bring_home(codec: Codec, home: torch.device) -> None:
    """Move the codec back, if there is room: half of it here and half there would decode nothing."""
    try:
        with memory_told():
            codec.to(home)
    except OutOfMemory:
        log.warning("no memory to move the codec back to %s: it stays on the CPU, and is slower there", home)
        codec.to("cpu")


def _free(model: Model) -> None:
    model.drop_caches()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _speak_piece(job: _Job, progress: _Progress, chunk: int | None) -> Piece:
    """All four stages of one piece; with `chunk` in little memory."""
    model, request, voice = job.model, job.request, job.voice
    semantic, noise = _say(job, progress, chunk)
    if chunk:
        _free(model)
    coarse = generate_coarse(
        model.coarse,
        model.coarse_spec,
        semantic,
        (voice.semantic_prompt, voice.coarse_prompt) if voice else None,
        noise=noise,
        sampling=request.sampling(request.waveform_temp),
        cache=model.cache("coarse"),
        chunk=chunk,
        watch=progress.stage("coarse"),
    )
    if chunk:
        _free(model)
        model.codec.to("cpu")
    fine = generate_fine(
        model.fine,
        model.fine_spec,
        coarse,
        voice.fine_prompt if voice else None,
        noise=noise,
        sampling=Sampling(temperature=request.fine_temp, greedy=request.greedy),
        watch=progress.stage("fine"),
    )
    waveform = model.codec.decode(fine)
    progress.stage("codec")(1, 1)
    return Piece(waveform=waveform, semantic=semantic, coarse=coarse, fine=fine)


def _say(job: _Job, progress: _Progress, chunk: int | None) -> tuple[Tokens, Noise]:
    """Semantic tokens that last at least one coarse frame, and the noise that made them; else EmptySpeech."""
    model, request = job.model, job.request
    sampling = request.sampling(request.text_temp)
    for attempt in range(_ATTEMPTS if sampling.draws else 1):
        noise = Noise(request.seed, job.number, attempt)
        semantic = generate_semantic(
            model.semantic,
            model.semantic_spec,
            job.ids,
            job.voice.semantic_prompt if job.voice else None,
            noise=noise,
            sampling=sampling,
            min_eos_p=request.min_eos_p,
            max_seconds=job.seconds,
            cache=model.cache("semantic"),
            chunk=chunk,
            watch=progress.stage("semantic"),
        )
        if model.coarse_spec.steps(len(semantic)):
            return semantic, noise
    raise EmptySpeech("The model ended before it said anything. Try another seed, another voice or a longer text.")


def _as_voice(piece: Piece) -> Voice:
    return Voice(name="first piece", semantic_prompt=piece.semantic, coarse_prompt=piece.coarse, fine_prompt=piece.fine)
