"""Real files in all four formats, read back with the libraries that a listener's programs use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from discord.oggparse import OggStream

from synth import audio, growing
from synth.errors import DiskFull
from synth.mastering import BrokenAudio

RATE = 24_000
TAGS = audio.Tags(voice="v2/en_speaker_6", seed=7, model="suno/bark")
SUFFIXES = [".ogg", ".opus", ".mp3", ".flac", ".wav"]
OPUS_FRAME_MS = {0: 10, 1: 20, 2: 40, 3: 60}  # RFC 6716, table 2: SILK configurations; the others follow below


def speech(seconds: float, *, level: float = 0.1, rate: int = RATE) -> np.ndarray:
    """Something with the rise and fall of speech, (n,)."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal(time.size)
    return (level * (np.sin(2 * np.pi * 180 * time) + 0.2 * noise) * (1.2 + np.sin(2 * np.pi * 4 * time))).astype("f4")


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


class TestWrite:
    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_the_file_says_that_it_is_ai_generated_with_voice_seed_and_model(self, tmp_path, suffix):
        path = tmp_path / f"a{suffix}"
        audio.write(path, speech(1), RATE, TAGS)
        with soundfile.SoundFile(path) as file:
            stored = file.copy_metadata()
        assert stored["title"] == "AI-generated speech"
        assert (
            stored["artist"] == f"AI voice v2{' ' if suffix == '.mp3' else '/'}en_speaker_6"
        )  # ID3: a / parts artists
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

    @pytest.mark.parametrize("rate", [2_400, 25_000, 96_000])
    def test_an_mp3_of_any_rate_has_one_that_players_know(self, tmp_path, rate):
        path = tmp_path / "a.mp3"
        audio.write(path, speech(1.013, rate=rate), rate, TAGS)
        assert soundfile.info(path).samplerate == 48_000
        assert audio.duration(path) == pytest.approx(1.013, abs=0.05)

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
        with pytest.raises(BrokenAudio):
            audio.write(tmp_path / "a.ogg", np.array([np.nan]), RATE, TAGS)
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(growing.CannotWrite, match="No such file"):
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
            growing.told(tmp_path),
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
from synth import audio, growing
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
from synth import audio, growing
from synth.mastering import finish
sound, tags = np.sin(np.arange(24_000) / 20), audio.Tags(voice=None, seed=1, model="m")
for suffix in (".ogg", ".mp3", ".flac", ".wav"):
    audio.write(sys.argv[1] + "/a" + suffix, finish([sound, sound], 24_000), 24_000, tags)
audio.fit(sys.argv[1] + "/a.wav", 5_000)
print(json.dumps(started))
"""
