"""Static steps against `synth.decoding.decode`: the same tokens and ends, on any rows, lengths and rules."""

from __future__ import annotations

import dataclasses
import functools
import logging

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synth.bark import Model
from synth.cuda.slots import SlotCache
from synth.cuda.static import StaticCausal
from synth.decoding import Burst, Made, decode
from synth.sampling import Sampling
from tests.synth import oracle
from tests.synth.cuda.forms import burst_for, filled, static

ODD = dataclasses.replace(oracle.ODD, std=0.4)
CLOSE = {"rtol": 0, "atol": 1e-4}  # of hidden states around 1: masked positions change the order of sums
GREEDY = Sampling(greedy=True)


@functools.cache
def forms(shape: oracle.Shape) -> tuple[Model, Model]:
    """Plain and static."""
    return oracle.build(shape)[1], static(shape)


@dataclasses.dataclass(frozen=True)
class Row:
    """What one row is like."""

    length: int
    seed: int = 0
    sampling: Sampling = GREEDY
    min_eos_p: float | None = None
    more: bool = True


def made(network, shape: oracle.Shape, rows: list[Row], *, stage: str, steps: int, skip: set[int] = frozenset()):
    """Bursts and what came of them; `skip`: rows that have a cache and take no part."""
    places = [(row, *filled(network, row.length, row.seed)) for row in rows]
    before = {number: places[number][1]._data.nan_to_num() for number in skip}  # a plain one is not cleared
    bursts = [
        burst_for(
            network, shape, cache, hidden, stage=stage, steps=steps, seed=row.seed, sampling=row.sampling,
            min_eos_p=row.min_eos_p, more=row.more,
        )
        for number, (row, cache, hidden) in enumerate(places)
        if number not in skip
    ]  # fmt: skip
    results = network.decode(bursts)
    assert all(torch.equal(places[number][1]._data.nan_to_num(), data) for number, data in before.items())
    return bursts, results


def agree(one: tuple[list[Burst], list[Made]], other: tuple[list[Burst], list[Made]]) -> None:
    for a, b, x, y in zip(*one, *other, strict=True):
        assert b.tokens == y.tokens
        assert b.ended == y.ended
        assert not a.more or a.cache.length == x.cache.length
        if a.more and not b.ended:
            torch.testing.assert_close(b.hidden, y.hidden, **CLOSE)


rows_of = st.builds(
    Row,
    length=st.integers(1, 73),
    seed=st.integers(0, 5),
    sampling=st.builds(
        Sampling, temperature=st.sampled_from([None, 0.0, 0.4, 0.7, 1.5]), greedy=st.booleans(),
        top_k=st.sampled_from([None, None, None, 4]), top_p=st.sampled_from([None, None, None, 0.7]),
    ),
    min_eos_p=st.sampled_from([None, 0.02, 0.03, 0.0]),
    more=st.booleans(),
)  # fmt: skip


@given(
    rows=st.lists(rows_of, min_size=1, max_size=4),
    stage=st.sampled_from(["semantic", "coarse"]),
    steps=st.integers(1, 12),
    skip=st.sets(st.integers(0, 3), max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_any_rows_get_what_a_plain_network_gives_them(rows, stage, steps, skip):
    """Rows of any length, some with top-k or top-p, some that take no part and whose caches stay as they are."""
    skip = {number for number in skip if number < len(rows)}
    assume(len(skip) < len(rows))
    assume(max(row.length for number, row in enumerate(rows) if number not in skip) + steps <= ODD.block)
    agree(*(made(getattr(model, stage), ODD, rows, stage=stage, steps=steps, skip=skip) for model in forms(ODD)))


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stage", ["semantic", "coarse"])
def test_every_number_of_rows(stage, rows, caplog):
    """The fifth has no slot left: it is decoded apart, and a line in the log says so."""
    plain, fixed = forms(ODD)
    wanted = [Row(length=10 + row, seed=row, sampling=Sampling()) for row in range(rows)]
    with caplog.at_level(logging.WARNING):
        one, other = (made(getattr(model, stage), ODD, wanted, stage=stage, steps=12) for model in (plain, fixed))
    agree(one, other)
    slots = [burst.cache.slot for burst in other[0] if isinstance(burst.cache, SlotCache)]
    assert slots == list(range(min(rows, 4)))
    assert len(caplog.records) == (rows == 5)


def sizes(monkeypatch) -> list[tuple[int, int]]:
    """Collects rows and lengths of steps."""
    seen: list[tuple[int, int]] = []
    plain = StaticCausal.extend
    monkeypatch.setattr(StaticCausal, "extend", lambda self, *size: seen.append(size) or plain(self, *size))
    return seen


@pytest.mark.parametrize(("length", "steps", "most"), [
    (307, 12, 320), (308, 12, 320), (309, 12, 512), (319, 1, 320), (320, 1, 512), (511, 2, 768), (1012, 12, 1024),
    (3, 2, 320),
])  # fmt: skip
def test_a_step_sees_no_more_than_it_must(length, steps, most, monkeypatch):
    """At the edges of the sizes, the last position of the block included."""
    plain, fixed = forms(oracle.SMALL)
    seen = sizes(monkeypatch)
    rows = [Row(length=length, sampling=Sampling()), Row(length=5, seed=1)]
    results = [made(model.semantic, oracle.SMALL, rows, stage="semantic", steps=steps) for model in (plain, fixed)]
    agree(*results)
    assert seen == [(2, most)] * steps


def test_few_rows_in_low_slots_make_small_steps(monkeypatch):
    fixed = static(ODD, seats=7).coarse
    assert fixed.rows == [1, 2, 4, 7]
    seen, caches = sizes(monkeypatch), [filled(fixed, 9) for _ in range(7)]
    for slot in (0, 1, 2, 4):
        bursts = [burst_for(fixed, ODD, *caches[slot], stage="coarse", steps=1)]
        fixed.decode(bursts)
    assert [rows for rows, _ in seen] == [1, 2, 4, 7]


@pytest.mark.parametrize("stage", ["semantic", "coarse"])
def test_a_row_may_reach_the_end_of_its_block_and_not_leave_it(stage):
    """74 positions and two tokens that nothing follows need 75; so do one that something follows; two of these are too many."""
    for model in forms(ODD):
        network = getattr(model, stage)
        last = made(network, ODD, [Row(length=74, more=False)], stage=stage, steps=2)
        assert len(last[1][0].tokens) == 2
        assert last[0][0].cache.length == 75
        made(network, ODD, [Row(length=74)], stage=stage, steps=1)
        for row in (Row(length=74), Row(length=75, more=False)):
            with pytest.raises(ValueError, match="76 positions"):
                made(network, ODD, [row], stage=stage, steps=2)


def test_a_row_at_its_end_does_not_stop_others():
    """The plain network would have to decode it alone."""
    fixed = forms(ODD)[1].semantic
    rows = [Row(length=75, more=False), Row(length=20)]
    _, together = made(fixed, ODD, rows, stage="semantic", steps=1)
    alone = [made(fixed, ODD, [row], stage="semantic", steps=1)[1][0] for row in rows]
    assert [one.tokens for one in together] == [one.tokens for one in alone]


def test_a_slot_is_given_back_with_its_cache_and_the_lowest_is_taken_first():
    fixed = static(ODD, seats=3).coarse
    caches = [fixed.new_cache() for _ in range(3)]
    assert [cache.slot for cache in caches] == [0, 1, 2]
    del caches[:2]
    assert fixed.slots.free == 2
    assert fixed.new_cache().slot == 0
    assert fixed.slots.free == 2


def test_dropping_the_caches_of_a_model_frees_their_slots():
    model = static(ODD, seats=2)
    with model.cache("coarse"), model.cache("coarse"):
        assert model.coarse.slots.free == 0
    assert model.coarse.slots.free == 0, "kept for the next job"
    model.drop_caches()
    assert model.coarse.slots.free == 2


def test_a_slot_that_held_numbers_without_end_is_as_good_as_new():
    """0 times infinity would be none: what a step does not see must be finite."""
    plain, fixed = forms(ODD)
    cache = fixed.coarse.new_cache()
    cache._data.fill_(torch.inf)
    del cache
    rows = [Row(length=9)]
    agree(*(made(model.coarse, ODD, rows, stage="coarse", steps=5) for model in (plain, fixed)))


def test_a_burst_after_another_goes_on_from_its_hidden_state():
    """What was handed out stays as it is when others are decoded."""
    plain, fixed = forms(ODD)
    tokens = []
    for model in (plain, fixed):
        network, found = model.semantic, []
        places = [filled(network, 9, seed) for seed in (0, 1)]
        for turn in range(6):
            row = turn % 2
            cache, hidden = places[row]
            (one,) = network.decode([burst_for(network, ODD, cache, hidden, stage="semantic", steps=4, seed=turn)])
            places[row] = cache, one.hidden
            found.append(one.tokens)
        tokens.append(found)
    assert tokens[0] == tokens[1]


def test_a_cache_of_another_network_is_decoded_plainly():
    plain, fixed = forms(ODD)
    other = static(ODD).semantic
    cache, hidden = filled(other, 9)
    (got,) = fixed.semantic.decode([burst_for(other, ODD, cache, hidden, stage="semantic", steps=3)])
    cache, hidden = filled(plain.semantic, 9)
    (want,) = decode(plain.semantic, [burst_for(plain.semantic, ODD, cache, hidden, stage="semantic", steps=3)])
    assert got.tokens == want.tokens


def test_only_embeddings_of_tokens_that_can_be_drawn_are_held():
    """The others may be anywhere: a text's are looked up once, in the prompt."""
    model = static(oracle.SMALL)
    assert len(model.semantic._tokens) == oracle.SMALL.semantic.semantic_vocab_size
    assert len(model.coarse._tokens) == 2 * oracle.SMALL.coarse.codebook_size
    table = model.semantic.input_embeds_layer.weight
    assert model.semantic._tokens.data_ptr() == table.data_ptr(), "on the same device it is no copy"
