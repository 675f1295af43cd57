"""Sound into Ogg Opus as it comes: soon there, and the same as if it had come at once."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from discord.oggparse import OggStream
from hypothesis import given, settings
from hypothesis import strategies as st

from synth import audio, ogg
from synth.encoder import Encoder
from tests.synth.test_audio import RATE, TAGS, milliseconds, speech

HELD_BACK = 0.08  # seconds


def encoded(waveform: np.ndarray, *cuts: int, rate: int = RATE, bits: int = audio.SPEECH_BITS) -> list[bytes]:
    encoder = Encoder(rate, TAGS, bits=bits)
    return [*(encoder.push(part) for part in np.split(waveform, cuts)), encoder.end()]


def packets(data: bytes) -> list[bytes]:
    return list(OggStream(io.BytesIO(data)).iter_packets())[2:]


@given(cuts=st.lists(st.integers(0, RATE), max_size=10).map(sorted))
@settings(max_examples=20, deadline=None)
def test_how_the_sound_comes_cut_makes_no_difference(cuts):
    sound = speech(1)
    assert packets(b"".join(encoded(sound, *cuts))) == packets(b"".join(encoded(sound)))


@pytest.mark.parametrize("rate", audio.OPUS_RATES)
def test_packets_are_those_of_a_file_written_at_once(tmp_path, rate):
    sound = speech(1.234, rate=rate)
    audio.write(tmp_path / "a.ogg", sound, rate, TAGS)
    data = b"".join(encoded(sound, 1000, 2000, rate=rate))
    assert packets(data) == packets((tmp_path / "a.ogg").read_bytes())
    assert {milliseconds(packet) for packet in packets(data)} == {20}
    ours, there = soundfile.read(io.BytesIO(data)), soundfile.read(tmp_path / "a.ogg")
    assert np.array_equal(ours[0], there[0])
    assert ours[1] == there[1]


def test_less_than_80_milliseconds_are_held_back():
    encoder, reader, end = Encoder(RATE, TAGS), ogg.OggOpus(), 0
    for number, part in enumerate(np.split(speech(3), 300)):
        for packet in reader.push(encoder.push(part)):
            end = packet.end
        assert (number + 1) / 100 - end / ogg.RATE <= HELD_BACK + 1e-9
    assert end
    encoder.end()


def test_what_came_so_far_decodes_to_the_beginning():
    sound = speech(2)
    first, *rest = encoded(sound, RATE)
    start, _ = soundfile.read(io.BytesIO(first))
    whole, _ = soundfile.read(io.BytesIO(first + b"".join(rest)))
    assert len(start) > 0.9 * RATE
    assert np.array_equal(start, whole[: len(start)])


def test_short_pages_cost_little(tmp_path):
    audio.write(tmp_path / "a.ogg", speech(10), RATE, TAGS)
    assert len(b"".join(encoded(speech(10)))) < 1.06 * (tmp_path / "a.ogg").stat().st_size


def test_the_file_says_what_audio_says(tmp_path):
    audio.write(tmp_path / "a.ogg", speech(0.1), RATE, TAGS)
    with (
        soundfile.SoundFile(io.BytesIO(b"".join(encoded(speech(0.1))))) as ours,
        soundfile.SoundFile(tmp_path / "a.ogg") as theirs,
    ):
        assert ours.copy_metadata() == theirs.copy_metadata()


def test_fewer_bits_can_be_asked_for():
    sizes = [len(b"".join(encoded(speech(4), bits=bits))) for bits in (64_000, 24_000, 10_000)]
    assert sizes == sorted(sizes, reverse=True)


def test_no_sound_at_all_is_a_file_too():
    assert len(soundfile.read(io.BytesIO(b"".join(encoded(np.zeros(0, "f4")))))[0]) < RATE / 50
