"""The decrypted Opus packets of the voice channel, to each page whose person sits there."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import struct
from collections import defaultdict
from collections.abc import Iterator

from bot.loopback.listener import Listener
from bot.loopback.rtp import Packet

TIMESTAMP = struct.Struct(">I")  # before each packet: its place in 48 kHz samples
BACKLOG = 500  # packets: ten seconds; a page that is further behind misses some

Sound = asyncio.Queue[bytes]


class Radio:
    """One listener per person, as many pages of theirs as like."""

    def __init__(self) -> None:
        self._pages: dict[int, set[Sound]] = defaultdict(set)

    def tune(self, listener: Listener) -> None:
        """From now on this person's pages get what their listener hears."""
        listener.heard = functools.partial(self._pass_on, listener.user_id)

    @contextlib.contextmanager
    def receiver(self, user_id: int) -> Iterator[Sound]:
        """While open, a queue of frames: timestamp and Opus packet."""
        sound: Sound = asyncio.Queue(BACKLOG)
        self._pages[user_id].add(sound)
        try:
            yield sound
        finally:
            self._pages[user_id].discard(sound)

    def _pass_on(self, user_id: int, packet: Packet) -> None:
        frame = TIMESTAMP.pack(packet.timestamp) + packet.payload
        for sound in self._pages[user_id]:
            if not sound.full():
                sound.put_nowait(frame)
