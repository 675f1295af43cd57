"""The shipped model on one thread: transformers' BarkModel, our engine, and its stream, in turn, greedy, the same tokens.

Time in all, time to the first audio, and when playing may begin so that it never has to wait. speed.py has the true sizes.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import numpy as np
import torch
import transformers

import synth.pup
from benchmarks.report import heading, spread
from benchmarks.turns import Work, take_turns
from synth import checkpoint
from synth.engine import tokenized
from synth.pipeline import Request, speak
from synth.stream import stream

REPEATS = 7
TEXT = "the quick brown fox jumps over the lazy dog"


def main() -> None:
    """Print the figures."""
    print(heading("torch", "transformers", "numpy"))
    torch.set_num_threads(1)
    model = checkpoint.load("pup")
    ids, rate = tokenized(model, TEXT, None), model.codec.sampling_rate
    request = Request(pieces=ids, seed=0, greedy=True, min_eos_p=None)
    firsts: list[float] = []
    waits: list[float] = []

    def ours() -> np.ndarray:
        return speak(model, request).pieces[0].waveform

    def streamed() -> None:
        began, played, late = time.perf_counter(), 0.0, []
        for chunk in stream(model, request):
            late.append(time.perf_counter() - began - played)  # playing must not have begun earlier
            played += len(chunk.waveform) / rate
        firsts.append(late[0])
        waits.append(max(late) - late[0])

    theirs = reference(ids[0], model.semantic_spec.max_input_semantic_length)
    took = take_turns({"transformers": theirs, "ours": ours, "streamed": streamed}, repeats=REPEATS)
    print(
        f"{len(ours()) / rate:.2f} s of speech; largest difference of a sample: {np.abs(ours() - theirs()).max():.2g}"
    )
    for name, each in took.items():
        print(f"{name:13} all after {spread(each.wall)} x{took['transformers'].median / each.median:.2f}")
    print(
        f"streamed      first audio after {spread(firsts[1:])}, playing never waits if it begins {spread(waits[1:])} later"
    )


def reference(ids: list[int], length: int) -> Work:
    """The same text through transformers' generate()."""
    folder = Path(synth.pup.__file__).parent / "model"
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    bark = transformers.BarkModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = torch.zeros(1, length, dtype=torch.long)
    tokens[0, : len(ids)] = torch.tensor(ids)
    mask = (torch.arange(length) < len(ids)).long()[None]

    def run() -> np.ndarray:
        with torch.inference_mode(), warnings.catch_warnings(action="ignore"):
            return bark.generate(tokens, attention_mask=mask, do_sample=False, fine_temperature=None)[0].numpy()

    return run
