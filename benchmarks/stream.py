"""Streamed speech against whole speech: time to the first audio, time in all, and the playing that never has to wait.

The shipped miniature and random weights of Bark small's size, each with a voice, both ways in turn. Seconds are those of
one thread's work (process time), which on an idle machine are the clock's, and on a busy one are the same.
"""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict

import torch

from benchmarks.random_bark import random_bark, random_voice
from benchmarks.report import heading, spread
from synth import checkpoint
from synth.bark import Model, Request
from synth.engine import tokenized
from synth.pipeline import speak
from synth.progress import SHARES
from synth.stream import stream

REPEATS = {"pup": 7, "small": 2}
TEXT = "the quick brown fox jumps over the lazy dog"
SECONDS = 2.0  # of speech from random weights, which find no end by themselves


def main() -> None:
    """Print the figures."""
    print(heading("torch", "numpy"))
    torch.set_num_threads(1)
    pup = checkpoint.load("pup")
    voice = pup.voices.get(pup.voices.names()[0])
    compare(pup, Request(pieces=tokenized(pup, TEXT, voice.name), voice=voice, seed=1), REPEATS["pup"])
    del pup
    ids = list(range(20))
    request = Request(pieces=[ids], voice=random_voice(), seed=1, min_eos_p=None, max_seconds=SECONDS)
    compare(random_bark("small"), request, REPEATS["small"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """What one run took, in seconds."""

    first: float  # until the first audio
    total: float
    ahead: float  # how long after the first audio playing must begin, so that it never waits
    audio: float
    stages: dict[str, float]


def compare(model: Model, request: Request, repeats: int) -> None:
    """Print whole and streamed runs of one request; one of each goes before, unmeasured."""
    ways = {"whole": run_whole, "streamed": run_streamed}
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            run = way(model, request)
            if turn:
                runs[name].append(run)
    print(f"{model.name}, {runs['whole'][0].audio:.2f} s of speech with a voice")
    for name, taken in runs.items():
        print(f"  {name:9} first audio after {spread([run.first for run in taken])}")
        print(f"  {'':9} all after         {spread([run.total for run in taken])}")
        medians = sorted(taken, key=lambda run: run.total)[len(taken) // 2]
        print(f"  {'':9} {', '.join(f'{stage} {seconds:.2f} s' for stage, seconds in medians.stages.items())}")
    late = [run.ahead for run in runs["streamed"]]
    print(f"  playing never waits if it begins {spread(late)} after the first audio")
    print(f"  chunks of {', '.join(f'{seconds:.2f}' for seconds in lengths(model, request))} s\n")


class Stopwatch:
    """A listener that adds up the time of each stage."""

    def __init__(self) -> None:
        self.began = self._last = time.process_time()
        self.stages: defaultdict[str, float] = defaultdict(float, dict.fromkeys(SHARES, 0.0))

    def __call__(self, stage: str, *_: float) -> None:
        """The time since the step before belongs to this step's stage."""
        now = time.process_time()
        self.stages[stage] += now - self._last
        self._last = now

    def elapsed(self) -> float:
        """Since the beginning."""
        return time.process_time() - self.began


def run_whole(model: Model, request: Request) -> Run:
    """The first audio is there when all is."""
    watch = Stopwatch()
    speech = speak(model, request, watch)
    total = watch.elapsed()
    audio = sum(len(piece.waveform) for piece in speech.pieces) / speech.sample_rate
    return Run(first=total, total=total, ahead=0.0, audio=audio, stages=dict(watch.stages))


def run_streamed(model: Model, request: Request) -> Run:
    """Chunk by chunk; `ahead` is the most by which a chunk is later than the end of those before it."""
    watch = Stopwatch()
    first, ahead, audio = 0.0, 0.0, 0.0
    for chunk in stream(model, request, watch):
        now = watch.elapsed()
        first = first or now
        ahead = max(ahead, now - first - audio)
        audio += len(chunk.waveform) / model.codec.sampling_rate
    return Run(first=first, total=watch.elapsed(), ahead=ahead, audio=audio, stages=dict(watch.stages))


def lengths(model: Model, request: Request) -> list[float]:
    """Of the chunks, in seconds."""
    return [len(chunk.waveform) / model.codec.sampling_rate for chunk in stream(model, request)]


if __name__ == "__main__":
    main()
