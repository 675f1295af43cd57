"""The forms that a Bark is computed in, all of the same random weights: what the benchmarks compare.

transformers  BarkModel as it is, float32 on a CPU, float16 on CUDA
eager         ours computed by torch, without a compiler; on a CPU "eager int8", too
exact         ours as the bot runs it: compiled kernels on a CPU, CUDA graphs on CUDA
int8, int4    the same with narrow weights
"""

from __future__ import annotations

import dataclasses
import gc
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
import transformers

from benchmarks import random_bark
from benchmarks.report import heading
from synth import device, room
from synth.cpu import choose as on_cpu
from synth.cpu import quantised
from synth.cuda import choose as on_cuda
from synth.pipeline import Model

THEIRS = "transformers"
ROOMS = {"small": room.SMALL, "large": room.LARGE}
MEANWHILE = 1.2  # times the weights: what is needed to make them
BEGAN = time.monotonic()


def kinds() -> list[str]:
    """The kinds of devices that are here."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def progress(words: str) -> None:
    """Tell whoever watches what is being done."""
    print(f"[{(time.monotonic() - BEGAN) / 60:5.1f} min] {words}", file=sys.stderr, flush=True)


def prepare(size: str, kind: str, *, seats: int = 2, but: str = "") -> tuple[Any, dict[str, Model]]:
    """The heading, transformers' model and all forms of ours `but` one that there is memory for; None where there is none."""
    torch.set_num_threads(device.usable_cores())
    transformers.logging.set_verbosity_error()
    print(heading("torch", "transformers", "numpy"))
    where = f"{device.usable_cores()} threads of the CPU" if kind == "cpu" else torch.cuda.get_device_name()
    print(f"Bark {size} with random weights on {where}\n")
    weights = MEANWHILE * weight_bytes(size, kind)
    slots = seats * 2 * room.cache(ROOMS[size], room.form_of(kind, "float16")) if kind == "cuda" else 0
    if missing := short_of(MEANWHILE * weight_bytes(size, "cpu"), "cpu") or short_of(weights, kind):
        print(f"left out: {missing}\n", flush=True)
        return None, {}
    progress(f"making Bark {size}")
    bark = random_bark.theirs(size)
    if kind == "cuda":
        bark.to("cuda", torch.float16).codec_model.float()
    forms = {"eager": random_bark.ours(bark, size)}
    for name, make in (CPU if kind == "cpu" else CUDA).items():
        if name == but:
            continue
        if missing := short_of(weights + slots, kind):
            print(f"left out: {name}, {missing}\n", flush=True)
        else:
            progress(f"making {name}")
            forms[name] = make(forms["eager"], seats)
            gc.collect()
    return bark, forms


def weight_bytes(size: str, kind: str) -> int:
    """Of the exact form."""
    numbers = room.form_of(kind, "float32" if kind == "cpu" else "float16")
    return sum(room.weights(ROOMS[size], numbers, table=True).values()) + room.CODEC


def short_of(size: float, kind: str) -> str:
    """Why so many bytes cannot be had on the device; empty where they can, or where nobody knows."""
    free = device.free_memory(kind)
    return f"it takes {size / 1e9:.1f} GB and {free / 1e9:.1f} GB are free" if 0 < free < size else ""


def compiled(plain: Model, precision: str) -> Model:
    """As the bot computes it on a CPU, "exact" or "int8"."""
    model, threads = dataclasses.replace(plain), torch.get_num_threads()
    return on_cpu.quicken(model, eight_bits=precision == "int8", threads=threads)


def eager_int8(plain: Model) -> Model:
    """8-bit products by torch."""
    model = random_bark.with_own_networks(plain)
    for network in random_bark.NETWORKS:
        quantised.quantise_layers(getattr(model, network))
    return model


def static(plain: Model, precision: str, seats: int) -> Model:
    """As the bot computes it on CUDA, for so many rows; narrow weights are the two causal networks' own."""
    own = ("semantic", "coarse") if precision in on_cuda.BITS else ()
    model = random_bark.with_own_networks(plain, own)
    return on_cuda.quicken(model, seats=seats, precision=precision, graphs=True)


Make = Callable[[Model, int], Model]

CPU: dict[str, Make] = {  # the one that needs most while it is made goes first
    "eager int8": lambda plain, _: eager_int8(plain),
    "exact": lambda plain, _: compiled(plain, "exact"),
    "int8": lambda plain, _: compiled(plain, "int8"),
}
CUDA: dict[str, Make] = {
    "exact": lambda plain, seats: static(plain, "float16", seats),
    "int8": lambda plain, seats: static(plain, "int8", seats),
    "int4": lambda plain, seats: static(plain, "int4", seats),
}
