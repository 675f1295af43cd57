"""The first two codebooks -> the others, one at a time, in windows that may begin with what is known already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from synth.pup.recipe import Layout
from synth.pup.train.loop import random_of
from synth.pup.train.material import Take, crop, pick
from synth.pup.train.trunk import IGNORED, cross_entropy, fine

WITH_HISTORY = 0.4  # of the windows that are long enough
VALIDATION_BATCHES = 12


class FineTask:
    """The fine stage."""

    name = "fine"

    def __init__(
        self, layout: Layout, train: Sequence[Take], validation: Sequence[Take], *, batch: int, device: str = "cpu"
    ) -> None:
        """`batch` is a number of windows."""
        self.module = fine(layout.fine_size_of(), layout.recipe.seed).to(device)
        self._spec, self._rows, self._device = layout.fine, batch, device
        self._train, self._validation = train, validation

    def loss(self, random: np.random.Generator, progress: float) -> Tensor:  # noqa: ARG002 # the task's signature
        """Cross entropy of one codebook, drawn for the batch."""
        codebook = int(random.integers(self._spec.n_coarse_codebooks, self._spec.n_fine_codebooks))
        return self._loss(random, self._train, codebook)

    def validate(self) -> dict[str, float]:
        """The mean over all predicted codebooks."""
        span = range(self._spec.n_coarse_codebooks, self._spec.n_fine_codebooks)
        losses = [
            float(self._loss(random_of(0, "validation", number), self._validation, span[number % len(span)]))
            for number in range(VALIDATION_BATCHES)
        ]
        return {"loss": sum(losses) / len(losses)}

    def _loss(self, random: np.random.Generator, pool: Sequence[Take], codebook: int) -> Tensor:
        pairs = [self._window(random, pick(random, pool), codebook) for _ in range(self._rows)]
        codes = torch.from_numpy(np.stack([codes for codes, _ in pairs])).to(self._device)  # (B, n, T)
        targets = torch.from_numpy(np.stack([wanted for _, wanted in pairs])).to(self._device)
        hidden = self.module(codes, codebook)
        return cross_entropy(self.module.logits(hidden, codebook, self._spec.codebook_size), targets)

    def _window(self, random: np.random.Generator, take: Take, codebook: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes (n, T) whose codebooks from `codebook` on are pads behind the history, and targets (T,)."""
        spec, size = self._spec, self._spec.max_fine_input_length
        piece = take.codes[:, crop(random, take.codes.shape[1], size)]
        length, known = piece.shape[1], 0
        if length > 2 and random.random() < WITH_HISTORY:
            known = min(spec.max_fine_history_length, int(random.integers(1, length)))
        codes = np.full((spec.n_fine_codebooks, size), spec.codebook_size)
        codes[:, :length] = piece
        codes[codebook:, known:] = spec.codebook_size
        targets = np.full(size, IGNORED)
        targets[known:length] = piece[codebook, known:]
        return codes, targets
