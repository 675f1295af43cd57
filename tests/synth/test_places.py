"""Weights that are not on the device for good: the same speech, and what is where at which time."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.random_bark import save_random_bark
from synth import checkpoint, device, room
from synth.batch import Batch
from synth.errors import OutOfMemory
from synth.model import CausalTransformer
from synth.pipeline import Model, Request, speak
from synth.places import PromptTable, Turns
from synth.stream import stream
from tests.synth import oracle

REQUEST = Request(pieces=[[1, 2, 3]], seed=1, max_seconds=0.8)
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class Mirrors(Turns):
    """Turns whose main memory holds every weight with its sign changed: a network out of its turn computes other numbers."""

    def __init__(self, *models: Model) -> None:
        super().__init__(torch.device("cpu"))
        self.events: list[int] = []
        self.short = 0  # how many more copies find no memory
        seen = set()
        for model in models:
            for network in (model.semantic, model.coarse, model.fine):
                for weight in network.parameters():
                    if weight.data_ptr() not in seen:  # tied ones have one memory
                        weight.data.neg_()
                    seen.add(weight.data_ptr())

    def copy(self, tensor: Tensor) -> Tensor:
        """A tensor as it should be."""
        if self.short:
            self.short -= 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.events.append(tensor.data_ptr())
        return tensor.neg()


def bark() -> Model:
    return oracle.build.__wrapped__(oracle.ODD)[1]


def in_turns() -> tuple[Model, Mirrors]:
    model = bark()
    turns = Mirrors(model)
    return dataclasses.replace(model, turns=turns), turns


def same(one: Model, other: Model, request: Request = REQUEST) -> bool:
    first, second = (speak(model, request) for model in (one, other))
    return all(np.array_equal(a.waveform, b.waveform) for a, b in zip(first.pieces, second.pieces, strict=True))


def homes(model: Model) -> list[list[int]]:
    """The memories of each network's weights."""
    return [sorted({weight.data_ptr() for weight in part.parameters()}) for part in (model.semantic, model.coarse, model.fine)]  # fmt: skip


def test_each_network_comes_once_in_the_order_of_the_stages_and_speech_is_the_same():
    model, turns = in_turns()
    before = homes(model)
    assert same(bark(), model)
    order = list(dict.fromkeys(next(n for n, part in enumerate(before) if memory in part) for memory in turns.events))
    assert order == [0, 1, 2]
    assert sorted(turns.events) == sorted(itertools.chain(*before)), "every memory once: tied weights stay tied"
    assert homes(model) == before, "and all are at home again"


def test_out_of_its_turn_a_network_computes_other_numbers():
    """So that the test above can fail."""
    model, _ = in_turns()
    assert not same(bark(), dataclasses.replace(model, turns=None))


def test_in_a_batch_too():
    model, _ = in_turns()
    tasks = Batch(seats=1)
    shared = tasks.share(model)
    two = dataclasses.replace(REQUEST, pieces=[[1, 2, 3], [4]], max_seconds=None, greedy=True)
    speech = tasks.run(lambda: speak(shared, two))
    np.testing.assert_allclose(speech.pieces[1].waveform, speak(bark(), two).pieces[1].waveform, rtol=0, atol=1e-4)


def test_a_stream_is_one_chunk_for_each_piece():
    model, _ = in_turns()
    chunks = list(stream(model, REQUEST))
    assert len(chunks) == 1
    assert np.array_equal(chunks[0].waveform, speak(bark(), REQUEST).pieces[0].waveform)
    assert chunks[0].tokens is not None


@pytest.mark.parametrize("copies", [1, 7])
def test_memory_that_runs_out_on_the_way_in_leaves_all_at_home_and_the_second_try_is_the_same(copies: int):
    model, turns = in_turns()
    before = homes(model)
    turns.short = 1
    assert same(bark(), model)
    turns.short = 10_000
    with pytest.raises(OutOfMemory):
        speak(model, REQUEST)
    turns.short = 0
    assert homes(model) == before
    assert same(bark(), model), f"after {copies}"


def test_caches_are_given_back_with_the_turn_and_two_turns_at_once_are_refused():
    model, _ = in_turns()
    with model.at_work("semantic"), model.cache("semantic"):
        pass
    assert not model._caches["semantic"]
    with model.at_work("semantic"), pytest.raises(RuntimeError, match="at once"), model.at_work("coarse"):
        raise AssertionError
    with model.at_work("coarse"):
        pass


def table_of(network: CausalTransformer, dtype: torch.dtype, drawn: int) -> PromptTable:
    weight = network.get_submodule("input_embeds_layer").get_parameter("weight")
    return PromptTable(weight.to(dtype), drawn, like=network.lm_head.weight)


def test_a_table_in_main_memory_gives_the_same_rows_and_keeps_the_precision_of_its_file():
    network = bark().semantic
    ids, plain = torch.arange(12).view(3, 4), network.embed(torch.arange(12).view(3, 4))
    table = table_of(network, torch.float32, 46)
    assert torch.equal(table(ids), plain)
    half = table_of(network, torch.float16, 0)
    assert half(ids).dtype == torch.float32
    assert torch.equal(half(ids), plain.half().float())
    assert half.weight.dtype == torch.float16, "no second copy"
    assert not list(half.parameters())
    assert table.drawn.shape == (46, 21)


def test_a_model_with_its_table_apart_speaks_the_same():
    model = bark()
    network = model.semantic
    network.input_embeds_layer = table_of(network, torch.float32, network.config.output_vocab_size)
    assert same(bark(), model)


@pytest.mark.parametrize(("memory", "kind"), [("resident", torch.nn.Embedding), ("embeddings", PromptTable)])
def test_the_profile_decides_where_the_table_is(memory: str, kind: type):
    model = checkpoint.load("pup", memory=memory)
    assert type(model.semantic.input_embeds_layer) is kind
    assert type(model.coarse.input_embeds_layer) is torch.nn.Embedding, "it has no rows that are never drawn"
    assert model.turns is None
    want = checkpoint.load("pup").semantic.embed(torch.arange(900, 940)[None])
    assert torch.equal(model.semantic.embed(torch.arange(900, 940)[None]), want)


@pytest.mark.gpu
@GPU
@pytest.mark.parametrize("memory", room.PROFILES)
def test_on_a_card_every_profile_speaks_the_same(memory: str):
    request = Request(pieces=[[1, 2, 3]], seed=1, greedy=True)
    want = speak(checkpoint.load("pup", device="cuda:0"), request).pieces[0]
    model = checkpoint.load("pup", device="cuda:0", memory=memory)
    got = speak(model, request).pieces[0]
    assert np.array_equal(got.fine, want.fine)
    assert model.semantic.device.type == ("cpu" if memory == "stages" else "cuda")


@pytest.mark.gpu
@GPU
@pytest.mark.parametrize("memory", room.PROFILES)
@pytest.mark.parametrize("size", ["small", "large"])
def test_on_a_card_the_peak_is_within_what_was_planned(size: str, memory: str, tmp_path: Path):
    save_random_bark(size, tmp_path / "model", torch.float16)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    model = checkpoint.load(str(tmp_path / "model"), device="cuda:0", dtype=torch.float16, memory=memory)
    speak(model, Request(pieces=[[10, 11]], seed=1, min_eos_p=None, max_seconds=14.0))
    needed = room.needed(room.size_of(str(tmp_path / "model")), room.form_of("cuda", "float16"), memory)
    assert torch.cuda.max_memory_allocated() - before <= needed
    assert device.healthy("cuda:0")
