"""From the waveforms of pieces to one that is pleasant to hear."""

from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synth import mastering
from synth.errors import EmptySpeech, JobError
from tests.synth.test_audio import RATE, speech


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), "f4")


class TestFinish:
    def test_speech_reaches_the_target_loudness(self):
        out = mastering.finish([speech(3, level=0.01)], RATE)
        assert pyloudnorm.Meter(RATE).integrated_loudness(out.astype("f8")) == pytest.approx(
            mastering.TARGET_LUFS, abs=0.3
        )

    def test_silence_at_both_ends_is_cut_to_the_margin(self):
        out = mastering.finish([np.concatenate([silence(1), speech(2), silence(1.5)])], RATE)
        assert len(out) / RATE == pytest.approx(2 + 2 * mastering.MARGIN_MS / 1000, abs=0.025)

    def test_a_soft_onset_within_the_margin_is_kept(self):
        onset = speech(0.05, level=1e-4)
        out = mastering.finish([np.concatenate([silence(1), onset, speech(1)])], RATE)
        start = np.flatnonzero(np.abs(out) > 1e-5)[0]
        loud = np.flatnonzero(np.abs(out) > 0.05)[0]
        assert (loud - start) / RATE > 0.04

    def test_silence_inside_a_piece_stays(self):
        out = mastering.finish([np.concatenate([speech(1), silence(1), speech(1)])], RATE)
        assert len(out) / RATE == pytest.approx(3, abs=0.025)

    def test_pieces_are_joined_with_the_gap_between_them(self):
        out = mastering.finish([speech(1), speech(2), speech(1)], RATE, gaps=[0.5, 0.5])
        assert len(out) / RATE == pytest.approx(4 + 2 * 0.5, abs=0.01)
        assert np.abs(out[round(1.1 * RATE) : round(1.4 * RATE)]).max() == 0

    def test_a_quiet_piece_stays_quieter_than_a_loud_one(self):
        out = mastering.finish([speech(1, level=0.2), speech(1, level=0.05)], RATE)
        loud, quiet = out[:RATE], out[round(1.25 * RATE) :]
        assert np.abs(loud).mean() == pytest.approx(4 * np.abs(quiet).mean(), rel=0.15)

    def test_ends_are_faded_so_that_nothing_clicks(self):
        abrupt = np.cos(2 * np.pi * 200 * np.arange(RATE) / RATE)  # starts and ends at its peak
        out = mastering.finish([abrupt, abrupt], RATE, gaps=[0])
        steepest = 2 * np.pi * 200 / RATE * np.abs(out).max()
        assert np.abs(np.diff(out, prepend=0, append=0)).max() < 1.5 * steepest

    def test_peaks_over_full_scale_are_bent_under_the_ceiling(self):
        spiky = speech(2, level=0.02)
        spiky[::4000] = 3.0
        assert np.abs(mastering.finish([spiky], RATE)).max() <= mastering.CEILING

    def test_what_was_louder_than_full_scale_keeps_its_form(self):
        once, thrice = mastering.finish([speech(2)], RATE), mastering.finish([30 * speech(2)], RATE)
        np.testing.assert_allclose(once, thrice, atol=1e-5)

    def test_a_silent_piece_becomes_a_short_silence(self):
        assert 0 < len(mastering.finish([silence(5)], RATE)) < RATE / 2
        assert len(mastering.finish([speech(1), silence(5), speech(1)], RATE)) / RATE < 3

    def test_a_constant_offset_does_not_reach_the_file(self):
        plain, shifted = speech(2, level=0.01), speech(2, level=0.01) + 0.5
        np.testing.assert_allclose(mastering.finish([shifted], RATE), mastering.finish([plain], RATE), atol=1e-4)

    def test_noise_far_under_hearing_is_not_blown_up(self):
        hiss = 1e-5 * np.random.default_rng(1).standard_normal(RATE)
        assert np.abs(mastering.finish([hiss], RATE)).max() < 0.01

    def test_sounds_shorter_than_a_loudness_block_are_levelled_too(self):
        out = mastering.finish([speech(0.2, level=0.01)], RATE)
        assert 0.05 < np.abs(out).max() <= mastering.CEILING

    def test_no_samples_at_all_is_empty_speech(self):
        for nothing in ([], [np.zeros(0, "f4")]):
            with pytest.raises(EmptySpeech):
                mastering.finish(nothing, RATE)

    @pytest.mark.parametrize("rate", [300, 2_400, 4_000])
    def test_a_rate_too_low_for_the_loudness_filter_is_levelled_too(self, rate):
        out = mastering.finish([speech(3, level=0.001, rate=rate)], rate)
        assert 0.05 < np.abs(out).max() <= mastering.CEILING

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_numbers_that_are_not_finite_are_refused_in_words(self, bad):
        with pytest.raises(JobError, match="not finite"):
            mastering.finish([np.array([0.0, bad, 0.1])], RATE)

    def test_more_than_one_channel_is_refused(self):
        with pytest.raises(mastering.BrokenAudio, match=r"\(2, 5\)"):
            mastering.finish([np.zeros((2, 5))], RATE)

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            hnp.arrays(np.float32, st.integers(1, 3000), elements=st.floats(-1e6, 1e6, width=32)),
            min_size=1,
            max_size=3,
        ),
        st.sampled_from([2_400, 8_000, 16_000, 24_000, 44_100]),
    )
    def test_any_finite_samples_become_finite_samples_under_the_ceiling(self, pieces, rate):
        out = mastering.finish(pieces, rate)
        assert out.dtype == np.float32
        assert len(out) > 0
        assert np.isfinite(out).all()
        assert np.abs(out).max() <= np.float32(mastering.CEILING)


class TestLimiter:
    def test_what_is_under_the_knee_is_untouched(self):
        quiet = np.linspace(-mastering.KNEE, mastering.KNEE, 101).astype("f4")
        np.testing.assert_array_equal(mastering.limited(quiet), quiet)

    def test_it_never_reverses_the_order_of_two_samples(self):
        assert (np.diff(mastering.limited(np.linspace(-5, 5, 10_001))) >= 0).all()
