"""Reading a text channel aloud, where a moderator turned that on: its messages become asks of their authors, only to be heard."""

from __future__ import annotations

import logging
import random
import sqlite3
from collections.abc import Awaitable, Callable

import discord

from bot.flow import door
from bot.flow.ask import Ask
from bot.flow.check import Refused
from bot.flow.intake import Intake
from bot.flow.options import Options
from bot.flow.plain import NAMELESS, plain
from bot.flow.post import ERRORS
from bot.flow.voice import Voice
from bot.store import Store, recall, remember

log = logging.getLogger(__name__)

FACT = "read aloud"  # server -> channel
LONGEST = 200  # characters: half a minute; chat does not wait for more
MAX_SEED = 2**32 - 1
KINDS = (discord.MessageType.default, discord.MessageType.reply)


Invite = Callable[[int, Refused], Awaitable[None]]  # sends the rules to somebody who used no command


async def at_once() -> None:
    """Nobody waits for a reply to a message."""


class Reading:
    """Which channels are read, and what of them. `possible`: Discord tells the bot what messages say."""

    def __init__(
        self, *, store: Store, voice: Voice, intake: Intake, possible: bool, source: random.Random | None = None
    ) -> None:
        self._store, self._voice, self._intake = store, voice, intake
        self._random: Callable[[int, int], int] = (source or random.SystemRandom()).randint
        self._channels: dict[int, int] = {}
        self.possible = possible
        self.invite: Invite | None = None  # set before the login

    async def begin(self) -> None:
        """What was turned on in earlier lives."""
        known = await self._store.insist(recall, FACT, {})
        self._channels = {int(guild): int(channel) for guild, channel in known.items()}

    async def turn(self, guild_id: int, channel_id: int | None) -> int | None:
        """Read this channel of a server, or none; which it was."""
        before = self._channels.get(guild_id)
        if channel_id is None:
            self._channels.pop(guild_id, None)
        else:
            self._channels[guild_id] = channel_id
        channels = {str(guild): channel for guild, channel in self._channels.items()}

        def write(db: sqlite3.Connection) -> None:
            remember(db, FACT, channels)

        await self._store.call(write)
        return before

    def forget(self, guild_id: int) -> None:
        """A server's data is deleted; the database knows it already."""
        self._channels.pop(guild_id, None)

    async def hear(self, message: discord.Message) -> None:
        """A message somewhere. What is not to be read, or does not fit the limits, is passed over."""
        if message.guild is None or self._channels.get(message.guild.id) != message.channel.id:
            return
        text, channel = plain(message.content, NAMELESS), self._voice.room(message.guild.id).channel
        fits = 0 < len(text) <= LONGEST and message.type in KINDS and not message.author.bot
        if channel is None or not fits or message.author.id not in door.people(channel):
            return
        me = message.guild.me
        ask = Ask(
            id=message.id,
            application_id=me.id,
            token=None,
            user_id=message.author.id,
            guild_id=message.guild.id,
            channel_id=message.channel.id,
            size_limit=message.guild.filesize_limit,
            text=text,
            voice=None,
            seed=self._random(0, MAX_SEED),
            options=Options(speak_in=channel.id, quiet=True),
        )
        verdict = await self._intake.take(ask, at_once)
        if isinstance(verdict, Refused):
            log.info("a message is not read aloud: %s", verdict.rule)
            if verdict.question is not None:
                await self._invite(ask.user_id, verdict)

    async def _invite(self, user_id: int, rules: Refused) -> None:
        """Nothing can be answered to a message that one person sees alone: so the rules go to their direct messages, once."""
        if self.invite is None:
            return
        try:
            await self.invite(user_id, rules)
        except ERRORS as error:
            log.info("the rules do not reach user %d: %s", user_id, error)
