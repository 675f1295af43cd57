"""The corpus in every voice: latents to be regressed, codes to be predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from synth.pup import quantiser
from synth.pup.analysis import Array
from synth.pup.cast import CAST, latents_of
from synth.pup.corpus import Utterance
from synth.pup.files import write_whole
from synth.pup.recipe import Recipe
from synth.pup.tokens import Tokens

ROWS = 120_000  # frames that the quantiser is fitted to


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Take:
    """An utterance in one voice. n semantic tokens, 3 n / 2 frames."""

    utterance: Utterance
    voice: int  # its place in the cast
    codes: npt.NDArray[np.int16]  # (codebooks, 3 n / 2)

    @property
    def semantic(self) -> Tokens:
        """(n,)."""
        return self.utterance.semantic

    @property
    def latents(self) -> Array:
        """(3 n / 2, 64), computed anew: kept for a whole corpus in every voice they would fill the memory."""
        return latents_in(self.utterance, self.voice)


def latents_in(utterance: Utterance, voice: int) -> Array:
    """The latents (frames, 64) of an utterance in a voice."""
    return latents_of(CAST[voice], utterance.envelope, utterance.voicing, utterance.semantic)


def fit_quantiser(path: Path, utterances: Sequence[Utterance], recipe: Recipe) -> Tensor:
    """Codebooks (n, size, 64), fitted once and kept in a file with the variance that each leaves."""
    if not path.is_file():
        latents = [latents_in(one, voice) for one in utterances for voice in range(len(CAST))]
        rows = quantiser.sample_rows(latents, ROWS, recipe.seed)
        codebooks = quantiser.fit(rows, codebooks=recipe.codebooks, size=recipe.codebook_size, seed=recipe.seed)
        content = {"codebooks": codebooks, "unexplained": quantiser.unexplained(rows, codebooks)}
        write_whole(path, lambda file: torch.save(content, file))
    return read_codebooks(path)


def read_codebooks(path: Path) -> Tensor:
    """Codebooks (n, size, 64)."""
    codebooks: Tensor = torch.load(path, weights_only=True)["codebooks"]
    return codebooks


def takes(path: Path, utterances: Sequence[Utterance], codebooks: Tensor) -> list[Take]:
    """Every utterance in every voice, the voices of one utterance side by side; the codes are kept in a file."""
    if not path.is_file():
        bar = tqdm(utterances, desc=path.stem, unit="text", disable=None)
        codes = [_codes(one, voice, codebooks) for one in bar for voice in range(len(CAST))]
        write_whole(path, lambda file: np.savez_compressed(file, codes=np.concatenate(codes, axis=1)))
    with np.load(path) as arrays:
        whole = arrays["codes"]
    made: list[Take] = []
    start = 0
    for one in utterances:
        for voice in range(len(CAST)):
            end = start + len(one.voicing)
            made.append(Take(utterance=one, voice=voice, codes=whole[:, start:end]))
            start = end
    return made


def _codes(utterance: Utterance, voice: int, codebooks: Tensor) -> npt.NDArray[np.int16]:
    return quantiser.encode(torch.from_numpy(latents_in(utterance, voice)), codebooks).numpy().astype(np.int16)


def pick(random: np.random.Generator, pool: Sequence[Take], *, like: Take | None = None) -> Take:
    """Any take, or one in the voice of `like`."""
    index = int(random.integers(len(pool)))
    if like is None:
        return pool[index]
    return pool[index - index % len(CAST) + like.voice]


def crop(random: np.random.Generator, length: int, size: int) -> slice:
    """A random stretch of `size` out of `length`, or all of it."""
    start = int(random.integers(max(1, length - size + 1)))
    return slice(start, start + size)
