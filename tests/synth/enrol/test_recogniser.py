"""Whisper from a folder: what it writes down is transformers' own answer, others have their turns, and half a folder is none."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

from synth.enrol.enrolment import RATE
from synth.enrol.recogniser import LONGEST, Whisper
from synth.errors import ModelError, Stopped

SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"]
LETTERS = [*"abcdefghijklmnopqrstuvwxyz", "\u0120"]  # the last one is a space, as byte-level tokens have it


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A whole folder with random weights: it hears letters."""
    folder = tmp_path_factory.mktemp("whisper")
    vocabulary = {token: number for number, token in enumerate([*LETTERS, *SPECIAL])}
    tokenizer = WhisperTokenizer(
        vocab=vocabulary, merges=[], unk_token=SPECIAL[0], bos_token=SPECIAL[0], eos_token=SPECIAL[0]
    )
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL[1:]})
    WhisperProcessor(WhisperFeatureExtractor(feature_size=80), tokenizer).save_pretrained(folder)
    torch.manual_seed(0)
    eos, start = vocabulary[SPECIAL[0]], vocabulary[SPECIAL[1]]
    config = WhisperConfig(
        vocab_size=len(vocabulary), num_mel_bins=80, d_model=16, encoder_layers=2, decoder_layers=3,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
        eos_token_id=eos, bos_token_id=eos, pad_token_id=eos, decoder_start_token_id=start,
        suppress_tokens=None, begin_suppress_tokens=None, init_std=0.5,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config).eval()
    model.generation_config = GenerationConfig(
        eos_token_id=eos, bos_token_id=eos, pad_token_id=eos, decoder_start_token_id=start, max_length=448
    )
    model.save_pretrained(folder)
    return model, folder


def sound(seconds: float = 2.0) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(round(seconds * RATE)).astype(np.float32) * 0.1


def test_it_says_what_transformers_own_says_word_for_word(whisper):
    model, folder = whisper
    breaths: list[None] = []
    heard = Whisper.load(folder, lambda: breaths.append(None)).read(sound(), RATE)
    features = WhisperFeatureExtractor(feature_size=80)(sound(), sampling_rate=RATE, return_tensors="pt").input_features
    tokens = model.generate(features, max_new_tokens=LONGEST, do_sample=False)
    words = WhisperTokenizer.from_pretrained(folder).batch_decode(tokens, skip_special_tokens=True)[0].strip()
    assert heard == words
    assert len(set(heard)) > 1
    assert len(breaths) > 2 + 3 * 5  # between all layers, of every word


def test_what_breathing_raises_ends_it(whisper):
    def breathe() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        Whisper.load(whisper[1], breathe).read(sound(), RATE)


@pytest.mark.parametrize("lost", ["config.json", "tokenizer.json", "model.safetensors", "some weights"])
def test_half_a_folder_is_none(lost, whisper, tmp_path):
    folder = tmp_path / "whisper"
    shutil.copytree(whisper[1], folder)
    if lost == "some weights":
        config = (folder / "config.json").read_text()
        (folder / "config.json").write_text(config.replace('"decoder_layers": 3', '"decoder_layers": 4'))
    else:
        (folder / lost).unlink()
    with pytest.raises(ModelError):
        Whisper.load(folder, lambda: None)
