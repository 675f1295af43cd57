"""The watermark is found where it is and only there, survives what happens to files, and hardly changes the sound."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly
from scipy.special import erfc

from synth import audio, checkpoint, mark_search, marking
from synth.engine import tokenized
from synth.mastering import BrokenAudio, finish, gain_of
from synth.pipeline import Request, speak
from synth.watermark import PUBLIC_KEY, Embedder, Mark, detect, embed
from tests.synth.test_mastering import speech

RATE = 24_000
KEY = bytes(range(32))
TEXT = "hello there, this is barkbot. the birds are singing and the sun is warm. please bring seven plates tonight."


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    """Six seconds or more of the shipped model."""
    torch.set_num_threads(1)
    pup = checkpoint.load("pup")
    voice = pup.voices.get("pup_low")
    spoken = speak(pup, Request(pieces=tokenized(pup, TEXT, "pup_low"), voice=voice, seed=1))
    return finish([piece.waveform for piece in spoken.pieces], RATE)


@pytest.fixture(scope="module")
def marked(clip) -> np.ndarray:
    return embed(clip, RATE, KEY)


def found(sound: np.ndarray, rate: int = RATE, key: bytes = KEY) -> Mark:
    mark = detect(sound, rate, key)
    assert mark.found, mark
    assert mark.p <= mark_search.FALSE_ALARM
    return mark


def through(sound: np.ndarray, kind: str, subtype: str, bits: int) -> tuple[np.ndarray, int]:
    """Encoded and decoded."""
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, format=kind, subtype=subtype, **audio.quality(subtype, RATE, bits))
    file.seek(0)
    return soundfile.read(file, dtype="float32")


def stretched(sound: np.ndarray, tempo: float) -> np.ndarray:
    """So many times as fast, by a phase vocoder."""
    size, hop = 1024, 256
    window = np.hanning(size + 1)[:-1]
    starts = np.arange(0, len(sound) - size - hop, hop * tempo).astype(int)
    out, phase = np.zeros(len(starts) * hop + size), np.zeros(size // 2 + 1)
    for number, start in enumerate(starts):
        now, after = (np.fft.rfft(sound[at : at + size] * window) for at in (start, start + hop))
        phase = phase if number else np.angle(now)
        out[number * hop : number * hop + size] += np.fft.irfft(np.abs(now) * np.exp(1j * phase)) * window
        phase = phase + np.angle(after) - np.angle(now)
    return out / 1.5


def near(value: float) -> object:
    return pytest.approx(value, abs=0.011)  # a step of the search


def test_it_is_found_and_says_how_long_it_looked(clip, marked):
    mark = found(marked)
    assert mark.p < 1e-12
    assert mark.seconds == len(clip) / RATE >= 6
    assert (mark.tempo, mark.pitch) == (1.0, 1.0)


def test_it_is_not_found_where_it_is_not(clip, marked):
    wrong = [detect(clip, RATE, KEY), detect(marked, RATE, PUBLIC_KEY), detect(marked, RATE, KEY[::-1])]
    assert not any(mark.found for mark in wrong)
    assert min(mark.p for mark in wrong) > 1e-3


@pytest.mark.parametrize(
    ("kind", "subtype", "bits"),
    [("OGG", "OPUS", 64_000), ("OGG", "OPUS", 24_000), ("MP3", "MPEG_LAYER_III", 64_000), ("OGG", "VORBIS", 64_000)],
)
def test_it_survives_encoding(marked, kind, subtype, bits):
    found(*through(marked, kind, subtype, bits))


def test_it_survives_being_cut_out_mixed_in_and_played_down_the_telephone(marked):
    found(marked[RATE + 777 : 5 * RATE])
    found(0.05 * marked)
    noise = np.random.default_rng(1).normal(size=len(marked) + 4 * RATE) * marked.std() * 0.03
    found(noise + np.pad(marked, 2 * RATE))
    found(resample_poly(marked, 1, 3), 8_000)
    found(resample_poly(marked, 147, 80), 44_100)


def test_it_is_found_sped_up_stretched_and_shifted(marked):
    mark = found(resample_poly(marked, 1000, 1020))
    assert (mark.tempo, mark.pitch) == (near(1.02), near(1.02))
    mark = found(stretched(marked, 1.05))
    assert (mark.tempo, mark.pitch) == (near(1.05), near(1.0))
    mark = found(resample_poly(stretched(marked, 2 ** (-1 / 12)), 1000, 1059))
    assert (mark.tempo, mark.pitch) == (near(1.0), near(1.06))


def test_loudness_and_sound_hardly_change(clip, marked):
    assert len(marked) == len(clip)
    change = 20 * math.log10(gain_of(clip.astype("f8"), RATE) / gain_of(marked.astype("f8"), RATE))
    assert abs(change) < 0.2
    difference = marked - clip
    assert 10 * math.log10((clip**2).sum() / (difference**2).sum()) > 20


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 3 * RATE), max_size=12), rate=st.sampled_from([8_000, 16_000, RATE, 44_100]))
def test_how_it_comes_cut_makes_no_difference(cuts, rate):
    whole = speech(1.5, rate=rate).astype(np.float32)
    embedder = Embedder(rate, KEY)
    pieces = [embedder.push(part) for part in np.split(whole, sorted(min(cut, len(whole)) for cut in cuts))]
    held = len(whole) - sum(map(len, pieces))
    assert held <= rate * 1.5 * marking.WINDOW_SECONDS + 2
    np.testing.assert_allclose(np.concatenate([*pieces, embedder.end()]), embed(whole, rate, KEY), atol=1e-6)


@pytest.mark.parametrize("samples", [0, 1, 511, 512, 513, 1023, 1024, 1025])
def test_a_sound_keeps_its_length_however_short(samples):
    sound = speech(0.1).astype(np.float32)[:samples]
    assert embed(sound, RATE, KEY).shape == (samples,)
    assert not detect(sound, RATE, KEY).found


def test_silence_stays_silence_and_a_key_changes_nothing_else():
    assert not embed(np.zeros(RATE), RATE, KEY).any()
    assert not detect(np.zeros(7 * RATE), RATE, KEY).found
    assert (marking.signs(KEY) == marking.signs(KEY)).all()
    agreement = (marking.signs(KEY) * marking.signs(KEY[::-1])).mean()
    assert abs(agreement) < 4 / math.sqrt(marking.signs(KEY).size)


def test_what_is_no_sound_is_refused():
    with pytest.raises(BrokenAudio):
        detect(np.array([0.0, np.nan]), RATE, KEY)
    with pytest.raises(ValueError, match="1000 Hz"):
        Embedder(1_000, KEY)


def test_p_is_a_bound_for_every_sound(clip):
    """With signs by chance a fixed sound's score is above x no more often than is said, for one guess and for the best."""
    levels = mark_search._levels(mark_search._spectrum(clip.astype("f8")), 1.0)[None]
    best = [
        mark_search._best(levels, marking.signs(number.to_bytes(4, "big")), np.ones(1), np.ones(1)).score
        for number in range(400)
    ]
    for p in (0.01, 0.05, 0.2):
        share = np.mean([mark_search.p_of(score, mark_search.PERIOD) <= p for score in best])
        assert share <= p + 3 * math.sqrt(p / 400)
    assert mark_search.p_of(5.0, 10) == pytest.approx(10 * mark_search.COINS * erfc(5 / math.sqrt(2)) / 2)
    assert mark_search.p_of(0.0, 10) == 1.0
