"""Whole speeches by static networks: those of the plain ones, alone, streamed and in company."""

from __future__ import annotations

import dataclasses
import functools
import gc
import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.bark import Model, Request
from synth.batch import Batch
from synth.cuda.choose import quicken
from synth.errors import EmptySpeech
from synth.pipeline import speak
from synth.places import PromptTable
from synth.stream import Schedule, stream
from tests.synth import oracle
from tests.synth.cuda.forms import static
from tests.synth.cuda.tape import Taped
from tests.synth.test_pipeline import DRAWN, GREEDY, SHAPE, a_voice

SHAPES = {"odd": SHAPE, "biased": oracle.BIASED}


@functools.cache
def fixed(name: str = "odd", seats: int = 3) -> Model:
    return static(SHAPES[name], seats=seats)


def same(one, other) -> bool:
    return len(one.pieces) == len(other.pieces) and all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for a, b in zip(one.pieces, other.pieces, strict=True)
        for name in ("semantic", "coarse", "fine")
    )


@pytest.mark.parametrize("voice", [None, a_voice(9), a_voice(41)], ids=["none", "9", "41"])
@pytest.mark.parametrize("name", SHAPES)
def test_greedy_tokens_equal_transformers(name, voice):
    theirs, _ = oracle.build(SHAPES[name])
    shape, past = SHAPES[name], (None, None, None)
    if voice:
        fine = np.resize(voice.fine_prompt, (shape.fine.n_fine_codebooks, voice.fine_prompt.shape[1]))
        voice = dataclasses.replace(voice, semantic_prompt=voice.semantic_prompt % 37, fine_prompt=fine)
        past = (voice.semantic_prompt, (voice.semantic_prompt, voice.coarse_prompt), fine)
    semantic = np.array(oracle.transformers_semantic(theirs, shape, [1, 2, 3], past[0]))
    piece = speak(fixed(name), dataclasses.replace(GREEDY, voice=voice)).pieces[0]
    assert np.array_equal(piece.semantic, semantic)
    assert np.array_equal(piece.coarse, oracle.transformers_coarse(theirs, shape, semantic, past[1]))
    assert len(np.unique(semantic)) > 2


@pytest.mark.parametrize("min_eos_p", [None, 0.02, 0.05])
@pytest.mark.parametrize("name", SHAPES)
def test_drawn_speech_is_that_of_the_plain_networks(name, min_eos_p):
    request = dataclasses.replace(DRAWN, pieces=[[1], [2, 3]], min_eos_p=min_eos_p, max_seconds=2.0)
    assert same(speak(fixed(name), request), speak(oracle.build(SHAPES[name])[1], request))


def test_a_stream_is_that_of_the_plain_networks():
    """Semantic and coarse hand in hand, each with a slot of its own network."""
    schedule = Schedule(first=0.1, growth=2.0, longest=0.3, look_ahead=0.04)
    request = dataclasses.replace(DRAWN, voice=a_voice())
    want, got = (list(stream(model, request, None, schedule)) for model in (oracle.build(SHAPE)[1], fixed()))
    assert [len(chunk.waveform) for chunk in got] == [len(chunk.waveform) for chunk in want]
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one.waveform, other.waveform, rtol=0, atol=1e-5)


def alike(one, other) -> bool:
    """The same speech, or none from both: the end can come first, by chance."""
    try:
        want = other()
    except EmptySpeech:
        with pytest.raises(EmptySpeech):
            one()
        return True
    return same(one(), want)


requests = st.builds(
    Request,
    pieces=st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=3), min_size=1, max_size=3),
    voice=st.sampled_from([None, a_voice(9), a_voice(41)]),
    seed=st.integers(0, 3),
    greedy=st.booleans(),
    text_temp=st.sampled_from([0.3, 0.7, 1.2]),
    min_eos_p=st.sampled_from([None, 0.02]),
    max_seconds=st.sampled_from([None, 0.4]),
    top_k=st.sampled_from([None, None, 5]),
)


@given(
    wanted=st.lists(st.tuples(requests, st.integers(0, 20)), min_size=1, max_size=4),
    cancels=st.dictionaries(st.integers(0, 3), st.integers(0, 30), max_size=2),
    seats=st.integers(1, 4),  # one more than there are slots
)
@settings(max_examples=6, deadline=None)
def test_whoever_joins_or_leaves_each_speech_is_that_of_plain_networks_alone(wanted, cancels, seats):
    """And all slots are free in the end."""
    batch, model = Batch(seats=seats), fixed()
    shared, tasks = batch.share(model), {}
    for turn in range(10_000):
        for number, (request, joins) in enumerate(wanted):
            if joins == turn:
                tasks[number] = batch.start(functools.partial(speak, shared, request))
        for number in [number for number, when in cancels.items() if when == turn and number in tasks]:
            batch.cancel(tasks[number])
        if not batch.busy and turn > 30:
            break
        batch.turn()
    for number, task in tasks.items():
        assert number in cancels or alike(
            task.result, functools.partial(speak, oracle.build(SHAPE)[1], wanted[number][0])
        )
    del task
    tasks.clear()
    shared.drop_caches()
    model.drop_caches()
    gc.collect()  # a cancelled task and its error know each other
    assert model.semantic.slots.free == model.coarse.slots.free == 3


def test_what_was_chosen_is_told_and_graphs_are_for_cuda_alone(caplog):
    with caplog.at_level(logging.INFO):
        model = static(SHAPE, seats=5, precision="int8", graphs=True)
    assert caplog.messages == ["static steps for 5 rows, no graphs, no Triton kernels, weights int8"]
    assert model.semantic.burst == 12
    assert model.coarse.rows == [1, 2, 4, 5]


@pytest.mark.parametrize("name", SHAPES)
def test_steps_written_down_once_serve_every_burst(name):
    """As a CUDA graph needs them to be: alone, and with rows that come and go."""
    model = static(SHAPES[name], seats=3)
    for network in (model.semantic, model.coarse):
        network.run_by(Taped(network))
    takes = [dataclasses.replace(DRAWN, seed=seed, min_eos_p=(None, 0.02)[seed % 2]) for seed in range(4)]
    batch = Batch(seats=3)
    shared = batch.share(model)
    tasks = [batch.start(functools.partial(speak, shared, take)) for take in takes]
    while batch.busy:
        batch.turn()
    assert all(
        alike(task.result, functools.partial(speak, fixed(name), take)) for task, take in zip(tasks, takes, strict=True)
    )


@pytest.mark.parametrize("top_k", [None, 5])
def test_a_text_table_may_stay_in_main_memory(top_k):
    """In another precision, too; whether steps are static or plain."""
    model, request = static(SHAPE), dataclasses.replace(DRAWN, top_k=top_k)
    table, spec = model.semantic.input_embeds_layer.weight, SHAPE.semantic
    model.semantic.input_embeds_layer = PromptTable(table.double(), spec.semantic_vocab_size, like=table)
    assert same(speak(quicken(model, seats=1, precision="float32", graphs=False), request), speak(fixed(), request))
