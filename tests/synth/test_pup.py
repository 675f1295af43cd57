"""The model that ships: whole, small, intelligible to its own tokenizer, and the same to transformers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors import safe_open
from transformers.models.bark.generation_configuration_bark import BarkSemanticGenerationConfig

import synth.pup
from synth.checkpoint import load
from synth.engine import tokenized
from synth.pipeline import Model, Request, speak
from synth.pup.tokenizer import PupTokenizer, fold, one_sentence

FOLDER = Path(synth.pup.__file__).parent / "model"


@pytest.fixture(scope="module")
def pup() -> Iterator[Model]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load("pup")
    torch.set_num_threads(threads)


def spoken_tokens(model: Model, voice: str | None) -> np.ndarray:
    chosen = model.voices.get(voice) if voice else None
    pieces = tokenized(model, "Hello there.", voice)
    speech = speak(model, Request(pieces=pieces, voice=chosen, seed=3, greedy=True, min_eos_p=None))
    return speech.pieces[0].semantic


@pytest.fixture(scope="module")
def tokenizer() -> PupTokenizer:
    return PupTokenizer.from_folder(FOLDER)


def test_a_word_is_a_separator_and_its_letters(tokenizer: PupTokenizer) -> None:
    vocabulary = (FOLDER / "vocab.txt").read_text().splitlines()
    assert [vocabulary[index] for index in tokenizer.encode("So, it's!")] == [
        "<w0>", "s", "o", ",", "<w1>", "i", "t", "'", "s", "!",
    ]  # fmt: skip


def test_separators_cycle(tokenizer: PupTokenizer) -> None:
    assert tokenizer.encode("a " * 17)[::2] == [*range(16), 0]


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Ünïted", "united"), ("don\u2019t", "don't"), ("a; b", "a, b"), ("Straße", "strasse"), ("R2", "r two ")],
)
def test_text_is_folded_onto_what_it_can_read(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "read"),
    [("a. b! c?!", "a, b, c?"), ("a... b", "a, b"), ("a", "a"), ("?", "?"), ("", ""), ("a , b.", "a , b.")],
)
def test_sentences_are_read_as_one(text: str, read: str) -> None:
    """After a full stop the miniature would fall silent."""
    assert one_sentence(text) == read


def test_a_text_of_several_sentences_is_spoken_whole(pup: Model) -> None:
    def seconds(text: str) -> float:
        request = Request(pieces=tokenized(pup, text, None), voice=pup.voices.get("pup_a"), seed=1)
        return sum(len(piece.semantic) for piece in speak(pup, request).pieces) / pup.semantic_spec.semantic_rate_hz

    parts = ["We will meet again in the morning.", "My brother bought a new car.", "Please close the door."]
    assert seconds(" ".join(parts)) > 0.8 * sum(seconds(part) for part in parts)


def test_text_it_cannot_read_gives_no_tokens(tokenizer: PupTokenizer) -> None:
    assert tokenizer.encode("你好 ♪") == []


def test_ids_stay_inside_the_vocabulary(pup: Model, tokenizer: PupTokenizer) -> None:
    ids = tokenizer.encode("The quick brown fox jumps over the lazy dog's 1234567890! Why? So; what.")
    spec = pup.semantic_spec
    assert max(ids) + spec.text_encoding_offset < spec.text_pad_token < spec.semantic_infer_token


def test_its_files_are_small_enough_for_a_package() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 17_000_000


def test_it_carries_no_encoder_and_all_weights_in_half_precision() -> None:
    with safe_open(FOLDER / "model.safetensors", "pt") as file:
        names = list(file.keys())
        kinds = {file.get_slice(name).get_dtype() for name in names}
    assert kinds == {"F16"}
    assert not any(name.startswith("codec_model.encoder.") for name in names)


def test_it_speaks_in_both_of_its_voices(pup: Model) -> None:
    assert pup.voices.names() == ("pup_a", "pup_b")
    for name, hertz in (("pup_a", 150), ("pup_b", 225)):
        pieces = tokenized(pup, "please open the window and close the door.", name)
        speech = speak(pup, Request(pieces=pieces, voice=pup.voices.get(name), seed=1))
        waveform = speech.pieces[0].waveform
        assert 1.5 < len(waveform) / speech.sample_rate < 5
        assert pitch(waveform, speech.sample_rate) == pytest.approx(hertz, rel=0.03)


def pitch(waveform: np.ndarray, rate: int) -> float:
    """Hz: the highest peak of the autocorrelation of the whole, from 100 to 300 Hz."""
    spectrum = np.abs(np.fft.rfft(waveform, 2 * len(waveform))) ** 2
    similarity = np.fft.irfft(spectrum)[: rate // 100]
    shortest = rate // 300
    return rate / (shortest + int(np.argmax(similarity[shortest:])))


@pytest.mark.parametrize("voice", [None, "pup_a"])
def test_transformers_loads_the_same_folder_and_says_the_same(pup: Model, voice: str | None) -> None:
    """Only the untrained encoder and training's leftovers are missing there, and the semantic tokens are equal."""
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    bark, told = transformers.BarkModel.from_pretrained(str(FOLDER), dtype=torch.float32, output_loading_info=True)
    transformers.logging.set_verbosity(before)
    missing = [name for name in told["missing_keys"] if not name.endswith("attn.bias")]
    leftovers = ("inited", "cluster_size", "embed_avg")
    assert all("codec_model.encoder." in name or name.endswith(leftovers) for name in missing)
    assert not told["unexpected_keys"]
    assert not told["mismatched_keys"]
    ours = spoken_tokens(pup, voice)
    config = BarkSemanticGenerationConfig(**bark.generation_config.semantic_config)
    config.pad_token_id = config.eos_token_id
    ids = torch.zeros(1, 256, dtype=torch.long)
    text = pup.tokenizer.encode("Hello there.")
    ids[0, : len(text)] = torch.tensor(text)
    history = {"semantic_prompt": torch.tensor(pup.voices.get(voice).semantic_prompt)} if voice else None
    mask = (torch.arange(256) < len(text)).long()[None]
    theirs = bark.eval().semantic.generate(
        ids, semantic_generation_config=config, attention_mask=mask, history_prompt=history
    )
    assert [token for token in theirs[0].tolist() if token != config.eos_token_id] == ours.tolist()
