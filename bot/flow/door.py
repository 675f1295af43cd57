"""What keeps the bot out of a voice channel, or quiet in it: decided from what discord.py knows, without a request."""

from __future__ import annotations

import discord

from bot import texts
from bot.texts import say

Voiced = discord.VoiceChannel | discord.StageChannel


def obstacle(channel: Voiced) -> str | None:
    """Why the bot cannot speak there, in words that say what to do; None: it can."""
    mine = channel.permissions_for(channel.guild.me)
    needed = {
        say(texts.VIEW_CHANNEL): mine.view_channel,
        say(texts.CONNECT): mine.connect,
        say(texts.SPEAK): mine.speak,
    }
    missing = [name for name, given in needed.items() if not given]
    if missing:
        return say(texts.VOICE_MISSING, channel=f"<#{channel.id}>", permissions=", ".join(missing))
    full = channel.user_limit and len(channel.voice_states) >= channel.user_limit
    if full and channel.guild.me.id not in channel.voice_states and not mine.move_members:
        return say(texts.VOICE_FULL, channel=f"<#{channel.id}>", limit=channel.user_limit)
    return None


def voiced(guild: discord.Guild | None, channel_id: int | None) -> Voiced | None:
    """The voice or stage channel with this id."""
    channel = guild.get_channel(channel_id) if guild is not None and channel_id is not None else None
    return channel if isinstance(channel, discord.VoiceChannel | discord.StageChannel) else None


def people(channel: Voiced) -> list[int]:
    """Who is there, without bots."""
    members = {user: channel.guild.get_member(user) for user in channel.voice_states}
    return [user for user, member in members.items() if member is None or not member.bot]


def listening(channel: Voiced) -> list[int]:
    """Those of them who can hear."""
    states = channel.voice_states
    return [user for user in people(channel) if not (states[user].deaf or states[user].self_deaf)]
