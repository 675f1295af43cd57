"""A gain that follows the loudness so far: near the whole's, slow, and never over the ceiling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.leveller import DOWN, HOPS_A_SECOND, UP, Leveller
from synth.mastering import CEILING, KNEE, TARGET_LUFS, gain_of, limited
from tests.synth.test_audio import RATE, speech


def levelled(waveform: np.ndarray, *cuts: int, rate: int = RATE) -> np.ndarray:
    leveller = Leveller(rate)
    parts = [leveller.push(part) for part in np.split(waveform, [cut for cut in cuts if cut < len(waveform)])]
    return np.concatenate([*parts, leveller.end()])


def loudness(waveform: np.ndarray, rate: int = RATE) -> float:
    return TARGET_LUFS - 20 * np.log10(gain_of(waveform.astype("f8"), rate))


@given(
    length=st.floats(0, 2),
    level=st.sampled_from([0, 1e-5, 0.01, 0.1, 1.0, 20.0]),
    cuts=st.lists(st.integers(0, 48_000)),
)
@settings(max_examples=60, deadline=None)
def test_how_it_comes_cut_makes_no_difference_and_nothing_is_over_the_ceiling(length, level, cuts):
    sound = speech(length, level=level) if level else np.zeros(round(length * RATE))
    out = levelled(sound, *sorted(cuts))
    assert np.array_equal(out, levelled(sound))
    assert len(out) == len(sound)
    assert out.dtype == np.float32
    assert np.abs(out).max(initial=0) <= np.float32(CEILING)


@pytest.mark.parametrize("level", [0.04, 0.06, 0.12, 0.25])
@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
def test_speech_of_usual_loudness_comes_near_the_target(level, rate):
    """3 s of it, from 6 dB under to 10 dB over what is usual."""
    assert loudness(levelled(speech(3, level=level, rate=rate), rate=rate), rate) == pytest.approx(TARGET_LUFS, abs=2.5)


@pytest.mark.parametrize("level", [0.005, 0.05, 0.5])
def test_in_the_end_the_gain_is_that_of_the_whole(level):
    sound = speech(60, level=level)
    out, whole = levelled(sound), limited(sound * gain_of(sound, RATE))
    assert loudness(out[-10 * RATE :]) == pytest.approx(loudness(whole[-10 * RATE :]), abs=0.5)


def test_the_gain_never_jumps():
    """Of a steady tone that gets ten times as loud, so softly that the limiter has no part in it."""
    time = np.arange(8 * RATE) / RATE
    tone = np.sin(2 * np.pi * 440 * time) * np.where(time < 4, 0.003, 0.03)
    out = levelled(tone)
    heard = np.abs(tone) > 0.5 * np.where(time < 4, 0.003, 0.03)
    assert np.abs(out).max() < KNEE
    gains, moments = 20 * np.log10(np.abs(out[heard] / tone[heard])), np.flatnonzero(heard) / RATE
    steps, pauses = np.diff(gains), np.diff(moments)
    assert np.all(steps <= UP * pauses + 1e-3)
    assert np.all(-steps <= DOWN * pauses + 1e-3)
    assert gains.max() - gains.min() > 5, "but it moves"


def test_silence_does_not_lift_the_gain():
    pause = np.concatenate([speech(2), np.zeros(20 * RATE), speech(2)])
    out = levelled(pause)
    assert loudness(out[-2 * RATE :]) == pytest.approx(loudness(out[: 2 * RATE]), abs=1.0)


def test_the_first_samples_leave_after_two_hops():
    leveller = Leveller(RATE)
    assert len(leveller.push(speech(2 / HOPS_A_SECOND)[:-1])) == 0
    assert len(leveller.push(speech(0.1)[:1])) == 2 * RATE / HOPS_A_SECOND


def test_what_is_shorter_has_the_gain_of_the_whole():
    short = speech(0.1)
    assert np.array_equal(levelled(short), limited(short.astype("f8") * gain_of(short.astype("f8"), RATE)))
    assert len(levelled(np.zeros(0))) == 0
