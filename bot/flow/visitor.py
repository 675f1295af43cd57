"""Whoever wants something of a server's voice: what of an interaction counts there."""

from __future__ import annotations

import dataclasses
from typing import Self

import discord

from bot.flow import door


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """A person. `guild` None: the bot is not a member there, or it is a direct message. `channel`: where they sit."""

    user_id: int
    guild: discord.Guild | None
    text_id: int
    channel: door.Voiced | None
    moderator: bool

    @classmethod
    def of(cls, interaction: discord.Interaction) -> Self:
        """The person behind an interaction."""
        guild = interaction.client.get_guild(interaction.guild_id) if interaction.guild_id is not None else None
        state = guild._voice_state_for(interaction.user.id) if guild is not None else None  # noqa: SLF001 - no member is needed so
        mine = interaction.permissions
        return cls(
            user_id=interaction.user.id,
            guild=guild,
            text_id=interaction.channel_id or 0,
            channel=door.voiced(guild, state.channel.id) if state is not None and state.channel is not None else None,
            moderator=guild is not None and (mine.manage_guild or mine.mute_members or mine.move_members),
        )
