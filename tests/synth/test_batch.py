"""Requests that share batches, against each alone."""

from __future__ import annotations

import dataclasses
import functools
import gc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synth import batch as batches
from synth.bark import Model, Request
from synth.batch import Batch
from synth.errors import EmptySpeech, OutOfMemory, Stopped
from synth.pipeline import speak
from synth.stream import Schedule, stream
from synth.tasks import Task
from tests.synth import oracle
from tests.synth.test_pipeline import DRAWN, GREEDY, SHAPE, a_voice, fail, own_model, same

LONG = dataclasses.replace(DRAWN, pieces=[[1, 2, 3], [4, 5], [6, 7, 8, 9]], max_seconds=None)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    yield
    assert not torch.is_inference_mode_enabled(), "a cancelled task has left its mode behind"


@pytest.fixture
def model() -> Model:
    return oracle.build(SHAPE)[1]


def alone(request: Request):
    return speak(oracle.build(SHAPE)[1], request)


def close(one, other) -> bool:
    """The same tokens; samples within what the order of sums makes of them."""
    pieces = zip(one.pieces, other.pieces, strict=True)
    return all(
        all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("semantic", "coarse", "fine"))
        and np.allclose(a.waveform, b.waveform, rtol=0, atol=1e-5)
        for a, b in pieces
    )


requests = st.builds(
    Request,
    pieces=st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=3), min_size=1, max_size=3),
    voice=st.sampled_from([None, a_voice(9), a_voice(41)]),
    seed=st.integers(0, 3),
    greedy=st.booleans(),
    text_temp=st.sampled_from([0.3, 0.7, 1.2]),
    waveform_temp=st.sampled_from([None, 0.7]),
    min_eos_p=st.sampled_from([None, 0.02]),
    max_seconds=st.sampled_from([None, 0.4]),
    top_k=st.sampled_from([None, 5]),
    top_p=st.sampled_from([None, 0.8]),
    chain=st.booleans(),
)


@given(
    wanted=st.lists(st.tuples(requests, st.integers(0, 40)), min_size=1, max_size=5),
    cancels=st.dictionaries(st.integers(0, 4), st.integers(0, 60)),
    seats=st.integers(1, 4),
)
@settings(max_examples=15, deadline=None)
def test_whoever_joins_or_leaves_each_speech_is_that_of_the_request_alone(wanted, cancels, seats):
    """Each joins at a turn of its own; some are cancelled. No seat and no cache is lost."""
    batch = Batch(seats=seats)
    shared, tasks = batch.share(oracle.build(SHAPE)[1]), {}
    for turn in range(10_000):
        for number, (request, joins) in enumerate(wanted):
            if joins == turn:
                tasks[number] = batch.start(functools.partial(speak, shared, request))
        for number in [number for number, when in cancels.items() if when == turn and number in tasks]:
            batch.cancel(tasks[number])
        if not batch.busy and turn > 60:
            break
        batch.turn()
    assert not batch.busy
    assert batch._free == seats
    assert all(len(unused) <= seats for unused in shared._caches.values())
    for number, task in tasks.items():
        if isinstance(task.error, Stopped):
            assert number in cancels
        elif isinstance(task.error, EmptySpeech):
            with pytest.raises(EmptySpeech):
                alone(wanted[number][0])
        else:
            assert close(task.result(), alone(wanted[number][0]))


def results(batch: Batch, tasks: list[Task]) -> list:
    while batch.busy:
        batch.turn()
    return [task.result() for task in tasks]


def test_rows_of_several_requests_are_decoded_in_one_pass(model, monkeypatch):
    """Four takes: while all decode, one pass through the network serves four rows."""
    batch, rows = Batch(seats=4), []
    plain = type(model.coarse).decode_tokens

    def counted(network, tokens, caches):
        rows.append(len(caches))
        return plain(network, tokens, caches)

    monkeypatch.setattr(type(model.coarse), "decode_tokens", counted)
    shared = batch.share(model)
    takes = [dataclasses.replace(DRAWN, seed=seed, voice=a_voice()) for seed in range(4)]
    results(batch, [batch.start(functools.partial(speak, shared, take)) for take in takes])
    assert max(rows) == 4
    assert np.mean(rows) > 1.8  # fewer than four: while one reads a window's prompt the others go on


def test_pieces_with_one_voice_are_spoken_side_by_side(model):
    """A long text takes few more turns than its longest piece."""
    turns = {}
    for seats in (1, 3):
        batch = Batch(seats=seats)
        task = batch.start(functools.partial(speak, batch.share(model), dataclasses.replace(LONG, voice=a_voice())))
        turns[seats] = 0
        while not task.done:
            batch.turn()
            turns[seats] += 1
        assert close(task.result(), alone(dataclasses.replace(LONG, voice=a_voice())))
    assert turns[3] < 0.5 * turns[1]


def test_in_a_chain_each_piece_goes_on_from_the_one_before(model):
    """The third piece is that of a request whose voice is the second."""
    chained = speak(model, dataclasses.replace(LONG, greedy=True, chain=True, voice=a_voice()))
    second = chained.pieces[1]
    voice = dataclasses.replace(
        a_voice(), semantic_prompt=second.semantic, coarse_prompt=second.coarse, fine_prompt=second.fine
    )
    third = speak(model, dataclasses.replace(GREEDY, pieces=LONG.pieces[2:], voice=voice))
    assert np.array_equal(chained.pieces[2].fine, third.pieces[0].fine)
    steady = alone(dataclasses.replace(LONG, greedy=True, voice=a_voice()))
    assert not np.array_equal(chained.pieces[2].fine, steady.pieces[2].fine)


def test_a_stream_in_company_is_the_stream_alone(model):
    schedule = Schedule(first=0.1, growth=2.0, longest=0.3, look_ahead=0.04)
    request = dataclasses.replace(DRAWN, voice=a_voice())
    want = list(stream(model, request, None, schedule))
    batch = Batch(seats=3)
    shared = batch.share(model)
    streaming = batch.start(lambda: list(stream(shared, request, None, schedule)))
    others = [batch.start(functools.partial(speak, shared, dataclasses.replace(DRAWN, seed=n))) for n in (5, 6)]
    got, *_ = results(batch, [streaming, *others])
    assert [len(chunk.waveform) for chunk in got] == [len(chunk.waveform) for chunk in want]
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one.waveform, other.waveform, rtol=0, atol=1e-5)


def test_a_long_prompt_holds_nobody_up_for_longer_than_a_turn(model, monkeypatch):
    """While one row reads its prompt, eight positions a turn, another gets tokens between any two of them."""
    monkeypatch.setitem(batches.TURNS, "cpu", batches.Turn(positions=8, passes=1))
    batch, order = Batch(seats=2), []
    plain = type(model.coarse)
    forward, decode = plain.forward, plain.decode
    monkeypatch.setattr(plain, "forward", lambda *call: order.append("chunk") or forward(*call))
    monkeypatch.setattr(plain, "decode", lambda *call: order.append("tokens") or decode(*call))
    shared = batch.share(model)
    first = batch.start(functools.partial(speak, shared, GREEDY))
    while "tokens" not in order:
        batch.turn()
    del order[:]
    second = batch.start(functools.partial(speak, shared, dataclasses.replace(GREEDY, voice=a_voice(41))))
    while order.count("chunk") < 4:
        batch.turn()
    assert "chunk chunk" not in " ".join(order)
    results(batch, [first, second])
    assert close(second.result(), alone(dataclasses.replace(GREEDY, voice=a_voice(41))))


@pytest.mark.parametrize("part", ["semantic", "coarse", "fine"])
def test_memory_that_runs_out_for_a_batch_may_do_for_each_alone(part):
    model, batch = own_model(), Batch(seats=3)
    getattr(model, part).layernorm_final.register_forward_hook(functools.partial(fail_for_many, []))
    shared, takes = batch.share(model), [dataclasses.replace(DRAWN, seed=seed) for seed in range(3)]
    for got, take in zip(
        results(batch, [batch.start(functools.partial(speak, shared, take)) for take in takes]), takes, strict=True
    ):
        assert close(got, alone(take))


def fail_for_many(times: list[int], _module: object, given: tuple[torch.Tensor], _result: object) -> None:
    """Out of memory in the middle of every second pass of several rows."""
    if len(given[0]) > 1:
        times.append(1)
        fail(times if len(times) % 2 else [])


def test_whoever_is_cancelled_gives_its_caches_back_at_once(model):
    """Also while one stage waits half-way for another; and although somebody still looks at the error."""
    batch = Batch(seats=1)
    shared = batch.share(model)
    schedule = Schedule(first=0.1, growth=2.0, longest=0.3, look_ahead=0.04)
    cancelled = []
    for turns in range(0, 120, 8):
        task = batch.start(lambda: list(stream(shared, dataclasses.replace(DRAWN, voice=a_voice()), None, schedule)))
        for _ in range(turns):
            batch.turn()
        batch.cancel(task)
        cancelled.append(task)
    assert {type(task.error) for task in cancelled} >= {Stopped}
    cancelled.clear()
    gc.collect()  # what was not given back at once would come back now, beside the one that was made in its place
    assert {stage: len(unused) for stage, unused in shared._caches.items()} == {"semantic": 1, "coarse": 1}


def test_an_error_of_one_piece_leaves_the_others_in_peace():
    model, batch = own_model(), Batch(seats=2)
    shared = batch.share(model)
    model.fine.layernorm_final.register_forward_hook(functools.partial(fail, [1, 1]))
    first = batch.start(functools.partial(speak, shared, DRAWN))
    while not first.done:
        batch.turn()
    assert isinstance(first.error, OutOfMemory)
    other = dataclasses.replace(DRAWN, seed=7)
    assert same(batch.run(functools.partial(speak, shared, other)), alone(other))
