"""Training the ear on what a finished miniature speaks: `python -m synth.pup ear --out DIR`.

What the miniature says comes with its tokens, so nobody has to write anything down, and no teacher is needed. What it hears
later comes from other throats and rooms: in training its spectra are warped, as by longer and shorter throats, tilted,
and put into noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save
from torch import Tensor, nn
from tqdm import tqdm

from synth import checkpoint
from synth.cpu.choose import quicken
from synth.engine import tokenized
from synth.errors import EmptySpeech
from synth.mastering import resampled
from synth.pipeline import Model, Request, speak
from synth.pup.corpus import read_alphabet
from synth.pup.ear import BANDS, FILE, RATE, Ear, Frames, Network, spectra
from synth.pup.files import Deadline, write_whole
from synth.pup.phrases import Writer
from synth.pup.recipe import Plan
from synth.pup.sentences import is_held_out
from synth.pup.tokens import MARKS, Alphabet, Tokens
from synth.pup.train.loop import read_weights, train

TEXTS = 240  # ten minutes of speech
HELD_BACK = 16  # of them, for validation
PLAN = Plan(steps=800, batch=16, rate=3e-3, validate_every=200)
SHARD = 10  # texts in one file

CROP = 120  # frames of a row
WARP = 0.2  # of a throat's length, either way
TILT = 1.0  # log power from the lowest band to the middle
NOISE = (-6.0, 1.0)  # log power, beside a recording's mean
BEGINNINGS = 0.3  # what beginnings of words count in the loss


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Recording:
    """What is heard, and what was meant by it."""

    frames: Frames  # (BANDS, n)
    tokens: Tokens  # (n,)


def train_ear(
    model: str, folder: Path, deadline: Deadline, *, texts: int = TEXTS, plan: Plan = PLAN, seed: int = 1
) -> bool:
    """Go on with it in `folder`; whether it is done: then `folder / FILE` is there, to be put into the model's folder."""
    home = checkpoint.find(model).folder
    if not _speak(model, folder, deadline, texts=texts, seed=seed):
        return False
    recordings = [one for path in sorted(folder.glob("spoken-*.npz")) for one in _read(path)]
    task = EarTask(recordings, read_alphabet(home), batch=plan.batch)
    if not train(task, plan, folder=folder, seed=seed, deadline=deadline):
        return False
    state = {name: value.half().contiguous() for name, value in read_weights(folder, task.name).items()}
    write_whole(folder / FILE, lambda file: file.write(save(state)))
    return True


class EarTask:
    """The network, trained on stretches of recordings."""

    name = "ear"

    def __init__(self, recordings: Sequence[Recording], alphabet: Alphabet, *, batch: int) -> None:
        self._alphabet, self._batch = alphabet, batch
        self._validation, self._train = list(recordings[:HELD_BACK]), list(recordings[HELD_BACK:]) or list(recordings)
        self._labels = {id(one): labels(one.tokens, alphabet) for one in recordings}
        self.module: nn.Module = Network(len(alphabet.phones))

    def loss(self, random: np.random.Generator, progress: float) -> Tensor:  # noqa: ARG002 -- the protocol's
        """Of one batch."""
        rows = [self._row(random) for _ in range(self._batch)]
        frames, phones, begins = (torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True))
        scores = self.module(frames)
        spoken = nn.functional.cross_entropy(scores[:, :-1], phones, ignore_index=-1)
        words = nn.functional.binary_cross_entropy_with_logits(scores[:, -1], begins, pos_weight=torch.tensor(5.0))
        return spoken + BEGINNINGS * words

    def validate(self) -> dict[str, float]:
        """`loss`: the share of frames whose phoneme is heard wrong, in recordings not trained on, as the ear reads them."""
        wrong = total = 0
        ear = Ear(Network(len(self._alphabet.phones)), self._alphabet)
        ear.take(self.module.state_dict())
        for one in self._validation:
            meant = np.array(self._alphabet.by_frame(one.tokens))
            heard = np.array(self._alphabet.by_frame(ear.write(one.frames)))
            wrong, total = wrong + int((meant != heard).sum()), total + len(meant)
        return {"loss": wrong / max(1, total)}

    def _row(self, random: np.random.Generator) -> tuple[Frames, npt.NDArray[np.int64], Frames]:
        one = self._train[int(random.integers(len(self._train)))]
        phones, begins = self._labels[id(one)]
        start = int(random.integers(max(1, len(phones) - CROP + 1)))
        cut = slice(start, start + CROP)
        missing = max(0, CROP - len(phones))
        frames = elsewhere(one.frames, random)[:, cut]
        return (
            np.pad(frames, ((0, 0), (0, missing))).astype(np.float32),
            np.pad(phones[cut], (0, missing), constant_values=-1),
            np.pad(begins[cut], (0, missing)).astype(np.float32),
        )


def labels(tokens: Tokens, alphabet: Alphabet) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The phoneme's number of each frame (n,), and whether a word begins in it (n,)."""
    index = {phone: number for number, phone in enumerate(alphabet.phones)}
    return np.array([index[name] for name in alphabet.by_frame(tokens)]), tokens < MARKS


def elsewhere(frames: Frames, random: np.random.Generator) -> Frames:
    """The same (BANDS, n) out of another throat, through another microphone, in another room."""
    bands = np.arange(BANDS)
    warped = np.clip(bands * random.uniform(1 - WARP, 1 + WARP), 0, BANDS - 1)
    low = np.floor(warped).astype(int)
    share = (warped - low)[:, None]
    moved = frames[low] * (1 - share) + frames[np.minimum(low + 1, BANDS - 1)] * share
    moved = moved + random.uniform(-TILT, TILT) * np.cos(np.pi * bands / BANDS)[:, None]
    noise = random.uniform(*NOISE) + random.normal(0.0, 0.5, frames.shape)
    loud = np.logaddexp(moved, noise) if random.random() < 0.7 else moved
    return np.asarray(loud - loud.mean(axis=1, keepdims=True), dtype=np.float32)


def _speak(name: str, folder: Path, deadline: Deadline, *, texts: int, seed: int) -> bool:
    """Let the miniature say so many texts, a file for each `SHARD` of them; whether all are there."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [
        (folder / f"spoken-{first:05}.npz", range(first, min(first + SHARD, texts)))
        for first in range(0, texts, SHARD)
        if not (folder / f"spoken-{first:05}.npz").is_file()
    ]
    if not missing:
        return True
    model = quicken(checkpoint.load(name), eight_bits=False, threads=torch.get_num_threads())
    for path, numbers in tqdm(missing, desc="speech", unit="file", disable=None):
        if deadline.over():
            return False
        _write(path, [one for number in numbers if (one := _said(model, number, seed))])
    return True


def _said(model: Model, number: int, seed: int) -> Recording | None:
    """A text in one of the voices; none where that came to nothing."""
    random = np.random.default_rng([seed, number])
    text = Writer().text(random)
    voices = model.voices.names()
    request = Request(
        pieces=tokenized(model, text, None)[:1], voice=model.voices.get(voices[number % len(voices)]), seed=number
    )
    try:
        piece = speak(model, request).pieces[0]
    except EmptySpeech:
        return None
    if is_held_out(text):
        return None
    samples = resampled(piece.waveform, model.codec.sampling_rate, RATE).astype(np.float32)
    frames = spectra(samples)
    length = min(frames.shape[1], len(piece.semantic))
    return Recording(frames=frames[:, :length], tokens=piece.semantic[:length])


def _write(path: Path, recordings: Sequence[Recording]) -> None:
    arrays = {f"frames{number}": one.frames.astype(np.float16) for number, one in enumerate(recordings)}
    tokens = {f"tokens{number}": one.tokens.astype(np.int16) for number, one in enumerate(recordings)}
    write_whole(path, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays, **tokens))


def _read(path: Path) -> list[Recording]:
    with np.load(path) as arrays:
        return [
            Recording(
                frames=arrays[f"frames{number}"].astype(np.float32), tokens=arrays[f"tokens{number}"].astype(np.int64)
            )
            for number in range(len(arrays.files) // 2)
        ]
