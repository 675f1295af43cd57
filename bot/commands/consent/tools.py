"""What the commands about member voices work with."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable

import discord

from bot.commands.switch import Press
from bot.consent.ceremony import Pressed
from bot.consent.enrolment import Enrolment
from bot.consent.keeper import Keeper
from bot.flow.post import Post
from bot.store import Store

PREFIX = "bark-consent"
Actions = dict[str, Callable[[discord.Interaction, Press], Awaitable[None]]]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """What the composition root hands in."""

    store: Store
    post: Post
    enrolment: Enrolment
    keeper: Keeper
    clock: Callable[[], float]


def pressed(interaction: discord.Interaction, now: float) -> Pressed:
    """A press as plain values."""
    page = interaction.message.id if interaction.message is not None else None
    return Pressed(user_id=interaction.user.id, guild_id=interaction.guild_id, page_id=page, now=now)


def moderates(interaction: discord.Interaction, guild_id: int) -> bool:
    """Whether this person may manage that server, and is there."""
    return interaction.guild_id == guild_id and interaction.permissions.manage_guild


def server_name(interaction: discord.Interaction) -> str:
    """How the server calls itself."""
    return interaction.guild.name if interaction.guild is not None else "?"
