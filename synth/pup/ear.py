"""The miniature's ear: a recording -> the miniature's own semantic tokens, so that it can be given a voice.

Its tokens say which phoneme sounds, for how long, and where words begin (tokens.py): a small network reads that off the
spectrum. Convolutions over 50 frames a second give every frame the likelihood of each phoneme and of a word's
beginning; the likeliest path through them, which stays in a phoneme unless that costs more, is written down as the
training writes down what its teacher said. It was trained on what the miniature itself speaks (train/ear.py).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

from synth.errors import ModelError
from synth.pup.corpus import PHONES, read_alphabet
from synth.pup.tokens import PAUSE, Alphabet, Sound, Tokens
from synth.weights import fill

FILE = "ear.safetensors"
RATE = 16_000  # Hz
HOP, WINDOW, FFT = 320, 400, 512  # samples: 50 frames of 25 ms a second
BANDS = 40
HIGHEST = 7600.0  # Hz
FLOOR = 1e-6  # of the power: under what a microphone's noise has
WIDTH = 96
DILATIONS = (1, 2, 4)
CHANGE = 3.0  # what a change of phoneme costs, in logarithms of likelihood: one frame in twenty has one
LEAST_WORD = 4  # frames from one beginning of a word to the next

Frames = npt.NDArray[np.float32]


class Network(nn.Module):
    """Spectra (B, BANDS, T) -> scores (B, phonemes + 1, T); the last one: whether a word begins."""

    def __init__(self, phones: int) -> None:
        super().__init__()
        widths = [BANDS, *[WIDTH] * len(DILATIONS)]
        self.layers = nn.ModuleList(
            nn.Conv1d(before, WIDTH, 5, dilation=step, padding=2 * step)
            for before, step in zip(widths, DILATIONS, strict=False)
        )
        self.head = nn.Conv1d(WIDTH, phones + 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """As the class says."""
        for number, layer in enumerate(self.layers):
            heard = nn.functional.gelu(layer(x))
            x = heard + x if number else heard
        scores: Tensor = self.head(x)
        return scores


class Ear:
    """The network, and the alphabet it knows."""

    def __init__(self, network: Network, alphabet: Alphabet) -> None:
        self._network, self._alphabet = network.eval(), alphabet

    @classmethod
    def load(cls, folder: Path) -> Ear:
        """From a miniature's folder. ModelError."""
        try:
            alphabet = read_alphabet(folder)
            state = {name: value.float() for name, value in load_file(folder / FILE).items()}
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ModelError(f"{folder} has no {FILE} and {PHONES} that fit together.") from error
        network = Network(len(alphabet.phones))
        fill(network, state, str(folder / FILE))
        return cls(network, alphabet)

    def take(self, state: dict[str, Tensor]) -> None:
        """Hear with these weights from now on."""
        self._network.load_state_dict(state)

    def read(self, samples: npt.NDArray[np.float32]) -> Tokens:
        """(n,) at 16 kHz -> (n // 320,), 50 a second."""
        return self.write(spectra(samples))

    @torch.inference_mode()
    def write(self, frames: Frames) -> Tokens:
        """Spectra (BANDS, t), t > 0 -> (t,)."""
        scores = self._network(torch.from_numpy(frames)[None])[0]  # (phonemes + 1, t)
        likely = torch.log_softmax(scores[:-1], 0).T.numpy()
        return self._alphabet.encode(sounds(path_of(likely), scores[-1].numpy(), self._alphabet))


def spectra(samples: npt.NDArray[np.float32]) -> Frames:
    """(n,) at 16 kHz -> (BANDS, n // 320): log mel, each band's mean over the recording taken out: no microphone is heard."""
    filters = mel_filter_bank(FFT // 2 + 1, BANDS, 60.0, HIGHEST, RATE, mel_scale="htk")
    padded = np.pad(samples, (0, HOP))
    found = spectrogram(
        padded,
        window_function(WINDOW),
        WINDOW,
        HOP,
        fft_length=FFT,
        mel_filters=filters,
        mel_floor=FLOOR,
        log_mel="log",
    )
    frames = np.asarray(found[:, : len(samples) // HOP], dtype=np.float32)
    centred: Frames = frames - frames.mean(axis=1, keepdims=True)
    return centred


def path_of(likely: npt.NDArray[np.float32], change: float = CHANGE) -> npt.NDArray[np.int64]:
    """The likeliest phoneme of each frame (T,), of logarithms (T, phonemes), where each change costs `change`."""
    best = likely[0].astype(np.float64)
    came_from = np.zeros(likely.shape, np.int64)
    stay = np.arange(likely.shape[1])
    for frame in range(1, len(likely)):
        other = int(best.argmax())
        moved = best[other] - change > best
        came_from[frame] = np.where(moved, other, stay)
        best = np.where(moved, best[other] - change, best) + likely[frame]
    path = np.zeros(len(likely), np.int64)
    path[-1] = best.argmax()
    for frame in range(len(likely) - 1, 0, -1):
        path[frame - 1] = came_from[frame, path[frame]]
    return path


def sounds(path: npt.NDArray[np.int64], beginning: npt.NDArray[np.float32], alphabet: Alphabet) -> list[Sound]:
    """Phonemes with their lengths; each that begins where a word seems to has that word's number."""
    starts = np.flatnonzero(np.concatenate([[True], path[1:] != path[:-1]]))
    found: list[Sound] = []
    word, last = 0, -LEAST_WORD
    for start, end in zip(starts, [*starts[1:], len(path)], strict=True):
        phone = alphabet.phones[path[start]]
        near = beginning[max(0, start - 1) : start + 2].max() > 0
        begins = near and start - last >= LEAST_WORD and not phone.startswith(PAUSE)
        found.append(Sound(phone=phone, frames=int(end - start), word=word if begins else None))
        if begins:
            word, last = word + 1, int(start)
    return found
