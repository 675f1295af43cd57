"""Several rows at once: tokens a second of all rows together, and whole clips side by side against one after another.

Bark small and large with random weights, in all forms. Beside the decode steps is the floor: the bytes that a step must
read, the weights once and the caches of all rows (`benchmarks.floors`).
"""

from __future__ import annotations

import functools
import statistics
import warnings
from typing import Any

import numpy as np
import torch

from benchmarks import work
from benchmarks.floors import Floor
from benchmarks.forms import THEIRS, kinds, prepare, progress, short_of
from benchmarks.report import figure, short
from benchmarks.turns import take_turns
from synth.batch import Batch
from synth.pipeline import Model, Piece, speak

ROWS = (1, 2, 4, 8, 16, 32)
REPEATS, STEPS = {"small": 4, "large": 2}, 4  # steps in one measurement
DECODING = (("semantic", 277), ("coarse", 277), ("coarse", 903))  # positions before the first step
TAKES = {"cpu": (1, 2, 4), "cuda": (1, 4, 8, 16, 32)}
SECONDS = 2.0  # of each take
LEFT_OUT = "eager int8"
LOSS = 1.2  # times the caches: a cache that grows is copied layer by layer


def main(size: str) -> None:
    """Print the tables of one size."""
    for kind in kinds():
        tables(size, kind)


def clips() -> None:
    """Print how fast takes of one text are made, one after another and side by side."""
    for kind in kinds():
        _, forms = prepare("small", kind, seats=TAKES[kind][-1], but=LEFT_OUT)
        print(
            f"takes of {SECONDS:g} s with a voice on {kind}: seconds of work for a second of audio, all takes together"
        )
        print("| form | takes | alone | in a batch | ratio | same codes |\n|---|---|---|---|---|---|")
        for name, model in list(forms.items())[1:]:
            for takes in TAKES[kind]:
                print(f"| {name} | {takes} | {side_by_side(model, takes)} |", flush=True)
        print()


def tables(size: str, kind: str) -> None:
    """Of one size on one kind of device."""
    bark, forms = prepare(size, kind, seats=ROWS[-1], but=LEFT_OUT)
    with torch.inference_mode(), warnings.catch_warnings(action="ignore"):
        for stage, context in DECODING if forms else ():
            columns = [THEIRS, *forms, *(f"floor of {name}" for name in floors_of(forms))]
            print(f"Bark {size} on {kind}, {stage} decoding at context {context}, tokens/s of all rows together\n")
            print(f"| rows | {' | '.join(columns)} |\n|{'---|' * (1 + len(columns))}")
            apart = [line(bark, forms, size, (stage, context, STEPS, rows)) for rows in ROWS]
            print(
                "\n*: one form after another, as the caches of all would take too much memory\n" if any(apart) else ""
            )


def line(bark: Any, forms: dict[str, Model], size: str, at: tuple[str, int, int, int]) -> bool:
    """Print a line of a table: the forms in turn, or where there is too little memory each by itself, which is returned."""
    stage, context, steps, rows = at
    kind = bark.device.type
    progress(f"{size} on {kind}: {stage} {context}, rows: {rows}")
    floors = {name: Floor(size, kind, name) for name in (THEIRS, *forms)}
    needed = {name: LOSS * cache_bytes(floors[name], name, context, rows) for name in floors}
    cells: dict[str, Any] = {THEIRS: functools.partial(work.their_decoding, bark, *at)}
    cells |= {name: functools.partial(work.our_decoding, model, *at) for name, model in forms.items()}
    apart = bool(short_of(sum(needed.values()), kind))
    took = {}
    for group in [[name] for name in cells] if apart else [list(cells)]:
        if not short_of(sum(needed[name] for name in group), kind):
            took |= take_turns({name: cells[name]() for name in group}, repeats=REPEATS[size])
    shown = [
        short([rows * steps / seconds for seconds in took[name].wall]) if name in took else "no memory"
        for name in cells
    ]
    shown += [f"{figure(rows / floors[name].step(stage, context, rows))}" for name in floors_of(forms)]
    print(f"| {rows}{' *' * apart} | {' | '.join(shown)} |", flush=True)
    return apart


def floors_of(forms: dict[str, Model]) -> list[str]:
    """The forms whose floors differ."""
    return [name for name in forms if name != "eager"]


def cache_bytes(floor: Floor, name: str, context: int, rows: int) -> float:
    """What the caches take that are made for a measurement. On a GPU, a static form has its own from the beginning."""
    positions = context if name == THEIRS else 1024
    if floor.kind != "cpu" and name not in (THEIRS, "eager"):
        return 0
    return 2 * floor.layers * floor.width * positions * rows * floor.form.cache


def side_by_side(model: Model, takes: int) -> str:
    """The cells of a line."""
    made: dict[str, list[Piece]] = {}
    requests = [work.request(SECONDS, seed, greedy=False) for seed in range(takes)]

    def alone() -> None:
        made["alone"] = [speak(model, request).pieces[0] for request in requests]

    def together() -> None:
        batch = Batch(seats=takes)
        shared = batch.share(model)
        tasks = [batch.start(functools.partial(speak, shared, request)) for request in requests]
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
