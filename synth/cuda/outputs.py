"""Which tokens a causal network can draw."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from synth.coarse import CoarseSpec
from synth.decoding import Burst
from synth.sampling import COLDEST
from synth.semantic import SemanticSpec


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outputs:
    """`books` ranges of `size` tokens each, one behind the other from token `first` on; with one range perhaps an end."""

    first: int
    size: int
    books: int = 1
    end: int | None = None

    @classmethod
    def of_semantic(cls, spec: SemanticSpec) -> Outputs:
        """The semantic tokens and their end."""
        return cls(first=0, size=spec.semantic_vocab_size, end=spec.eos_token)

    @classmethod
    def of_coarse(cls, spec: CoarseSpec) -> Outputs:
        """The codes of the coarse codebooks."""
        return cls(first=spec.first_token(0), size=spec.codebook_size, books=spec.n_coarse_codebooks)

    @property
    def tokens(self) -> int:
        """How many tokens can be drawn, and fed to the next step."""
        return self.size * self.books

    @property
    def choices(self) -> int:
        """How many a row chooses from in one step."""
        return self.size + (self.end is not None)

    def rows(self, head: Tensor) -> Tensor:
        """The rows of an output head (V, C) that are needed: (tokens, C), and one more with an end; a view if possible."""
        last = self.first + self.tokens
        if self.end is None or self.end == last:
            return head[self.first : last + (self.end is not None)]
        return torch.cat([head[self.first : last], head[self.end : self.end + 1]])

    def book(self, first: int) -> int:
        """The number of the range that begins with this token."""
        return (first - self.first) // self.size

    def cover(self, burst: Burst) -> bool:
        """Whether all that a burst may draw is among these, by the rules of a static step."""
        sampling = burst.sampling
        cold = sampling.temperature is None or sampling.temperature < COLDEST
        return (
            (burst.size, burst.end) == (self.size, self.end)
            and sampling.top_k is None
            and sampling.top_p is None
            and all(first in range(self.first, self.first + self.tokens, self.size) for first in burst.firsts)
            and not (cold and burst.min_eos_p is not None and burst.min_eos_p <= 0)  # an end at any probability
        )
