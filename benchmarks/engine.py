"""The shipped model: our engine against transformers' BarkModel, interleaved in one run, greedy, the same tokens, one thread."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import transformers

import synth.pup
from benchmarks.report import heading, spread
from synth import checkpoint
from synth.engine import tokenized
from synth.pipeline import Request, speak

REPEATS = 5
TEXT = "the quick brown fox jumps over the lazy dog"


def main() -> None:
    """Print the figures."""
    print(heading("torch", "transformers", "numpy"))
    torch.set_num_threads(1)
    model = checkpoint.load("pup", device="cpu", dtype=torch.float32)
    ids = tokenized(model, TEXT, None)
    request = Request(pieces=ids, voice=None, seed=0, greedy=True, min_eos_p=None)

    def ours() -> np.ndarray:
        return speak(model, request, lambda *_: None).pieces[0].waveform

    theirs = reference(ids[0], model.semantic_spec.max_input_semantic_length)
    rates: dict[str, list[float]] = {"ours": [], "transformers": []}
    for _ in range(REPEATS):
        for name, run in (("ours", ours), ("transformers", theirs)):
            began = time.perf_counter()
            waveform = run()
            rates[name].append((time.perf_counter() - began) / (len(waveform) / model.codec.sampling_rate))
    for name, samples in rates.items():
        print(f"{name:13} {spread(samples, 's per second of audio')}")
    print(f"ratio         {statistics.median(rates['transformers']) / statistics.median(rates['ours']):.2f}")
    print(f"largest difference of a sample: {np.abs(ours() - theirs()).max():.2g}")


def reference(ids: list[int], length: int) -> Callable[[], np.ndarray]:
    """The same text through transformers' generate()."""
    folder = Path(synth.pup.__file__).parent / "model"
    transformers.logging.set_verbosity_error()
    bark = transformers.BarkModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = torch.zeros(1, length, dtype=torch.long)
    tokens[0, : len(ids)] = torch.tensor(ids)
    mask = (torch.arange(length) < len(ids)).long()[None]

    def run() -> np.ndarray:
        with torch.inference_mode(), warnings.catch_warnings(action="ignore"):
            return bark.generate(tokens, attention_mask=mask, do_sample=False, fine_temperature=None)[0].numpy()

    return run


if __name__ == "__main__":
    main()
