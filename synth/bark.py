"""A loaded Bark, what it is asked, and what it answers."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from synth.coarse import CoarseSpec
from synth.codec import Codec
from synth.errors import ModelError
from synth.fine import FineSpec
from synth.model import CausalTransformer, FineTransformer, KVCache
from synth.places import Turns
from synth.sampling import Sampling
from synth.semantic import SemanticSpec
from synth.tokenizer import Tokenizer
from synth.voices import Voice, Voices

Tokens = npt.NDArray[np.int64]
Waveform = npt.NDArray[np.float32]
Result = TypeVar("Result")


class Company(Protocol):
    """Who else uses the model: nobody (`Alone`), or the tasks of a batch (`synth.tasks.Tasks`)."""

    def seat(self) -> contextlib.AbstractContextManager[None]:
        """Wait for room for one more piece, and keep it for the block."""

    def together(self, works: Sequence[Callable[[], Result]]) -> list[Result]:
        """The results of all, computed side by side where that can be. The first error is raised."""


class Alone:
    """One piece after another."""

    def seat(self) -> contextlib.AbstractContextManager[None]:
        """There is room."""
        return contextlib.nullcontext()

    def together(self, works: Sequence[Callable[[], Result]]) -> list[Result]:
        """The results, in order."""
        return [work() for work in works]


@dataclasses.dataclass(kw_only=True, eq=False)
class Model:
    """A loaded Bark: three transformers, their specs, the codec, and what turns a request into tokens.

    The caches are allocated at first need and kept. ModelError when the parts do not fit together.
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
    company: Company = dataclasses.field(default_factory=Alone, repr=False)
    turns: Turns | None = None  # None: all networks are on the device for good
    _caches: dict[str, list[KVCache]] = dataclasses.field(default_factory=dict, init=False, repr=False)

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

    @contextlib.contextmanager
    def cache(self, stage: str) -> Iterator[KVCache]:
        """The key-value cache of the semantic or the coarse stage, for one user: a second one gets another."""
        unused = self._caches.setdefault(stage, [])
        cache = unused.pop() if unused else (self.semantic if stage == "semantic" else self.coarse).new_cache()
        try:
            yield cache
        finally:
            unused.append(cache)

    @contextlib.contextmanager
    def at_work(self, stage: str) -> Iterator[None]:
        """The network of a stage ("semantic", "coarse" or "fine") is on the device for the block."""
        if not self.turns:
            yield
            return
        with self.turns.turn(getattr(self, stage)):
            try:
                yield
            finally:
                self.drop_caches()

    def drop_caches(self) -> None:
        """Give the memory of caches not in use back; the next job allocates anew."""
        for unused in self._caches.values():
            unused.clear()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What to say and how. `pieces` are the tokenizer's ids of each piece, without special tokens or Bark's offset."""

    pieces: Sequence[Sequence[int]]
    voice: Voice | None = None  # None: the model picks one by chance
    voices: Sequence[Voice | None] = ()  # of each piece, where several speak; None: `voice`
    seed: int
    greedy: bool = False  # the most likely token in all three stages
    text_temp: float = 0.7
    waveform_temp: float = 0.7
    fine_temp: float | None = 0.5
    min_eos_p: float | None = 0.2
    max_seconds: float | None = None  # of speech, over all pieces
    chain: bool = False  # each piece goes on from the one before it, instead of keeping to one voice
    top_k: int | None = None  # semantic and coarse
    top_p: float | None = None

    def voice_of(self, piece: int) -> Voice | None:
        """Who speaks the piece of that number, if that was said."""
        return (self.voices[piece] if self.voices else None) or self.voice

    def sampling(self, temperature: float | None) -> Sampling:
        """How the semantic or the coarse stage draws."""
        return Sampling(temperature=temperature, greedy=self.greedy, top_k=self.top_k, top_p=self.top_p)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """One piece of the text, spoken."""

    waveform: Waveform  # (samples,), mono, not clipped
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
