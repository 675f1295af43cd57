"""The way into a voice channel and out of it, with retries of its own, and what is said at the first time in a server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

import aiohttp
import discord

from bot import texts
from bot.flow import door
from bot.flow.post import ERRORS
from bot.store import Store, recall, remember
from bot.texts import say
from bot.voice_client import VoiceClient
from synth.patience import Clock

log = logging.getLogger(__name__)

CONNECT = 20.0  # seconds for one try
PAUSES = (0.0, 1.0, 3.0, 9.0)  # seconds before each
DISCONNECT = 5.0  # seconds for a goodbye
EDITION = 1  # of the announcement: raised when it says something new, so that it is said once more

FAILURES = (discord.ClientException, aiohttp.ClientError, OSError, TimeoutError, IndexError, RuntimeError)


class Entrance:
    """Connects and disconnects."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def enter(self, channel: door.Voiced, changed: Callable[[], None]) -> VoiceClient | None:
        """A connection that is really there, deaf; None where several tries brought none. On a stage, let on it or asking."""
        for pause in PAUSES:
            if pause:
                await self._clock.sleep(pause)
            if (voice := await self._try(channel)) is not None:
                voice.changed = changed
                await self._mount(channel)
                return voice
        return None

    async def _try(self, channel: door.Voiced) -> VoiceClient | None:
        left = channel.guild.voice_client
        if left is not None:  # of a connection that ended badly
            await self.exit(left)
        try:
            voice = await channel.connect(cls=VoiceClient, self_deaf=True, timeout=CONNECT, reconnect=True)
        except FAILURES as error:
            log.warning("voice channel %d cannot be joined: %s", channel.id, error or type(error).__name__)
            return None
        if voice.is_connected():
            return voice
        await self.exit(voice)
        return None

    async def exit(self, voice: discord.VoiceProtocol) -> None:
        """Disconnect, also from what is no longer connected."""
        if isinstance(voice, VoiceClient) and voice.gone:
            return
        with contextlib.suppress(*FAILURES):
            async with asyncio.timeout(DISCONNECT):
                await voice.disconnect(force=True)
        voice.cleanup()

    async def _mount(self, channel: door.Voiced) -> None:
        """On a stage the bot comes in as audience: it steps up where it may, or asks to."""
        if not isinstance(channel, discord.StageChannel):
            return
        me = channel.guild.me
        try:
            if channel.permissions_for(me).mute_members:
                await me.edit(suppress=False)
            else:
                await me.request_to_speak()
        except ERRORS as error:
            log.info("not on the stage %d: %s", channel.id, error)

    async def greet(self, channel: door.Voiced) -> str | None:
        """What is to be said in the text channel about this first time; None: nothing."""
        words = []
        name = f"voice announced in {channel.guild.id}"
        if await self._store.insist(recall, name) != EDITION:
            await self._store.insist(remember, name, EDITION)
            words.append(say(texts.VOICE_ANNOUNCEMENT))
        if isinstance(channel, discord.StageChannel) and not channel.permissions_for(channel.guild.me).mute_members:
            words.append(say(texts.VOICE_STAGE, channel=channel.mention))
        return "\n".join(words) or None
