"""The coarse stage against transformers' generate (greedy) and against the reference's rules (greedy and drawn)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from synth.coarse import (
    CoarseSpec,
    coarse_tokens,
    flatten,
    generate_coarse,
    prompt_ids,
    take_frames,
    trim_history,
    unflatten,
    window_at,
)
from synth.sampling import Noise, Sampling, Stage
from tests.synth import oracle, reference

GREEDY = Sampling(greedy=True)
SHAPES = oracle.SHAPES
THREE = dataclasses.replace(
    oracle.SMALL,
    block=120,
    **oracle.tiny_specs(
        vocabulary=20,
        codebook=8,
        coarse={
            "n_coarse_codebooks": 3,
            "semantic_rate_hz": 20.3,
            "coarse_rate_hz": 44,
            "max_coarse_input_length": 31,
            "max_coarse_history": 50,
            "sliding_window_len": 25,
        },
        semantic={"max_input_semantic_length": 20},
        fine={"n_fine_codebooks": 4, "max_fine_history_length": 40, "max_fine_input_length": 80},
    ),
)
"""Three codebooks and a window that is no multiple of them: transformers cannot judge this, the reference's rules can."""


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def semantic_of(spec: CoarseSpec, length: int) -> np.ndarray:
    return np.random.default_rng(length).integers(0, spec.semantic_vocab_size, length)


def history_of(spec: CoarseSpec, length: int | None, frames: int | None = None) -> tuple[np.ndarray, np.ndarray] | None:
    if length is None:
        return None
    source = np.random.default_rng(1000 + length)
    if frames is None:
        frames = round(length * spec.coarse_rate_hz / spec.semantic_rate_hz)
    return (
        source.integers(0, spec.semantic_vocab_size, length),
        source.integers(0, spec.codebook_size, (spec.n_coarse_codebooks, frames)),
    )


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("length", [1, 2, 19, 20, 41, 130, 300])
def test_greedy_codes_equal_transformers(name, length):
    """One frame, a part of a window, whole windows, and more semantic tokens than a prompt holds."""
    spec, (theirs, ours) = SHAPES[name].coarse, oracle.build(SHAPES[name])
    semantic = semantic_of(spec, length)
    want = oracle.transformers_coarse(theirs, SHAPES[name], semantic)
    got = generate_coarse(ours.coarse, spec, semantic, noise=Noise(0), sampling=GREEDY)
    assert np.array_equal(got, want)
    assert got.shape == (2, int(length * spec.coarse_rate_hz / spec.semantic_rate_hz + 1e-9))
    assert length < 19 or len(np.unique(got)) > 2


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("history", [1, 2, 3, 8, 21, 50, 208, 209, 210, 333])
def test_greedy_codes_after_a_history_equal_transformers(name, history):
    """Even and odd histories, from a single token (which is used whole) to longer than the prompt takes."""
    spec, (theirs, ours) = SHAPES[name].coarse, oracle.build(SHAPES[name])
    semantic, past = semantic_of(spec, 67), history_of(spec, history)
    want = oracle.transformers_coarse(theirs, SHAPES[name], semantic, past)
    got = generate_coarse(ours.coarse, spec, semantic, past, noise=Noise(0), sampling=GREEDY)
    assert np.array_equal(got, want)
    assert len(np.unique(got)) > 2


@pytest.mark.parametrize("frames", [5, 60, 90, 200])
def test_semantic_and_coarse_history_of_unequal_duration(frames):
    """The shorter of the two decides how much of both is used."""
    shape = SHAPES["small"]
    theirs, ours = oracle.build(shape)
    semantic, past = semantic_of(shape.coarse, 30), history_of(shape.coarse, 60, frames)
    want = oracle.transformers_coarse(theirs, shape, semantic, past)
    got = generate_coarse(ours.coarse, shape.coarse, semantic, past, noise=Noise(0), sampling=GREEDY)
    assert np.array_equal(got, want)


@pytest.mark.parametrize(("name", "history"), [("odd", None), ("odd", 15), ("three", None), ("three", 11)])
@pytest.mark.parametrize(
    "options",
    [{"temperature": None}, {"temperature": 0.7}, {"temperature": 1.4, "top_p": 0.7, "top_k": 4}],
    ids=["greedy", "drawn", "nucleus"],
)
def test_codes_equal_the_reference(name, history, options):
    """Two or three codebooks, over several windows: greedy, drawn, and drawn from the likeliest."""
    shape = {**SHAPES, "three": THREE}[name]
    theirs, ours = oracle.build(shape)
    noise = Noise(3)
    draw = reference.noisy(noise, Stage.COARSE) if options["temperature"] else reference.most_likely
    semantic, past = semantic_of(shape.coarse, 40), history_of(shape.coarse, history)
    rules = {**options, "temperature": options["temperature"] or 1.0}
    want = reference.coarse(theirs.coarse_acoustics, shape.coarse, semantic, past, draw, **rules)
    got = generate_coarse(ours.coarse, shape.coarse, semantic, past, noise=noise, sampling=Sampling(**options))
    assert np.array_equal(got, want)
    assert len(np.unique(got)) > 2


def test_a_window_of_odd_length_keeps_the_codebooks_in_turn():
    """The reference counts steps from the beginning; transformers starts each window with the first codebook."""
    shape = dataclasses.replace(oracle.ODD, coarse=dataclasses.replace(oracle.ODD.coarse, sliding_window_len=7))
    theirs, ours = oracle.build(shape)
    semantic = semantic_of(shape.coarse, 30)
    want = reference.coarse(theirs.coarse_acoustics, shape.coarse, semantic, None, reference.most_likely)
    got = generate_coarse(ours.coarse, shape.coarse, semantic, noise=Noise(0), sampling=GREEDY)
    assert np.array_equal(got, want)


def test_the_number_of_codes_is_rounded_down_in_double_precision():
    """75 frames for 49.9 tokens: whole frames only."""
    spec = CoarseSpec()
    assert [spec.steps(length) for length in (0, 1, 2, 499, 768)] == [0, 2, 6, 1500, 2308]


def test_windows_follow_the_semantic_tokens():
    """Worked by hand for Bark's numbers: 209 tokens of history, a window every 60 / 3.006 = 19.96 tokens."""
    plan = [window_at(CoarseSpec(), 209, first, 150) for first in (0, 60, 120)]
    assert [(w.first_step, w.steps) for w in plan] == [(0, 60), (60, 60), (120, 30)]
    assert [(w.semantic.start, w.semantic.stop) for w in plan] == [(0, 256), (20, 276), (40, 296)]
    starts = [window_at(CoarseSpec(), 0, first, 900).semantic.start for first in range(600, 900, 60)]
    assert starts == [0, 11, 31, 50, 70]


def test_a_full_history_needs_47_semantic_tokens_more_than_were_spoken():
    """In Bark, whose semantic tokens are 3.006 coarse ones long."""
    spec = CoarseSpec()
    needed = [spec.semantic_needed(209, 60 * window) for window in range(30)]
    assert needed == [round(60 * window / spec.ratio) + 47 for window in range(30)]
    assert spec.semantic_needed(0, 0) == 256, (
        "without a history the first window looks as far ahead as a prompt is long"
    )


specs = st.builds(
    CoarseSpec,
    semantic_vocab_size=st.just(40),
    codebook_size=st.just(8),
    coarse_semantic_pad_token=st.just(90),
    semantic_rate_hz=st.floats(5, 60),
    coarse_rate_hz=st.floats(5, 90),
    n_coarse_codebooks=st.integers(1, 4),
    max_coarse_input_length=st.integers(1, 60),
    max_coarse_history=st.integers(0, 90),
    sliding_window_len=st.integers(1, 40),
)


@given(specs, st.integers(0, 80), st.integers(0, 400), st.integers(0, 12))
def test_what_a_window_needs_decides_on_it_and_one_token_fewer_does_not(spec, history, length, number):
    """With so many semantic tokens, its steps and its prompt are the whole's; with one fewer, one of them is not."""
    first = number * spec.sliding_window_len
    semantic = semantic_of(spec, history + length)

    def window_with(count):
        window = window_at(spec, history, first, spec.steps(count))
        return window.steps, prompt_ids(spec, window, semantic[: history + count], np.zeros(0, int), 1024).tolist()

    needed = spec.semantic_needed(history, first)
    assume(needed <= length)
    assert window_with(needed) == window_with(length)
    assert window_with(needed - 1) != window_with(length)


@given(specs, st.integers(1, 2000))
def test_the_semantic_length_is_the_least_that_lasts_so_long(spec, steps):
    length = spec.semantic_length(steps)
    assert spec.steps(length) >= steps
    assert spec.steps(length - 1) < steps


@pytest.mark.parametrize("name", ["odd", "three"])
@pytest.mark.parametrize("history", [None, 8, 15])
def test_a_window_takes_the_semantic_tokens_that_decide_on_it_and_no_more(name, history):
    """At every token: as many were taken as its window needs, or all there are; the codes are the reference's."""
    shape = {**SHAPES, "three": THREE}[name]
    theirs, ours = oracle.build(shape)
    spec, semantic, past = shape.coarse, semantic_of(shape.coarse, 80), history_of(shape.coarse, history)
    kept = len(trim_history(spec, *past)[0]) if past else 0
    rest = iter(semantic.tolist())
    tokens = []
    for step, token in enumerate(coarse_tokens(ours.coarse, spec, rest, past, noise=Noise(0), sampling=GREEDY)):
        tokens.append(token)
        needed = spec.semantic_needed(kept, step // spec.sliding_window_len * spec.sliding_window_len)
        assert 80 - rest.__length_hint__() == min(80, needed)
    want = reference.coarse(theirs.coarse_acoustics, spec, semantic, past, reference.most_likely)
    assert np.array_equal(unflatten(spec, np.array(tokens)), want)


def test_frames_are_taken_as_they_are_needed_and_fewer_at_the_end():
    """Two codebooks: three frames are six tokens, which are two bursts, behind a prompt."""
    shape, ours = SHAPES["odd"], oracle.build.__wrapped__(SHAPES["odd"])[1]
    passes: list[int] = []
    ours.coarse.layernorm_final.register_forward_hook(lambda *_: passes.append(1))
    semantic = semantic_of(shape.coarse, 12)
    want = generate_coarse(ours.coarse, shape.coarse, semantic, noise=Noise(0))
    assert len(passes) == 40
    tokens = coarse_tokens(ours.coarse, shape.coarse, semantic.tolist(), noise=Noise(0))
    parts = [take_frames(shape.coarse, tokens, 3)]
    assert len(passes) == 40 + 1 + 2 * ours.coarse.burst
    parts += [take_frames(shape.coarse, tokens, count) for count in (9, 20, 5)]
    assert [part.shape for part in parts] == [(2, 3), (2, 9), (2, 8), (2, 0)]
    assert np.array_equal(np.concatenate(parts, axis=1), want)


def test_a_history_ends_one_frame_early_and_lasts_as_long_in_both_alphabets():
    spec = CoarseSpec()
    semantic, tokens = trim_history(spec, *history_of(spec, 301))
    assert (len(semantic), len(tokens)) == (209, 626)
    semantic, tokens = trim_history(spec, *history_of(spec, 208))
    assert (len(semantic), len(tokens)) == (208, 623), "the 623 begin inside a frame"


def test_codes_survive_flattening():
    spec = CoarseSpec()
    codes = np.array([[1, 2, 3], [4, 5, 6]])
    assert flatten(spec, codes).tolist() == [10_001, 11_028, 10_002, 11_029, 10_003, 11_030]
    assert np.array_equal(unflatten(spec, flatten(spec, codes)), codes)


def test_a_prompt_is_padded_in_the_middle():
    spec = CoarseSpec()
    window = window_at(spec, 0, 0, 60)
    prompt = prompt_ids(spec, window, np.array([5, 6]), np.array([10_007, 11_100]), 1024)
    assert prompt[:3].tolist() == [5, 6, 12_048]
    assert prompt[255:].tolist() == [12_048, 12_050, 10_007, 11_100]


def test_a_small_block_costs_history_and_never_overflows():
    """Bark's windows in a block of 400 positions: transformers cannot go on there, this can."""
    _, ours = oracle.build(SHAPES["biased"])
    spec = dataclasses.replace(SHAPES["biased"].coarse, max_coarse_history=630)
    got = generate_coarse(
        ours.coarse, spec, semantic_of(spec, 200), history_of(spec, 300), noise=Noise(0), sampling=GREEDY
    )  # fmt: skip
    assert got.shape == (2, 300)
    with pytest.raises(ValueError, match="does not fit"):
        spec.history_room(300, 60)


def test_prompt_chunks_and_a_used_cache_do_not_change_the_codes():
    shape = SHAPES["odd"]
    _, ours = oracle.build(shape)
    cache = ours.coarse.new_cache()
    runs = [
        generate_coarse(
            ours.coarse, shape.coarse, semantic_of(shape.coarse, 33), noise=Noise(1), cache=cache, chunk=size
        )
        for size in (None, 5, 16)
    ]
    assert np.array_equal(runs[0], runs[1])
    assert np.array_equal(runs[0], runs[2])


def test_noise_belongs_to_the_step_and_not_to_the_window():
    """With a model that ignores its input, windows of other lengths give the same codes."""
    shape = SHAPES["odd"]
    _, ours = oracle.build(shape, seed=77)
    with torch.no_grad():
        for weight in ours.coarse.parameters():
            weight.zero_()
    semantic = semantic_of(shape.coarse, 30)
    runs = [
        generate_coarse(
            ours.coarse, dataclasses.replace(shape.coarse, sliding_window_len=size), semantic, noise=Noise(4)
        )
        for size in (14, 7, 50)
    ]
    assert np.array_equal(runs[0], runs[1])
    assert np.array_equal(runs[0], runs[2])
    assert len(np.unique(runs[0])) == 8
