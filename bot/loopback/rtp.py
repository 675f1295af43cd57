"""The UDP side of voice: IP discovery, and what the client plays, without its transport encryption."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
import struct
from collections.abc import Callable
from typing import Any, cast

import nacl.secret
from nacl.exceptions import CryptoError

DISCOVERY = struct.Struct(">HHI64sH")  # type, length of the rest, ssrc, address, port
ASK, ANSWER, REST = 1, 2, 70
HEADER = struct.Struct(">BBHII")  # version 2 and flags, payload type 120, sequence, timestamp, ssrc
HEADER_START = (0x80, 0x78)
NONCE_TAIL = 4  # bytes of nonce at the end of a packet, zero-padded to XChaCha20's 24
NONCE = 24
KEY = 32  # bytes
MODE = "aead_xchacha20_poly1305_rtpsize"
SILENCE = b"\xf8\xff\xfe"  # the Opus frame of nothing, which DAVE leaves as it is
DAVE_END = b"\xfa\xfa"
DAVE_SUPPLEMENT = 12  # bytes at least: tag 8, nonce 1, no ranges, its own size 1, end 2


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Packet:
    """One voice packet without its transport encryption."""

    sequence: int
    timestamp: int  # 48 kHz samples
    payload: bytes  # Opus, or a DAVE frame around it
    at: float  # loop time of its arrival, seconds

    @property
    def is_clear(self) -> bool:
        """Whether everybody could hear it: neither a DAVE frame nor silence."""
        data = self.payload
        framed = data.endswith(DAVE_END) and DAVE_SUPPLEMENT <= data[-3] < len(data)
        return not framed and data != SILENCE


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Stream:
    """What arrived from one ssrc."""

    ssrc: int
    key: bytes = dataclasses.field(default_factory=lambda: secrets.token_bytes(KEY))
    packets: list[Packet] = dataclasses.field(default_factory=list)

    def accept(self, datagram: bytes, at: float) -> tuple[Packet | None, str]:
        """Decrypts and keeps a packet; returns it and what is wrong with it, empty if nothing is."""
        first, kind, sequence, timestamp, _ = HEADER.unpack_from(datagram)
        if (first, kind) != HEADER_START:
            return None, f"RTP header begins with {first:#x} {kind:#x}"
        header, body, tail = datagram[: HEADER.size], datagram[HEADER.size : -NONCE_TAIL], datagram[-NONCE_TAIL:]
        try:
            payload = nacl.secret.Aead(self.key).decrypt(body, header, tail.ljust(NONCE, b"\0"))
        except CryptoError:
            return None, f"voice packet {sequence} cannot be decrypted"
        expected = (self.packets[-1].sequence + 1) & 0xFFFF if self.packets else sequence
        packet = Packet(sequence=sequence, timestamp=timestamp, payload=payload, at=at)
        self.packets.append(packet)
        return packet, "" if sequence == expected else f"voice packet {sequence} came where {expected} was due"


class VoicePort(asyncio.DatagramProtocol):
    """The one UDP port. `find` gives the stream of an ssrc; `heard` takes each ssrc, its packet and what is wrong with it."""

    def __init__(self, find: Callable[[int], Stream | None], heard: Callable[[int, Packet | None, str], None]) -> None:
        self.answering = True  # False: UDP is blocked on the way, nothing comes back
        self._find = find
        self._heard = heard
        self._transport: asyncio.DatagramTransport | None = None
        self._addresses: dict[int, tuple[str, int]] = {}  # of clients, by ssrc

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport for answers."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # asyncio's own is no subclass of it on 3.11

    def datagram_received(self, data: bytes, address: tuple[str | Any, int]) -> None:
        """A question for the client's own address, or a packet of audio."""
        if len(data) == DISCOVERY.size and data[:2] == ASK.to_bytes(2):
            self._answer(data, address)
        elif len(data) > HEADER.size + NONCE_TAIL:
            ssrc = HEADER.unpack_from(data)[4]
            stream = self._find(ssrc)
            if stream is None:
                self._heard(ssrc, None, "voice packet with an unknown ssrc")
            else:
                self._heard(ssrc, *stream.accept(data, asyncio.get_running_loop().time()))

    def _answer(self, question: bytes, address: tuple[str, int]) -> None:
        if self._transport is None or not self.answering:
            return
        ssrc = DISCOVERY.unpack(question)[2]
        answer = DISCOVERY.pack(ANSWER, REST, ssrc, address[0].encode(), address[1])
        self._transport.sendto(answer, address)
        self._addresses[ssrc] = address

    def nudge(self, ssrc: int) -> None:
        """Sends the client a datagram that means nothing, once it has its address.

        discord.py reads UDP in a thread that, after the answer, sits in select() on this socket for up to 30 s, and would
        miss the answer on the socket of a reconnect in that time. On Discord other people's audio wakes it.
        """
        if self._transport is not None and ssrc in self._addresses:
            self._transport.sendto(bytes(8), self._addresses[ssrc])
