"""Residual vector quantisation by k-means, computed once: the first codebook on the latents, each next one on what is left."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

ROUNDS = 12  # of k-means; more change the error by less than a hundredth
CHUNK = 20_000  # rows whose distances are held at once


def fit(latents: Tensor, *, codebooks: int, size: int, seed: int) -> Tensor:
    """Codebooks (n, size, D) for latents (rows, D), rows >= size."""
    generator = torch.Generator().manual_seed(seed)
    rest = latents
    fitted: list[Tensor] = []
    for _ in tqdm(range(codebooks), desc="quantiser", unit="codebook", disable=None):
        centres = _k_means(rest, size, generator)
        rest = rest - centres[nearest(rest, centres)]
        fitted.append(centres)
    return torch.stack(fitted)


def encode(latents: Tensor, codebooks: Tensor) -> Tensor:
    """Codes (n, rows) of latents (rows, D)."""
    rest = latents
    codes: list[Tensor] = []
    for centres in codebooks:
        codes.append(nearest(rest, centres))
        rest = rest - centres[codes[-1]]
    return torch.stack(codes)


def decode(codes: Tensor, codebooks: Tensor) -> Tensor:
    """Latents (rows, D) of codes (k, rows), k <= n."""
    return torch.stack([centres[row] for row, centres in zip(codes, codebooks, strict=False)]).sum(0)


def unexplained(latents: Tensor, codebooks: Tensor) -> list[float]:
    """The share of the variance that the first 1, 2, ... codebooks leave."""
    codes = encode(latents, codebooks)
    total = latents.var(0, correction=0).sum()
    return [
        float((latents - decode(codes[: count + 1], codebooks)).pow(2).sum(1).mean() / total)
        for count in range(len(codebooks))
    ]


def nearest(rows: Tensor, centres: Tensor) -> Tensor:
    """The index of each row's nearest centre."""
    lengths = centres.pow(2).sum(1)
    return torch.cat([(lengths - 2 * chunk @ centres.T).argmin(1) for chunk in torch.split(rows, CHUNK)])


def _k_means(rows: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Centres (size, D); one without rows is put where a random row is."""
    centres = rows[torch.randperm(len(rows), generator=generator)[:size]].clone()
    for _ in range(ROUNDS):
        index = nearest(rows, centres)
        counts = torch.bincount(index, minlength=size).float()[:, None]
        sums = torch.zeros_like(centres).index_add_(0, index, rows)
        spare = rows[torch.randint(len(rows), (size,), generator=generator)]
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), spare)
    return centres


def sample_rows(latents: list[np.ndarray], limit: int, seed: int) -> Tensor:
    """At most `limit` rows of many arrays (frames, D), drawn without repetition."""
    rows = np.concatenate(latents)
    chosen = np.random.default_rng(seed).permutation(len(rows))[:limit]
    return torch.from_numpy(rows[chosen].astype(np.float32))
