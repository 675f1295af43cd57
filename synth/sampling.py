"""How a token is drawn from logits, and where the randomness comes from.

A token is `argmax(logits / temperature + g)` with Gumbel noise g (the Gumbel-max rule), which is a draw from
`softmax(logits / temperature)`. The noise of every step is a pure function of (seed, piece, attempt, stage, lane, row),
made by a counter-based generator: no state, random access, the same on every device, and the same however the work is
cut into windows, streams or batches. It is made on the CPU by numpy, or on CUDA by a kernel (`synth.cuda.noise`).
"""

from __future__ import annotations

import dataclasses
import enum

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from synth.cuda import noise as on_cuda

_WORD = 2**64
_ORIGIN = 2**32  # the counter of row 0, in rows: rows before it are frames of a history
COLDEST = 1e-6  # temperatures under it are greedy: logits divided by them would leave float32's range
_CPU = torch.device("cpu")
_PER_BLOCK = 8  # one Philox 4x64 block is 256 bits: eight 32-bit numbers


class Stage(enum.IntEnum):
    """A part of the noise's key: its numbers must never change, or seeds would."""

    SEMANTIC = 0
    COARSE = 1
    FINE = 2


@dataclasses.dataclass(frozen=True)
class Noise:
    """All the randomness of one piece of one job.

    `seed` is any integer (taken modulo 2**64), `piece` its place in the text, `attempt` counts retries.
    """

    seed: int
    piece: int = 0
    attempt: int = 0

    def uniform(self, stage: Stage, first: int, count: int, width: int, lane: int = 0) -> npt.NDArray[np.float32]:
        """Rows first..first+count-1 of `lane` as float32 (count, width), strictly between 0 and 1.

        A row is a step (semantic, coarse) or a frame (fine, where the lane is the codebook). Its values depend on
        `width` and on its own number, which may be negative, not on `first` or `count`. 23 bits each: with more, the
        upper end could round to 1.
        """
        blocks = -(-width // _PER_BLOCK)
        key, counter = self.start(stage, first, width, lane)
        source = np.random.Philox(key=np.array(key, dtype=np.uint64), counter=np.array(counter, dtype=np.uint64))
        bits = source.random_raw(count * blocks * 4).astype("<u8", copy=False).view("<u4")
        numbers = (bits >> 9).reshape(count, blocks * _PER_BLOCK)[:, :width].astype(np.float32)
        return (numbers + np.float32(0.5)) * np.float32(2**-23)

    def start(self, stage: Stage, first: int, width: int, lane: int) -> tuple[list[int], list[int]]:
        """The generator's key and the counter of a row, as 64-bit words."""
        blocks = -(-width // _PER_BLOCK)
        key = [self.seed % _WORD, stage << 56 | (self.attempt & 0xFF) << 48 | self.piece & 0xFFFF_FFFF]
        return key, [(first + _ORIGIN) * blocks, lane, 0, 0]

    def gumbel(
        self, stage: Stage, first: int, count: int, width: int, lane: int = 0, *, device: torch.device = _CPU
    ) -> Tensor:
        """The same rows as standard Gumbel noise, a float32 tensor (count, width) on the device."""
        if device.type == "cuda":
            rows = on_cuda.gumbel(self.start(stage, first, width, lane), count, width, device)
            if rows is not None:
                return rows
        return torch.from_numpy(-np.log(-np.log(self.uniform(stage, first, count, width, lane)))).to(device)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sampling:
    """How tokens are drawn in one stage. `greedy`, or a temperature of None or (next to) 0, takes the most likely token."""

    temperature: float | None = 0.7
    greedy: bool = False
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if self.temperature is not None and not self.temperature >= 0:
            raise ValueError(f"temperature is {self.temperature}; it must be 0 or more")

    @property
    def draws(self) -> bool:
        """Whether noise is needed at all."""
        return not self.greedy and self.temperature is not None and self.temperature >= COLDEST

    def keep(self, logits: Tensor) -> Tensor:
        """Logits with everything outside of top-p, then top-k, at -inf: the reference's order."""
        if self.top_p is not None:
            logits = keep_top_p(logits, self.top_p)
        if self.top_k is not None:
            logits = keep_top_k(logits, self.top_k)
        return logits

    def draw(self, logits: Tensor, noise: Tensor | None) -> Tensor:
        """Token numbers (...) from kept logits (..., V) and their noise of the same shape."""
        return sample(logits, noise, self.temperature if self.draws else None)


def sample(logits: Tensor, noise: Tensor | None, temperature: float | None) -> Tensor:
    """Token numbers (...), int64, from logits (..., V); temperature None is argmax and needs no noise."""
    if temperature is None or noise is None:
        return logits.argmax(-1)
    return (logits / temperature + noise).argmax(-1)


def eos_probability(logits: Tensor, temperature: float | None) -> Tensor:
    """The probability (...) of the last entry of logits (..., V) after tempering; at 0 or None the limit: 0 or 1."""
    if temperature is None or temperature < COLDEST:
        return (logits.argmax(-1) == logits.shape[-1] - 1).float()
    return F.softmax(logits / temperature, dim=-1)[..., -1]


def keep_top_p(logits: Tensor, top_p: float) -> Tensor:
    """The smallest set of most likely tokens whose probability exceeds `top_p`; the others at -inf.

    Probabilities are those of the untempered logits (..., V), as in the reference.
    """
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    before = F.softmax(ordered, dim=-1).cumsum(-1).roll(1, -1)  # what the more likely tokens sum up to
    drop = before > top_p
    drop[..., 0] = False  # the most likely token stays, whatever top_p is
    return logits.masked_fill(torch.zeros_like(drop).scatter(-1, order, drop), -torch.inf)


def keep_top_k(logits: Tensor, top_k: int) -> Tensor:
    """The `top_k` most likely tokens, and all that tie with the last of them; the others at -inf."""
    least = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[..., -1:]
    return logits.masked_fill(logits < least, -torch.inf)
