"""A recording becomes a voice: by HuBERT and a quantizer on any Bark, and by its own ear on the one that ships."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import EncodecConfig, EncodecModel, HubertConfig, HubertModel

from synth.enrol.best import LONGEST
from synth.enrol.encode import Encoder
from synth.enrol.hubert import WIDTH, frames
from synth.enrol.level import speech
from synth.enrol.maker import HubertTokens, Maker, aligned
from synth.errors import ModelError, NoSpeech
from synth.voices import KEYS, VoiceRules, read_voice
from tests.synth.enrol.recordings import RATE, recording
from tests.synth.enrol.test_networks import TINY, Theirs

RULES = VoiceRules(semantic_vocab_size=200, codebook_size=1024, n_coarse=2, n_fine=8, frames_per_semantic=75 / 49.9)
SPOKEN = [(0.5, 0), (3, 0.2), (0.6, 0), (4, 0.2), (0.5, 0), (3, 0.2), (1, 0)]


def encodec(**more: object) -> EncodecModel:
    """EnCodec of 24 kHz, 75 frames a second, and the true numbers of codebooks, narrow within."""
    torch.manual_seed(0)
    model = EncodecModel(EncodecConfig(num_filters=4, hidden_size=16, num_lstm_layers=1, **more)).eval()
    for layer in model.quantizer.layers:
        layer.codebook.embed.normal_(0, 0.02)  # as small as what so narrow an encoder gives
    return model


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("hubert")
    HubertModel(HubertConfig(**TINY)).save_pretrained(folder)
    theirs = Theirs(0, WIDTH, 16, 0, 200)
    for value in theirs.parameters():
        value.data.normal_(0, 0.5)
    torch.save(theirs.state_dict(), folder / "q.pth")
    tokens = HubertTokens.load(folder, folder / "q.pth", RULES.semantic_vocab_size, lambda: None)
    return Maker(tokens, Encoder(encodec(), RULES.n_fine), RULES)


def test_a_recording_becomes_a_prompt_that_every_reader_of_voices_takes(maker, tmp_path):
    path = tmp_path / "voice.npz"
    seconds = maker.write(recording(SPOKEN), path)
    voice = read_voice("voice", dict.fromkeys(KEYS, path), RULES)
    tokens, codes = len(voice.semantic_prompt), voice.fine_prompt.shape[1]
    assert 4 < seconds <= LONGEST
    assert tokens in {frames(int(seconds * 16_000)), frames(int(seconds * 16_000)) + 1}
    assert codes == int(tokens * 75 / 49.9)
    assert round(codes / tokens, 1) == 1.5  # what Bark asks of a history prompt
    assert voice.fine_prompt.shape[0] == 8
    assert (voice.coarse_prompt == voice.fine_prompt[:2]).all()
    assert [path.name for path in tmp_path.iterdir()] == ["voice.npz"]


def test_loudness_is_no_part_of_the_voice(maker):
    quiet, loud = (maker.make("x", recording(SPOKEN, room=0.0) * factor)[0] for factor in (0.1, 1.0))
    assert (quiet.semantic_prompt == loud.semantic_prompt).mean() > 0.95
    assert (quiet.fine_prompt == loud.fine_prompt).mean() > 0.95


def test_a_recording_in_which_nobody_speaks_makes_none(maker, tmp_path):
    with pytest.raises(NoSpeech):
        maker.write(recording([(5, 0)]), tmp_path / "voice.npz")
    assert not list(tmp_path.iterdir())


@given(st.integers(0, 700), st.integers(0, 1100))
def test_tokens_and_frames_are_cut_to_the_same_speech(tokens, codes):
    ratio = 75 / 49.9
    semantic, fine = aligned(np.arange(tokens), np.zeros((8, codes), np.int64), ratio)
    assert len(semantic) <= tokens
    assert fine.shape[1] <= codes
    assert semantic.tolist() == list(range(len(semantic)))  # the end is cut
    assert abs(fine.shape[1] - len(semantic) * ratio) <= ratio
    assert min(tokens - len(semantic), codes - fine.shape[1]) <= 1  # no more than must be


@pytest.mark.parametrize("seconds", [2.5, 4.2, 6.99, 7.0])
def test_real_lengths_lose_no_more_than_two_frames(seconds):
    codes, tokens = -(-round(seconds * 24_000) // 320), frames(round(seconds * 16_000))
    semantic, fine = aligned(np.zeros(tokens, np.int64), np.zeros((8, codes), np.int64), 75 / 49.9)
    assert (tokens - len(semantic), codes - fine.shape[1]) <= (0, 2)


@torch.inference_mode()
def test_the_encoder_gives_the_codes_of_transformers_own_at_six_kilobits():
    model, samples = encodec(), recording([(1, 0.2)])
    theirs = model.encode(torch.from_numpy(samples)[None, None], bandwidth=6.0).audio_codes[0, 0].numpy()
    ours = Encoder(model, 8).encode(samples)
    assert ours.shape == (8, 75)
    assert (ours == theirs).all()
    assert len(np.unique(ours)) > 20
    with pytest.raises(ModelError, match="7 codebooks"):
        Encoder(model, 7)


def test_rates_are_those_of_bark():
    assert Encoder(encodec(), 8).rate == RATE
    assert speech(recording(SPOKEN), RATE).mean() > 0.5
