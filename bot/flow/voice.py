"""Step 6, voice: all servers' rooms, woken by what changes, and what is done about an earlier life's queues."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import discord

from bot import i18n, texts
from bot.flow import clips, door, stage
from bot.flow.entrance import Entrance
from bot.flow.post import ERRORS, Post
from bot.flow.room import Room, Shared
from bot.flow.sign import Sign
from bot.flow.sounds import Sounds
from bot.flow.turn import Entry, State, Turn
from bot.store import Store
from bot.texts import say
from synth.patience import Clock

log = logging.getLogger(__name__)

GOODBYE = 3.0  # seconds to take the status lines away when the bot is stopped


class Voice:
    """The rooms. What is to be heard is in the table `turns`: rooms are made for what is found there."""

    def __init__(
        self,
        *,
        client: discord.Client,
        store: Store,
        post: Post,
        clock: Clock,
        alone_after: float,
        idle_after: float,
        halted: Callable[[int], bool] = lambda _: False,
    ) -> None:
        """`halted`: whether nothing is to be heard in a server now."""
        self._client, self._store, self._post = client, store, post
        self._rooms: dict[int, Room] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._left: dict[int, int] = {}  # by server: the last turn of an earlier life, until that is dealt with
        self._sign = Sign(client)
        self._wake = asyncio.Event()
        self._closing = False
        self.sounds = Sounds(self.wake)
        self._shared = Shared(
            client=client,
            store=store,
            sounds=self.sounds,
            sign=self._sign,
            entrance=Entrance(client=client, store=store, clock=clock),
            clock=clock,
            tell=self.tell,
            alone_after=alone_after,
            idle_after=idle_after,
            halted=halted,
        )

    def wake(self) -> None:
        """There may be something to be heard."""
        self._wake.set()

    def room(self, guild_id: int) -> Room:
        """The room of a server."""
        if guild_id not in self._rooms:
            room = self._rooms[guild_id] = Room(guild_id, self._shared)
            if self._closing:
                return room
            self._tasks[guild_id] = asyncio.create_task(room.run(), name=f"voice of {guild_id}")
        return self._rooms[guild_id]

    async def drop(self, turns: list[Turn]) -> None:
        """These are not to be heard any more, not even the rest of them."""
        for turn in turns:
            if turn.guild_id in self._rooms:
                await self._rooms[turn.guild_id].remove([turn])

    def look(self, guild_id: int) -> None:
        """Something changed in a server's voice channels."""
        if guild_id in self._rooms:
            self._rooms[guild_id].changed.set()

    async def tell(self, channel_id: int, words: str) -> None:
        """Say it in a text channel, once, if Discord takes it."""
        try:
            await self._post.tell(channel_id, words)
        except ERRORS as error:
            log.info("channel %d is not told: %s", channel_id, error)

    async def begin(self) -> None:
        """Before Discord is there: see what an earlier life left."""
        self._left = await self._store.insist(stage.recover)

    async def run(self, connected: asyncio.Event) -> None:
        """Wake the rooms that have something to do."""
        sign = asyncio.create_task(self._sign.run(), name="voice status")
        try:
            await connected.wait()
            for guild in list(self._left):
                await self.welcome(guild)
            self._wake.set()
            while True:
                await self._wake.wait()
                self._wake.clear()
                if self._closing:
                    return
                self.sounds.keep_only(await self._store.insist(stage.jobs))
                for guild in {*await self._store.insist(stage.guilds), *self._rooms} - self._left.keys():
                    self.room(guild).changed.set()
        finally:
            for task in (sign, *self._tasks.values()):
                task.cancel()

    async def close(self) -> None:
        """Leave all channels, while Discord is still there to hear it; what waits is kept."""
        self._closing = True
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        try:
            async with asyncio.timeout(GOODBYE):
                for room in self._rooms.values():
                    await room.close()
                await self._sign.clear()
        except TimeoutError:
            log.info("voice is left without a goodbye")

    # -- after a restart ------------------------------------------------------------------------------------------------

    async def welcome(self, guild_id: int) -> None:
        """What an earlier life left in this server is gone on with, or dropped; its text channel is told which."""
        guild = self._client.get_guild(guild_id)
        if guild_id not in self._left or (guild is not None and guild.unavailable):
            return  # it comes later
        last = self._left.pop(guild_id)
        line = [entry for entry in await self._store.insist(stage.line, guild_id) if entry.turn.id <= last]
        if line and guild is not None:
            i18n.speak(guild.preferred_locale)
            words = await self._go_on(line, door.voiced(guild, line[0].turn.channel_id), last)
            await self.tell(line[0].turn.text_id, words)
        else:
            await self._store.insist(stage.clear, guild_id, State.DROPPED, before=last)
        self._wake.set()

    async def _go_on(self, line: list[Entry], channel: door.Voiced | None, last: int) -> str:
        turn = line[0].turn
        if channel is None or not door.people(channel):
            await self._store.insist(stage.clear, turn.guild_id, State.DROPPED, before=last)
            return say(texts.VOICE_RESTART_DROPPED, count=len(line), channel=f"<#{turn.channel_id}>")
        gone = [entry.turn for entry in line if not await self._audible(entry)]
        for lost in gone:
            await self._store.insist(stage.end, lost.id, State.DROPPED)
        template = texts.VOICE_RESTART if not gone else texts.VOICE_RESTART_PART
        if len(gone) == len(line):
            template = texts.VOICE_RESTART_GONE
        return say(template, count=len(line) - len(gone), lost=len(gone), channel=channel.mention)

    async def _audible(self, entry: Entry) -> bool:
        if not entry.made:
            return entry.coming
        path = clips.paths(entry.job)[entry.turn.take - 1]
        return await asyncio.to_thread(path.is_file)

    async def forget(self, guild_id: int) -> list[Turn]:
        """The bot is no longer in this server."""
        if task := self._tasks.pop(guild_id, None):
            task.cancel()
        if room := self._rooms.pop(guild_id, None):
            await room.close()
        self._left.pop(guild_id, None)
        return await self._store.insist(stage.clear, guild_id, State.DROPPED)
