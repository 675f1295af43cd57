"""Ogg Opus bytes, as they come -> Opus packets (RFC 3533, RFC 7845). Standard library only: the bot imports it.

A file that still grows and one that is finished are read alike. Nothing that the bytes hold raises an error: what is no
page, or a page with a wrong checksum, is passed over, and so are packets that are not Opus.
"""

from __future__ import annotations

import dataclasses
import itertools
import struct
import zlib
from collections.abc import Iterator, Sequence

RATE = 48_000  # Hz, of all positions and lengths, whatever was encoded; RFC 7845, section 4
LONGEST = 5_760  # samples in a packet: 120 ms; RFC 6716, section 3.2.5
LARGEST = 1 << 16  # bytes of a packet kept in memory: RFC 7845 lets a reader refuse audio packets over 61,440
CAPTURE = b"OggS\0"  # and the version
HEADER = struct.Struct("<5sBqIIIB")  # capture, flags, granule position, serial, number, checksum, segments
CHECKSUM = slice(22, 26)  # where it is in a page
CONTINUED, FIRST, LAST = 1, 2, 4  # flags
NO_PACKET_ENDS = -1  # granule position of such a page
HEAD = struct.Struct("<8sBBHIhB")  # magic, version, channels, pre-skip, rate, gain, mapping; RFC 7845, section 5.1

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_ALL = 0xFFFF_FFFF


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Packet:
    """One Opus packet, and where its sound ends."""

    data: bytes
    samples: int  # at `RATE`, by its first bytes
    end: int  # samples since the beginning, pre-skip included; in the last packets those to be dropped are not counted


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What the first page says."""

    channels: int
    pre_skip: int  # samples at `RATE` that a player drops from the beginning
    rate: int  # Hz, of what was encoded: a remark


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One page of a stream."""

    flags: int
    granule: int
    serial: int
    number: int
    segments: bytes  # lengths
    body: bytes

    def parts(self) -> Iterator[tuple[bytes, bool]]:
        """The packets, or what is here of them, and whether they end here."""
        start = end = 0
        for length in self.segments:
            end += length
            if length < 255:
                yield self.body[start:end], True
                start = end
        if self.segments and self.segments[-1] == 255:
            yield self.body[start:], False


class OggOpus:
    """Bytes in, packets out. The first Opus stream counts; what else is in the file does not."""

    def __init__(self) -> None:
        self.head: Head | None = None  # once it was there
        self.tags: bytes | None = None  # the comment packet as it is
        self.ended = False  # the stream's last page was there
        self._pages = Pages()
        self._serial = self._number = 0
        self._partial = b""
        self._lost = True  # what a page goes on with has no beginning
        self._position = 0

    def push(self, data: bytes) -> list[Packet]:
        """The packets that these bytes complete."""
        return [packet for page in self._pages.push(data) for packet in self._take(page)]

    def _take(self, page: Page) -> list[Packet]:
        if self.ended or (self.head and page.serial != self._serial):
            return []
        if not self.head:
            self._begin(page)
            return []
        packets = self._packets(page)
        if self.tags is None and packets and packets[0].startswith(b"OpusTags"):
            self.tags, packets = packets[0], packets[1:]
        self.ended = bool(page.flags & LAST)
        return self._placed(packets, page.granule)

    def _begin(self, page: Page) -> None:
        self.head = _head(page.body) if page.flags & FIRST else None
        self._serial, self._number = page.serial, page.number

    def _packets(self, page: Page) -> list[bytes]:
        """The whole packets that end on this page."""
        if page.number != (self._number + 1) & _ALL or not page.flags & CONTINUED:
            self._partial, self._lost = b"", bool(page.flags & CONTINUED)
        self._number = page.number
        whole = []
        for part, ends in page.parts():
            if not self._lost and len(self._partial) + len(part) <= LARGEST:
                self._partial += part
            else:
                self._partial, self._lost = b"", True
            if ends:
                if not self._lost:
                    whole.append(self._partial)
                self._partial, self._lost = b"", False
        return whole

    def _placed(self, packets: Sequence[bytes], granule: int) -> list[Packet]:
        """Each with its end: a page's position is its last packet's; the stream's last one may cut sound off."""
        sound = [(packet, samples) for packet in packets if (samples := duration(packet))]
        if granule == NO_PACKET_ENDS:
            return []  # by RFC 3533 nothing ends here
        lengths = [samples for _, samples in sound]
        first = self._position if self.ended else granule - sum(lengths)
        ends = [min(first + length, granule) for length in itertools.accumulate(lengths)]
        self._position = granule
        return [
            Packet(data=packet, samples=samples, end=end) for (packet, samples), end in zip(sound, ends, strict=True)
        ]


class Pages:
    """Bytes in, whole pages with the right checksum out."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def push(self, data: bytes) -> Iterator[Page]:
        """The pages that these bytes complete. To be exhausted before the next push."""
        self._bytes += data
        while True:
            start = self._bytes.find(CAPTURE)
            del self._bytes[: start if start >= 0 else max(0, len(self._bytes) - len(CAPTURE) + 1)]
            size = self._size()
            if size is None or len(self._bytes) < size:
                return
            page = _page(bytes(self._bytes[:size]))
            del self._bytes[: size if page else 1]  # what looked like a page may hide one
            if page:
                yield page

    def _size(self) -> int | None:
        """Of the page at the front, once that is known."""
        if len(self._bytes) < HEADER.size:
            return None
        segments = self._bytes[HEADER.size : HEADER.size + self._bytes[HEADER.size - 1]]
        return HEADER.size + self._bytes[HEADER.size - 1] + sum(segments)


def duration(packet: bytes) -> int:
    """Samples at `RATE` in an Opus packet by its first bytes (RFC 6716, section 3); 0 where it is none."""
    if not packet:
        return 0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:  # SILK
        frame = (480, 960, 1920, 2880)[config % 4]
    elif config < 16:  # both
        frame = (480, 960)[config % 2]
    else:  # CELT
        frame = (120, 240, 480, 960)[config % 4]
    counted = packet[1] & 0x3F if len(packet) > 1 else 0
    frames = (1, 2, 2, counted)[code]
    return frames * frame if frames * frame <= LONGEST else 0


def checksum(page: bytes) -> int:
    """RFC 3533's CRC-32 of a page whose checksum field is zero. zlib's has the same polynomial, its bits mirrored."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), _ALL) ^ _ALL
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_MIRRORED), "big")


def _page(data: bytes) -> Page | None:
    _, flags, granule, serial, number, told, count = HEADER.unpack_from(data)
    blank = bytearray(data)
    blank[CHECKSUM] = bytes(4)
    if checksum(bytes(blank)) != told:
        return None
    start = HEADER.size + count
    segments, body = data[HEADER.size : start], data[start:]
    return Page(flags=flags, granule=granule, serial=serial, number=number, segments=segments, body=body)


def _head(body: bytes) -> Head | None:
    if len(body) < HEAD.size:
        return None
    magic, version, channels, pre_skip, rate, _, _ = HEAD.unpack_from(body)
    if magic != b"OpusHead" or version >> 4 or not channels:
        return None
    return Head(channels=channels, pre_skip=pre_skip, rate=rate)
