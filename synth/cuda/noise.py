"""The noise of `synth.sampling`, made where it is needed: the same uniform numbers, bit by bit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from synth.cuda.kernels import usable


def words_of(key: Sequence[int], counter: Sequence[int]) -> Tensor:
    """A key and the first two words of a counter, (4,), as int64 of the same bits."""
    return torch.tensor([word - 2**64 if word >= 2**63 else word for word in (*key, *counter[:2])])


def gumbel(start: tuple[Sequence[int], Sequence[int]], count: int, width: int, device: torch.device) -> Tensor | None:
    """Rows from `Noise.start` on as Gumbel noise, where that is possible; its logarithms may differ in the last bit."""
    if not usable(device):
        return None
    from synth.cuda.philox import uniform  # noqa: PLC0415 -- needs Triton

    rows = uniform(words_of(*start).to(device), count, width)
    return rows.log_().neg_().log_().neg_()
