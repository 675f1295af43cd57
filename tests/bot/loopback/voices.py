"""Sound for the voice tests, and a client that has joined."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import discord
import numpy as np
import soundfile as sf
from discord.oggparse import OggStream

from bot.loopback.server import Loopback
from tests.bot.loopback.kennel import Kennel

RATE = 48_000


def opus_packets(seconds: float) -> list[bytes]:
    """A tone as 20 ms Opus packets, through an Ogg file as the bot makes them."""
    time = np.arange(int(RATE * seconds)) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 440 * time)
    file = io.BytesIO()
    sf.write(file, np.stack([tone, tone], axis=1), RATE, format="OGG", subtype="OPUS")
    file.seek(0)
    return list(OggStream(file).iter_packets())[2:]  # without OpusHead and OpusTags


class Packets(discord.AudioSource):
    """Ready-made Opus packets as a source."""

    def __init__(self, packets: list[bytes]) -> None:
        self._packets: Iterator[bytes] = iter(packets)

    def is_opus(self) -> bool:
        return True

    def read(self) -> bytes:
        return next(self._packets, b"")


def play(voice: discord.VoiceClient, packets: list[bytes]) -> asyncio.Future[Exception | None]:
    """Plays them; the future gets what the player ended with."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Exception | None] = loop.create_future()
    voice.play(Packets(packets), after=lambda error: loop.call_soon_threadsafe(ended.set_result, error))
    return ended


async def join(discord_: Loopback, client: Kennel, cls: type[Any] = discord.VoiceClient) -> Any:
    """The client in the voice channel, past the handshake."""
    channel = client.get_channel(discord_.voice_channel)
    voice = await channel.connect(self_deaf=True, timeout=10, reconnect=True, cls=cls)
    await discord_.until(lambda: discord_.voice.session.speaking)  # it says 0 right after the handshake
    return voice
