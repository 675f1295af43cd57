"""The semantic stage against transformers' generate (greedy) and against the reference's rules (greedy and drawn)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from synth.sampling import Noise, Sampling, Stage
from synth.semantic import SemanticSpec, generate_semantic, prompt_ids, semantic_tokens
from tests.synth import oracle, reference

GREEDY = Sampling(greedy=True)
SHAPES = oracle.SHAPES


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def text_of(length: int) -> list[int]:
    return np.random.default_rng(length).integers(0, 24, length).tolist()


def history_of(shape: oracle.Shape, length: int | None) -> np.ndarray | None:
    if length is None:
        return None
    return np.random.default_rng(length).integers(0, shape.semantic.semantic_vocab_size, length)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(("text", "history"), [(1, None), (0.5, 1), (0.5, 0.7), (1.0, 1.0), (0.3, 1.9)])
def test_greedy_tokens_equal_transformers(name, text, history):
    """Short and full texts; no history, one token of it, shorter than and longer than the prompt takes."""
    shape, (theirs, ours) = SHAPES[name], oracle.build(SHAPES[name])
    full = shape.semantic.max_input_semantic_length
    words = text_of(text if isinstance(text, int) else int(text * full))
    past = history_of(shape, history if isinstance(history, int) or history is None else int(history * full))
    want = oracle.transformers_semantic(theirs, shape, words, past)
    got = generate_semantic(
        ours.semantic, shape.semantic, words, past, noise=Noise(0), sampling=GREEDY, min_eos_p=None
    )  # fmt: skip
    assert got.tolist() == want
    assert len(want) == shape.semantic.steps(shape.block) or len(want) < shape.semantic.max_new_tokens
    assert len(set(want)) > 2, "a constant sequence would prove nothing"


def run(name, *, noise=None, steps=40, history=None, **options):
    """One run of the engine and of the reference with the same options."""
    shape, (theirs, ours) = SHAPES[name], oracle.build(SHAPES[name])
    spec = dataclasses.replace(shape.semantic, max_new_tokens=steps)
    draw = reference.noisy(noise, Stage.SEMANTIC) if noise else reference.most_likely
    past = history_of(shape, history)
    want = reference.semantic(theirs.semantic, spec, text_of(9), past, draw, steps=spec.steps(shape.block), **options)
    ours_only = {key: options.pop(key) for key in ("min_eos_p", "max_seconds") if key in options}
    sampling = Sampling(greedy=noise is None, **options)
    got = generate_semantic(
        ours.semantic, spec, text_of(9), past, noise=noise or Noise(0), sampling=sampling, **ours_only
    )  # fmt: skip
    return got.tolist(), want


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_drawn_tokens_equal_the_reference(name, seed):
    """With the same noise, the reference's rules give the same tokens: tempered draws, history, end token."""
    got, want = run(name, noise=Noise(seed), history=7, temperature=0.9, min_eos_p=None)
    assert got == want


@pytest.mark.parametrize("options", [{"top_k": 3}, {"top_p": 0.6}, {"top_k": 5, "top_p": 0.8}])
@pytest.mark.parametrize("seed", range(3))
def test_top_p_comes_before_top_k_and_both_before_the_temperature(options, seed):
    got, want = run("small", noise=Noise(seed), temperature=2.0, min_eos_p=None, **options)
    assert got == want
    assert len(set(got)) > 2


def test_the_end_comes_when_its_tempered_probability_reaches_the_threshold():
    """Below that probability it goes on; at it, it ends there, and the token of that step is dropped."""
    free, want = run("odd", temperature=1.3, min_eos_p=None, steps=30)
    assert free == want
    lengths = []
    for threshold in (0.005, 0.012, 0.02, 0.03, 0.2):
        got, want = run("odd", temperature=1.3, min_eos_p=threshold, steps=30)
        assert got == want
        assert free[: len(got)] == got
        lengths.append(len(got))
    assert lengths == sorted(set(lengths)), "each threshold must end it elsewhere"


def test_the_temperature_decides_on_the_end_when_greedy():
    """A high temperature lifts the end token above a threshold that it misses at a low one."""
    cold, want_cold = run("small", temperature=0.3, min_eos_p=0.012, steps=30)
    hot, want_hot = run("small", temperature=50.0, min_eos_p=0.012, steps=30)
    assert cold == want_cold
    assert hot == want_hot == []
    assert cold


@pytest.mark.parametrize(("seconds", "tokens"), [(0.0, 1), (0.01, 1), (0.1, 5), (0.5, 25), (3.0, 30)])
def test_it_ends_with_the_token_that_makes_it_too_long(seconds, tokens):
    """49.9 tokens a second: the token that passes the limit still counts, as in the reference."""
    got, want = run("small", min_eos_p=None, max_seconds=seconds, steps=30)
    assert got == want
    assert len(got) == tokens


def test_the_end_token_ends_it_and_is_no_result():
    """Seeds that draw the end token stop there, in the engine as in the reference."""
    runs = [run("odd", noise=Noise(seed), temperature=1.5, min_eos_p=None) for seed in range(8)]
    assert all(got == want for got, want in runs)
    limit = SHAPES["odd"].semantic.steps(SHAPES["odd"].block)
    assert any(len(got) < min(40, limit) for got, _ in runs), "no seed drew the end token"
    assert all(0 <= token < 37 for got, _ in runs for token in got)


def test_it_never_leaves_the_block():
    """A block shorter than prompt and limit together shortens the speech instead of failing."""
    shape, (_, ours) = SHAPES["biased"], oracle.build(SHAPES["biased"])
    got = generate_semantic(
        ours.semantic, shape.semantic, [1], noise=Noise(0), sampling=GREEDY, min_eos_p=None
    )  # fmt: skip
    assert len(got) == shape.block - shape.semantic.max_input_semantic_length == 144


def test_noise_and_cache_chunks_do_not_change_the_tokens():
    """A prompt in chunks, and a cache that was used before, give the same tokens."""
    shape, (_, ours) = SHAPES["small"], oracle.build(SHAPES["small"])
    spec = dataclasses.replace(shape.semantic, max_new_tokens=40)
    cache = ours.semantic.new_cache()
    runs = [
        generate_semantic(ours.semantic, spec, [1, 2], noise=Noise(5), min_eos_p=None, cache=cache, chunk=chunk)
        for chunk in (None, 100, 7)
    ]
    assert runs[0].tolist() == runs[1].tolist() == runs[2].tolist()


def test_too_long_a_text_is_refused():
    shape, (_, ours) = SHAPES["odd"], oracle.build(SHAPES["odd"])
    with pytest.raises(ValueError, match="14 text tokens"):
        generate_semantic(ours.semantic, shape.semantic, [1] * 14, noise=Noise(0))


def test_a_text_token_without_an_embedding_is_refused():
    """On a GPU it would break the process."""
    shape, (_, ours) = SHAPES["odd"], oracle.build(SHAPES["odd"])
    with pytest.raises(ValueError, match="no embedding"):
        generate_semantic(ours.semantic, shape.semantic, [500], noise=Noise(0))


def test_the_prompt_is_padded_on_the_right():
    spec = SemanticSpec()
    prompt = prompt_ids(spec, [5, 6], np.array([7, 8, 9]))
    assert prompt.shape == (513,)
    assert prompt[:3].tolist() == [10_053, 10_054, 129_595]
    assert prompt[256:260].tolist() == [7, 8, 9, 10_000]
    assert prompt[-1] == 129_599


def test_tokens_are_made_in_bursts_when_one_is_asked_for():
    """A pass for each token, and a first one for the prompt."""
    shape, ours = SHAPES["odd"], oracle.build.__wrapped__(SHAPES["odd"])[1]
    passes: list[int] = []
    ours.semantic.layernorm_final.register_forward_hook(lambda *_: passes.append(1))
    tokens = semantic_tokens(ours.semantic, shape.semantic, [1], noise=Noise(0), sampling=GREEDY, min_eos_p=None)
    assert not passes
    for count in range(2 * ours.semantic.burst):
        next(tokens)
        assert len(passes) == 1 + ours.semantic.burst * (1 + count // ours.semantic.burst)
    tokens.close()
    assert len(passes) == 1 + 2 * ours.semantic.burst


def test_an_end_token_inside_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match="eos_token"):
        SemanticSpec(semantic_vocab_size=50, eos_token=49)
