"""The codec's two halves, each plain regression: latents of codes -> waveform, waveform -> latents.

The codebooks are computed (quantiser.py) and stay as they are. The decoder hears the revocoded speech as its target. The
encoder hears revocoded speech and the teacher's natural one at any speed, so that a recording can become a voice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from transformers import EncodecConfig, EncodecModel

from synth.pup import quantiser
from synth.pup.analysis import FEATURES, HOP, Array, analyse, features, pitch_of, revocode
from synth.pup.corpus import Utterance
from synth.pup.recipe import FRAME_RATE, Recipe
from synth.pup.teacher import SAMPLE_RATE, Waveform
from synth.pup.train.loop import random_of
from synth.pup.train.losses import SpectralLoss, sample_loss
from synth.pup.train.material import Take, crop, pick

UPSAMPLING = (2, 4, 5, 8)  # the frame rate's end first: most of the work at few samples
EDGE = 2  # frames at each end of a crop whose neighbours are not there: not judged
NATURAL = 0.5  # of the encoder's examples
SLOWEST, FASTEST = 0.8, 1.7  # a natural crop's playing speed: its pitch and throat change with it
VALIDATION_BATCHES = 8
GAIN = 1.2  # of a convolution's variance: ELU takes about that much
LAST_GAIN = 0.12  # speech is quiet against unit variance


def codec_config(recipe: Recipe) -> EncodecConfig:
    """EnCodec's own architecture, small, looking ahead as well as back."""
    bits = math.ceil(math.log2(recipe.codebook_size))
    # transformers counts codebooks by the bandwidth: ten bits each in its older versions, their own bits in newer ones
    bandwidth = min(10 * recipe.codebooks, bits * (recipe.codebooks + 1) - 1) * FRAME_RATE / 1000
    return EncodecConfig(
        num_filters=recipe.filters,
        hidden_size=FEATURES,
        codebook_dim=FEATURES,
        codebook_size=recipe.codebook_size,
        num_lstm_layers=1,
        target_bandwidths=[bandwidth],
        upsampling_ratios=list(UPSAMPLING),
        sampling_rate=SAMPLE_RATE,
        norm_type="weight_norm",
        use_causal_conv=False,
    )


def fresh_half(recipe: Recipe, name: str) -> nn.Module:
    """`encoder` or `decoder` with weights that keep the variance: EnCodec's own ones shrink it in so small a network."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        half: nn.Module = getattr(EncodecModel(codec_config(recipe)), name)
        _keep_variance(half)
    if name == "decoder":
        last = [part for part in half.modules() if isinstance(part, nn.Conv1d)][-1]
        with torch.no_grad():
            last.get_parameter("parametrizations.weight.original0").mul_(LAST_GAIN)
    return half


class DecoderTask:
    """Latents of codes -> waveform."""

    name = "decoder"

    def __init__(
        self,
        recipe: Recipe,
        codebooks: Tensor,
        train: Sequence[Take],
        validation: Sequence[Take],
        *,
        device: str = "cpu",
    ) -> None:
        """`recipe.decoder_plan.batch` crops of `recipe.crop` frames make a batch."""
        self.module = fresh_half(recipe, "decoder").to(device)
        self._recipe, self._codebooks, self._device = recipe, codebooks, device
        self._train, self._validation = train, validation
        self._spectral = SpectralLoss().to(device)

    def loss(self, random: np.random.Generator, progress: float) -> Tensor:  # noqa: ARG002 # the task's signature
        """Spectra and samples, with two, all, or any number of codebooks between."""
        choice, most = random.random(), self._recipe.codebooks
        count = 2 if choice < 0.4 else most if choice < 0.8 else int(random.integers(2, most + 1))
        spectral, samples = self._losses(random, self._train, count)
        return spectral + samples

    def validate(self) -> dict[str, float]:
        """With all codebooks."""
        pairs = [
            self._losses(random_of(0, "validation", number), self._validation, self._recipe.codebooks)
            for number in range(VALIDATION_BATCHES)
        ]
        spectral, samples = (sum(float(pair[half]) for pair in pairs) / len(pairs) for half in (0, 1))
        return {"loss": spectral + samples, "spectra": spectral, "samples": samples}

    def _losses(self, random: np.random.Generator, pool: Sequence[Take], count: int) -> tuple[Tensor, Tensor]:
        latents, waveforms = [], []
        for _ in range(self._recipe.decoder_plan.batch):
            take = pick(random, pool)
            piece = crop(random, len(take.latents), self._recipe.crop)
            codes = torch.from_numpy(take.codes[:count, piece].astype(np.int64))
            latents.append(_to_length(quantiser.decode(codes, self._codebooks).numpy(), self._recipe.crop))
            waveforms.append(_to_length(revocode(take.latents[piece]), self._recipe.crop * HOP))
        z = torch.from_numpy(np.stack(latents)).transpose(1, 2).to(self._device)  # (B, D, frames)
        made = self.module(z)[:, 0, EDGE * HOP : -EDGE * HOP]
        wanted = torch.from_numpy(np.stack(waveforms)).to(self._device)[:, EDGE * HOP : -EDGE * HOP]
        return self._spectral(made, wanted), sample_loss(made, wanted)


class EncoderTask:
    """Waveform -> latents."""

    name = "encoder"

    def __init__(
        self,
        recipe: Recipe,
        codebooks: Tensor,
        train: tuple[Sequence[Take], Sequence[Utterance]],
        validation: tuple[Sequence[Take], Sequence[Utterance]],
        *,
        device: str = "cpu",
    ) -> None:
        """Each half is the takes, and the utterances with their natural audio."""
        self.module = fresh_half(recipe, "encoder").to(device)
        self._recipe, self._codebooks, self._device = recipe, codebooks, device
        self._train, self._validation = train, validation

    def loss(self, random: np.random.Generator, progress: float) -> Tensor:  # noqa: ARG002 # the task's signature
        """Mean square of the latents' error."""
        made, wanted = self._pair(random, self._train, NATURAL)
        return nn.functional.mse_loss(made, wanted)

    def validate(self) -> dict[str, float]:
        """Separately for natural and revocoded speech; and how many first codes are those of the analysis."""
        figures = {}
        for name, share in (("natural", 1.0), ("revocoded", 0.0)):
            pairs = [
                self._pair(random_of(0, "validation", number), self._validation, share)
                for number in range(VALIDATION_BATCHES // 2)
            ]
            made, wanted = (torch.cat([pair[half] for pair in pairs]) for half in (0, 1))
            codes = [quantiser.nearest(one.flatten(0, 1).cpu(), self._codebooks[0]) for one in (made, wanted)]
            figures[name] = float(nn.functional.mse_loss(made, wanted))
            figures[f"{name} first codes"] = float((codes[0] == codes[1]).float().mean())
        return {"loss": (figures["natural"] + figures["revocoded"]) / 2, **figures}

    def _pair(
        self, random: np.random.Generator, pool: tuple[Sequence[Take], Sequence[Utterance]], natural: float
    ) -> tuple[Tensor, Tensor]:
        """Latents made and wanted, (B, frames, 64), edges cut off."""
        size, waveforms, latents = self._recipe.crop, [], []
        for _ in range(self._recipe.encoder_plan.batch):
            if random.random() < natural:
                waveform, wanted = natural_crop(random, pool[1][int(random.integers(len(pool[1])))], size)
            else:
                take = pick(random, pool[0])
                wanted = take.latents[crop(random, len(take.latents), size)]
                waveform = revocode(wanted)
            waveforms.append(_to_length(waveform, size * HOP))
            latents.append(_to_length(wanted, size))
        heard = torch.from_numpy(np.stack(waveforms))[:, None].to(self._device)
        made = self.module(heard).transpose(1, 2)
        wanted_latents = torch.from_numpy(np.stack(latents)).to(self._device)
        return made[:, EDGE:-EDGE], wanted_latents[:, EDGE:-EDGE]


def natural_crop(random: np.random.Generator, utterance: Utterance, frames: int) -> tuple[Waveform, Array]:
    """A stretch of natural speech played at some speed, and the latents of it at the nearest pitch the codec has."""
    speed = float(np.exp(random.uniform(np.log(SLOWEST), np.log(FASTEST))))
    needed = int(frames * HOP * speed) + 2
    piece = utterance.waveform[crop(random, len(utterance.waveform), needed)]
    places = np.arange(int((len(piece) - 1) / speed) // HOP * HOP) * speed
    waveform = np.interp(places, np.arange(len(piece)), piece).astype(np.float32)
    envelope, voicing = analyse(waveform)
    pitch = np.full(len(voicing), round(pitch_of(waveform)), np.float32)
    return waveform, features(envelope, voicing, pitch)


def _to_length(array: Array, length: int) -> Array:
    """Cut, or the last row or sample repeated."""
    missing = max(0, length - len(array))
    return np.pad(array[:length], [(0, missing)] + [(0, 0)] * (array.ndim - 1), mode="edge")


@torch.no_grad()
def _keep_variance(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, nn.Conv1d | nn.ConvTranspose1d):
            direction = part.get_parameter("parametrizations.weight.original1")
            norm = part.get_parameter("parametrizations.weight.original0")
            # a transposed convolution whose kernel is twice its stride adds up two of its inputs
            summed = direction.shape[1] * direction.shape[2] if isinstance(part, nn.Conv1d) else direction.shape[0] * 2
            direction.normal_(0, (GAIN / summed) ** 0.5)
            norm.copy_(direction.flatten(1).norm(dim=1).view(norm.shape))
            if part.bias is not None:
                part.bias.zero_()
