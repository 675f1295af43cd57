"""Real files in all four formats, read back with the libraries that a listener's programs use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
from discord.oggparse import OggStream
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synth import audio
from synth.errors import DiskFull, EmptySpeech, JobError

RATE = 24_000
TAGS = audio.Tags(voice="v2/en_speaker_6", seed=7, model="suno/bark")
SUFFIXES = [".ogg", ".opus", ".mp3", ".flac", ".wav"]
OPUS_FRAME_MS = {0: 10, 1: 20, 2: 40, 3: 60}  # RFC 6716, table 2: SILK configurations; the others follow below


def speech(seconds: float, *, level: float = 0.1, rate: int = RATE) -> np.ndarray:
    """Something with the rise and fall of speech, (n,)."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal(time.size)
    return (level * (np.sin(2 * np.pi * 180 * time) + 0.2 * noise) * (1.2 + np.sin(2 * np.pi * 4 * time))).astype("f4")


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), "f4")


def packets(path: Path) -> list[bytes]:
    """The Opus packets without the two headers, as a Discord voice client reads them."""
    with path.open("rb") as file:
        return list(OggStream(file).iter_packets())[2:]


def milliseconds(packet: bytes) -> float:
    """A packet's length by its first byte (RFC 6716, section 3.1)."""
    config, frames = packet[0] >> 3, {0: 1, 1: 2, 2: 2}[packet[0] & 3]
    if config < 12:
        return frames * OPUS_FRAME_MS[config % 4]
    return frames * ([10, 20][config % 2] if config < 16 else [2.5, 5, 10, 20][config % 4])


def run_python(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, path], check=False, capture_output=True, text=True)


class TestFinish:
    def test_speech_reaches_the_target_loudness(self):
        out = audio.finish([speech(3, level=0.01)], RATE)
        assert pyloudnorm.Meter(RATE).integrated_loudness(out.astype("f8")) == pytest.approx(audio.TARGET_LUFS, abs=0.3)

    def test_silence_at_both_ends_is_cut_to_the_margin(self):
        out = audio.finish([np.concatenate([silence(1), speech(2), silence(1.5)])], RATE)
        assert len(out) / RATE == pytest.approx(2 + 2 * audio.MARGIN_MS / 1000, abs=0.025)

    def test_a_soft_onset_within_the_margin_is_kept(self):
        onset = speech(0.05, level=1e-4)
        out = audio.finish([np.concatenate([silence(1), onset, speech(1)])], RATE)
        start = np.flatnonzero(np.abs(out) > 1e-5)[0]
        loud = np.flatnonzero(np.abs(out) > 0.05)[0]
        assert (loud - start) / RATE > 0.04

    def test_silence_inside_a_piece_stays(self):
        out = audio.finish([np.concatenate([speech(1), silence(1), speech(1)])], RATE)
        assert len(out) / RATE == pytest.approx(3, abs=0.025)

    def test_pieces_are_joined_with_the_gap_between_them(self):
        out = audio.finish([speech(1), speech(2), speech(1)], RATE, gap=0.5)
        assert len(out) / RATE == pytest.approx(4 + 2 * 0.5, abs=0.01)
        assert np.abs(out[round(1.1 * RATE) : round(1.4 * RATE)]).max() == 0

    def test_a_quiet_piece_stays_quieter_than_a_loud_one(self):
        out = audio.finish([speech(1, level=0.2), speech(1, level=0.05)], RATE)
        loud, quiet = out[:RATE], out[round(1.25 * RATE) :]
        assert np.abs(loud).mean() == pytest.approx(4 * np.abs(quiet).mean(), rel=0.15)

    def test_ends_are_faded_so_that_nothing_clicks(self):
        abrupt = np.cos(2 * np.pi * 200 * np.arange(RATE) / RATE)  # starts and ends at its peak
        out = audio.finish([abrupt, abrupt], RATE, gap=0)
        steepest = 2 * np.pi * 200 / RATE * np.abs(out).max()
        assert np.abs(np.diff(out, prepend=0, append=0)).max() < 1.5 * steepest

    def test_peaks_over_full_scale_are_bent_under_the_ceiling(self):
        spiky = speech(2, level=0.02)
        spiky[::4000] = 3.0
        assert np.abs(audio.finish([spiky], RATE)).max() <= audio.CEILING

    def test_what_was_louder_than_full_scale_keeps_its_form(self):
        once, thrice = audio.finish([speech(2)], RATE), audio.finish([30 * speech(2)], RATE)
        np.testing.assert_allclose(once, thrice, atol=1e-5)

    def test_a_silent_piece_becomes_a_short_silence(self):
        assert 0 < len(audio.finish([silence(5)], RATE)) < RATE / 2
        assert len(audio.finish([speech(1), silence(5), speech(1)], RATE)) / RATE < 3

    def test_noise_far_under_hearing_is_not_blown_up(self):
        hiss = 1e-5 * np.random.default_rng(1).standard_normal(RATE)
        assert np.abs(audio.finish([hiss], RATE)).max() < 0.01

    def test_sounds_shorter_than_a_loudness_block_are_levelled_too(self):
        out = audio.finish([speech(0.2, level=0.01)], RATE)
        assert 0.05 < np.abs(out).max() <= audio.CEILING

    def test_no_samples_at_all_is_empty_speech(self):
        for nothing in ([], [np.zeros(0, "f4")]):
            with pytest.raises(EmptySpeech):
                audio.finish(nothing, RATE)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_numbers_that_are_not_finite_are_refused_in_words(self, bad):
        with pytest.raises(JobError, match="not finite"):
            audio.finish([np.array([0.0, bad, 0.1])], RATE)

    def test_more_than_one_channel_is_refused(self):
        with pytest.raises(audio.BrokenAudio, match=r"\(2, 5\)"):
            audio.finish([np.zeros((2, 5))], RATE)

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            hnp.arrays(np.float32, st.integers(1, 3000), elements=st.floats(-1e6, 1e6, width=32)),
            min_size=1,
            max_size=3,
        ),
        st.sampled_from([8_000, 16_000, 24_000, 44_100]),
    )
    def test_any_finite_samples_become_finite_samples_under_the_ceiling(self, pieces, rate):
        out = audio.finish(pieces, rate)
        assert out.dtype == np.float32
        assert len(out) > 0
        assert np.isfinite(out).all()
        assert np.abs(out).max() <= np.float32(audio.CEILING)


class TestLimiter:
    def test_what_is_under_the_knee_is_untouched(self):
        quiet = np.linspace(-audio.KNEE, audio.KNEE, 101).astype("f4")
        np.testing.assert_array_equal(audio.limited(quiet), quiet)

    def test_it_never_reverses_the_order_of_two_samples(self):
        assert (np.diff(audio.limited(np.linspace(-5, 5, 10_001))) >= 0).all()


class TestWrite:
    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_the_file_says_that_it_is_ai_generated_with_voice_seed_and_model(self, tmp_path, suffix):
        path = tmp_path / f"a{suffix}"
        audio.write(path, speech(1), RATE, TAGS)
        with soundfile.SoundFile(path) as file:
            stored = file.copy_metadata()
        assert stored["title"] == "AI-generated speech"
        assert stored["artist"] == "AI voice v2/en_speaker_6"
        for part in ("AI-generated", "model=suno/bark", "voice=v2/en_speaker_6", "seed=7", "trainedAlgorithmicMedia"):
            assert part in stored["comment"]
        assert suffix == ".mp3" or stored["software"].startswith("barkbot")

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_a_voice_name_with_odd_letters_is_stored_on_one_line(self, tmp_path, suffix):
        path = tmp_path / f"a{suffix}"
        audio.write(path, speech(0.1), RATE, audio.Tags(voice="Zoë\n\0é", seed=1, model="m"))
        with soundfile.SoundFile(path) as file:
            artist = file.copy_metadata()["artist"]
        assert artist == (r"AI voice Zo\xeb\xe9" if suffix == ".mp3" else "AI voice Zoëé")

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_the_audio_survives(self, tmp_path, suffix):
        path, sound = tmp_path / f"a{suffix}", speech(2)
        audio.write(path, sound, RATE, TAGS)
        back, rate = soundfile.read(path, dtype="float32")
        assert rate == RATE
        assert abs(len(back) - len(sound)) <= RATE // 50
        assert np.corrcoef(back[: len(sound)], sound[: len(back)])[0, 1] > 0.97
        assert audio.duration(path) == pytest.approx(2, abs=0.021)

    @pytest.mark.parametrize(("suffix", "low", "high"), [(".ogg", 40, 72), (".mp3", 60, 70)])
    def test_lossy_files_take_about_64_kbit_per_second(self, tmp_path, suffix, low, high):
        path = tmp_path / f"a{suffix}"
        audio.write(path, speech(10), RATE, TAGS)
        assert low < path.stat().st_size * 8 / 10 / 1000 < high

    @pytest.mark.parametrize("samples", [1, 239, 240, 241, 479, 480, 481, 11_676, 12_000, 12_001, 12_300, 33_333])
    def test_every_opus_packet_is_20_milliseconds(self, tmp_path, samples):
        path = tmp_path / "a.ogg"
        audio.write(path, speech(2)[:samples], RATE, TAGS)
        assert {milliseconds(packet) for packet in packets(path)} == {20}

    @pytest.mark.parametrize("rate", [8_000, 12_000, 16_000, 22_050, 32_000, 44_100, 48_000])
    def test_every_opus_packet_is_20_milliseconds_at_other_rates(self, tmp_path, rate):
        path = tmp_path / "a.ogg"
        audio.write(path, speech(1.013, rate=rate), rate, TAGS)
        assert {milliseconds(packet) for packet in packets(path)} == {20}
        assert audio.duration(path) == pytest.approx(1.013, abs=0.021)

    def test_an_unknown_ending_is_refused_with_the_known_ones_named(self, tmp_path):
        with pytest.raises(audio.UnknownFormat, match=r"'a.aac' .* .flac, .mp3, .ogg"):
            audio.write(tmp_path / "a.aac", speech(0.1), RATE, TAGS)
        assert not audio.supported("a.aac")
        assert audio.supported("A.OGG")

    @pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
    def test_a_file_that_must_be_small_gets_fewer_bits(self, tmp_path, suffix):
        path = tmp_path / f"a{suffix}"
        audio.write(path, speech(4), RATE, TAGS, max_bytes=14_000)
        assert 7_000 < path.stat().st_size <= 14_000
        assert audio.duration(path) == pytest.approx(4, abs=0.15)  # LAME lowers the sampling rate, and pads

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_what_cannot_be_made_small_enough_is_refused(self, tmp_path, suffix):
        with pytest.raises(audio.TooLarge, match="1000 bytes"):
            audio.write(tmp_path / f"a{suffix}", speech(4), RATE, TAGS, max_bytes=1_000)
        assert list(tmp_path.iterdir()) == []

    def test_samples_that_are_not_finite_leave_no_file(self, tmp_path):
        with pytest.raises(audio.BrokenAudio):
            audio.write(tmp_path / "a.ogg", np.array([np.nan]), RATE, TAGS)
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(audio.CannotWrite, match="No such file"):
            audio.write(tmp_path / "gone" / "a.ogg", speech(0.1), RATE, TAGS)

    def test_a_full_disk_is_told_and_the_older_file_stays_whole(self, tmp_path):
        path = tmp_path / "a.wav"
        audio.write(path, speech(0.1), RATE, TAGS)
        before = path.read_bytes()
        done = run_python(OUT_OF_ROOM, path)
        assert done.stdout == "DiskFull\n", done.stderr
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_a_device_without_room_is_a_full_disk(self, tmp_path):
        with (
            pytest.raises(DiskFull, match="free some disk space"),
            audio._told(tmp_path),
            Path("/dev/full").open("wb", 0) as full,
        ):
            full.write(b"x")

    def test_no_program_is_started(self, tmp_path):
        done = run_python(NO_PROGRAMS, tmp_path)
        assert json.loads(done.stdout or "null") == [], done.stderr


class TestFit:
    def test_a_file_that_is_small_enough_is_itself(self, tmp_path):
        path = tmp_path / "a.ogg"
        audio.write(path, speech(1), RATE, TAGS)
        assert audio.fit(path, path.stat().st_size) == path

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_a_copy_with_the_same_length_and_tags_is_made_to_fit(self, tmp_path, suffix):
        path = tmp_path / f"a{suffix}"
        audio.write(path, speech(4), RATE, TAGS)
        smaller = audio.fit(path, 12_000)
        assert smaller is not None
        assert smaller.parent == tmp_path
        assert smaller.stat().st_size <= 12_000
        assert audio.duration(smaller) == pytest.approx(4, abs=0.05)
        with soundfile.SoundFile(smaller) as file:
            assert "voice=v2/en_speaker_6; seed=7" in file.copy_metadata()["comment"]
        assert {milliseconds(packet) for packet in packets(smaller)} == {20}

    def test_of_the_bit_rates_that_fit_the_highest_is_taken(self, tmp_path):
        path = tmp_path / "a.wav"
        audio.write(path, speech(4), RATE, TAGS)
        sizes = [audio.fit(path, limit).stat().st_size for limit in (160_000, 28_000, 20_000, 14_000)]
        assert sizes == sorted(sizes, reverse=True)
        assert len(set(sizes)) == 4

    def test_what_no_bit_rate_can_make_fit_is_none(self, tmp_path):
        path = tmp_path / "a.ogg"
        audio.write(path, speech(4), RATE, TAGS)
        assert audio.fit(path, 1_000) is None


OUT_OF_ROOM = """
import resource, sys
import numpy as np
from synth import audio
from synth.errors import DiskFull
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    audio.write(sys.argv[1], np.zeros(480_000), 24_000, audio.Tags(voice=None, seed=1, model="m"))
except DiskFull as error:
    print(type(error).__name__)
"""

NO_PROGRAMS = """
import json, sys, warnings
warnings.filterwarnings("error")
warnings.filterwarnings("ignore", "'audioop'", DeprecationWarning)
started, starts = [], ("subprocess.Popen", "os.exec", "os.fork", "os.posix_spawn", "os.system")
sys.addaudithook(lambda name, args: started.append(name) if name in starts else None)
import numpy as np
from synth import audio
sound, tags = np.sin(np.arange(24_000) / 20), audio.Tags(voice=None, seed=1, model="m")
for suffix in (".ogg", ".mp3", ".flac", ".wav"):
    audio.write(sys.argv[1] + "/a" + suffix, audio.finish([sound, sound], 24_000), 24_000, tags)
audio.fit(sys.argv[1] + "/a.wav", 5_000)
print(json.dumps(started))
"""
