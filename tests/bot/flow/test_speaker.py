"""A speech gives its packets in order, each once, whatever the order of filling and reading; in between, silence."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from discord.opus import OPUS_SILENCE
from hypothesis import given
from hypothesis import strategies as st

from bot.flow import speaker
from bot.flow.speaker import FRAME, LONGEST_PREBUFFER, PREBUFFER, Speech

ENOUGH = round(PREBUFFER / FRAME)  # packets


def packets(count: int, first: int = 0) -> list[bytes]:
    return [f"packet {number}".encode() for number in range(first, first + count)]


@given(st.lists(st.one_of(st.integers(1, 40).map(lambda n: ("put", n)), st.integers(1, 40).map(lambda n: ("read", n)))))
def test_in_order_each_once(steps: list[tuple[str, int]]) -> None:
    speech, put, read = Speech(), 0, []
    for step, count in steps:
        if step == "put":
            assert speech.put(put, packets(count, put))
            put += count
        else:
            read += [speech.read() for _ in range(count)]
    speech.end()
    while data := speech.read():
        read.append(data)
    assert [data for data in read if data != OPUS_SILENCE] == packets(put)
    assert speech.over


def test_it_begins_when_enough_is_there_or_all() -> None:
    speech = Speech()
    speech.put(0, packets(ENOUGH - 1))
    assert not speech.ready
    assert speech.read() == OPUS_SILENCE
    speech.put(ENOUGH - 1, packets(1, ENOUGH - 1))
    assert speech.ready
    assert speech.read() == b"packet 0"
    short = Speech(packets(1), whole=True)
    assert short.ready
    assert [short.read(), short.read()] == [b"packet 0", b""]


def test_pieces_that_come_in_time_have_nothing_between_them() -> None:
    speech = Speech(packets(ENOUGH))
    read = [speech.read() for _ in range(ENOUGH - 1)]
    speech.put(ENOUGH, packets(30, ENOUGH))
    read += [speech.read() for _ in range(31)]
    assert read == packets(ENOUGH + 30)


def test_each_pause_makes_the_next_buffer_longer_up_to_a_limit() -> None:
    speech, put, needed = Speech(), 0, []
    for _ in range(7):
        count = 0
        while speech.read() == OPUS_SILENCE:
            speech.put(put, packets(1, put))
            put, count = put + 1, count + 1
        needed.append(count)
        while speech.read() != OPUS_SILENCE:
            pass
    seconds = [round(count * FRAME, 2) for count in needed]
    assert seconds == [0.4, 0.8, 1.6, 3.2, 6.4, 6.4, LONGEST_PREBUFFER]


@given(heard=st.integers(0, 30), again=st.integers(0, 60))
def test_a_second_try_goes_on_where_the_first_was_heard_to(heard: int, again: int) -> None:
    speech = Speech(packets(30))
    read = [speech.read() for _ in range(heard)]
    speech.break_off()
    assert speech.put(0, packets(again))
    speech.put(again, packets(60 - again, again))
    speech.end()
    while data := speech.read():
        read.append(data)
    assert [data for data in read if data != OPUS_SILENCE] == packets(60)


def test_another_result_is_not_gone_on_with() -> None:
    speech = Speech(packets(30))
    for _ in range(10):
        speech.read()
    speech.break_off()
    assert not speech.put(0, packets(20, 100))
    assert speech.broken
    assert [speech.read() for _ in range(21)] == [*packets(20, 10), b""]


def test_another_result_replaces_what_was_not_heard() -> None:
    speech = Speech(packets(30))
    speech.break_off()
    assert speech.put(0, packets(25, 100))
    speech.end()
    assert [speech.read() for _ in range(26)] == [*packets(25, 100), b""]


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3"])
def test_other_formats_become_opus(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"clip.{ending}"
    soundfile.write(path, [0.1] * 24_000, 24_000)
    speech = speaker.load(path)
    count = 0
    while speech.read():
        count += 1
    assert 50 <= count <= 56


def test_what_is_no_sound_is_an_error(tmp_path: Path) -> None:
    for name in ("clip.ogg", "clip.wav"):
        (tmp_path / name).write_bytes(b"no sound")
        with pytest.raises(OSError, match=r"."):
            speaker.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        speaker.load(tmp_path / "gone.ogg")
