"""Who may do what: the people who run the bot, and the moderators of a server. Asked anew each time something is done."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Awaitable, Callable

import discord

from bot import texts
from bot.flow.post import ERRORS
from bot.moderation import bans
from bot.texts import say

log = logging.getLogger(__name__)

KNOWN_FOR = 600.0  # seconds until Discord is asked again who runs the bot


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Powers:
    """A person where they are. `guild_id` None: a direct message. `operator`: one of those who run the bot."""

    user_id: int
    guild_id: int | None
    moderator: bool
    operator: bool

    def place(self, *, everywhere: bool) -> str:
        """The place that this person may decide about; ValueError with words for them where it is not theirs."""
        if everywhere or self.guild_id is None:
            if not self.operator:
                raise ValueError(say(texts.OPERATORS_ONLY))
            return bans.EVERYWHERE
        if not (self.moderator or self.operator):
            raise ValueError(say(texts.READ_MODERATORS))
        return bans.server(self.guild_id)

    def whom(self, member: int | None, server: str | None, *, everywhere: bool, me: int) -> tuple[str, str]:
        """Who is meant and where, as the table of bans has it. `me`: the bot. ValueError with words."""
        if (member is None) == (server is None):
            raise ValueError(say(texts.BAN_WHOM))
        place = self.place(everywhere=everywhere or server is not None)
        if server is not None:
            if not (server.isascii() and server.isdecimal() and len(server) <= 20):
                raise ValueError(say(texts.BAN_NO_ID))
            return f"g{int(server)}", place
        if member in (self.user_id, me):
            raise ValueError(say(texts.BAN_NOT_THEM))
        return f"u{member}", place


class Operators:
    """Those who run the bot: the application's owner, or its team but for members who may only look."""

    def __init__(
        self, fetch: Callable[[], Awaitable[discord.AppInfo]], clock: Callable[[], float], known_for: float = KNOWN_FOR
    ) -> None:
        self._fetch, self._clock, self._known_for = fetch, clock, known_for
        self._known: frozenset[int] = frozenset()
        self._until = 0.0

    async def has(self, user_id: int) -> bool:
        """Whether this is one of them. While Discord cannot be asked nobody new is."""
        if self._clock() >= self._until:
            try:
                self._known = those_of(await self._fetch())
                self._until = self._clock() + self._known_for
            except ERRORS as error:
                log.warning("Discord does not say who runs this bot: %s", error)
        return user_id in self._known

    async def powers(self, interaction: discord.Interaction) -> Powers:
        """Of the person of an interaction, as Discord says them now."""
        guild = interaction.guild_id
        return Powers(
            user_id=interaction.user.id,
            guild_id=guild,
            moderator=guild is not None and interaction.permissions.manage_guild,
            operator=await self.has(interaction.user.id),
        )


def those_of(info: discord.AppInfo) -> frozenset[int]:
    """The people behind an application."""
    if info.team is None:
        return frozenset({info.owner.id})
    return frozenset(
        member.id
        for member in info.team.members
        if member.membership_state is discord.TeamMembershipState.accepted
        and member.role is not discord.TeamMemberRole.read_only
    )
