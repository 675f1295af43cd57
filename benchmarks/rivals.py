"""Whether the compiled kernels are worth their keep: Bark small's coarse model as libraries compute it, and as ours do.

One decode step and one prompt, random weights, all in turn in one run. The others get their best case: see
`static_step.py`. Their step is fixed to one context, which no use of them could be; a package that is not there has a row
that says so. The error is that of the logits, in standard deviations of transformers'.
"""

from __future__ import annotations

import gc
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers

from benchmarks import forms, random_bark, work
from benchmarks.report import heading, known, spread
from benchmarks.rival_libraries import LIBRARIES, Run, export, installed
from benchmarks.static_step import Prompt, Static, Step
from benchmarks.turns import take_turns
from synth.cpu.build import find_compiler
from synth.device import usable_cores
from synth.pipeline import Model

REPEATS = {"step": 9, "prompt": 4}
STEPS = 10  # in one measurement
CONTEXTS = (277, 903)  # positions before the step: early and late in a window
ALONE = 277  # this step is timed with one thread, too: compiling for each takes torch a minute
OUTPUTS = slice(work.FIRST["coarse"], work.FIRST["coarse"] + work.OUTPUTS["coarse"])
TOKEN = 10_000

PACKAGES = ("torch", "transformers", "onnxruntime", "openvino", "nncf", "torchao")


def main() -> None:
    """Print a table for each case."""
    cores = usable_cores()
    transformers.logging.set_verbosity_error()
    print(heading(*known(PACKAGES)))
    print(f"Bark small's coarse model with random weights, compiler: {' '.join(find_compiler())}\n")
    bark = random_bark.theirs("small")
    plain = random_bark.ours(bark, "small")
    with torch.inference_mode(), warnings.catch_warnings(action="ignore"):
        for positions in (*CONTEXTS, work.PROMPTS["coarse"]):
            with tempfile.TemporaryDirectory() as folder:
                module = static(plain, positions)
                if installed("onnxruntime") or installed("openvino"):
                    export(module, Path(folder))
                for threads in {cores, 1} if positions == ALONE else {cores}:
                    compare(bark, plain, module, Path(folder), threads)


def static(plain: Model, positions: int) -> Static:
    """The case in the form for others."""
    ids = work.ids(positions)
    if positions == work.PROMPTS["coarse"]:
        return Prompt(plain.coarse, ids, OUTPUTS)
    return Step(plain.coarse, ids, torch.tensor([TOKEN]), OUTPUTS)


def compare(bark: Any, plain: Model, module: Static, folder: Path, threads: int) -> None:
    """One table."""
    torch.set_num_threads(threads)
    step = isinstance(module, Step)
    runs: dict[str, Run] = {"transformers": their_run(bark, module.positions, step=step)}
    for name, make in ({"eager": lambda plain, _: plain} | forms.CPU).items():
        runs[f"ours, {name}"] = our_run(make(plain, 1), module.positions, step=step)
    missing: dict[str, str] = {}
    for name, (package, build) in LIBRARIES.items():
        if not installed(package):
            missing[name] = "not installed"
            continue
        try:
            runs[name] = build(module, folder, threads)
        except Exception as error:  # noqa: BLE001 -- what a library cannot do is a result
            missing[name] = f"failed: {type(error).__name__}: {str(error).splitlines()[0][:80]}"
    what = f"one step behind {module.positions} positions" if step else f"a prompt of {module.positions} positions"
    print(f"{what}, {threads} thread{'s' * (threads > 1)}:")
    report(runs, times=STEPS if step else 1, repeats=REPEATS["step" if step else "prompt"])
    for name, words in missing.items():
        print(f"  {name:26} {words}")
    print(flush=True)
    gc.collect()


def report(runs: dict[str, Run], times: int, repeats: int) -> None:
    """Time and print, with the ratio to transformers by the clock and by the processor's time, and the error."""
    logits = {name: np.array(run()).ravel() for name, run in runs.items()}
    took = take_turns({name: repeated(run, times) for name, run in runs.items()}, repeats=repeats)
    base, want = took["transformers"], logits["transformers"]
    print(f"  {'':26} {'ms':44} {'by the clock':>12} {'by CPU time':>12} {'error':>9}")
    for name, each in took.items():
        shown = spread([1000 * seconds / times for seconds in each.wall], "ms")
        ratios = f"x{base.median / each.median:<11.2f} x{base.work / each.work:<11.2f}"
        error = np.std(logits[name] - want) / np.std(want)
        print(f"  {name:26} {shown:44} {ratios} {error:9.1e}")


def repeated(run: Run, times: int) -> Callable[[], None]:
    """So often."""

    def cell() -> None:
        for _ in range(times):
            run().argmax()

    return cell


def their_run(bark: Any, positions: int, *, step: bool) -> Run:
    """transformers: its cache grows by copying, and all rows of the head are computed."""
    network, ids = bark.coarse_acoustics, work.ids(positions)
    if not step:
        return lambda: _theirs(network(ids, past_key_values=transformers.DynamicCache(), use_cache=True))
    cache = transformers.DynamicCache()
    network(ids, past_key_values=cache, use_cache=True)

    def run() -> npt.NDArray[np.float32]:
        out = network(torch.tensor([[TOKEN]]), past_key_values=cache, use_cache=True)
        cache.crop(-1)
        return _theirs(out)

    return run


def our_run(model: Model, positions: int, *, step: bool) -> Run:
    """Any form of ours, through the interface that the engine uses."""
    network, ids = model.coarse, work.ids(positions)
    cache = network.new_cache()
    if not step:
        return lambda: _ours(model, network.prefill(network.embed(ids), cache))
    network.prefill(network.embed(ids), cache)

    def run() -> npt.NDArray[np.float32]:
        cache.length = positions
        return _ours(model, network.decode_tokens(torch.tensor([TOKEN]), [cache]))

    return run


def _theirs(out: Any) -> npt.NDArray[np.float32]:
    return out.logits[0, -1, OUTPUTS].numpy()


def _ours(model: Model, hidden: torch.Tensor) -> npt.NDArray[np.float32]:
    return model.coarse.logits(hidden, OUTPUTS.start, OUTPUTS.stop)[0].numpy()
