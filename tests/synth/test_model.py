"""The two transformers against transformers' Bark modules: names, logits, cache."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from synth.model import CausalTransformer, FineTransformer, TransformerConfig
from synth.semantic import embed_prompt, prompt_ids
from tests.synth import oracle

CLOSE = {"rtol": 0, "atol": 1e-4}
UNTIED = dataclasses.replace(oracle.SMALL, tied=False, heads=1, layers=(1, 1, 4))
SHAPES = {**oracle.SHAPES, "untied": UNTIED}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def ids_of(vocabulary: int, length: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(length).integers(0, vocabulary, (1, length)))


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("prompt", [1, 2, 30, 60])
def test_logits_equal_transformers_at_prefill_and_at_every_decoded_position(name, prompt):
    """Within 1e-4 in float32: the whole prompt at once, then twelve tokens one by one over the cache."""
    theirs, ours = oracle.build(SHAPES[name])
    vocabulary = ours.coarse.config.output_vocab_size
    ids = ids_of(vocabulary, prompt + 12)
    with torch.inference_mode():
        want = theirs.coarse_acoustics(ids, use_cache=False).logits[0]
        cache = ours.coarse.new_cache()
        hidden = [ours.coarse.prefill(ours.coarse.embed(ids[:, :prompt]), cache)]
        hidden += [ours.coarse.decode_tokens(ids[:, place], [cache]) for place in range(prompt, prompt + 12)]
        got = ours.coarse.logits(torch.cat(hidden), 0, vocabulary)
    torch.testing.assert_close(got, want[prompt - 1 :], **CLOSE)
    assert want.std() > 0.5, "flat logits would prove nothing"


@pytest.mark.parametrize("name", SHAPES)
def test_the_merged_prompt_gives_the_same_logits(name):
    """Text and history share their positions: one sum of two embeddings each."""
    shape = SHAPES[name]
    theirs, ours = oracle.build(shape)
    spec, length = shape.semantic, shape.semantic.max_input_semantic_length
    prompt = prompt_ids(spec, [3, 1, 4], np.arange(length // 2) % 30)
    embed = theirs.semantic.input_embeds_layer
    with torch.inference_mode():
        ids = torch.from_numpy(prompt)
        merged = torch.cat([embed(ids[:length]) + embed(ids[length:-1]), embed(ids[-1:])])[None]
        want = theirs.semantic(inputs_embeds=merged, use_cache=False).logits[:, -1]
        hidden = ours.semantic.prefill(embed_prompt(ours.semantic, spec, prompt), ours.semantic.new_cache())
        got = ours.semantic.logits(hidden, 0, want.shape[-1])
    torch.testing.assert_close(got, want, **CLOSE)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("frames", [1, 20, 43])
def test_fine_logits_equal_transformers_for_every_codebook(name, frames):
    """Tied and untied heads, with and without biases; the predicted codebook's own codes count."""
    shape = SHAPES[name]
    theirs, ours = oracle.build(shape)
    books, size = shape.fine.n_fine_codebooks, shape.fine.codebook_size
    codes = torch.from_numpy(np.random.default_rng(1).integers(0, size + 1, (1, books, frames)))
    for book in range(1, books):
        with torch.inference_mode():
            want = theirs.fine_acoustics(book, codes.transpose(1, 2)).logits
            got = ours.fine.logits(ours.fine(codes, book), book, want.shape[-1])
        torch.testing.assert_close(got, want, **CLOSE)


@pytest.mark.parametrize("bias", [False, True])
def test_parameter_names_and_shapes_are_those_of_transformers(bias):
    """Layer norms follow `bias` in the causal models and always have one in the fine model."""
    theirs = oracle.bark(dataclasses.replace(oracle.SMALL, bias=bias))
    configs = oracle.configs(dataclasses.replace(oracle.SMALL, bias=bias))
    ours = (CausalTransformer(configs[0]), CausalTransformer(configs[1]), FineTransformer(configs[2]))
    for mine, part in zip(ours, (theirs.semantic, theirs.coarse_acoustics, theirs.fine_acoustics), strict=True):
        masks = {name for name, _ in part.named_buffers()}
        want = {name: value.shape for name, value in part.state_dict().items() if name not in masks}
        assert {name: value.shape for name, value in mine.state_dict().items()} == want


@pytest.mark.parametrize("missing", ["lm_heads", "input_embeds_layers"])
def test_half_of_a_tied_pair_is_enough(missing):
    """Files drop one name of a shared tensor; which one depends on the writer."""
    theirs, _ = oracle.build(oracle.SMALL)
    state = theirs.fine_acoustics.state_dict()
    kept = {name: value for name, value in state.items() if missing not in name}
    kept["input_embeds_layers.0.weight"] = state["input_embeds_layers.0.weight"]
    kept |= {"input_embeds_layers.7.weight": state["input_embeds_layers.7.weight"]}
    with torch.device("meta"):
        ours = FineTransformer(oracle.configs(oracle.SMALL)[2])
    ours.load_state_dict(kept, strict=True, assign=True)
    for book in range(1, 8):
        head, embedding = ours.lm_heads[book - 1].weight, ours.input_embeds_layers[book].weight
        assert torch.equal(head, state[f"lm_heads.{book - 1}.weight"])
        assert head.data_ptr() == embedding.data_ptr(), "shared, not copied"


def test_untied_heads_stay_apart():
    _, ours = oracle.build(UNTIED)
    assert not torch.equal(ours.fine.lm_heads[0].weight, ours.fine.input_embeds_layers[1].weight)


def test_a_state_dict_with_a_name_too_many_or_too_few_is_refused():
    theirs, _ = oracle.build(oracle.SMALL)
    ours = CausalTransformer(oracle.configs(oracle.SMALL)[1])
    state = theirs.coarse_acoustics.state_dict()
    with pytest.raises(RuntimeError, match=r"attn\.bias"):
        ours.load_state_dict(state, strict=True)
    with pytest.raises(RuntimeError, match="Missing"):
        ours.load_state_dict({}, strict=True)


def test_it_can_be_built_without_memory_and_filled_by_assignment():
    """On the meta device, then with the checkpoint's own tensors."""
    theirs, ours = oracle.build(oracle.BIASED)
    with torch.device("meta"):
        empty = CausalTransformer(oracle.configs(oracle.BIASED)[1])
    assert all(weight.is_meta for weight in empty.parameters())
    empty.load_state_dict(ours.coarse.state_dict(), strict=True, assign=True)
    ids = ids_of(60, 9)
    with torch.inference_mode():
        hidden = empty.prefill(empty.embed(ids), empty.new_cache())
        want = theirs.coarse_acoustics(ids, use_cache=False).logits[:, -1]
        got = empty.logits(hidden, 0, want.shape[-1])
    torch.testing.assert_close(got, want, **CLOSE)


def test_the_cache_is_written_in_place_and_forgets():
    """One allocation for all uses; a used cache gives the same numbers as a new one."""
    _, ours = oracle.build(oracle.ODD)
    used, ids = ours.coarse.new_cache(), ids_of(50, 40)
    with torch.inference_mode():
        place = used._data.data_ptr()
        for _ in range(3):
            ours.coarse.prefill(ours.coarse.embed(ids), used)
            ours.coarse.decode_tokens(ids[:, 0], [used])
        again = ours.coarse.prefill(ours.coarse.embed(ids[:, :11]), used)
        fresh = ours.coarse.prefill(ours.coarse.embed(ids[:, :11]), ours.coarse.new_cache())
    assert torch.equal(again, fresh)
    assert used._data.data_ptr() == place
    assert used.length == 11


@pytest.mark.parametrize("chunk", [1, 7, 39, 40, 100])
def test_a_prompt_in_chunks_gives_the_same_hidden_state(chunk):
    _, ours = oracle.build(oracle.ODD)
    embeds = ours.coarse.embed(ids_of(50, 40))
    with torch.inference_mode():
        whole = ours.coarse.prefill(embeds, ours.coarse.new_cache())
        parts = ours.coarse.prefill(embeds, ours.coarse.new_cache(), chunk)
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-5)


def test_rows_that_are_decoded_together_do_not_mix():
    """Three rows of different lengths equal each row alone."""
    _, ours = oracle.build(oracle.ODD)
    ids, lengths = [ids_of(50, 20), ids_of(40, 33), ids_of(45, 9)], (1, 30, 8)
    together = [ours.coarse.new_cache() for _ in ids]
    with torch.inference_mode():
        want = []
        for row, length, cache in zip(ids, lengths, together, strict=True):
            alone = ours.coarse.new_cache()
            for each in (alone, cache):
                ours.coarse.prefill(ours.coarse.embed(row[:, :length]), each)
            want.append(ours.coarse.decode_tokens(row[:, length], [alone]))
        tokens = torch.cat([row[:, length] for row, length in zip(ids, lengths, strict=True)])
        got = ours.coarse.decode_tokens(tokens, together)
    torch.testing.assert_close(got, torch.cat(want), rtol=0, atol=1e-5)
    assert [cache.length for cache in together] == [2, 31, 9]


def test_no_position_outside_of_the_block():
    _, ours = oracle.build(oracle.ODD)
    cache, ids = ours.coarse.new_cache(), ids_of(50, 75)
    with torch.inference_mode():
        ours.coarse.prefill(ours.coarse.embed(ids), cache)
        assert cache.length == cache.block_size == 75
        with pytest.raises(ValueError, match="76 positions"):
            ours.coarse.decode_tokens(ids[:, 0], [cache])


def test_the_cache_has_the_precision_of_the_weights():
    _, ours = oracle.build(oracle.ODD, seed=99)
    ours.coarse.to(torch.bfloat16)
    cache = ours.coarse.new_cache()
    with torch.inference_mode():
        hidden = ours.coarse.prefill(ours.coarse.embed(ids_of(50, 20)), cache)
        logits = ours.coarse.logits(hidden, 0, 5)
    assert hidden.dtype == torch.bfloat16
    assert logits.dtype == torch.float32


@pytest.mark.parametrize("wrong", [{"num_heads": 3}, {"n_codes_given": 0}, {"n_codes_given": 2}])
def test_impossible_dimensions_are_refused(wrong):
    sizes = {
        "num_layers": 1,
        "num_heads": 2,
        "hidden_size": 8,
        "block_size": 4,
        "input_vocab_size": 9,
        "output_vocab_size": 9,
    }
    with pytest.raises(ValueError, match=r"hidden_size|n_codes_given"):
        TransformerConfig(bias=False, **{**sizes, **wrong})
