"""Several rows at once: tokens a second of all rows together, and whole clips side by side against one after another.

Bark small with random weights, on the GPU in float16 if there is one, else on the CPU in all its forms. Beside the decode
steps is the floor: the bytes that a step must read, the weights once and the caches of all rows, over the bandwidth
measured with as many bytes.
"""

from __future__ import annotations

import copy
import functools
import resource
import statistics
import warnings
from typing import Any

import numpy as np
import torch
import transformers

from benchmarks import cpu, small, work
from benchmarks.report import heading, short
from benchmarks.turns import Work, take_turns
from synth.batch import Batch
from synth.device import usable_cores
from synth.pipeline import Model, Piece, Request, speak

ROWS = (1, 2, 4, 8, 16, 32)
REPEATS, STEPS = 5, 4  # steps in one measurement
DECODING = (("semantic", 277), ("coarse", 277), ("coarse", 903))  # positions before the first step
TAKES = {"cpu": (1, 2, 4), "cuda": (1, 4, 8, 16, 32)}
SECONDS = 2.0  # of each take
FORMS = ("exact, no compiler", "exact", "int8")  # of the CPU's


def main() -> None:
    """Print a table for each stage and context."""
    bark, forms = prepare()
    with torch.inference_mode(), warnings.catch_warnings(action="ignore"):
        for stage, context in DECODING:
            table(bark, forms, stage, context)


def clips() -> None:
    """Print how fast takes of one text are made, one after another and side by side."""
    _, forms = prepare()
    forms.pop("exact, no compiler", None)
    print(f"takes of {SECONDS:g} s with a voice: seconds of work for a second of audio, all takes together")
    print("| form | takes | alone | in a batch | ratio | same codes |\n|---|---|---|---|---|---|")
    for name, model in forms.items():
        for takes in TAKES[model.device.type]:
            print(f"| {name} | {takes} | {side_by_side(model, takes)} |", flush=True)
    print(peak())


def prepare() -> tuple[Any, dict[str, Model]]:
    """The heading, transformers' model, and all forms of ours; on the GPU if there is one."""
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(usable_cores())
    print(heading("torch", "transformers", "numpy"))
    bark = small.theirs()
    if torch.cuda.is_available():
        print(f"Bark small with random weights, float16, on {torch.cuda.get_device_name()}\n")
        for part in (bark.semantic, bark.coarse_acoustics, bark.fine_acoustics):
            part.to("cuda", torch.float16)
        bark.codec_model.to("cuda")
        return bark, {"float16": small.ours(bark)}
    print(f"Bark small with random weights, {usable_cores()} threads\n")
    forms = cpu.models(small.ours(bark), usable_cores())
    return bark, {name: forms[name] for name in FORMS}


def table(bark: Any, forms: dict[str, Model], stage: str, context: int) -> None:
    """Print tokens a second of one stage, a line for each number of rows."""
    sizes = (("float16", 2, 2),) if torch.cuda.is_available() else (("exact", 4, 4), ("int8", 1, 2))
    columns = ["transformers", *forms, *(f"floor of {name}" for name, _, _ in sizes)]
    print(f"{stage} decoding at context {context}, tokens/s of all rows together")
    print(f"| rows | {' | '.join(columns)} |\n|{'---|' * (1 + len(columns))}")
    for rows in ROWS:
        cells = {"transformers": their_steps(bark, stage, context, rows)}
        cells |= {name: our_steps(model, stage, context, rows) for name, model in forms.items()}
        took = take_turns(cells, repeats=REPEATS)
        shown = [short([rows * STEPS / seconds for seconds in each.wall]) for each in took.values()]
        for _, weight, number in sizes:
            size = cpu.step_bytes(work.OUTPUTS[stage], context, rows=rows, weight=weight, number=number)
            shown.append(f"{rows * cpu.bandwidth(size) / size:.0f}")
        print(f"| {rows} | {' | '.join(shown)} |", flush=True)
    print(f"{peak()}\n")


def their_steps(bark: Any, stage: str, context: int, rows: int) -> Work:
    """transformers: what its generate() does to a network for each token, without the rest."""
    network = bark.semantic if stage == "semantic" else bark.coarse_acoustics
    first, last = work.FIRST[stage], work.FIRST[stage] + work.OUTPUTS[stage]
    cache = transformers.DynamicCache()
    network(work.ids(context).to(network.device), past_key_values=cache, use_cache=True)
    cache.batch_repeat_interleave(rows)

    def run() -> None:
        token = torch.zeros(rows, 1, dtype=torch.long, device=network.device)
        for _ in range(STEPS):
            logits = network(token, past_key_values=cache, use_cache=True).logits
            token = logits[:, -1:, first:last].argmax(-1) + first
        cache.crop(-STEPS)

    return run


def our_steps(model: Model, stage: str, context: int, rows: int) -> Work:
    """Ours: the rows' caches are each their own."""
    network = getattr(model, stage)
    first, last = work.FIRST[stage], work.FIRST[stage] + work.OUTPUTS[stage]
    filled = network.new_cache()
    network.prefill(network.embed(work.ids(context).to(network.device)), filled)
    caches = [copy.deepcopy(filled) for _ in range(rows)]

    def run() -> None:
        for cache in caches:
            cache.length = context
        token = torch.zeros(rows, dtype=torch.long, device=network.device)
        for _ in range(STEPS):
            hidden = network.decode_tokens(token, caches)
            token = network.logits(hidden, first, last).argmax(-1) + first

    return run


def side_by_side(model: Model, takes: int) -> str:
    """The cells of a line."""
    made: dict[str, list[Piece]] = {}

    def alone() -> None:
        made["alone"] = [speak(model, request(seed)).pieces[0] for seed in range(takes)]

    def together() -> None:
        batch = Batch(seats=takes)
        shared = batch.share(model)
        tasks = [batch.start(functools.partial(speak, shared, request(seed))) for seed in range(takes)]
        while batch.busy:
            batch.turn()
        made["together"] = [task.result().pieces[0] for task in tasks]

    took = take_turns({"alone": alone, "together": together}, repeats=1, warm_up=model.device.type == "cuda")
    audio = sum(len(piece.waveform) for piece in made["alone"]) / model.codec.sampling_rate
    same = statistics.mean(agreement(*pair) for pair in zip(made["alone"], made["together"], strict=True))
    seconds = [took[name].median for name in ("alone", "together")]
    return f"{seconds[0] / audio:.3g} | {seconds[1] / audio:.3g} | x{seconds[0] / seconds[1]:.2f} | {same:.1%}"


def agreement(one: Piece, other: Piece) -> float:
    """The share of the codes that are the same, as far as the shorter one goes."""
    frames = min(one.fine.shape[1], other.fine.shape[1])
    return float(np.mean(one.fine[:, :frames] == other.fine[:, :frames]))


def request(seed: int) -> Request:
    """A take: drawn by chance, without an end of its own."""
    return Request(pieces=[work.TEXT], voice=small.voice(), seed=seed, min_eos_p=None, max_seconds=SECONDS)


def peak() -> str:
    """The most memory so far, of the GPU's or of the process, all forms together."""
    if torch.cuda.is_available():
        return f"most memory so far: {torch.cuda.max_memory_allocated() / 1e9:.2f} GB on the GPU"
    return f"most memory so far: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"


if __name__ == "__main__":
    main()
