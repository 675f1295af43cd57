"""A bot in a voice channel with people who listen, for tests: real client, encrypted loopback voice, scripted child."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bot.app import App
from bot.flow import queue, stage
from bot.flow.job import Job
from bot.flow.room import Room
from bot.flow.speaker import cue
from bot.loopback.exchange import Exchange
from bot.loopback.listener import Listener
from bot.loopback.rtp import SILENCE
from bot.loopback.schema import Schema
from bot.loopback.server import Loopback
from synth.ogg import OggOpus
from tests.bot.harness import bot_on
from tests.fakes.clock import HandClock

SCHEMA = os.environ.get("DISCORD_OPENAPI")
CUE = [packet for packet in cue() if packet != SILENCE]
WHOLE = 51  # packets of the scripted child's second of tone


class Ears:
    """The bot, its Discord, and what is heard there."""

    def __init__(self, discord: Loopback, app: App, clock: HandClock) -> None:
        self.discord, self.app, self.clock = discord, app, clock

    @property
    def room(self) -> Room:
        """The one server's."""
        return self.app.voice.room(self.discord.guild_id)

    def sit(self, name: str, channel: int | None = None) -> Listener:
        """A person in the voice channel."""
        return self.discord.user(name).join_voice(channel)

    async def play(self, name: str, text: str, **options: Any) -> Exchange:
        """`/bark play`, until it is in the queue."""
        exchange = await self.discord.user(name).slash("bark", "play", text=text, **options)
        sql = "SELECT 1 FROM turns WHERE job = ?"
        async with asyncio.timeout(10):
            while not await self.app._store.call(lambda db: db.execute(sql, (exchange.id,)).fetchone()):  # noqa: ASYNC110 - a row has no event
                await asyncio.sleep(0.01)
        return exchange

    async def said(self, name: str, *path: str, **options: Any) -> str:
        """What a command answers in private."""
        exchange = await self.discord.user(name).slash("bark", *path, **options)
        message = await exchange.until(lambda message: message.content)
        assert message.ephemeral
        return message.content

    def go(self, exchange: Exchange) -> None:
        """Let a held job end."""
        (self.app._audio / f"{exchange.id}.go").touch()

    async def let_go(self) -> None:
        """Let all held jobs end: the bot waits for them when it is stopped."""
        rows = await self.app._store.call(lambda db: db.execute("SELECT id FROM jobs").fetchall())
        for row in rows:
            (self.app._audio / f"{row['id']}.go").touch()

    async def heard(self, listener: Listener, count: int = 1) -> None:
        """Until somebody has heard so many packets of speech."""
        await self.discord.until(lambda: len(speech(listener)) >= count)

    async def turns(self, *states: str) -> None:
        """Until the server's turns are so, oldest first."""
        sql = "SELECT state FROM turns ORDER BY id"
        async with asyncio.timeout(10):
            while await self.app._store.call(lambda db: [row["state"] for row in db.execute(sql)]) != list(states):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def job(self, exchange: Exchange) -> Job | None:
        """As written down."""
        return await self.app._store.call(queue.get, exchange.id)

    async def told(self, words: str, channel: int | None = None) -> str:
        """The first message of the bot in a text channel with these words."""
        here = channel or self.discord.general

        def found() -> list[str]:
            return [m.content for m in self.discord.channel_messages(here) if words in m.content and m.author.bot]

        return (await self.discord.until(found))[0]

    async def line(self) -> list[int]:
        """The jobs that are to be heard, in order."""
        return [entry.turn.job for entry in await self.app._store.call(stage.line, self.discord.guild_id)]


def sound(listener: Listener) -> list[bytes]:
    """What was heard, without silence."""
    return [packet.payload for packet in listener.packets if packet.payload != SILENCE]


def speech(listener: Listener) -> list[bytes]:
    """The same without the cue, or what was heard of it: test_cue.py is about that."""
    left, spoken, at = sound(listener), [], 0
    for packet in left:
        at = 1 if packet == CUE[0] else at + 1 if at and CUE[at : at + 1] == [packet] else 0
        if not at:
            spoken.append(packet)
    return spoken


def packets_of(exchange_file: bytes) -> list[bytes]:
    """What a file says, without silence."""
    return [packet.data for packet in OggOpus().push(exchange_file) if packet.data != SILENCE]


async def posted(exchange: Exchange) -> bytes:
    """The file that answers an ask."""
    message = await exchange.until(lambda message: message.attachments)
    return bytes(message.attachments[0].data)


@contextlib.asynccontextmanager
async def ears_in(
    folder: Path, *, discord: Loopback | None = None, clock: HandClock | None = None, **options: Any
) -> AsyncIterator[Ears]:
    """At its end Discord has nothing to complain about: above all, nothing was said in the clear."""
    clock = clock or HandClock()
    async with contextlib.AsyncExitStack() as stack:
        schema = Schema(Path(SCHEMA)) if SCHEMA and discord is None else None
        here = discord or await stack.enter_async_context(Loopback(schema=schema))
        async with bot_on(here, folder, patience=clock, voice=True, **options) as app:
            ears = Ears(here, app, clock)
            try:
                yield ears
            finally:
                await ears.let_go()
        assert here.complaints == []
