"""What a loaded model is computed with on CUDA: static steps, replayed as graphs where they can be captured."""

from __future__ import annotations

import logging

import torch

from synth.bark import Model
from synth.cuda.graphs import capture
from synth.cuda.kernels import usable
from synth.cuda.outputs import Outputs
from synth.cuda.quantised import quantise_layers
from synth.cuda.static import StaticCausal
from synth.sampling import Noise, Stage

log = logging.getLogger(__name__)

BITS = {"int8": 8, "int4": 4}


def quicken(model: Model, *, seats: int, precision: str, graphs: bool) -> Model:
    """The same model with static semantic and coarse networks for so many pieces at once, on the device where it is.

    int8 and int4 round the weights of those two. Not of the fine one: it computes all positions at once, and is bound
    by the products, not by the reading of weights. Nothing is left to do during a job.
    """
    model.drop_caches()
    kernels = usable(model.device)
    if bits := BITS.get(precision):
        for network in (model.semantic, model.coarse):
            quantise_layers(network, bits=bits, kernel=kernels)
    semantic = StaticCausal(model.semantic, Outputs.of_semantic(model.semantic_spec), slots=seats)
    coarse = StaticCausal(model.coarse, Outputs.of_coarse(model.coarse_spec), slots=seats)
    model.semantic, model.coarse = semantic, coarse
    captured = False
    if model.device.type == "cuda":
        for network in (semantic, coarse):
            warm_up(network)
        captured = graphs and capture(semantic, coarse)
    words = ("CUDA graphs" if captured else "no graphs", "Triton kernels" if kernels else "no Triton kernels")
    log.info("static steps for %d rows, %s, %s, weights %s", seats, *words, precision)
    return model


@torch.inference_mode()
def warm_up(network: StaticCausal) -> None:
    """Have everything compiled and loaded that a step and its noise need."""
    Noise(0).gumbel(Stage.SEMANTIC, 0, 1, network.outputs.choices, device=network.device)
    for rows in network.rows:
        network.fixed.rest()
        network.step(rows, network.lengths[0])
