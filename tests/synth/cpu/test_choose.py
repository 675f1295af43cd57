"""A loaded model made faster: the same tokens, with or without a compiler."""

from __future__ import annotations

import copy
import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from synth.cpu.build import SOURCE, NoKernels, find_compiler
from synth.cpu.choose import check, quicken
from synth.cpu.library import open_kernels
from synth.cpu.networks import FastCausal, FastFine
from synth.cpu.quantised import QuantisedLinear
from synth.pipeline import Request, speak
from tests.synth import oracle
from tests.synth.test_pipeline import GREEDY, a_voice

SHAPES = {"odd": dataclasses.replace(oracle.ODD, std=0.4), "biased": oracle.BIASED}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("native")


def fresh(shape):
    """A model of one's own, and its oracle."""
    theirs, ours = oracle.build(shape)
    copies = {name: copy.deepcopy(getattr(ours, name)) for name in ("semantic", "coarse", "fine")}
    return theirs, dataclasses.replace(ours, **copies)


@pytest.mark.parametrize("voice", [None, a_voice(20)], ids=["no voice", "a voice"])
@pytest.mark.parametrize("name", SHAPES)
def test_greedy_tokens_equal_transformers(folder, name, voice):
    shape = SHAPES[name]
    theirs, ours = fresh(shape)
    past = (None, None, None)
    if voice:
        fine = np.resize(voice.fine_prompt, (shape.fine.n_fine_codebooks, voice.fine_prompt.shape[1]))
        voice = dataclasses.replace(voice, semantic_prompt=voice.semantic_prompt % 37, fine_prompt=fine)
        past = (voice.semantic_prompt, (voice.semantic_prompt, voice.coarse_prompt), fine)
    semantic = np.array(oracle.transformers_semantic(theirs, shape, [1, 2, 3], past[0]))
    coarse = oracle.transformers_coarse(theirs, shape, semantic, past[1])
    fine = oracle.transformers_fine(theirs, shape, coarse, past[2])
    model = quicken(ours, eight_bits=False, threads=1, folder=folder)
    assert isinstance(model.semantic, FastCausal)
    assert isinstance(model.fine, FastFine)
    piece = speak(model, dataclasses.replace(GREEDY, voice=voice)).pieces[0]
    assert np.array_equal(piece.semantic, semantic)
    assert np.array_equal(piece.coarse, coarse)
    assert np.array_equal(piece.fine, fine)
    assert len(np.unique(semantic)) > 2


def test_a_second_form_of_the_same_model_leaves_the_first_as_it_is(folder):
    """What the library's structures point at must outlive the layers that it came from."""
    _, ours = fresh(SHAPES["biased"])
    exact = quicken(dataclasses.replace(ours), eight_bits=False, threads=1, folder=folder)
    before = speak(exact, GREEDY).pieces[0]
    quicken(dataclasses.replace(ours), eight_bits=True, threads=1, folder=folder)
    width = ours.semantic.layernorm_final.weight.shape
    _freed = [torch.full(width, float("nan")) for _ in range(1000)]  # takes what was given back
    assert np.array_equal(speak(exact, GREEDY).pieces[0].fine, before.fine)


def test_8_bit_speech_is_near_and_repeats(folder):
    """The same seed gives the same tokens; most of the fine ones are those of the exact model, given the same coarse."""
    _, ours = fresh(SHAPES["biased"])
    request = Request(pieces=[[1, 2, 3]], seed=1, min_eos_p=None, max_seconds=1.0)
    exact = speak(ours, request).pieces[0]
    model = quicken(ours, eight_bits=True, threads=2, folder=folder)
    one, again = (speak(model, request).pieces[0] for _ in range(2))
    assert np.array_equal(one.fine, again.fine)
    assert one.fine.shape == exact.fine.shape
    assert not np.array_equal(one.fine, exact.fine)


@pytest.fixture
def without_compiler(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("without_compiler")
def test_without_a_compiler_exact_is_what_it_was_and_the_log_says_why(tmp_path, caplog):
    _, ours = fresh(SHAPES["odd"])
    networks = ours.semantic, ours.coarse, ours.fine
    with caplog.at_level(logging.INFO):
        model = quicken(ours, eight_bits=False, threads=1, folder=tmp_path)
    assert (model.semantic, model.coarse, model.fine) == networks
    assert [record.message for record in caplog.records] == [
        "no compiled kernels, torch computes alone and is slower: there is no C compiler"
    ]


@pytest.mark.usefixtures("without_compiler")
def test_without_a_compiler_8_bits_are_torchs_and_greedy_speech_is_nearly_the_same(tmp_path):
    """All linear layers of the blocks; logits of a prompt within what the library's bfloat16 cache differs."""
    _, ours = fresh(SHAPES["biased"])
    exact = copy.deepcopy(ours.coarse)
    model = quicken(ours, eight_bits=True, threads=1, folder=tmp_path)
    for network in (model.semantic, model.coarse, model.fine):
        linear = [part for part in network.get_submodule("layers").modules() if not list(part.children())]
        assert not any(isinstance(part, torch.nn.Linear) for part in linear)
        assert sum(isinstance(part, QuantisedLinear) for part in linear) == 4 * network.config.num_layers
    ids = torch.randint(0, 60, (1, 40), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        want, got = (
            network.logits(network.prefill(network.embed(ids), network.new_cache()), 0, 100)
            for network in (exact, model.coarse)
        )
    assert (got - want).std() < 0.1 * want.std()
    assert speak(model, GREEDY).pieces[0].fine.shape[1] > 2


def test_the_library_and_torch_agree_about_8_bits(folder, tmp_path, monkeypatch):
    """The two forms of the mode, teacher-forced over 60 tokens: the likeliest token is the same in nearly all places."""
    forms = []
    for path in (folder, tmp_path):
        _, ours = fresh(SHAPES["biased"])
        forms.append(quicken(ours, eight_bits=True, threads=1, folder=path).coarse)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("CC", raising=False)
    assert [isinstance(form, FastCausal) for form in forms] == [True, False]
    ids = torch.randint(0, 60, (1, 100), generator=torch.Generator().manual_seed(0))
    chosen = []
    with torch.inference_mode():
        for form in forms:
            cache = form.new_cache()
            form.prefill(form.embed(ids[:, :40]), cache)
            hidden = [form.decode_tokens(ids[:, place], [cache]) for place in range(40, 100)]
            chosen.append(form.logits(torch.cat(hidden), 0, 100).argmax(-1))
    assert (chosen[0] == chosen[1]).float().mean() > 0.9


@pytest.mark.parametrize(
    "mistake",
    [r"s/rintf(x\[i\] \* factor)/rintf(x[i] * factor + 1)/", "s/+= linear->bias/-= linear->bias/"],
)
def test_a_compiler_that_makes_wrong_code_is_found_out(tmp_path, monkeypatch, mistake):
    """A wrapper that changes the source on its way."""
    wrapper = tmp_path / "wrong"
    wrapper.write_text(
        f"#!/bin/sh\nmkdir -p {tmp_path}/c\nfor file in {SOURCE.parent}/*.[ch]; do\n"
        f"  sed '{mistake}' $file > {tmp_path}/c/${{file##*/}}\ndone\n"
        f"args=$(echo \"$*\" | sed 's#{SOURCE}#{tmp_path}/c/{SOURCE.name}#')\nexec {find_compiler()[0]} $args\n"
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("CC", str(wrapper))
    kernels = open_kernels(tmp_path / "cache", 1)
    with pytest.raises(NoKernels, match="wrong numbers"):
        check(kernels)
    _, ours = fresh(SHAPES["odd"])
    assert not isinstance(quicken(ours, eight_bits=False, threads=1, folder=tmp_path / "cache").coarse, FastCausal)
