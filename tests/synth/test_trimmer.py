"""What the trimmer makes of pieces as they come, beside what `mastering.finish` makes of them as a whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.mastering import MARGIN_MS, BrokenAudio
from synth.trimmer import USUAL_PEAK, Trimmer
from tests.synth.test_audio import RATE, speech

MARGIN = MARGIN_MS / 1000


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE))


def trimmed(*pieces: np.ndarray, cuts: tuple[int, ...] = (), gap: float = 0.25) -> np.ndarray:
    trimmer, out = Trimmer(RATE, gap=gap), []
    for number, piece in enumerate(pieces):
        out += [trimmer.push(part, number) for part in np.split(piece, [cut for cut in cuts if cut < len(piece)])]
    return np.concatenate([*out, trimmer.end()])


def seconds(waveform: np.ndarray) -> float:
    return len(waveform) / RATE


SOUNDS = st.builds(
    lambda parts, tail: np.concatenate(
        [*(speech(length, level=level) if level else silence(length) for level, length in parts), speech(0.1)[:tail]]
    ),
    st.lists(st.tuples(st.sampled_from([0, 1e-6, 0.001, 0.1, 2.0]), st.floats(0.001, 0.3)), max_size=5),
    st.integers(0, 300),
)


@given(pieces=st.lists(SOUNDS, min_size=1, max_size=3), cuts=st.lists(st.integers(0, RATE), max_size=8).map(sorted))
@settings(max_examples=60, deadline=None)
def test_how_the_pieces_come_cut_makes_no_difference(pieces, cuts):
    whole = trimmed(*pieces)
    assert np.array_equal(trimmed(*pieces, cuts=tuple(cuts)), whole)
    gaps = (len(pieces) - 1) * round(0.25 * RATE)
    assert len(whole) <= sum(map(len, pieces)) + gaps


def test_silence_at_both_ends_is_cut_to_the_margin():
    out = trimmed(np.concatenate([silence(1), speech(2), silence(1.5)]))
    assert seconds(out) == pytest.approx(2 + 2 * MARGIN, abs=0.03)


def test_silence_within_a_piece_stays():
    assert seconds(trimmed(np.concatenate([speech(1), silence(1), speech(1)]))) == pytest.approx(3, abs=0.001)


def test_a_pause_is_held_back_until_it_is_over():
    trimmer = Trimmer(RATE)
    first = trimmer.push(np.concatenate([speech(1), silence(2)]), 0)
    assert seconds(first) == pytest.approx(1.0, abs=0.021)
    second = trimmer.push(speech(1), 0)
    assert seconds(first) + seconds(second) == pytest.approx(3.99, abs=0.011)


def test_of_loud_sound_only_the_last_moment_is_held_back():
    assert seconds(Trimmer(RATE).push(speech(1), 0)) >= 0.99


def test_pieces_are_joined_with_the_gap_and_silent_ones_are_short():
    assert seconds(trimmed(speech(1), speech(1), gap=0.5)) == pytest.approx(2.5, abs=0.001)
    out = trimmed(speech(1), silence(5), speech(1))
    assert seconds(out) == pytest.approx(2 + 2 * 0.25 + 2 * MARGIN, abs=0.001)


def test_a_whisper_of_a_piece_is_measured_by_its_own_peak():
    """It stays under what is usually loud, so nothing of it leaves before its end; then it is no silence."""
    quiet = np.concatenate([silence(1), speech(1, level=5e-4), silence(1)])
    trimmer = Trimmer(RATE)
    assert len(trimmer.push(quiet, 0)) == 0
    assert seconds(trimmer.end()) == pytest.approx(1 + 2 * MARGIN, abs=0.03)


def test_noise_before_the_first_word_is_silence():
    hiss = USUAL_PEAK * 10 ** (-60 / 20) * np.random.default_rng(1).standard_normal(RATE)
    assert seconds(trimmed(np.concatenate([hiss, speech(1)]))) == pytest.approx(1 + MARGIN, abs=0.011)


def test_ends_are_faded():
    abrupt = np.cos(2 * np.pi * 200 * np.arange(RATE) / RATE)
    out = trimmed(abrupt, abrupt, gap=0)
    steepest = 2 * np.pi * 200 / RATE
    assert np.abs(np.diff(out, prepend=0, append=0)).max() < 1.5 * steepest


def test_a_constant_offset_neither_leaves_nor_hides_silence():
    plain = np.concatenate([silence(0.5), speech(1), silence(0.5)])
    out = trimmed(plain + 0.3)
    assert seconds(out) == pytest.approx(1 + 2 * MARGIN, abs=0.03)
    assert abs(out.mean()) < 1e-3
    assert np.array_equal(np.sign(out[3000:9000]), np.sign(trimmed(plain)[3000:9000]))


@pytest.mark.parametrize("samples", [0, 1, 3, 100, 239, 240, 241])
def test_a_piece_may_be_very_short(samples):
    assert len(trimmed(speech(1)[:samples])) == samples


def test_what_is_no_sound_is_refused():
    with pytest.raises(BrokenAudio):
        Trimmer(RATE).push(np.array([np.nan]), 0)
