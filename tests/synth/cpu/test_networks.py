"""The compiled transformers: in float32 against transformers, with 8-bit weights against the same arithmetic in torch."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from synth.cpu.networks import FastCausal, FastFine, PackedCache
from synth.cpu.packed import PackedLinear
from synth.cpu.quantised import QuantisedLinear, quantise_layers
from synth.model import CausalTransformer, KVCache, TransformerConfig
from tests.synth import oracle
from tests.synth.cpu.conftest import LESS
from tests.synth.test_model import CLOSE, SHAPES, UNTIED, ids_of

ROUNDED = {"rtol": 0, "atol": 0.02}
"""For 8 bits: an input within rounding of the middle between two codes may fall to either side. Logits' deviation is 2."""


WAYS = [("best", 3), *((instructions, 1) for instructions in LESS)]


class HalfCache(KVCache):
    """Keeps float32 rounded to bfloat16, as the library does with 8-bit weights."""

    def write(self, layer, key, value):
        return super().write(layer, key.bfloat16().float(), value.bfloat16().float())


def in_torch(network):
    """The definition: a plain network with 8-bit layers, and an 8-bit head if it is causal."""
    defined = copy.deepcopy(network)
    quantise_layers(defined)
    if isinstance(network, CausalTransformer):
        head = QuantisedLinear(network.lm_head)
        defined.logits = lambda hidden, first, last: head(hidden)[..., first:last]
    return defined


def decoded(network, caches, ids, prompt, chunk=None):
    """Logits (B, T, 30) of all positions from the prompt's last on: prefilled row by row, then token by token."""
    caches = caches if isinstance(caches, list) else [caches]
    with torch.inference_mode():
        rows = zip(ids.split(1), caches, strict=True)
        hidden = [torch.cat([network.prefill(network.embed(row[:, :prompt]), cache, chunk) for row, cache in rows])]
        hidden += [network.decode_tokens(ids[:, place], caches) for place in range(prompt, ids.shape[1])]
        return network.logits(torch.stack(hidden, 1), 7, 37)


@pytest.mark.parametrize(("instructions", "threads"), WAYS)
@pytest.mark.parametrize("name", SHAPES)
def test_exact_logits_equal_transformers(opened, instructions, threads, name):
    """Within 1e-4: a prompt of 45 positions, then twelve tokens over the cache; odd sizes, biases, none of either."""
    theirs, ours = oracle.build(SHAPES[name])
    fast = FastCausal(ours.coarse, opened(instructions, threads), eight_bits=False)
    ids = ids_of(50, 57)
    with torch.inference_mode():
        want = theirs.coarse_acoustics(ids, use_cache=False).logits[:, 44:, 7:37]
    torch.testing.assert_close(decoded(fast, fast.new_cache(), ids, 45), want, **CLOSE)


@pytest.mark.parametrize("frames", [1, 20, 43])
@pytest.mark.parametrize("name", SHAPES)
def test_exact_fine_logits_equal_transformers(kernels, name, frames):
    shape = SHAPES[name]
    theirs, ours = oracle.build(shape)
    fast = FastFine(ours.fine, kernels, eight_bits=False)
    books, size = shape.fine.n_fine_codebooks, shape.fine.codebook_size
    codes = torch.from_numpy(np.random.default_rng(1).integers(0, size + 1, (1, books, frames)))
    for book in range(1, books):
        with torch.inference_mode():
            want = theirs.fine_acoustics(book, codes.transpose(1, 2)).logits
            got = fast.logits(fast(codes, book), book, want.shape[-1])
        torch.testing.assert_close(got, want, **CLOSE)


@given(
    rows=st.integers(1, 80),
    # A matrix unit takes multiples of 64. With one input, torch 2.13 multiplies what lies behind the weights.
    inputs=st.integers(2, 150) | st.sampled_from([64, 128, 192]),
    outputs=st.integers(1, 90),
    seed=st.integers(0, 99),
    instructions=st.sampled_from(list(LESS)),
)
@settings(max_examples=100, deadline=None)
def test_an_8_bit_product_is_torchs_to_the_last_bit(opened, rows, inputs, outputs, seed, instructions):
    """Sums of whole numbers are exact, and the scales are multiplied in the same order."""
    torch.manual_seed(seed)
    plain = nn.Linear(inputs, outputs, bias=False)
    x = torch.randn(rows, inputs) * 10.0 ** torch.randint(-3, 3, (rows, 1))
    x[0] *= seed % 5 > 0  # a row of zeros, at times
    packed = PackedLinear(plain.weight, None, opened(instructions), eight_bits=True)
    with torch.inference_mode():
        assert torch.equal(packed.columns(x, 0, outputs), QuantisedLinear(plain)(x))


@given(first=st.integers(0, 89), count=st.integers(1, 90), eight_bits=st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_columns_of_a_layer_can_be_had_alone(kernels, first, count, eight_bits):
    torch.manual_seed(0)
    packed = PackedLinear(torch.randn(90, 33), torch.randn(90), kernels, eight_bits=eight_bits)
    x, last = torch.randn(2, 3, 33), min(90, first + count)
    part = packed.columns(x, first, last)
    assert torch.equal(part, packed.columns(x, 0, 90)[..., first:last])
    assert part.shape == (2, 3, last - first)


@pytest.mark.parametrize(("instructions", "threads"), WAYS)
@pytest.mark.parametrize("name", SHAPES)
def test_8_bit_logits_equal_the_same_arithmetic_in_torch(opened, instructions, threads, name):
    """Prompt and decoded tokens, of two rows."""
    _, ours = oracle.build(SHAPES[name])
    fast, defined = FastCausal(ours.coarse, opened(instructions, threads), eight_bits=True), in_torch(ours.coarse)
    ids = torch.cat([ids_of(50, 57), ids_of(40, 57).flip(1)])
    want = decoded(defined, [HalfCache(ours.coarse.config) for _ in ids], ids, 45)
    torch.testing.assert_close(decoded(fast, [fast.new_cache() for _ in ids], ids, 45), want, **ROUNDED)


@pytest.mark.parametrize("name", SHAPES)
def test_8_bit_fine_logits_equal_the_same_arithmetic_in_torch(kernels, name):
    _, ours = oracle.build(SHAPES[name])
    fast, defined = FastFine(ours.fine, kernels, eight_bits=True), in_torch(ours.fine)
    codes = torch.randint(0, 8, (2, ours.fine.config.n_codes_total, 43), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        got, want = (network.logits(network(codes, 3), 3, 8) for network in (fast, defined))
    torch.testing.assert_close(got, want, **ROUNDED)


def test_8_bit_logits_are_near_the_exact_ones(kernels):
    """And not the same: the weights are rounded."""
    _, ours = oracle.build(oracle.BIASED)
    exact, rounded = (FastCausal(ours.coarse, kernels, eight_bits=eight_bits) for eight_bits in (False, True))
    ids = ids_of(50, 57)
    want, got = (decoded(network, network.new_cache(), ids, 45) for network in (exact, rounded))
    assert 1e-4 < (got - want).std() / want.std() < 0.2


@pytest.mark.parametrize("eight_bits", [False, True])
@pytest.mark.parametrize("chunk", [1, 5, 12, 44, 100])
def test_a_prompt_in_chunks_gives_the_same_logits(kernels, eight_bits, chunk):
    _, ours = oracle.build(oracle.ODD)
    fast, ids = FastCausal(ours.coarse, kernels, eight_bits=eight_bits), ids_of(50, 50)
    whole, parts = (decoded(fast, fast.new_cache(), ids, 45, size) for size in (None, chunk))
    torch.testing.assert_close(parts, whole, **(ROUNDED if eight_bits else CLOSE))


@pytest.mark.parametrize("eight_bits", [False, True])
@pytest.mark.parametrize("chunk", [1, 7, 12, 40])
def test_a_position_comes_out_the_same_however_many_are_computed_at_once(opened, eight_bits, chunk):
    """To the last bit: heads wider than a panel, over an odd and an even number of panels of positions."""
    torch.manual_seed(0)
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_size": 128, "block_size": 150}
    plain = CausalTransformer(TransformerConfig(**sizes, input_vocab_size=50, output_vocab_size=50, bias=True))
    fast, ids = FastCausal(plain.eval(), opened(threads=2), eight_bits=eight_bits), ids_of(50, 140)
    with torch.inference_mode():
        whole = fast(fast.embed(ids), fast.new_cache())
        cache = fast.new_cache()
        parts = torch.cat([fast(fast.embed(part), cache) for part in ids.split(chunk, dim=1)], dim=1)
    assert torch.equal(parts, whole)


@pytest.mark.parametrize("eight_bits", [False, True])
@pytest.mark.parametrize("rows", [2, 7])
def test_rows_of_a_batch_do_not_mix(kernels, rows, eight_bits):
    _, ours = oracle.build(oracle.ODD)
    fast = FastCausal(ours.coarse, kernels, eight_bits=eight_bits)
    ids = torch.cat([ids_of(50, 40).roll(row) for row in range(rows)])
    together = decoded(fast, [fast.new_cache() for _ in ids], ids, 30)
    alone = torch.cat([decoded(fast, fast.new_cache(), row[None], 30) for row in ids])
    torch.testing.assert_close(together, alone, **(ROUNDED if eight_bits else CLOSE))


def test_the_number_of_threads_changes_no_bit(opened):
    """Each sum is one thread's, in one order."""
    _, ours = oracle.build(oracle.BIASED)
    ids, results = ids_of(50, 390), []
    for threads in (1, 2, 5):
        fast = FastCausal(ours.coarse, opened("best", threads), eight_bits=False)
        results.append(decoded(fast, fast.new_cache(), ids, 380))
    assert all(torch.equal(results[0], result) for result in results[1:])


def test_a_used_cache_is_as_good_as_new(kernels):
    _, ours = oracle.build(oracle.ODD)
    fast = FastCausal(ours.coarse, kernels, eight_bits=False)
    used, ids = fast.new_cache(), ids_of(50, 40)
    decoded(fast, used, ids_of(50, 75), 60)
    assert used.length == used.block_size == 75
    assert torch.equal(decoded(fast, used, ids, 30), decoded(fast, fast.new_cache(), ids, 30))


def test_no_position_outside_of_the_block(kernels):
    _, ours = oracle.build(oracle.ODD)
    fast = FastCausal(ours.coarse, kernels, eight_bits=False)
    with pytest.raises(ValueError, match="76 positions"):
        decoded(fast, fast.new_cache(), ids_of(50, 76), 75)


def test_a_cache_of_the_wrong_size_or_kind_is_refused(kernels):
    """The library writes where it is told to: outside would be anybody's memory."""
    _, ours = oracle.build(oracle.ODD)
    fast, ids = FastCausal(ours.coarse, kernels, eight_bits=False), ids_of(50, 9)
    small = PackedCache(fast.new_cache().data[:-64], fast.config.block_size)
    for cache in (small, ours.coarse.new_cache()):
        with pytest.raises((ValueError, TypeError), match="cache"):
            decoded(fast, cache, ids, 5)


def test_the_weights_can_be_forgotten(kernels):
    """The packed network keeps what it points to."""
    _, ours = oracle.build(UNTIED)
    plain = copy.deepcopy(ours.coarse)
    fast = FastCausal(plain, kernels, eight_bits=False)
    ids = ids_of(50, 20)
    want = decoded(ours.coarse, ours.coarse.new_cache(), ids, 9)
    for weight in plain.layers.parameters():
        if weight.ndim == 2:
            weight.data.fill_(torch.nan)
    del plain
    torch.testing.assert_close(decoded(fast, fast.new_cache(), ids, 9), want, **CLOSE)


def test_two_threads_of_python_may_call_at_once(opened):
    """They wait for each other."""
    _, ours = oracle.build(oracle.ODD)
    fast = FastCausal(ours.coarse, opened("best", 2), eight_bits=False)
    ids, results = ids_of(50, 70), []

    def work():
        results.extend(decoded(fast, fast.new_cache(), ids, 60) for _ in range(5))

    callers = [threading.Thread(target=work) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(results) == 15
    assert all(torch.equal(result, results[0]) for result in results)
