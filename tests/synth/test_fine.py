"""The fine stage against transformers' generate (greedy) and against the reference's rules (greedy and drawn)."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synth.fine import FineSpec, generate_fine, windows
from synth.sampling import Noise, Sampling, Stage
from tests.synth import oracle, reference

ARGMAX = Sampling(temperature=None)
SHAPES = oracle.SHAPES
GIVEN_TWO = dataclasses.replace(oracle.ODD, n_codes_given=2, tied=False)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def codes_of(books: int, size: int, frames: int) -> np.ndarray:
    return np.random.default_rng(frames).integers(0, size, (books, frames))


def case(shape, frames, history):
    """Coarse codes and a history of so many frames."""
    spec = shape.fine
    past = None if history is None else codes_of(spec.n_fine_codebooks, spec.codebook_size, history)
    return codes_of(spec.n_coarse_codebooks, spec.codebook_size, frames), past


@pytest.mark.parametrize(
    ("name", "frames", "history"),
    [
        ("small", 1, None), ("small", 700, None), ("small", 1024, None), ("small", 1025, None), ("small", 1600, None),
        ("small", 40, 30), ("small", 512, 512), ("small", 513, 512), ("small", 1100, 700), ("small", 600, 333),
        ("odd", 1, None), ("odd", 42, None), ("odd", 43, None), ("odd", 44, None), ("odd", 101, None), ("odd", 200, None),
        ("odd", 5, 3), ("odd", 24, 19), ("odd", 25, 19), ("odd", 77, 40), ("odd", 50, 8),
        ("biased", 299, None), ("biased", 451, None), ("biased", 400, 170),
    ],
)  # fmt: skip
def test_most_likely_codes_equal_transformers(name, frames, history):
    """Less than a window, exactly one, one frame more, several; no history, a short one, one longer than is used."""
    shape = SHAPES[name]
    theirs, ours = oracle.build(shape)
    coarse, past = case(shape, frames, history)
    want = oracle.transformers_fine(theirs, shape, coarse, past)
    got = generate_fine(ours.fine, shape.fine, coarse, past, noise=Noise(0), sampling=ARGMAX)
    assert np.array_equal(got, want)
    assert np.array_equal(got[:2], coarse)
    assert frames < 20 or len(np.unique(got[2:])) > 2


@pytest.mark.parametrize(("frames", "history"), [(30, None), (43, None), (70, 12), (130, 40)])
@pytest.mark.parametrize("temperature", [None, 0.5, 1.0])
def test_codes_equal_the_reference(frames, history, temperature):
    """Greedy without a temperature; drawn with one, also with 1.0, where transformers would take the most likely."""
    shape = SHAPES["odd"]
    theirs, ours = oracle.build(shape)
    coarse, past = case(shape, frames, history)
    noise = Noise(8)
    draw = reference.noisy(noise, Stage.FINE)
    want = reference.fine(theirs.fine_acoustics, shape.fine, coarse, past, draw, temperature=temperature)
    got = generate_fine(ours.fine, shape.fine, coarse, past, noise=noise, sampling=Sampling(temperature=temperature))
    assert np.array_equal(got, want)


def test_temperature_one_draws():
    shape = SHAPES["odd"]
    _, ours = oracle.build(shape)
    coarse, _ = case(shape, 40, None)
    likely = generate_fine(ours.fine, shape.fine, coarse, noise=Noise(1), sampling=ARGMAX)
    drawn = generate_fine(ours.fine, shape.fine, coarse, noise=Noise(1), sampling=Sampling(temperature=1.0))
    assert not np.array_equal(likely, drawn)


@pytest.mark.parametrize(("frames", "history"), [(10, 30), (10, 25), (13, 30)])
def test_windows_shorter_than_twice_the_history_predict_some_of_it_again(frames, history):
    """Both sources then fill from inside of the history, which later codebooks see; so does this."""
    shape = dataclasses.replace(
        oracle.ODD, fine=dataclasses.replace(oracle.ODD.fine, max_fine_history_length=30, max_fine_input_length=43)
    )
    theirs, ours = oracle.build(shape)
    coarse, past = case(shape, frames, history)
    want = oracle.transformers_fine(theirs, shape, coarse, past)
    got = generate_fine(ours.fine, shape.fine, coarse, past, noise=Noise(0), sampling=ARGMAX)
    assert np.array_equal(got, want)
    draw = reference.noisy(Noise(1), Stage.FINE)
    want = reference.fine(theirs.fine_acoustics, shape.fine, coarse, past, draw)
    got = generate_fine(ours.fine, shape.fine, coarse, past, noise=Noise(1))
    assert np.array_equal(got, want)


def test_heads_belong_to_the_codebooks_after_those_given():
    """n_codes_given 2: the first head predicts codebook 2, as in transformers."""
    theirs, ours = oracle.build(GIVEN_TWO)
    assert len(ours.fine.lm_heads) == 3
    coarse, past = case(GIVEN_TWO, 60, 9)
    want = oracle.transformers_fine(theirs, GIVEN_TWO, coarse, past)
    got = generate_fine(ours.fine, GIVEN_TWO.fine, coarse, past, noise=Noise(0), sampling=ARGMAX)
    assert np.array_equal(got, want)


def test_more_coarse_codebooks_than_usual_are_kept():
    """The reference predicts from the first codebook that is not given, whatever the spec says."""
    shape = SHAPES["odd"]
    theirs, ours = oracle.build(shape)
    coarse = codes_of(4, shape.fine.codebook_size, 50)
    want = reference.fine(theirs.fine_acoustics, shape.fine, coarse, None, reference.most_likely, temperature=None)
    got = generate_fine(ours.fine, shape.fine, coarse, noise=Noise(0), sampling=ARGMAX)
    assert np.array_equal(got, want)
    assert np.array_equal(got[:4], coarse)


def test_too_few_coarse_codebooks_are_refused():
    _, ours = oracle.build(GIVEN_TWO)
    with pytest.raises(ValueError, match="predicts from codebook 2"):
        generate_fine(ours.fine, GIVEN_TWO.fine, np.zeros((1, 9), np.int64), noise=Noise(0))


@given(
    hop=st.integers(1, 40),
    more=st.integers(0, 40),
    past=st.integers(0, 60),
    frames=st.integers(1, 400),
)
def test_windows_cover_every_new_frame_in_order(hop, more, past, frames):
    """Every new frame is predicted by a window of full size that lies inside of the input; no gaps, whatever the numbers."""
    spec = FineSpec(max_fine_history_length=hop, max_fine_input_length=hop + more)
    past = min(past, hop)
    plan = list(windows(spec, past, frames))
    length = max(hop + more, past + frames)
    covered = past
    for window in plan:
        assert 0 <= window.start <= window.fill < window.stop <= length
        assert window.stop - window.start == hop + more
        assert window.fill <= covered
        covered = window.stop
    assert covered >= past + frames


def test_windows_of_bark_worked_by_hand():
    """512 frames of history and 1,200 new ones: three windows, the last shifted back to the end."""
    plan = [(w.start, w.fill, w.stop) for w in windows(FineSpec(), 512, 1200)]
    assert plan == [(0, 512, 1024), (512, 1024, 1536), (688, 1200, 1712)]


def test_noise_belongs_to_the_frame_and_not_to_the_window():
    """With a model that ignores its input, other windows give the same codes."""
    shape = SHAPES["odd"]
    _, ours = oracle.build(shape, seed=77)
    with torch.no_grad():
        for weight in ours.fine.parameters():
            weight.zero_()
    coarse, past = case(shape, 90, 19)
    runs = [
        generate_fine(
            ours.fine,
            dataclasses.replace(shape.fine, max_fine_history_length=hop, max_fine_input_length=size),
            coarse,
            past if hop == 19 else None,
            noise=Noise(4),
        )
        for hop, size in [(19, 43), (10, 30), (5, 70)]
    ]
    assert np.array_equal(runs[0], runs[1])
    assert np.array_equal(runs[0], runs[2])
    assert len(np.unique(runs[0][2:])) == 8


@given(
    numbers=st.sampled_from([(20, 40), (19, 43), (30, 43)]),
    frames=st.one_of(st.integers(1, 43), st.sampled_from([40, 60, 80, 100])),
    history=st.sampled_from([0, 7, 20, 30]),
    part=st.floats(0, 1),
)
@settings(max_examples=60, deadline=None)
def test_frozen_codes_of_the_whole_give_the_whole(numbers, frames, history, part):
    """At every cut: what is settled may be left to an earlier run, and the rest comes out the same.

    In one window, and in several that each begin where the last one ended; also where a window fills some of its history.
    """
    spec = dataclasses.replace(oracle.ODD.fine, max_fine_history_length=numbers[0], max_fine_input_length=numbers[1])
    plan = list(windows(spec, min(history, numbers[0]), frames))
    assume(all(one.stop <= other.fill for one, other in pairwise(plan)))
    _, ours = oracle.build(oracle.ODD)
    coarse, past = case(oracle.ODD, frames, history or None)
    want = generate_fine(ours.fine, spec, coarse, past, noise=Noise(5))
    got = generate_fine(ours.fine, spec, coarse, past, noise=Noise(5), frozen=want[:, : round(part * frames)])
    assert np.array_equal(got, want)


def test_frozen_codes_stay_and_those_behind_them_follow_them():
    """Codes that nobody would predict there: they come out as they went in, and what follows hears them."""
    shape = SHAPES["odd"]
    _, ours = oracle.build(shape)
    coarse, past = case(shape, 40, 12)
    want = generate_fine(ours.fine, shape.fine, coarse, past, noise=Noise(0), sampling=ARGMAX)
    other = want[:, :25].copy()
    other[2:] = (other[2:] + 1) % shape.fine.codebook_size
    got = generate_fine(ours.fine, shape.fine, coarse, past, noise=Noise(0), sampling=ARGMAX, frozen=other)
    assert np.array_equal(got[:, :25], other)
    assert not np.array_equal(got[:, 25:], want[:, 25:])


def test_windows_that_are_settled_cost_nothing():
    """101 frames are five windows of three codebooks; with 62 settled, only the last three are open."""
    shape, ours = SHAPES["odd"], oracle.build.__wrapped__(SHAPES["odd"])[1]
    passes: list[int] = []
    ours.fine.layernorm_final.register_forward_hook(lambda *_: passes.append(1))
    coarse, _ = case(shape, 101, None)
    whole = generate_fine(ours.fine, shape.fine, coarse, noise=Noise(0))
    assert len(passes) == 5 * 3
    generate_fine(ours.fine, shape.fine, coarse, noise=Noise(0), frozen=whole[:, :62])
    assert len(passes) == 5 * 3 + 3 * 3


def test_every_pass_is_watched():
    shape = SHAPES["odd"]
    _, ours = oracle.build(shape)
    coarse, _ = case(shape, 50, None)
    seen: list[tuple[int, int]] = []
    generate_fine(ours.fine, shape.fine, coarse, noise=Noise(0), watch=lambda *step: seen.append(step))
    assert seen == [(step, 6) for step in range(1, 7)]


def test_a_history_longer_than_a_window_is_refused():
    with pytest.raises(ValueError, match="max_fine_history_length"):
        FineSpec(max_fine_history_length=20, max_fine_input_length=10)
