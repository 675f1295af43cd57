"""Writes tests/synth/data/golden: a tiny Bark with random weights, and what it says. `python -m tests.synth.make_golden`.

The outputs are transformers' own where it keeps to the reference (greedy, no voice), else the plain statement of the
reference in `tests.synth.reference`: not those of the engine that they test.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from synth.sampling import Noise, Stage
from tests.synth import oracle, reference

FOLDER = Path(__file__).parent / "data" / "golden"
SHAPE = dataclasses.replace(oracle.ODD, hidden=12, layers=(2, 2, 2), tied=True)
TEXT = [7, 0, 11, 3, 3, 19]
SEED = 20
HISTORY = 25  # semantic tokens of the voice
TEMPERATURES = (0.9, 0.8, 0.6)  # semantic, coarse, fine


def voice() -> dict[str, np.ndarray]:
    """A history prompt of random tokens."""
    source, frames = np.random.default_rng(3), round(HISTORY * 53 / 31.7)
    fine = source.integers(0, SHAPE.fine.codebook_size, (SHAPE.fine.n_fine_codebooks, frames))
    semantic = source.integers(0, SHAPE.semantic.semantic_vocab_size, HISTORY)
    return {"semantic_prompt": semantic, "coarse_prompt": fine[:2], "fine_prompt": fine}


def greedy(theirs: Any) -> dict[str, np.ndarray]:
    """What transformers generates without a voice."""
    semantic = np.array(oracle.transformers_semantic(theirs, SHAPE, TEXT))
    coarse = oracle.transformers_coarse(theirs, SHAPE, semantic)
    return {"semantic": semantic, "coarse": coarse, "fine": oracle.transformers_fine(theirs, SHAPE, coarse)}


def drawn(theirs: Any) -> dict[str, np.ndarray]:
    """What the reference's rules give with the voice and the noise of the seed."""
    noise, past, (text, wave, fine_temp) = Noise(SEED), voice(), TEMPERATURES
    draws = [reference.noisy(noise, stage) for stage in Stage]
    steps = SHAPE.semantic.steps(SHAPE.block)
    semantic = np.array(
        reference.semantic(
            theirs.semantic, SHAPE.semantic, TEXT, past["semantic_prompt"], draws[0], temperature=text, steps=steps
        )
    )
    coarse = reference.coarse(
        theirs.coarse_acoustics, SHAPE.coarse, semantic, (past["semantic_prompt"], past["coarse_prompt"]), draws[1],
        temperature=wave,
    )  # fmt: skip
    fine = reference.fine(
        theirs.fine_acoustics, SHAPE.fine, coarse, past["fine_prompt"], draws[2], temperature=fine_temp
    )  # fmt: skip
    return {"semantic": semantic, "coarse": coarse, "fine": fine}


def main() -> None:
    """Write the weights and the outputs."""
    torch.set_num_threads(1)
    theirs = oracle.bark(SHAPE, seed=12)
    state = {name: value.clone() for name, value in theirs.state_dict().items() if "encoder" not in name}
    masks = {name for name, _ in theirs.named_buffers() if name.endswith("attn.bias")}
    FOLDER.mkdir(parents=True, exist_ok=True)
    save_file({name: value for name, value in state.items() if name not in masks}, FOLDER / "model.safetensors")
    outputs = {f"voice_{name}": value for name, value in voice().items()}
    for kind, codes in (("greedy", greedy(theirs)), ("drawn", drawn(theirs))):
        with torch.inference_mode():
            waveform = theirs.codec_decode(torch.from_numpy(codes["fine"])[None])[0].numpy()
        codes |= {"samples": np.array(len(waveform)), "first": waveform[:32], "last": waveform[-32:]}
        outputs |= {f"{kind}_{name}": value for name, value in codes.items()}
    np.savez_compressed(FOLDER / "outputs.npz", **outputs)


if __name__ == "__main__":
    main()
