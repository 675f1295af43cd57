"""Ogg pages into Opus packets: against discord.py's reader of whole files, and against bytes of every kind."""

from __future__ import annotations

import io
import itertools
import struct

import pytest
from discord.oggparse import OggStream
from hypothesis import given, settings
from hypothesis import strategies as st

from synth import audio, ogg
from synth.ogg import HEADER, LAST, OggOpus, Packet, Pages
from tests.synth.test_audio import RATE, TAGS, milliseconds, speech


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("ogg") / "a.ogg"
    audio.write(path, speech(2.345), RATE, TAGS)
    return path.read_bytes()


def read(data: bytes, *cuts: int) -> tuple[OggOpus, list[Packet]]:
    reader, packets = OggOpus(), []
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        packets += reader.push(data[start:end])
    return reader, packets


def page(body: bytes, *, number: int, flags: int = 0, granule: int = 0, serial: int = 7, segments=None) -> bytes:
    """A page of a hand-made stream."""
    lengths = bytes(segments if segments is not None else [255] * (len(body) // 255) + [len(body) % 255])
    blank = HEADER.pack(ogg.CAPTURE, flags, granule, serial, number, 0, len(lengths)) + lengths + body
    return blank[: ogg.CHECKSUM.start] + struct.pack("<I", ogg.checksum(blank)) + blank[ogg.CHECKSUM.stop :]


OPUS_HEAD = page(struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, 312, 24_000, 0, 0), number=0, flags=ogg.FIRST)
OPUS_TAGS = page(b"OpusTags" + bytes(8), number=1)
TWENTY = bytes([0x78 | 0x80])  # CELT, 20 ms


def test_packets_of_a_file_are_those_that_discord_sees(file):
    reader, packets = read(file)
    assert [packet.data for packet in packets] == list(OggStream(io.BytesIO(file)).iter_packets())[2:]
    assert reader.ended
    assert reader.tags.startswith(b"OpusTags")


def test_the_head_and_the_places_add_up(file):
    """Every packet has 20 ms; the last one's place is the length that was written, and the pre-skip."""
    reader, packets = read(file)
    assert reader.head == ogg.Head(channels=1, pre_skip=audio.OPUS_PRE_SKIP, rate=RATE)
    assert {packet.samples for packet in packets} == {960}
    assert {milliseconds(packet.data) for packet in packets} == {20}
    ends = [packet.end for packet in packets]
    assert ends[:-1] == [960 * (number + 1) for number in range(len(packets) - 1)]
    written = (ends[-1] - reader.head.pre_skip) / ogg.RATE
    assert 2.345 <= written < 2.345 + 0.02


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_it_does_not_matter_how_the_bytes_come(file, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(file)), max_size=12)))
    assert read(file, *cuts)[1] == read(file)[1]


def test_byte_by_byte_each_packet_comes_with_the_last_byte_of_its_page(file):
    reader, ends, place = OggOpus(), {}, 0
    for size in (len(page_bytes) for page_bytes in split(file)):
        place += size
        ends[place] = True
    for place in range(len(file)):
        if reader.push(file[place : place + 1]):
            assert ends[place + 1]


def split(data: bytes) -> list[bytes]:
    """The pages of a well-formed file."""
    found = []
    while data:
        size = HEADER.size + data[26] + sum(data[27 : 27 + data[26]])
        found.append(data[:size])
        data = data[size:]
    return found


@given(end=st.integers(0, 30_000))
@settings(max_examples=40, deadline=None)
def test_a_truncated_file_gives_the_packets_of_its_whole_pages(file, end):
    reader, packets = read(file[:end])
    assert packets == read(file)[1][: len(packets)]
    assert reader.ended == (end >= len(file))


@given(where=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
@settings(max_examples=80, deadline=None)
def test_a_changed_byte_costs_its_page_and_no_other(file, where, change):
    pages, place = split(file), int(where * len(file))
    broken = bytearray(file)
    broken[place] ^= change
    starts = [0, *itertools.accumulate(len(page) for page in pages)]
    hit = next(number for number, start in enumerate(starts[1:]) if place < start)
    lost = list(OggStream(io.BytesIO(b"".join(pages[:2]) + pages[hit])).iter_packets())[2:] if hit > 1 else []
    whole = [packet.data for packet in read(file)[1]] if hit else []
    assert [packet.data for packet in read(bytes(broken))[1]] == [data for data in whole if data not in lost]


@given(st.lists(st.binary(max_size=300) | st.just(b"OggS\x00") | st.just(OPUS_HEAD) | st.just(OPUS_TAGS), max_size=8))
@settings(deadline=None)
def test_no_bytes_raise_anything_or_are_kept_for_ever(parts):
    reader = OggOpus()
    for part in parts:
        for packet in reader.push(part):
            assert packet.samples
    assert len(reader._pages._bytes) < 66_000


pages_ = st.builds(
    page,
    st.binary(max_size=600),
    number=st.integers(0, 4),
    flags=st.integers(0, 7),
    granule=st.integers(-(2**63), 2**63 - 1),
    serial=st.sampled_from([7, 8]),
)


@given(st.lists(pages_, max_size=6))
@settings(deadline=None)
def test_pages_in_any_order_with_any_content_raise_nothing(pages):
    _, packets = read(OPUS_HEAD + OPUS_TAGS + b"".join(pages))
    assert all(0 < packet.samples <= ogg.LONGEST for packet in packets)


def test_rubbish_before_and_between_pages_is_passed_over(file):
    pages = split(file)
    noisy = b"OggS is how a page begins, OggS".join([b"", *pages])
    assert [packet.data for packet in read(noisy)[1]] == [packet.data for packet in read(file)[1]]


def test_a_packet_that_spans_pages_is_put_together():
    long = TWENTY + bytes(700)
    pages = [
        page(long[:510], number=2, granule=ogg.NO_PACKET_ENDS, segments=[255, 255]),
        page(long[510:], number=3, flags=ogg.CONTINUED | LAST, granule=960),
    ]
    _, packets = read(OPUS_HEAD + OPUS_TAGS + b"".join(pages))
    assert packets == [Packet(data=long, samples=960, end=960)]
    assert read(OPUS_HEAD + OPUS_TAGS + pages[1])[1] == [], "its beginning was lost"


def test_a_packet_without_end_is_not_kept():
    endless = [
        page(bytes(255 * 255), number=2 + n, flags=ogg.CONTINUED if n else 0, segments=[255] * 255) for n in range(4)
    ]
    reader, packets = read(OPUS_HEAD + OPUS_TAGS + b"".join(endless))
    assert packets == []
    assert len(reader._partial) <= ogg.LARGEST
    tail = page(TWENTY, number=6, granule=960)
    assert [packet.data for packet in reader.push(tail)] == [TWENTY]


def test_other_streams_of_the_file_and_what_comes_after_the_end_do_not_count():
    mine = page(TWENTY, number=2, granule=960), page(TWENTY, number=3, granule=1920, flags=LAST)
    other = page(TWENTY + b"x", number=2, granule=960, serial=8)
    reader, packets = read(OPUS_HEAD + OPUS_TAGS + mine[0] + other + mine[1] + OPUS_HEAD + mine[0])
    assert [packet.end for packet in packets] == [960, 1920]
    assert reader.ended


def test_the_last_page_may_cut_sound_off():
    body, segments = TWENTY * 3, [1, 1, 1]
    last = page(body, number=2, granule=2000, flags=LAST, segments=segments)
    assert [packet.end for packet in read(OPUS_HEAD + OPUS_TAGS + last)[1]] == [960, 1920, 2000]


@pytest.mark.parametrize("body", [b"", b"OpusHead", b"\x01vorbis" + bytes(30), b"OpusHead\x10" + bytes(30)])
def test_what_is_no_opus_gives_nothing(body):
    reader, packets = read(page(body, number=0, flags=ogg.FIRST) + OPUS_TAGS + page(TWENTY, number=2, granule=960))
    assert (reader.head, packets) == (None, [])


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"", 0),
        (bytes([0 << 3]), 480),
        (bytes([3 << 3 | 1]), 5760),
        (bytes([13 << 3 | 2]), 1920),
        (bytes([16 << 3]), 120),
        (bytes([31 << 3 | 3, 6]), 5760),
        (bytes([31 << 3 | 3, 7]), 0),  # 140 ms
        (bytes([31 << 3 | 3]), 0),
        (bytes([31 << 3 | 3, 0x40]), 0),
    ],
)
def test_a_packet_says_how_long_it_is(packet, samples):
    assert ogg.duration(packet) == samples


def test_the_checksum_is_that_of_libogg(file):
    assert len(list(Pages().push(file))) == len(split(file))
