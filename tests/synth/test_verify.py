"""What a file tells about itself, read in a child that lives for one file: mark, credentials and tags, and hostile files."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from synth import audio, bounded, chain, credentials, mark_key, verify, watermark

RATE = 24_000
KEY = bytes(range(32))
TAGS = audio.Tags(voice="v2/en_speaker_6", seed=7, model="suno/bark")


def speech(seconds: float) -> np.ndarray:
    """Something with the rise and fall of speech, (n,)."""
    time = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(0).standard_normal(time.size)
    return (0.1 * (np.sin(2 * np.pi * 180 * time) + 0.2 * noise) * (1.2 + np.sin(2 * np.pi * 4 * time))).astype("f4")


def written(path: Path, sound: np.ndarray, sign: audio.Sign | None = None) -> bytes:
    audio.write(path, sound, RATE, TAGS, sign=sign)
    return path.read_bytes()


async def test_a_signed_and_marked_clip_tells_all_of_it(tmp_path: Path) -> None:
    papers = chain.prepare(tmp_path, datetime.datetime.now(datetime.UTC))
    marked = watermark.embed(speech(6), RATE, KEY)
    data = written(tmp_path / "a.mp3", marked, credentials.Signer(*papers))
    found = await verify.examine(data, own=papers[0].read_bytes(), keys=[KEY, mark_key.PUBLIC_KEY])
    assert (found.format, found.tagged, found.readable) == ("MP3", True, True)
    assert found.seconds == pytest.approx(6, abs=0.1)
    assert found.mark is not None
    assert (found.mark.own, found.mark.found) == (True, True)
    assert found.mark.p < 1e-4
    assert found.credential is not None
    assert (found.credential.valid, found.credential.own) == (True, True)


async def test_the_public_mark_is_told_from_ones_own(tmp_path: Path) -> None:
    data = written(tmp_path / "a.ogg", watermark.embed(speech(6), RATE, mark_key.PUBLIC_KEY))
    found = await verify.examine(data, own=None, keys=[KEY, mark_key.PUBLIC_KEY])
    assert found.mark is not None
    assert (found.mark.own, found.mark.found, found.credential) == (False, True, None)


async def test_a_stranger_s_clip_tells_nothing(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", speech(2), 44_100)
    found = await verify.examine((tmp_path / "a.flac").read_bytes(), own=None, keys=[mark_key.PUBLIC_KEY])
    assert found.mark is not None
    assert not found.mark.found
    assert (found.credential, found.tagged) == (None, False)


@pytest.mark.parametrize("data", [b"", b"junk" * 100, b"OggS" + bytes(100), b"ID3" + bytes(10_000)])
async def test_what_is_no_sound_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(bounded.NotAudio):
        await verify.examine(data, own=None, keys=[KEY, mark_key.PUBLIC_KEY])


async def test_hours_in_a_small_file_cost_no_more_than_half_a_minute(tmp_path: Path) -> None:
    """A bomb: silence for an hour in a file of a few kilobytes."""
    with soundfile.SoundFile(tmp_path / "a.flac", "w", samplerate=8_000, channels=1) as file:
        for _ in range(60):
            file.write(np.zeros(60 * 8_000, np.int16))
    assert (tmp_path / "a.flac").stat().st_size < 200_000
    found = await verify.examine((tmp_path / "a.flac").read_bytes(), own=None, keys=[mark_key.PUBLIC_KEY])
    assert found.seconds == pytest.approx(verify.LISTENED)
    assert found.mark is not None
    assert not found.mark.found


async def test_neither_key_nor_file_is_seen_on_a_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody on the machine can read those. What is started is written down by a Python that starts the real one."""
    seen = tmp_path / "seen"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {seen}\nenv >> {seen}\nexec {sys.executable} "$@"\n')
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    bounded._bubble.cache_clear()
    try:
        await verify.examine(written(tmp_path / "a.ogg", speech(1)), own=None, keys=[KEY, mark_key.PUBLIC_KEY])
    finally:
        bounded._bubble.cache_clear()
    words = seen.read_text()
    assert '"verify"' in words
    assert KEY.hex() not in words
