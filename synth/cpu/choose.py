"""What a loaded model is computed with on a CPU: the compiled library where it can be had, else torch."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from torch import Tensor, nn

from synth.cpu.build import NoKernels, default_folder
from synth.cpu.library import Kernels, open_kernels
from synth.cpu.networks import FastCausal, FastFine
from synth.cpu.packed import PackedLinear
from synth.cpu.quantised import QuantisedLinear, quantise_layers
from synth.pipeline import Model

log = logging.getLogger(__name__)

WORTH_A_THREAD = 2_000_000  # weights of a network: with fewer, threads would wait for each other more than they work
CLOSE = 1e-3  # between sums of 64 products of numbers around 1: rounding is a thousand times smaller


def quicken(model: Model, *, eight_bits: bool, threads: int, folder: Path | None = None) -> Model:
    """The same model with faster networks, on the CPU in float32. `folder` None: `default_folder()`.

    Exact, or with 8-bit weights in the blocks of all three. Where nothing can be compiled, torch does the same: as
    before, or with 8-bit layers of its own; a line in the log says so. Nothing is left to do during a job.
    """
    weights = max(_weights(network.layers) for network in (model.semantic, model.coarse, model.fine))
    try:
        kernels = open_kernels(folder or default_folder(), min(threads, 1 + weights // WORTH_A_THREAD))
        check(kernels)
    except NoKernels as reason:
        log.info("no compiled kernels, torch computes alone and is slower: %s", reason)
        if eight_bits:
            for network in (model.semantic, model.coarse, model.fine):
                quantise_layers(network)
        return model
    log.info("compiled kernels, %s", "8-bit weights" if eight_bits else "exact")
    model.drop_caches()
    for network in (model.semantic, model.coarse, model.fine):
        _keep(network)
    model.semantic = FastCausal(model.semantic, kernels, eight_bits=eight_bits)
    model.coarse = FastCausal(model.coarse, kernels, eight_bits=eight_bits)
    model.fine = FastFine(model.fine, kernels, eight_bits=eight_bits)
    return model


def _keep(network: nn.Module) -> None:
    """Copy what a faster form keeps of it: it would keep the file's mapping, and so all that was read of it, alive."""
    for part in network.modules():
        if isinstance(part, nn.Embedding | nn.LayerNorm):
            for weight in part.parameters():
                weight.data = weight.data.clone()


def _weights(layers: nn.Module) -> int:
    return sum(weight.numel() for weight in layers.parameters())


def check(kernels: Kernels) -> None:
    """Compare the library with torch on small layers in both precisions. NoKernels: a compiler can be wrong, too."""
    numbers = torch.Generator().manual_seed(0)
    for inputs in (50, 64):  # a matrix unit is used for the latter
        x = torch.randn(kernels.panel + 1, inputs, generator=numbers)
        plain = nn.Linear(inputs, kernels.panel + 1)
        with torch.inference_mode():
            plain.weight.copy_(torch.randn(plain.weight.shape, generator=numbers))
            _compare(kernels, plain, x)


def _compare(kernels: Kernels, plain: nn.Linear, x: Tensor) -> None:
    for eight_bits, want in ((False, plain(x)), (True, QuantisedLinear(plain)(x))):
        packed = PackedLinear(plain.weight, plain.bias, kernels, eight_bits=eight_bits)
        error = (packed.columns(x, 0, packed.outputs) - want).abs().max().item()
        if not error < CLOSE:
            raise NoKernels(f"what the compiler made computes wrong numbers (by {error:.2g})")
