"""The first EnCodec codebooks -> all of them, by a non-causal model over overlapping windows of frames.

Codebooks are predicted one after another, the first `n_coarse_codebooks` are given. What is not known yet holds the pad
code (`codebook_size`), also behind the end of a short input: there is no mask, the model sees it.

Where transformers' BarkFineModel differs from the reference (suno-ai/bark, generate_fine), the reference wins here:

- Temperature 1.0: transformers takes the most likely code, the reference draws. None takes the most likely in both.
- The first predicted codebook is `n_coarse_codebooks` in both, and head i belongs to codebook i + `n_codes_given`. With
  fewer coarse codebooks than `n_codes_given` both would pick a wrong head (index -1), and there is none for the
  codebooks between: refused here.
- Both can leave a gap of pad codes between windows when a window is shorter than twice the history; here the next window
  starts filling where the last one ended. For Bark's 512 and 1,024 that is the same.

The reference draws anew when a shifted last window predicts frames again; here a (frame, codebook) has its own noise,
however often it is drawn and however the frames are cut into windows.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synth.model import FineTransformer
from synth.sampling import Noise, Sampling, Stage

Codes = npt.NDArray[np.int64]
Watch = Callable[[int, int], None]  # (passes done, passes in all); may raise to stop between two passes


@dataclasses.dataclass(frozen=True, kw_only=True)
class FineSpec:
    """The codebooks and windows of the fine stage; the defaults are Bark's."""

    codebook_size: int = 1024  # also the pad code
    n_coarse_codebooks: int = 2
    n_fine_codebooks: int = 8
    max_fine_history_length: int = 512  # frames of history, and from one window to the next
    max_fine_input_length: int = 1024  # frames of a window

    def __post_init__(self) -> None:
        if not 1 <= self.max_fine_history_length <= self.max_fine_input_length:
            raise ValueError(
                f"max_fine_history_length {self.max_fine_history_length} is not in 1..{self.max_fine_input_length}"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window:
    """Frames start..stop-1 are seen, fill..stop-1 are predicted. Frame 0 is the first of the history."""

    start: int
    fill: int
    stop: int


def windows(spec: FineSpec, history: int, frames: int) -> Iterator[Window]:
    """The windows over `history` known and `frames` new frames. The last one is shifted back to end with the input."""
    size, hop = spec.max_fine_input_length, spec.max_fine_history_length
    length = max(size, history + frames)
    stop = history
    for index in range(max(0, math.ceil((history + frames - size) / hop)) + 1):
        start = min(index * hop, length - size)
        # fill where history and hops say, or earlier in the last window, which predicts some frames again
        fill = min(history + index * hop, length - hop)
        if index:
            fill = min(fill, stop)
        stop = start + size
        if fill < stop:  # a history as long as a window leaves the first one nothing to fill
            yield Window(start=start, fill=fill, stop=stop)


@torch.inference_mode()
def generate_fine(
    model: FineTransformer,
    spec: FineSpec,
    coarse: Codes,
    history: Codes | None = None,
    *,
    noise: Noise,
    sampling: Sampling = Sampling(temperature=0.5),  # noqa: B008 # a frozen value
    frozen: Codes | None = None,
    watch: Watch | None = None,
) -> Codes:
    """All codes (n_fine, t) of coarse codes (n_coarse, t), t > 0.

    `history` (n_fine, m) are earlier codes, of which the last 512 count. A temperature of None (or 0) takes the most
    likely code; 1.0 draws. `watch` sees every forward pass, of which each window has n_fine - n_coarse.

    `frozen` (n_fine, e), e <= t, are the codes of the first frames where they are settled, from a run that knew fewer
    frames. They take the place of what is predicted there, and nothing else differs: frozen codes of the whole run give
    the whole run's codes, as long as no window predicts frames again. Windows that fill settled frames alone are not
    computed.
    """
    if len(coarse) < model.config.n_codes_given:
        raise ValueError(
            f"{len(coarse)} coarse codebooks; the model predicts from codebook {model.config.n_codes_given}"
        )
    none = np.zeros((spec.n_fine_codebooks, 0), np.int64)
    past = none if history is None else history[:, -spec.max_fine_history_length :]
    frozen = none if frozen is None else frozen
    new, settled = past.shape[1], past.shape[1] + frozen.shape[1]  # the first new frame, and the first that is open
    known = torch.from_numpy(input_codes(spec, frozen, past))[None].to(model.device)  # (1, n_fine, length)
    codes = torch.from_numpy(input_codes(spec, coarse, past))[None].to(model.device)  # the same, longer
    plan = list(windows(spec, new, coarse.shape[1]))
    passes = [(window, codebook) for window in plan for codebook in range(len(coarse), spec.n_fine_codebooks)]
    for done, (window, codebook) in enumerate(passes, 1):
        if window.stop > settled:
            codes[:, codebook, window.fill : window.stop] = _predict(
                model, spec, codes, window, codebook, history=new, noise=noise, sampling=sampling
            )
        kept = slice(max(new, window.fill), min(settled, window.stop))
        codes[:, codebook, kept] = known[:, codebook, kept]
        if watch:
            watch(done, len(passes))
    return codes[0, :, new : new + coarse.shape[1]].cpu().numpy()


def input_codes(spec: FineSpec, coarse: Codes, history: Codes) -> Codes:
    """History, then coarse codes over pads, then pads up to a full window: (n_fine, length)."""
    frames = history.shape[1] + coarse.shape[1]
    codes = np.full((spec.n_fine_codebooks, max(frames, spec.max_fine_input_length)), spec.codebook_size, np.int64)
    codes[:, : history.shape[1]] = history
    codes[: len(coarse), history.shape[1] : frames] = coarse
    return codes


def _predict(
    model: FineTransformer,
    spec: FineSpec,
    codes: Tensor,
    window: Window,
    codebook: int,
    *,
    history: int,
    noise: Noise,
    sampling: Sampling,
) -> Tensor:
    """Codes (1, stop - fill) of one codebook in one window, from codes (1, n_fine, length)."""
    hidden = model(codes[:, :, window.start : window.stop], codebook)
    logits = model.logits(hidden[:, window.fill - window.start :], codebook, spec.codebook_size)
    rows = None
    if sampling.draws:
        first, count = window.fill - history, window.stop - window.fill
        rows = noise.gumbel(Stage.FINE, first, count, spec.codebook_size, lane=codebook, device=model.device)
    return sampling.draw(logits, rows)
