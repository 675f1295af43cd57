"""What the fine stage's look-ahead costs and what it brings: the choice of `synth.stream.Schedule`'s defaults.

Streamed fine codes of the shipped miniature against those of the whole: same codes, and the difference of the sound as
the distance of log spectra. The same with the noise of another seed in the fine stage shows how far apart two equally
good renderings are. Then, for Bark's own windows, how many of them a schedule computes.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.report import heading
from synth import checkpoint
from synth.bark import Model, Request, Speech
from synth.coarse import CoarseSpec
from synth.engine import tokenized
from synth.fine import FineSpec, generate_fine, windows
from synth.pipeline import speak
from synth.sampling import Noise, Sampling
from synth.stream import Schedule, stream

TEXTS = (
    "the quick brown fox jumps over the lazy dog",
    "seven green birds sat on the old stone wall",
    "please bring me a glass of cold water",
    "we walked home along the river in the rain",
    "nobody knows what the weather will be tomorrow",
    "two small boats were waiting near the bridge",
)
LOOK_AHEADS = (0, 2, 4, 8, 16, 24)  # frames
GROWTHS = (1.0, 1.5, 2.0)
CLIP = 10.0  # seconds, for the number of windows
FFT, HOP = 1024, 256
RANGE_DB = 80.0  # under the loudest of the whole: what is quieter counts as silence

Waveform = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]


def main() -> None:
    """Print both tables."""
    print(heading("torch", "numpy"))
    torch.set_num_threads(1)
    model = checkpoint.load("pup")
    rate = model.coarse_spec.coarse_rate_hz
    names = model.voices.names()
    pairs = [(text, names[number % len(names)]) for number, text in enumerate(TEXTS)]
    requests = [
        Request(pieces=tokenized(model, text, name), voice=model.voices.get(name), seed=number)
        for number, (text, name) in enumerate(pairs)
    ]
    wholes = [speak(model, request) for request in requests]
    print(f"{len(TEXTS)} sentences of the shipped miniature; its codec looks {model.codec.look_ahead} frames ahead")
    print("look-ahead         same codes (worst)   distance of spectra (worst)")
    for frames in LOOK_AHEADS:
        schedule = Schedule(look_ahead=frames / rate)
        figures = compared(model, wholes, [codes_of(model, request, schedule) for request in requests])
        print(f"{frames:2} frames, {1000 * frames / rate:3.0f} ms   {figures}")
    others = [other_noise(model, *pair) for pair in zip(requests, wholes, strict=True)]
    print(f"another seed        {compared(model, wholes, others)}")
    print(f"\nfine windows of Bark for {CLIP:.0f} s with a voice, computed whole: {len(plan(round(CLIP * 75)))}")
    print("growth  chunks  windows   same codes (worst)   distance of spectra (worst)")
    for growth in GROWTHS:
        schedule = Schedule(growth=growth)
        chunks, computed = cost(schedule)
        figures = compared(model, wholes, [codes_of(model, request, schedule) for request in requests])
        print(f"{growth:<7} {chunks:6}  {computed:7}   {figures}")


def codes_of(model: Model, request: Request, schedule: Schedule) -> Codes:
    """What a stream settled on, (n_fine, t)."""
    *_, last = stream(model, request, schedule=schedule)
    assert last.tokens is not None  # noqa: S101 # the last chunk has them
    return last.tokens["fine_prompt"]


def other_noise(model: Model, request: Request, whole: Speech) -> Codes:
    """The fine stage of the same coarse codes, drawn anew."""
    history = request.voice.fine_prompt if request.voice else None
    sampling = Sampling(temperature=request.fine_temp)
    noise = Noise(request.seed + 1000)
    return generate_fine(model.fine, model.fine_spec, whole.pieces[0].coarse, history, noise=noise, sampling=sampling)


def compared(model: Model, wholes: Iterable[Speech], streamed: Iterable[Codes]) -> str:
    """Means over the sentences, and the worst one."""
    given = model.coarse_spec.n_coarse_codebooks
    same, distances = [], []
    for whole, codes in zip(wholes, streamed, strict=True):
        piece = whole.pieces[0]
        same.append(float((codes[given:] == piece.fine[given:]).mean()))
        distances.append(distance(model.codec.decode(codes), piece.waveform))
    return (
        f"{statistics.mean(same):6.1%} ({min(same):.1%})       "
        f"{statistics.mean(distances):5.2f} dB ({max(distances):.2f} dB)"
    )


def distance(one: Waveform, whole: Waveform) -> float:
    """The root mean square difference of log spectra, dB, as a mean over time."""
    first, second = (_decibels(waveform) for waveform in (one, whole))
    floor = float(second.max()) - RANGE_DB
    return float((first.clamp_min(floor) - second.clamp_min(floor)).square().mean(0).sqrt().mean())


def _decibels(waveform: Waveform) -> torch.Tensor:
    bins = torch.stft(torch.from_numpy(waveform), FFT, HOP, window=torch.hann_window(FFT), return_complex=True)
    return 20 * bins.abs().log10()


def plan(frames: int) -> list[tuple[int, int]]:
    """First filled frame and end of Bark's fine windows, behind a full history."""
    spec = FineSpec()
    return [(one.fill, one.stop) for one in windows(spec, spec.max_fine_history_length, frames)]


def cost(schedule: Schedule) -> tuple[int, int]:
    """Chunks, and fine windows computed, for a clip."""
    rate, frames = CoarseSpec().coarse_rate_hz, round(CLIP * CoarseSpec().coarse_rate_hz)
    known, settled, computed = 0, 0, 0
    for chunks in itertools.count(1):
        known += next(itertools.islice(schedule.sizes(rate), chunks - 1, None))
        last = known > frames
        known = min(known, frames)
        history = FineSpec().max_fine_history_length
        computed += sum(stop > history + settled for _, stop in plan(known))
        settled = known - (0 if last else schedule.late(rate))
        if last:
            break
    return chunks, computed
