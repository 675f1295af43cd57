"""The status line of voice channels: what is spoken there now. Best effort: nobody waits for it."""

from __future__ import annotations

import asyncio
import logging

import discord

from bot.flow.post import ERRORS

log = logging.getLogger(__name__)


class Sign:
    """Puts the latest words there, one channel after another; what was overtaken is never sent."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._wanted: dict[int, str | None] = {}  # by channel
        self._shown: dict[int, str] = {}
        self._wake = asyncio.Event()

    def show(self, channel: discord.abc.GuildChannel, words: str | None) -> None:
        """From now on `words`, or nothing; where the bot may not do that nothing happens."""
        if channel.permissions_for(channel.guild.me).set_voice_channel_status:
            self._wanted[channel.id] = words
            self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()

    async def flush(self) -> None:
        """Send what is to be shown."""
        while self._wanted:
            channel, words = self._wanted.popitem()
            if self._shown.get(channel) != words:
                await self._put(channel, words)

    async def clear(self) -> None:
        """Take away all that is shown."""
        self._wanted = dict.fromkeys(self._shown)
        await self.flush()

    async def _put(self, channel: int, words: str | None) -> None:
        try:
            await self._client.http.edit_voice_channel_status(words, channel_id=channel)
        except ERRORS as error:
            log.info("the status of voice channel %d is not shown: %s", channel, error)
            return
        if words is None:
            self._shown.pop(channel, None)
        else:
            self._shown[channel] = words
