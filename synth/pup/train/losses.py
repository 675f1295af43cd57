"""How far one waveform is from another: mel spectra at several resolutions, and the samples themselves."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers.audio_utils import mel_filter_bank

from synth.pup.teacher import SAMPLE_RATE

RESOLUTIONS = ((256, 32), (512, 64), (1024, 80), (2048, 80))  # samples of a window, mel bands
FLOOR = 2e-3  # below this, windows of unit energy hold silence: its logarithm would rule the loss
LINEAR = 0.15  # weight of the linear spectrum beside the logarithm


class SpectralLoss(nn.Module):
    """The mean over all resolutions of log-mel and linear differences."""

    def __init__(self) -> None:
        super().__init__()
        for size, bands in RESOLUTIONS:
            window = torch.hann_window(size)
            self.register_buffer(f"window_{size}", window / window.pow(2).sum().sqrt())
            bank = mel_filter_bank(size // 2 + 1, bands, 0, SAMPLE_RATE / 2, SAMPLE_RATE)
            self.register_buffer(f"bank_{size}", torch.tensor(bank, dtype=torch.float32))

    def forward(self, made: Tensor, wanted: Tensor) -> Tensor:
        """A number, of two waveforms (B, samples)."""
        terms = []
        for size, _ in RESOLUTIONS:
            window, bank = self.get_buffer(f"window_{size}"), self.get_buffer(f"bank_{size}")
            ours, theirs = (_magnitude(waveform, window) for waveform in (made, wanted))
            mels = [torch.log(torch.einsum("bft,fm->bmt", one, bank) + FLOOR) for one in (ours, theirs)]
            linear = (ours - theirs).abs().mean() / (theirs.mean() + FLOOR)
            terms.append((mels[0] - mels[1]).abs().mean() + LINEAR * linear)
        return torch.stack(terms).mean()


def sample_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """The mean difference of two waveforms against the second one's mean size."""
    return (made - wanted).abs().mean() / (wanted.abs().mean() + 1e-4)


def _magnitude(waveform: Tensor, window: Tensor) -> Tensor:
    """Spectrum (B, frequencies, frames), its root kept away from 0 for the gradient."""
    size = len(window)
    spectrum = torch.stft(waveform, size, size // 4, size, window, return_complex=True)
    return torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-7)
