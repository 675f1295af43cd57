"""Where somebody speaks, and which stretch of it becomes the voice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.enrol.best import LEAST_SPEECH, LONGEST, TAIL, best
from synth.enrol.level import level, speech
from synth.errors import NoSpeech
from tests.synth.enrol.recordings import RATE, recording

SECOND = RATE


def seconds(cut: slice) -> tuple[float, float]:
    return cut.start / SECOND, cut.stop / SECOND


class TestLevel:
    def test_speech_is_told_from_pauses(self):
        found = level(recording([(1, 0), (3, 0.3), (1, 0), (3, 0.3), (2, 0)]), RATE)
        assert found["speech"] == pytest.approx(0.6, abs=0.05)
        assert found["snr_db"] == pytest.approx(43, abs=6)
        assert found["clipped"] == 0
        assert 0.2 < found["loudest"] < 0.9

    @pytest.mark.parametrize("room", [0.0, 0.0001, 0.02])
    def test_in_a_silent_room_as_in_a_loud_one(self, room):
        mask = speech(recording([(1, 0), (2, 0.3), (1, 0), (2, 0.3), (1, 0)], room=room), RATE)
        starts = np.flatnonzero(np.diff(mask.astype(int)) == 1) * 0.02
        assert starts == pytest.approx([1.0, 4.0], abs=0.08)

    @pytest.mark.parametrize(
        "samples",
        [
            np.zeros(0, np.float32),
            np.zeros(3 * RATE, np.float32),
            0.2 * np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32),
            0.3 * np.sin(np.arange(3 * RATE) / 20).astype(np.float32),
            recording([(1, 0), (2, 0.001), (1, 0)], room=0.0001),
        ],
        ids=["nothing", "silence", "noise", "hum", "faint"],
    )
    def test_what_nobody_says_is_no_speech(self, samples):
        assert level(samples, RATE)["speech"] == 0

    def test_clipping_is_counted(self):
        loud = np.clip(recording([(1, 0), (2, 3.0), (1, 0)]), -1, 1)
        assert level(loud, RATE)["clipped"] > 0.1
        assert level(loud, RATE)["loudest"] == 1


class TestBest:
    def test_it_ends_in_the_pause_after_a_sentence_not_within_the_next(self):
        start, stop = seconds(best(recording([(0.5, 0), (6, 0.3), (0.6, 0), (1.5, 0.3)]), RATE))
        assert stop == pytest.approx(6.5 + TAIL, abs=0.06)
        assert start < 0.6

    def test_of_a_long_recording_the_seven_seconds_with_most_speech(self):
        parts = [(1, 0), (2, 0.3), (3, 0), (7, 0.3), (0.5, 0), (2, 0.3), (4, 0)]
        start, stop = seconds(best(recording(parts), RATE))
        assert stop == pytest.approx(13 + TAIL, abs=0.06)
        assert stop - start <= LONGEST

    def test_a_clean_stretch_before_a_longer_one_that_is_clipped(self):
        clean, spoilt = recording([(1, 0), (4, 0.3), (1, 0)]), np.clip(recording([(7, 4.0), (1, 0)]), -1, 1)
        start, stop = seconds(best(np.concatenate([clean, spoilt]), RATE))
        assert (start, stop) == (pytest.approx(0.0, abs=0.1), pytest.approx(5 + TAIL, abs=0.06))

    def test_a_start_within_a_word_moves_to_the_pause_near_it(self):
        start, stop = seconds(best(recording([(2, 0.3), (0.5, 0), (6, 0.3), (1, 0)]), RATE))
        assert stop == pytest.approx(8.5 + TAIL, abs=0.06)
        assert start == pytest.approx(2.4, abs=0.1)

    def test_who_speaks_on_to_the_very_end_is_cut_there(self):
        assert seconds(best(recording([(1, 0), (5, 0.3)]), RATE))[1] == pytest.approx(6.0, abs=0.03)

    @pytest.mark.parametrize("parts", [[(5, 0)], [(2, 0), (1, 0.3), (2, 0)]])
    def test_too_little_is_no_voice(self, parts):
        with pytest.raises(NoSpeech):
            best(recording(parts), RATE)

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.floats(0.3, 4), st.sampled_from([0.0, 0.1, 0.3])), min_size=1, max_size=8))
    def test_whatever_is_said_it_is_within_the_recording_and_short_enough(self, parts):
        samples = recording([(0.5, 0), *parts, (0.5, 0)], rate=8_000)
        try:
            cut = best(samples, 8_000)
        except NoSpeech:
            return
        assert 0 <= cut.start < cut.stop <= len(samples)
        assert LEAST_SPEECH - 0.05 <= (cut.stop - cut.start) / 8_000 <= LONGEST + 1e-6
