"""The model that ships: whole, small, four voices, and the same to transformers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from safetensors import safe_open

from synth import checkpoint
from synth.engine import tokenized
from synth.pipeline import Model, Request, speak
from synth.pup.cast import CAST
from synth.pup.corpus import read_alphabet
from synth.pup.measures import pitch
from synth.pup.tokenizer import PupTokenizer
from tests.synth import theirs

FOLDER = checkpoint.find("pup").folder
HERTZ = {"pup_deep": 75, "pup_low": 150, "pup_high": 225}  # the fourth goes up and down


@pytest.fixture(scope="module")
def pup() -> Iterator[Model]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield checkpoint.load("pup")
    torch.set_num_threads(threads)


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


def test_text_it_cannot_read_gives_no_tokens(tokenizer: PupTokenizer) -> None:
    assert tokenizer.encode("\u4f60\u597d \u266a") == []


def test_ids_stay_inside_the_vocabulary(pup: Model, tokenizer: PupTokenizer) -> None:
    ids = tokenizer.encode("The quick brown fox jumps over the lazy dog's 1234567890! Why? So; what.")
    spec = pup.semantic_spec
    assert max(ids) + spec.text_encoding_offset < spec.text_pad_token < spec.semantic_infer_token


def test_its_files_are_small_enough_for_a_package() -> None:
    assert (
        sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= 12_250_000
    )  # its ear has a quarter


def test_it_carries_both_halves_of_the_codec_and_all_weights_in_half_precision() -> None:
    with safe_open(FOLDER / "model.safetensors", "pt") as file:
        names = list(file.keys())
        kinds = {file.get_slice(name).get_dtype() for name in names}
    assert kinds == {"F16"}
    assert {name.split(".")[1] for name in names if name.startswith("codec_model.")} == {
        "encoder", "decoder", "quantizer",
    }  # fmt: skip


def test_its_phonemes_are_written_down_and_are_all_of_its_semantic_tokens(pup: Model) -> None:
    assert read_alphabet(FOLDER).size == pup.semantic_spec.semantic_vocab_size


def test_it_speaks_in_four_voices_of_their_own_pitch(pup: Model) -> None:
    assert set(pup.voices.names()) == {voice.name for voice in CAST}
    heard = {}
    for name in pup.voices.names():
        pieces = tokenized(pup, "please open the window and close the door.", name)
        speech = speak(pup, Request(pieces=pieces, voice=pup.voices.get(name), seed=1))
        waveform = speech.pieces[0].waveform
        assert 1.5 < len(waveform) / speech.sample_rate < 5
        heard[name] = pitch(waveform, speech.sample_rate)
    assert {name: heard[name] for name in HERTZ} == pytest.approx(HERTZ, rel=0.03)
    assert 145 < heard["pup_lively"] < 230


def test_a_text_of_several_sentences_is_spoken_whole(pup: Model) -> None:
    def seconds(text: str) -> float:
        request = Request(pieces=tokenized(pup, text, None), voice=pup.voices.get("pup_low"), seed=1)
        return sum(len(piece.semantic) for piece in speak(pup, request).pieces) / pup.semantic_spec.semantic_rate_hz

    parts = ["We will meet again in the morning.", "My brother bought a new car.", "Please close the door."]
    assert seconds(" ".join(parts)) == pytest.approx(sum(seconds(part) for part in parts), rel=0.2)


def test_transformers_loads_the_same_folder_and_says_the_same(pup: Model) -> None:
    """Nothing is missing in the file, and greedy tokens are equal in all three stages, of several coarse windows."""
    text, voice = "Hello there, old friend.", "pup_lively"
    request = Request(
        pieces=tokenized(pup, text, voice), voice=pup.voices.get(voice), seed=3, greedy=True, min_eos_p=None
    )
    ours = speak(pup, request).pieces[0]
    said = theirs.say(theirs.whole(FOLDER), FOLDER, pup, text=text, voice=voice, most=len(ours.semantic) + 1)
    assert len(ours.semantic) > 50
    assert np.array_equal(said.semantic, ours.semantic)
    frames = ours.fine.shape[1]
    assert np.array_equal(said.coarse[:, :frames], ours.coarse)
    assert np.array_equal(said.fine[:, :frames], ours.fine)
