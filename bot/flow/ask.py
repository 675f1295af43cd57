"""Step 1, ask: an interaction becomes a frozen `Ask`. Discord's objects end here."""

from __future__ import annotations

import dataclasses
from typing import Self

import discord

from bot.flow.options import Options


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """One request for audio, as plain values."""

    id: int
    application_id: int
    token: str | None = dataclasses.field(repr=False)  # None: nobody waits for a reply
    user_id: int
    guild_id: int | None
    channel_id: int
    size_limit: int  # bytes an upload may have here
    text: str = dataclasses.field(repr=False)
    voice: str | None
    seed: int
    options: Options = Options()
    parent_id: int | None = None  # the channel of a thread
    role_ids: frozenset[int] = frozenset()  # the asker's, where it is known
    reachable: bool = True  # whether a message can still be sent here once the interaction's token has died

    @classmethod
    def from_interaction(
        cls, interaction: discord.Interaction, *, text: str, voice: str | None, seed: int, options: Options = Options()
    ) -> Self:
        """The plain values of an interaction and its options."""
        return cls(
            id=interaction.id,
            application_id=interaction.application_id,
            token=interaction.token,
            user_id=interaction.user.id,
            guild_id=interaction.guild_id,
            channel_id=interaction.channel_id or 0,
            size_limit=interaction.filesize_limit,
            text=text,
            voice=voice and voice.encode("utf-8", "replace").decode(),  # half characters go into no database
            seed=seed,
            options=dataclasses.replace(options, locale=str(interaction.locale)),
            parent_id=getattr(interaction.channel, "parent_id", None),
            role_ids=frozenset(role.id for role in getattr(interaction.user, "roles", ())),
            reachable=interaction.is_guild_integration() or interaction.context.dm_channel,
        )
