"""Bark small with random weights on the CPU: every form of the engine against transformers' BarkModel, stage by stage and whole.

One run, the forms in turn in every repeat, greedy. Beside the decoding figures is the floor: the bytes a step must read over
the bandwidth measured with as many bytes. `cpu` times the stages, `cpu-clip` ten seconds of speech with a voice, which takes
minutes.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
import transformers

from benchmarks import small, work
from benchmarks.report import heading, spread
from benchmarks.turns import finish
from synth.cpu.build import find_compiler
from synth.cpu.choose import quicken
from synth.cpu.quantised import quantise_layers
from synth.device import usable_cores
from synth.pipeline import Model

REPEATS, CLIPS = 7, 1
STEPS = 10  # tokens decoded in one measurement
DECODING = (
    ("semantic", 277),
    ("semantic", 757),
    ("coarse", 277),
    ("coarse", 903),
)  # positions: early and late in a stage
SECONDS = 10.0
MOST = 1 << 29  # bytes: larger buffers are read no faster
LAYERS, HIDDEN = small.SIZES["num_layers"], small.SIZES["hidden_size"]

Work = Callable[[], Any]


def main() -> None:
    """Print the figures of each stage."""
    bark, forms = prepare()
    with torch.inference_mode(), warnings.catch_warnings(action="ignore"):
        took: dict[str, dict[str, float]] = {}
        for stage, context in DECODING:
            theirs = work.their_decoding(bark, stage, context, STEPS)
            cells = each(forms, lambda model, at=(stage, context): work.our_decoding(model, *at, STEPS))
            took[f"{stage} {context}"] = measure(f"{stage} decoding at context {context}", theirs, cells, times=STEPS)
            floors(work.OUTPUTS[stage], context)
        for name, their, our in (
            ("prompt", work.their_prompt, work.our_prompt),
            ("window", work.their_window, work.our_window),
            ("fine pass", work.their_fine, work.our_fine),
        ):
            took[name] = measure(name, their(bark), each(forms, our))
        (codec,) = measure("codec, 10 s", work.codec(forms["exact"]), {}).values()
    compute_clip(took, codec)


def compute_clip(took: dict[str, dict[str, float]], codec: float) -> None:
    """Print what a clip of ten seconds with a voice takes: its parts, times how often each is done."""
    print("ten seconds with a voice, computed from these (500 semantic tokens, 26 windows, 12 fine passes, codec):")
    sums = {
        name: 500 / STEPS * statistics.mean((took["semantic 277"][name], took["semantic 757"][name]))
        + 26 * took["window"][name]
        + 12 * took["fine pass"][name]
        + codec
        for name in took["window"]
    }
    for name, seconds in sums.items():
        print(f"  {name:20} {seconds:.3g} s x{sums['transformers'] / seconds:.2f}")


def clip() -> None:
    """Print the figures of a whole clip, and how much of it is the same."""
    bark, forms = prepare()
    theirs, cells = work.their_clip(bark, SECONDS), each(forms, lambda model: work.our_clip(model, SECONDS))
    with torch.inference_mode(), warnings.catch_warnings(action="ignore"):
        measure(f"a clip of {SECONDS:g} s with a voice", theirs, cells, repeats=CLIPS)


def prepare() -> tuple[Any, dict[str, Model]]:
    """The heading, and all models."""
    threads = usable_cores()
    torch.set_num_threads(threads)
    transformers.logging.set_verbosity_error()
    print(heading("torch", "transformers", "numpy"))
    print(f"{threads} threads, Bark small with random weights, compiler: {' '.join(find_compiler())}\n")
    bark = small.theirs()
    return bark, models(small.ours(bark), threads)


def models(plain: Model, threads: int) -> dict[str, Model]:
    """Every form there is: with and without a compiler, exact and with 8 bits."""
    forms = {"exact, no compiler": plain}
    forms["int8, no compiler"] = small.with_own_networks(plain)
    for network in ("semantic", "coarse", "fine"):
        quantise_layers(getattr(forms["int8, no compiler"], network))
    for name in ("exact", "int8"):
        forms[name] = quicken(dataclasses.replace(plain), eight_bits=name == "int8", threads=threads)
    return forms


def measure(
    what: str, theirs: Work, ours: dict[str, Work], *, times: int = 0, repeats: int = REPEATS
) -> dict[str, float]:
    """Time all in turn, after a first time that does not count; print tokens a second if there are, else seconds.

    The medians of the seconds are returned.
    """
    cells = {"transformers" if ours else "torch": theirs, **ours}
    samples: dict[str, list[float]] = {name: [] for name in cells}
    warm_up = repeats == REPEATS  # whole clips are long enough
    for number in range(repeats + warm_up):
        for name, cell in cells.items():
            began = time.perf_counter()
            cell()
            if number >= warm_up:
                samples[name].append(time.perf_counter() - began)
    print(f"{what}:")
    slowest = statistics.median(samples[next(iter(cells))])
    for name, took in samples.items():
        shown = spread([times / each for each in took], "tokens/s") if times else spread(took)
        print(f"  {name:20} {shown:48} x{slowest / statistics.median(took):.2f}", flush=True)
    return {name: statistics.median(seconds) for name, seconds in samples.items()}


def floors(outputs: int, context: int) -> None:
    """What memory allows: all that a step must read, read once for each token."""
    for name, weight, number in (("exact", 4, 4), ("int8", 1, 2)):
        size = step_bytes(outputs, context, rows=1, weight=weight, number=number)
        rate = bandwidth(size)
        words = f"{rate / size:.0f} tokens/s ({size / 1e6:.0f} MB at {rate / 1e9:.0f} GB/s)"
        print(f"  {'floor of ' + name:20} {words}")


def step_bytes(outputs: int, context: int, *, rows: int, weight: int, number: int) -> int:
    """What a step reads: the weights of the blocks and `outputs` rows of the head, `weight` bytes each, and caches.

    A number in a cache takes `number` bytes.
    """
    blocks, head, cache = 12 * LAYERS * HIDDEN**2, outputs * HIDDEN, 2 * LAYERS * context * HIDDEN
    return weight * (blocks + head) + number * rows * cache


def bandwidth(size: int) -> float:
    """Bytes a second that all threads (the GPU, if there is one) read of a buffer of that size, at best."""
    size = min(size, MOST)
    data = torch.ones(size // 4, device="cuda" if torch.cuda.is_available() else "cpu")
    best = float("inf")
    for _ in range(20):
        finish()
        began = time.perf_counter()
        data.sum()
        finish()
        best = min(best, time.perf_counter() - began)
    return size / best


def each(forms: dict[str, Model], prepare: Callable[[Model], Work]) -> dict[str, Work]:
    """The same work for every form."""
    return {name: prepare(model) for name, model in forms.items()}


if __name__ == "__main__":
    main()
