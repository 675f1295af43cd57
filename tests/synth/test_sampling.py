"""Noise: uniform, random access, never the same for two steps. Sampling: the right distribution, the reference's order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.sampling import Noise, Sampling, Stage, eos_probability, keep_top_k, keep_top_p, sample
from tests.synth.reference import nucleus, softmax

STORED = [[4377173, 7715133, 10215129], [3516751, 15121345, 15329787]]  # in units of 2**-24
LOGITS = torch.tensor([[2.0, 1.0, 0.5, 0.0, -1.0, -3.0]])


@given(
    seed=st.integers(-(2**70), 2**70),
    stage=st.sampled_from(Stage),
    first=st.integers(-1000, 10**6),
    width=st.integers(1, 40),
    lane=st.integers(0, 7),
    data=st.data(),
)
def test_rows_do_not_depend_on_how_they_are_asked_for(seed, stage, first, width, lane, data):
    """Any part of a block of rows equals the same rows asked for alone."""
    noise = Noise(seed, piece=3, attempt=1)
    whole = noise.uniform(stage, first, 9, width, lane)
    offset = data.draw(st.integers(0, 8))
    count = data.draw(st.integers(1, 9 - offset))
    part = Noise(seed, piece=3, attempt=1).uniform(stage, first + offset, count, width, lane)
    assert np.array_equal(part, whole[offset : offset + count])


def test_noise_is_the_same_in_every_version():
    """Stored numbers: a change would change what every seed sounds like."""
    got = Noise(1234, piece=2, attempt=1).uniform(Stage.COARSE, 5, 2, 3, lane=1)
    assert got.dtype == np.float32
    assert (got * 2**24).astype(int).tolist() == STORED


def test_every_part_of_the_key_changes_the_noise():
    base = {"seed": 7, "piece": 0, "attempt": 0}
    keys = [base, {**base, "seed": 8}, {**base, "piece": 1}, {**base, "attempt": 1}, {**base, "seed": 7 + 2**32}]
    rows = [
        Noise(**key).uniform(stage, row, 1, 8, lane)
        for key in keys
        for stage in Stage
        for row in (0, 1)
        for lane in (0, 1)
    ]
    assert len({row.tobytes() for row in rows}) == len(rows)


def test_neighbouring_rows_share_no_numbers():
    """Also where a width is no multiple of the generator's block."""
    table = Noise(3).uniform(Stage.FINE, 0, 500, 13)
    assert len(np.unique(table)) > 0.998 * table.size
    assert abs(np.corrcoef(table[:-1].ravel(), table[1:].ravel())[0, 1]) < 0.05


def test_uniform_numbers_are_uniform_and_never_reach_the_ends():
    """A chi-square over 64 bins of a million numbers, and the extremes."""
    numbers = Noise(11).uniform(Stage.SEMANTIC, 0, 100, 10_000).ravel()
    assert 0 < numbers.min() < 1e-5
    assert 1 - 1e-5 < numbers.max() < 1
    counts = np.histogram(numbers, bins=64, range=(0, 1))[0]
    expected = len(numbers) / 64
    assert ((counts - expected) ** 2 / expected).sum() < 110, "63 degrees of freedom: 0.02 % are above"
    assert np.float32(2**23 - 1 + 0.5) * np.float32(2**-23) < 1, "the largest number there can be"
    assert torch.isfinite(Noise(11).gumbel(Stage.SEMANTIC, 0, 100, 10_000)).all()


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0, 2.0])
def test_tokens_are_drawn_with_the_tempered_probabilities(temperature):
    """A chi-square on 40,000 draws from six tokens, fixed seed."""
    noise = Noise(5).gumbel(Stage.COARSE, 0, 40_000, 6)
    tokens = sample(LOGITS.expand(40_000, 6), noise, temperature)
    expected = softmax(LOGITS[0].numpy() / temperature) * 40_000
    counts = np.bincount(tokens.numpy(), minlength=6)
    many = expected > 5
    assert ((counts - expected)[many] ** 2 / expected[many]).sum() < 20.5, "5 degrees of freedom: 0.1 % are above"
    assert counts[~many].sum() <= 25


def test_greedy_takes_the_most_likely_and_needs_no_noise():
    for how in (
        Sampling(greedy=True),
        Sampling(temperature=None),
        Sampling(temperature=0.0),
        Sampling(temperature=1e-40),
    ):
        assert not how.draws
        assert how.draw(LOGITS, None).tolist() == [0]
        assert how.draw(LOGITS, torch.tensor([[0.0, 99, 0, 0, 0, 0]])).tolist() == [0]


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    size=st.integers(1, 30),
    top_k=st.none() | st.integers(1, 40),
    top_p=st.none() | st.floats(0, 1),
)
def test_top_p_then_top_k_equal_the_reference(seed, size, top_k, top_p):
    """The plain statement in numpy keeps the same tokens."""
    scores = np.random.default_rng(seed).normal(0, 2, size).astype(np.float32)
    got = Sampling(top_k=top_k, top_p=top_p).keep(torch.from_numpy(scores)[None])[0].numpy()
    if top_p is not None:  # a cumulated probability within rounding of the limit may fall on either side
        cumulated = np.cumsum(np.sort(softmax(scores))[::-1])
        if np.abs(cumulated - top_p).min() < 1e-5:
            return
    assert np.array_equal(got, nucleus(scores, top_p, top_k))


def test_top_p_looks_at_untempered_probabilities():
    """At 0.6 two tokens remain, whatever the temperature is afterwards."""
    kept = Sampling(temperature=100.0, top_p=0.7).keep(LOGITS)
    assert torch.isfinite(kept)[0].tolist() == [True, True, False, False, False, False]
    assert torch.isfinite(keep_top_p(LOGITS, 0.0))[0].tolist() == [True] + [False] * 5


def test_top_k_keeps_ties():
    kept = keep_top_k(torch.tensor([[1.0, 3.0, 2.0, 2.0]]), 2)
    assert torch.isfinite(kept)[0].tolist() == [False, True, True, True]


def test_the_probability_of_the_end_is_tempered():
    """The last token's share, at 0 the limit."""
    logits = torch.tensor([[1.0, 0.0]])
    assert eos_probability(logits, 1.0).item() == pytest.approx(1 / (1 + np.e))
    assert eos_probability(logits, 0.5).item() == pytest.approx(1 / (1 + np.e**2))
    assert eos_probability(logits, 0.0).item() == 0
    assert eos_probability(logits.flip(1), None).item() == 1


@pytest.mark.parametrize("temperature", [-0.1, float("nan")])
def test_a_temperature_below_zero_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature"):
        Sampling(temperature=temperature)
