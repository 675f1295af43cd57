"""What only a CUDA device can show: graphs, kernels, memory."""

from __future__ import annotations

import dataclasses
import functools
import gc
import logging

import numpy as np
import pytest
import torch

from synth.batch import Batch
from synth.cuda import kernels
from synth.cuda.graphs import Captured
from synth.cuda.quantised import QuantisedLinear
from synth.model import CausalTransformer, TransformerConfig
from synth.pipeline import speak
from synth.places import PromptTable
from synth.sampling import Noise, Stage
from tests.synth import oracle
from tests.synth.cuda.forms import static
from tests.synth.cuda.test_speech import same
from tests.synth.cuda.test_static import ODD, Row, agree, made
from tests.synth.test_pipeline import DRAWN, GREEDY, a_voice

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
CUDA = "cuda:0"
SHAPES = {"odd": ODD, "biased": oracle.BIASED}


@functools.cache
def captured(name: str):
    """In float32, with graphs."""
    model = static(SHAPES[name], seats=4, device=CUDA, graphs=True)
    assert isinstance(model.semantic._runner, Captured)
    return model


@functools.cache
def eager(name: str):
    return static(SHAPES[name], seats=4, device=CUDA)


@pytest.mark.parametrize("voice", [None, a_voice(9), a_voice(41)], ids=["none", "9", "41"])
@pytest.mark.parametrize("name", SHAPES)
def test_greedy_tokens_equal_transformers(name, voice):
    """In float32: captured, and called."""
    shape, (theirs, _), past = SHAPES[name], oracle.build(SHAPES[name]), (None, None)
    if voice:
        fine = np.resize(voice.fine_prompt, (shape.fine.n_fine_codebooks, voice.fine_prompt.shape[1]))
        voice = dataclasses.replace(voice, semantic_prompt=voice.semantic_prompt % 37, fine_prompt=fine)
        past = (voice.semantic_prompt, (voice.semantic_prompt, voice.coarse_prompt))
    semantic = np.array(oracle.transformers_semantic(theirs, shape, [1, 2, 3], past[0]))
    coarse = oracle.transformers_coarse(theirs, shape, semantic, past[1])
    for form in (captured, eager):
        piece = speak(form(name), dataclasses.replace(GREEDY, voice=voice)).pieces[0]
        assert np.array_equal(piece.semantic, semantic)
        assert np.array_equal(piece.coarse, coarse)


@pytest.mark.parametrize("stage", ["semantic", "coarse"])
@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_captured_steps_are_called_steps(stage, rows):
    wanted = [Row(length=9 + 7 * row, seed=row) for row in range(rows)]
    models = (oracle.build(ODD)[1], captured("odd"), eager("odd"))
    results = [made(getattr(model, stage), ODD, wanted, stage=stage, steps=12) for model in models]
    results[0] = (results[0][0], [dataclasses.replace(one, hidden=one.hidden.to(CUDA)) for one in results[0][1]])
    agree(results[1], results[2])
    agree(results[0], results[1])


def test_drawn_speech_in_company_is_that_alone():
    batch, model = Batch(seats=4), captured("odd")
    shared = batch.share(model)
    takes = [dataclasses.replace(DRAWN, seed=seed, voice=a_voice()) for seed in range(4)]
    tasks = [batch.start(functools.partial(speak, shared, take)) for take in takes]
    while batch.busy:
        batch.turn()
    assert all(same(task.result(), speak(eager("odd"), take)) for task, take in zip(tasks, takes, strict=True))


@pytest.mark.parametrize("width", [1, 8, 1024, 10_001])
def test_the_devices_noise_is_numpys(width):
    """The uniform numbers bit by bit, the rest to within a few steps of float32."""
    pytest.importorskip("triton")
    assert kernels.usable(torch.device(CUDA))
    from synth.cuda.noise import words_of  # noqa: PLC0415 -- needs Triton
    from synth.cuda.philox import uniform  # noqa: PLC0415

    source = Noise(2**64 - 3, 7, 1)
    words = words_of(*source.start(Stage.SEMANTIC, -9, width, 3)).to(CUDA)
    numbers = torch.from_numpy(source.uniform(Stage.SEMANTIC, -9, 60, width, 3))
    assert torch.equal(uniform(words, 60, width).cpu(), numbers)
    got = source.gumbel(Stage.SEMANTIC, -9, 60, width, 3, device=torch.device(CUDA))
    want = source.gumbel(Stage.SEMANTIC, -9, 60, width, 3)
    torch.testing.assert_close(got.cpu(), want, rtol=1e-6, atol=5e-7)


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 16, 31, 32, 33])
@pytest.mark.parametrize(("inputs", "outputs"), [(1024, 3072), (4096, 1024), (768, 3072), (96, 33)])
@pytest.mark.parametrize("bits", [8, 4])
def test_kernels_for_narrow_weights_compute_their_definition(bits, inputs, outputs, rows):
    pytest.importorskip("triton")
    plain = torch.nn.Linear(inputs, outputs, device=CUDA, dtype=torch.float16)
    layer = QuantisedLinear(plain, bits=bits, kernel=True)
    x = torch.randn(rows, inputs, device=CUDA, dtype=torch.float16)
    with torch.inference_mode():
        want = torch.nn.functional.linear(x.float(), layer.weight(), layer.bias.float())
        torch.testing.assert_close(layer(x).float(), want, rtol=0, atol=5e-3)


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_narrow_weights_run_in_graphs_as_called(precision):
    shape = dataclasses.replace(oracle.BIASED, hidden=64)
    forms = [static(shape, device=CUDA, precision=precision, graphs=graphs) for graphs in (True, False)]
    one, other = (speak(model, DRAWN) for model in forms)
    assert same(one, other)


def test_a_text_table_may_stay_on_the_cpu():
    model = static(ODD, device=CUDA)
    want = speak(model, DRAWN)
    table, spec = model.semantic.input_embeds_layer, ODD.semantic
    model.semantic.input_embeds_layer = PromptTable(table.weight.cpu(), spec.semantic_vocab_size, like=table.weight)
    assert same(speak(model, DRAWN), want)


def test_graphs_of_the_large_model_are_captured_and_told(caplog, capsys):
    """Large, float16, 32 rows, random weights: how long it takes is printed."""
    from synth.cuda.outputs import Outputs  # noqa: PLC0415 -- only here
    from synth.cuda.static import StaticCausal  # noqa: PLC0415

    config = TransformerConfig(
        num_layers=24, num_heads=16, hidden_size=1024, block_size=1024, input_vocab_size=12_096,
        output_vocab_size=12_096, bias=False,
    )  # fmt: skip
    network = CausalTransformer(config).to(CUDA, torch.float16).eval()
    with caplog.at_level(logging.INFO, "synth.cuda.graphs"):
        Captured(StaticCausal(network, Outputs(first=10_000, size=1024, books=2), slots=32))
    with capsys.disabled():
        print("\n" + caplog.messages[-1])
    assert "24 graphs" not in caplog.messages[-1]
    assert "30 graphs" in caplog.messages[-1], "six numbers of rows, four lengths, and the draw alone"


def test_memory_does_not_grow():
    """Fifty requests, some cancelled, four at a time."""
    batch, model = Batch(seats=4), captured("odd")
    shared, used = batch.share(model), []
    for number in range(50):
        take = dataclasses.replace(DRAWN, seed=number, top_k=4 if number % 7 == 0 else None)
        tasks = [batch.start(functools.partial(speak, shared, dataclasses.replace(take, seed=n))) for n in range(4)]
        for turn in range(10_000):
            if turn == number:
                batch.cancel(tasks[-1])
            if not batch.busy:
                break
            batch.turn()
        gc.collect()
        torch.cuda.synchronize()
        used.append(torch.cuda.memory_allocated(CUDA))
    assert max(used[10:]) <= max(used[:10])
