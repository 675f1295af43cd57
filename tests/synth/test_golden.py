"""A stored tiny Bark says what it was stored to say, token for token: fast, and independent of transformers' version."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file

from synth.codec import Codec
from synth.model import CausalTransformer, FineTransformer
from synth.pipeline import Model, Request, speak
from synth.voices import Voice
from tests.synth import make_golden, oracle

SHAPE = make_golden.SHAPE


@pytest.fixture(scope="module")
def model() -> Model:
    torch.set_num_threads(1)
    weights = load_file(make_golden.FOLDER / "model.safetensors")
    parts = []
    names = ("semantic", "coarse_acoustics", "fine_acoustics")
    kinds = (CausalTransformer, CausalTransformer, FineTransformer)
    for name, kind, config in zip(names, kinds, oracle.configs(SHAPE), strict=True):
        part = kind(config)
        state = {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}
        part.load_state_dict(state, strict=True)
        parts.append(part)
    codec = transformers.EncodecModel(oracle.codec_config(SHAPE))
    state = {
        key.removeprefix("codec_model."): value for key, value in weights.items() if key.startswith("codec_model.")
    }
    assert all(key.startswith("encoder.") for key in codec.load_state_dict(state, strict=False).missing_keys)
    return Model(
        name="golden", semantic=parts[0], semantic_spec=SHAPE.semantic, coarse=parts[1], coarse_spec=SHAPE.coarse,
        fine=parts[2], fine_spec=SHAPE.fine, codec=Codec(codec), tokenizer=oracle.Letters(), voices=None,
        device=torch.device("cpu"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def outputs() -> dict[str, np.ndarray]:
    with np.load(make_golden.FOLDER / "outputs.npz", allow_pickle=False) as file:
        return dict(file)


def requests(outputs: dict[str, np.ndarray]) -> dict[str, Request]:
    arrays = {name: outputs[f"voice_{name}"] for name in ("semantic_prompt", "coarse_prompt", "fine_prompt")}
    text, wave, fine = make_golden.TEMPERATURES
    return {
        "greedy": Request(pieces=[make_golden.TEXT], seed=0, greedy=True, min_eos_p=None),
        "drawn": Request(
            pieces=[make_golden.TEXT], seed=make_golden.SEED, voice=Voice(name="stored", **arrays), text_temp=text,
            waveform_temp=wave, fine_temp=fine,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["greedy", "drawn"])
def test_stored_weights_give_the_stored_speech(model, outputs, kind):
    """Greedy without a voice; drawn with a voice, a seed and Bark's own end rule. Samples within 1e-4."""
    piece = speak(model, requests(outputs)[kind]).pieces[0]
    for name in ("semantic", "coarse", "fine"):
        assert np.array_equal(getattr(piece, name), outputs[f"{kind}_{name}"]), name
        assert len(np.unique(outputs[f"{kind}_{name}"])) > 4
    assert len(piece.waveform) == outputs[f"{kind}_samples"]
    np.testing.assert_allclose(piece.waveform[:32], outputs[f"{kind}_first"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(piece.waveform[-32:], outputs[f"{kind}_last"], rtol=0, atol=1e-4)


def test_the_stored_files_are_small():
    assert sum(path.stat().st_size for path in make_golden.FOLDER.iterdir()) < 1_000_000
