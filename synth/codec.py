"""EnCodec's decoder: codes -> waveform."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.utils import parametrize
from transformers import EncodecModel


class Codec:
    """The quantizer and decoder of a transformers EncodecModel; everything comes from its config.

    Takes the model over: its weight norms are folded into plain weights, which computes the same weight once instead
    of at every call, and its encoder is not kept.
    """

    def __init__(self, model: EncodecModel) -> None:
        self.sampling_rate: int = model.config.sampling_rate
        self.codebook_size: int = model.config.codebook_size
        self.hop_length: int = model.config.hop_length  # samples of a frame
        self.n_codebooks: int = len(model.quantizer.layers)  # those of the highest bandwidth
        self._quantizer: nn.Module = model.quantizer.eval()
        self._decoder: nn.Module = model.decoder.eval()
        _fold_weight_norms(self._decoder)

    def to(self, device: torch.device | str) -> Codec:
        """Move the weights; returns itself."""
        self._quantizer.to(device)
        self._decoder.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self._decoder.parameters()).device

    @torch.inference_mode()
    def decode(self, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Codes (k, t) of the first k codebooks -> mono waveform (t * hop_length,), not clipped.

        ValueError when the codec has fewer than k codebooks. Several audio channels are averaged.
        """
        if len(codes) > self.n_codebooks:
            raise ValueError(f"{len(codes)} codebooks; the codec has {self.n_codebooks}")
        indices = torch.from_numpy(np.ascontiguousarray(codes)).long()[:, None].to(self.device)  # (k, 1, t)
        embedding = self._quantizer.decode(indices)  # type: ignore[operator] # transformers ships no types; (1, D, t)
        waveform = self._decoder(embedding)[0].mean(0)  # (samples,)
        return waveform.float().cpu().numpy()  # type: ignore[no-any-return] # numpy() is Any


def _fold_weight_norms(module: nn.Module) -> None:
    """Replace each parametrized weight by its value."""
    for part in list(module.modules()):
        if parametrize.is_parametrized(part, "weight"):
            parametrize.remove_parametrizations(part, "weight")
