"""EnCodec's decoder: codes -> waveform, as a whole or frame by frame."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from transformers import EncodecModel
from transformers.models.encodec.modeling_encodec import EncodecLSTM

from synth.convolutions import Overlap, Stack

Codes = npt.NDArray[np.int64]
Waveform = npt.NDArray[np.float32]


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
        layers = list(model.decoder.layers)
        middle = next(index for index, layer in enumerate(layers) if isinstance(layer, EncodecLSTM))
        self.before, self.after = Stack(layers[:middle]), Stack(layers[middle + 1 :])  # convolutions
        self.lstm = cast("nn.LSTM", layers[middle].lstm)

    def to(self, device: torch.device | str) -> Codec:
        """Move the weights; returns itself."""
        self._quantizer.to(device)
        self._decoder.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self._decoder.parameters()).device

    @property
    def look_ahead(self) -> int:
        """Frames that must follow one before its samples are certain: none in Bark's codec, which is causal."""
        return self.before.right + self.after.right

    def embed(self, codes: Codes) -> Tensor:
        """Codes (k, t) of the first k codebooks -> (1, C, t). ValueError when the codec has fewer than k."""
        if len(codes) > self.n_codebooks:
            raise ValueError(f"{len(codes)} codebooks; the codec has {self.n_codebooks}")
        indices = torch.from_numpy(np.ascontiguousarray(codes)).long()[:, None].to(self.device)  # (k, 1, t)
        return self._quantizer.decode(indices)  # type: ignore[operator, no-any-return] # transformers ships no types

    def decode(self, codes: Codes) -> Waveform:
        """Codes (k, t) of the first k codebooks, t > 0 -> mono waveform (t * hop_length,), not clipped.

        ValueError when the codec has fewer than k codebooks. Several audio channels are averaged.
        """
        return Decoding(self).push(codes, last=True)


class Decoding:
    """One waveform in the making: pieces of codes in, the samples that they decide on out.

    The samples are those of the whole, to the rounding of float32: the convolutions see the frames that they would see
    in the whole (synth.convolutions), and the LSTM goes on with its state. A codec with a norm over time
    (`time_group_norm`) gives nothing before the last piece.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec, self._before, self._after = codec, Overlap(codec.before), Overlap(codec.after)
        self._state: tuple[Tensor, Tensor] | None = None  # of the LSTM

    @torch.inference_mode()
    def push(self, codes: Codes, *, last: bool) -> Waveform:
        """Codes (k, t), the next ones -> the next samples (n * hop_length,), n >= 0; with `last` all that are left."""
        hidden = self._before.push(self._codec.embed(codes), last=last)  # (1, C, t)
        if hidden.shape[-1]:  # torch's LSTM refuses to do nothing
            x = hidden.permute(2, 0, 1)
            remembered, self._state = self._codec.lstm(x, self._state)
            hidden = (remembered + x).permute(1, 2, 0)
        waveform = self._after.push(hidden, last=last)[0].mean(0)  # (samples,)
        return waveform.float().cpu().numpy()


def _fold_weight_norms(module: nn.Module) -> None:
    """Replace each parametrized weight by its value."""
    for part in list(module.modules()):
        if parametrize.is_parametrized(part, "weight"):
            parametrize.remove_parametrizations(part, "weight")
